// RuleTestFile: a team's test cases, in a file beside its rules: events in, and what comes of each.
//
// `checkout.test.yaml` (or .yml, .json) is about the rules of `checkout.yaml` (or .yml, .json,
// .jsonl) in the same directory; whoever loads rules from a directory passes it over. Its format is
// in runtime/README.md.
//
// Errors: nullopt, and at least one Problem; all of a file in one go.
// Threads: pure functions, but that events' files are read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/document.h"
#include "router/rule_file.h"

namespace turnout::runtime {

// Something that an event is to lead to: a record, or a dead letter where `error` says its kind.
// What is not said may be anything.
struct Expectation {
  router::Position at;

  std::string destination;
  std::optional<std::optional<std::string>> key;  // within: null for a record without a key
  std::optional<router::Node> value;
  std::optional<std::string> text;  // the value's bytes
  std::map<std::string, std::string> headers;
  std::optional<int64_t> timestamp_ms;
  std::vector<std::string> rules;  // all of those that send it, without the team

  std::string error;   // as in the header `turnout-error`
  std::string rule;    // that is rejected; empty: any
  std::string reason;  // a part of it
};

struct TestEvent {
  router::Position at;
  std::optional<std::string> value;  // none: a tombstone
  std::optional<std::string> key;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string topic;
  int64_t timestamp_ms = 0;
  std::optional<std::vector<Expectation>> expected;  // none: nobody looks
};

// Table by name, its values as JSON by key.
using TestTables = std::map<std::string, std::map<std::string, std::string>>;

struct TestCase {
  std::string name;
  router::Position at;
  bool applies_rollout = false;  // else as if every rule were live at 100 percent
  TestTables tables;
  std::vector<TestEvent> events;
};

// "rules/checkout" of "rules/checkout.test.yaml": what its rule file's name begins with.
std::string RuleTestStem(std::string_view file);

// Whether `file` of an event is read, or is a problem: where there are no files beside the text.
enum class EventFiles { kRead, kRefused };

std::optional<std::vector<TestCase>> ReadRuleTests(const std::string& file, std::string_view text,
                                                   const router::RuleLimits& limits,
                                                   std::vector<router::Problem>* problems,
                                                   EventFiles event_files = EventFiles::kRead);

}  // namespace turnout::runtime
