// FoundRecord: what an event of a test case led to, and what that has of what was expected.
//
// Threads: values and pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/rule_test_file.h"

namespace turnout::runtime {

// A record, or a dead letter where `error` says its kind.
struct FoundRecord {
  std::string destination;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::map<std::string, std::string> headers;
  int64_t timestamp_ms = 0;
  std::vector<std::string> rules;  // "team/name"; of an event that can't be read: none

  std::string error;
  std::string reason;
};

// What it has otherwise than expected, the gravest first; empty: nothing.
std::string Mismatch(const Expectation& expected, const FoundRecord& found);

// Pairs each expectation with a record of its own, as many as there can be: the position in
// `found`, -1 where there is none.
std::vector<int> PairUp(const std::vector<Expectation>& expected,
                        const std::vector<FoundRecord>& found);

// "checkout.orders, key c-1, {"total": 5}", as far as it was said.
std::string Shown(const Expectation& expected);
std::string Shown(const FoundRecord& found);

}  // namespace turnout::runtime
