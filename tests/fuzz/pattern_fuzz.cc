// Any bytes as a pattern, and behind a zero byte an event: compiled or refused with places and
// cures, and matched alone as beside other patterns.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "router/canonical_text.h"
#include "router/document.h"
#include "router/matcher.h"
#include "router/pattern.h"
#include "tests/fuzz/check.h"

using turnout::router::CanonicalText;
using turnout::router::CompilePattern;
using turnout::router::Matcher;
using turnout::router::Node;
using turnout::router::Pattern;
using turnout::router::PatternDialect;
using turnout::router::PatternLimits;
using turnout::router::Problem;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t zero = text.find('\0');
  std::vector<Problem> problems;
  const std::optional<Node> node =
      turnout::router::ParseJsonPrefix(text.substr(0, zero), &problems);
  FUZZ_CHECK(node.has_value() == problems.empty());
  if (!node) return 0;
  const std::optional<Pattern> pattern = CompilePattern(*node, PatternLimits(), &problems);
  FUZZ_CHECK(pattern.has_value() == problems.empty());
  for (const Problem& problem : problems) {
    FUZZ_CHECK(problem.at.line > 0 && problem.at.column > 0);
    FUZZ_CHECK(!problem.what.empty() && !problem.cure.empty());
  }
  // What EventBridge takes we take; that of event-ruler lies between.
  std::vector<Problem> foreign;
  PatternLimits limits;
  limits.dialect = PatternDialect::kEventBridge;
  const bool eventbridge = CompilePattern(*node, limits, &foreign).has_value();
  limits.dialect = PatternDialect::kEventRuler;
  const bool event_ruler = CompilePattern(*node, limits, &foreign).has_value();
  FUZZ_CHECK(!eventbridge || event_ruler);
  FUZZ_CHECK(!event_ruler || pattern.has_value());
  if (pattern) {
    // What hashes are made of says the same again.
    const std::string canonical = CanonicalText(*node);
    const std::optional<Node> again = turnout::router::ParseJson(canonical, &problems);
    FUZZ_CHECK(again.has_value() && CanonicalText(*again) == canonical);
  }
  if (!pattern || zero == std::string_view::npos) return 0;

  turnout::router::Event event;
  event.value = text.substr(zero + 1);
  event.topic = "topic";
  const Matcher alone({*pattern}, {});
  const std::unique_ptr<Matcher::Scratch> scratch = alone.NewScratch();
  const bool valid = alone.Match(event, scratch.get()).ok();
  const Matcher both({*pattern, *pattern}, {"a.b", "$kafka.topic"});
  const std::unique_ptr<Matcher::Scratch> both_scratch = both.NewScratch();
  const bool both_valid = both.Match(event, both_scratch.get()).ok();
  // The requested field looks into the payload even where the pattern does not.
  FUZZ_CHECK(valid || !both_valid);
  FUZZ_CHECK(both_scratch->matches().size() == 2 * scratch->matches().size());
  FUZZ_CHECK(both_scratch->Field(1) == "topic");
  return 0;
}
