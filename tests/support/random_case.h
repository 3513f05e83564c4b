// RandomCase: rules, and records to match them against, out of one seed or one run of bytes.
//
// Mostly a handful of rules, sometimes hundreds; several records a case, so that what one leaves
// behind would show in the next.
//
// Threads: pure functions of the choices.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "router/event.h"
#include "tests/support/choices.h"

namespace turnout::support {

struct RandomRecord {
  std::string value;
  std::optional<std::string> key;
  std::string topic = "in";
  int32_t partition = 0;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;

  // Views of this record; `headers` of the event are kept in `storage`.
  router::Event AsEvent(std::vector<router::Header>* storage) const;
};

struct RandomCase {
  std::vector<std::string> patterns;  // JSON; nearly all compile
  std::vector<std::string> fields;    // paths to ask for beside the matches
  std::vector<RandomRecord> records;
};

struct CaseScope {
  bool kafka = true;          // rules over the record, and asked-for fields
  bool extensions = true;     // operators that event-ruler doesn't know
  bool broken_events = true;  // some events are malformed or too deep
  bool many_rules = true;     // sometimes hundreds
  size_t records_max = 4;
};

RandomCase MakeRandomCase(const CaseScope& scope, Choices* choices);

// The case as `turnout match --cases` reads it, for one of its records. Rules are named by their
// number, r0 on; `matches` are those expected, and without them the event is to be refused.
std::string CaseLine(const std::string& id, const std::vector<std::string>& patterns,
                     const RandomRecord& record,
                     const std::optional<std::vector<uint32_t>>& matches);

}  // namespace turnout::support
