// Any bytes as an event: parsed within their bounds, judged the same with white space behind them,
// and called JSON exactly when simdjson's own parser calls them so.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/document.h"
#include "router/event_parser.h"
#include "router/matcher.h"
#include "simdjson.h"
#include "tests/fuzz/check.h"

namespace {

using turnout::router::CompilePattern;
using turnout::router::Event;
using turnout::router::Matcher;
using turnout::router::PatternId;
using turnout::router::PatternLimits;

constexpr const char* kPatterns[] = {
    R"({"a":[1,"x",null,{"prefix":"y"}]})",
    R"({"a":{"b":[{"exists":false}],"c":[{"anything-but":["x","y"]}]}})",
    R"({"a":{"b":[{"numeric":[">",0,"<=",10.5]}]},"d":[{"wildcard":"*a*b"}]})",
    R"({"$or":[{"a.b":[{"cidr":"10.0.0.0/8"}]},{"e":{"f":["10.0.0.1",{"suffix":"z"}]}}]})",
    R"({"a":[{"equals-ignore-case":"\u00e9K"}],"":[{"exists":true}]})",
};

Matcher BuildMatcher(bool with_patterns) {
  std::vector<turnout::router::Pattern> patterns;
  std::vector<turnout::router::Problem> problems;
  for (const char* text : kPatterns) {
    const auto node = turnout::router::ParseJson(text, &problems);
    auto pattern = CompilePattern(*node, PatternLimits(), &problems);
    if (with_patterns) patterns.push_back(*std::move(pattern));
  }
  return Matcher(std::move(patterns), {"a", "e.f"});
}

struct Outcome {
  bool valid = false;
  std::vector<PatternId> matches;
  std::vector<std::optional<std::string>> fields;

  bool operator==(const Outcome& other) const {
    return valid == other.valid && matches == other.matches && fields == other.fields;
  }
};

Outcome Run(const Matcher& matcher, std::string_view text, Matcher::Scratch* scratch) {
  // A copy of exactly its size, so that the sanitizer sees any read beyond it.
  const std::unique_ptr<char[]> bytes(new char[text.size()]);
  std::copy(text.begin(), text.end(), bytes.get());
  Event event;
  event.value = {bytes.get(), text.size()};
  Outcome outcome;
  outcome.valid = matcher.Match(event, scratch).ok();
  outcome.matches.assign(scratch->matches().begin(), scratch->matches().end());
  for (size_t i = 0; i < 2; ++i) {
    const std::string_view field = scratch->Field(i);
    outcome.fields.push_back(field.data() == nullptr ? std::nullopt
                                                     : std::optional<std::string>(field));
  }
  return outcome;
}

// What simdjson refuses and we don't: lone surrogates, numbers beyond a double or 64 bits, depth.
bool MayDiffer(std::string_view text) {
  for (const char* escape : {"\\uD", "\\ud"}) {
    if (text.find(escape) != std::string_view::npos) return true;
  }
  return text.find_first_of("eE") != std::string_view::npos ||
         text.size() > 1000;
}

bool HasLongNumber(std::string_view text) {
  size_t digits = 0;
  for (const char c : text) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > 15) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Matcher* const matcher = new Matcher(BuildMatcher(true));
  static const Matcher* const fields_only = new Matcher(BuildMatcher(false));
  static Matcher::Scratch* const warm = matcher->NewScratch().release();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Outcome outcome = Run(*matcher, text, matcher->NewScratch().get());
  FUZZ_CHECK(Run(*matcher, text, warm) == outcome);
  FUZZ_CHECK(Run(*matcher, std::string(text) + " \n\t", warm) == outcome);
  const Outcome fields = Run(*fields_only, text, fields_only->NewScratch().get());
  FUZZ_CHECK(fields.valid == outcome.valid && fields.fields == outcome.fields);
  if (outcome.valid) FUZZ_CHECK(Run(*matcher, std::string(text) + "}\xff\"", warm) == outcome);

  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const simdjson::padded_string padded(text);
  const bool is_json = parser.parse(padded).get(root) == simdjson::SUCCESS;
  if (is_json && root.is_object() && size <= 1000) FUZZ_CHECK(outcome.valid);
  // An event may have anything behind it; what ends with its last brace has nothing there.
  std::vector<turnout::router::Problem> problems;
  const bool whole = turnout::router::ParseJson(text, &problems).has_value();
  if (whole && text.find('{') == 0) FUZZ_CHECK(outcome.valid);
  if (outcome.valid && whole && !MayDiffer(text) && !HasLongNumber(text)) FUZZ_CHECK(is_json);
  return 0;
}
