// EnrichSpec: one entry of a rule's `enrich`, read and found right: which table, by which field of
// the event, put where, and what becomes of a match whose key the table doesn't have.
//
// Threads: ordinary values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace turnout::router {

enum class MissingPolicy {
  kNull,  // `into` is null
  kDrop,  // the match goes no further
  kPark,  // the event goes to the parking topic
};

struct EnrichSpec {
  std::string table;
  std::string key_field;  // path; its text is the record key in the table's topic
  std::string into;       // path in the output
  MissingPolicy missing = MissingPolicy::kNull;
};

// The same for lists that do the same, each part with its length before it; empty for none.
std::string EnrichText(const std::vector<EnrichSpec>& enrich);

}  // namespace turnout::router
