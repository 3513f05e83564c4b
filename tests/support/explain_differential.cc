#include "tests/support/explain_differential.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "router/document.h"
#include "router/event_fields.h"
#include "router/pattern.h"
#include "router/pattern_content.h"
#include "router/predicate_key.h"
#include "router/predicate_text.h"
#include "tests/support/plain_matcher.h"

namespace turnout::support {
namespace {

using router::Pattern;
using router::PatternContent;
using router::PatternFault;

std::optional<Pattern> Compiled(const std::string& text) {
  std::vector<router::Problem> problems;
  const std::optional<router::Node> node = router::ParseJsonPrefix(text, &problems);
  if (!node) return std::nullopt;
  return router::CompilePattern(*node, router::PatternLimits(), &problems);
}

std::string KeyOf(const router::FieldTest& test) {
  std::string key(1, test.accepts_absence ? 'a' : 'p');
  std::vector<std::string> keys;
  for (const router::Predicate& predicate : test.predicates) {
    router::AppendPredicateKey(predicate, &keys.emplace_back());
  }
  for (const std::string& one : keys) key += one;
  return key;
}

// What is wrong with how the pattern's fields are written out, or an empty text.
std::string WrongText(const PatternContent& pattern, ExplainTally* tally) {
  for (const router::FieldTest& test : pattern.tests) {
    const std::string text = router::TestText(test, SIZE_MAX);
    const std::optional<Pattern> again = Compiled("{\"f\": " + text + "}");
    if (!again) return "the list " + text + " can't be read again";
    ++tally->texts;
    if ((*again)->tests.size() != 1 || KeyOf((*again)->tests[0]) != KeyOf(test)) {
      return "the list " + text + " means something else";
    }
  }
  return "";
}

// The tests that a fault names, as a pattern.
Pattern PatternOf(const PatternContent& pattern, const PatternFault& fault) {
  auto alone = std::make_shared<PatternContent>();
  alone->tests = pattern.tests;
  alone->branches = {fault.tests};
  alone->reads_payload = pattern.reads_payload;
  alone->reads_data = pattern.reads_data;
  return alone;
}

// What is wrong with the fault of a pattern that has one, or an empty text.
std::string WrongFault(const Pattern& pattern, const PatternFault& fault,
                       const router::Event& event) {
  if (fault.kind == PatternFault::Kind::kUnreadable) return "the payload can be read";
  if (fault.tests.empty()) return "no field is named";
  const bool is_absent = fault.kind == PatternFault::Kind::kAbsent;
  if (is_absent != (fault.values == 0)) return "whether there are values is not what is said";
  if (fault.seen.size() != std::min(fault.values, router::kSeenValuesMax)) {
    return "the values seen are not those that there are";
  }
  const PlainMatcher::Answer alone = PlainMatcher({PatternOf(*pattern, fault)}, {}).Match(event);
  return alone.matches.empty() ? "" : "what failed holds by itself";
}

std::string Judge(const Pattern& pattern, const router::Event& event, ExplainTally* tally) {
  const PlainMatcher::Answer wanted = PlainMatcher({pattern}, {}).Match(event);
  router::EventFields fields;
  fields.Ask(*pattern);
  const absl::Status read = fields.Read(event);
  if (read.code() != wanted.status.code()) return "whether the payload can be read differs";
  router::PatternJudge judge;
  const std::optional<PatternFault> fault = judge.FaultOf(*pattern, &fields);
  if (!fault) {
    ++tally->matches;
    return wanted.matches.empty() && wanted.gave_up.empty() ? "no fault, and no match" : "";
  }
  ++tally->faults[static_cast<size_t>(fault->kind)];
  if (!wanted.gave_up.empty() || fault->kind == PatternFault::Kind::kTooMany) return "";
  if (!wanted.matches.empty()) return "a fault in a match: " + fault->field;
  if (!read.ok() && pattern->reads_payload) {
    return fault->kind == PatternFault::Kind::kUnreadable ? "" : "the payload can't be read";
  }
  return WrongFault(pattern, *fault, event);
}

}  // namespace

std::string ExplainDifferenceOf(const RandomCase& made, ExplainTally* tally) {
  for (const std::string& text : made.patterns) {
    const std::optional<Pattern> pattern = Compiled(text);
    if (!pattern) continue;
    std::string wrong = WrongText(**pattern, tally);
    if (!wrong.empty()) return wrong + "\npattern: " + text + "\n";
    for (const RandomRecord& record : made.records) {
      std::vector<router::Header> headers;
      wrong = Judge(*pattern, record.AsEvent(&headers), tally);
      if (!wrong.empty()) return wrong + "\n" + CaseLine("explain", {text}, record, {}) + "\n";
    }
  }
  return "";
}

}  // namespace turnout::support
