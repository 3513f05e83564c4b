// Events and rules made to cost much: the answers are right, and the work is counted, not timed.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/array_consistency.h"
#include "router/document.h"
#include "router/event_parser.h"
#include "router/field_trie.h"
#include "router/gathered_event.h"
#include "router/matcher.h"
#include "router/pattern.h"
#include "tests/support/plain_matcher.h"

namespace turnout::router {
namespace {

using support::PlainMatcher;
using ::testing::HasSubstr;

constexpr size_t kMebibyte = 1 << 20;

Pattern Compiled(const std::string& text) {
  std::vector<Problem> problems;
  const std::optional<Node> node = ParseJson(text, &problems);
  std::optional<Pattern> pattern;
  if (node) pattern = CompilePattern(*node, PatternLimits(), &problems);
  EXPECT_TRUE(pattern) << text << ": " << problems.at(0).what;
  return *pattern;
}

std::vector<Pattern> CompiledAll(const std::vector<std::string>& texts) {
  std::vector<Pattern> patterns;
  for (const std::string& text : texts) patterns.push_back(Compiled(text));
  return patterns;
}

// The matches, after the PlainMatcher has found the same ones and the same fields.
std::vector<PatternId> MatchesOf(const std::vector<std::string>& patterns, const std::string& text,
                                 const std::vector<std::string>& fields = {}) {
  const std::vector<Pattern> compiled = CompiledAll(patterns);
  const Matcher matcher(compiled, fields);
  const auto scratch = matcher.NewScratch();
  Event event;
  event.value = text;
  event.topic = "in";
  const absl::Status status = matcher.Match(event, scratch.get());
  const PlainMatcher::Answer plain = PlainMatcher(compiled, fields).Match(event);
  EXPECT_EQ(status.code(), plain.status.code()) << status;
  EXPECT_TRUE(plain.gave_up.empty());
  const std::vector<PatternId> matches(scratch->matches().begin(), scratch->matches().end());
  EXPECT_EQ(matches, plain.matches);
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string_view field = scratch->Field(i);
    EXPECT_EQ(field.data() == nullptr ? std::nullopt : std::optional<std::string>(field),
              plain.fields[i])
        << fields[i];
  }
  return matches;
}

using Ids = std::vector<PatternId>;

std::string Repeated(size_t count, const std::function<std::string(size_t)>& piece) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + piece(i);
  return text;
}

// --- size ----------------------------------------------------------------------------------------

TEST(HostileEvents, TenMegabytesAreMatchedAsAnyEvent) {
  std::string text = R"({"first":"1","items":[)";
  for (size_t i = 0; text.size() < 10 * kMebibyte; ++i) {
    text += "{\"sku\":\"s" + std::to_string(i) + "\",\"text\":\"" + std::string(2000, 'x') +
            "\",\"qty\":" + std::to_string(i) + "},";
  }
  text += R"({"sku":"last","qty":-1}],"end":true})";
  EXPECT_EQ(MatchesOf({R"({"items":{"sku":["last"],"qty":[-1]},"end":[true]})",
                       R"({"items":{"sku":["last"],"qty":[0]}})",
                       R"({"items":{"sku":["s4000"],"qty":[{"numeric":[">",3999,"<",4001]}]}})",
                       R"({"items":{"sku":["s4000"],"qty":[4001]}})",
                       R"({"items":{"text":[{"wildcard":"*y*"}]}})",
                       R"({"items":{"sku":[{"prefix":"la"}],"text":[{"exists":false}]}})"},
                      text, {"end", "items.sku"}),
            (Ids{0, 2, 5}));
  text.back() = ' ';
  EXPECT_EQ(MatchesOf({R"({"first":["1"]})"}, text), Ids{});
}

TEST(HostileEvents, OneTextOfTenMegabytesIsMatched) {
  const std::string text = "{\"a\":\"" + std::string(10 * kMebibyte, 'a') + "b\",\"c\":1}";
  EXPECT_EQ(
      MatchesOf({R"({"a":[{"wildcard":"a*a*a*a*a*a*a*b"}]})",
                 R"({"a":[{"wildcard":"*a*a*a*a*a*a*a*c"}]})", R"({"a":[{"wildcard":"*ab"}]})",
                 R"({"a":[{"suffix":"b"}]})", R"({"a":[{"prefix":"ab"}]})",
                 R"({"a":[{"suffix":{"equals-ignore-case":"AB"}}]})",
                 R"({"a":[{"anything-but":{"wildcard":"*b*c*"}}],"c":[1]})"},
                text),
      (Ids{0, 2, 3, 5, 6}));
}

// --- keys and values -----------------------------------------------------------------------------

TEST(HostileEvents, KeysOfNothingButEscapesNameTheirFields) {
  std::string written;
  std::string meant;
  for (int i = 0; i < 1000; ++i) {
    written += i % 2 == 0 ? "\\u0061" : "\\\"";
    meant += i % 2 == 0 ? "a" : "\\\"";
  }
  std::string unasked;
  for (size_t i = 0; i < 200000; ++i) unasked += "\\ud83d\\ude00";
  const std::string text =
      "{\"" + unasked + "\":1,\"" + written + "\":{\"\\u0062\\u002e\\u0063\":5}}";
  EXPECT_EQ(MatchesOf({"{\"" + meant + "\":{\"b\":{\"c\":[5]}}}", "{\"" + meant + ".b.c\":[5]}",
                       "{\"" + meant + "a\":{\"b\":{\"c\":[5]}}}",
                       "{\"" + meant + "\":{\"b\\u002ec\":[{\"exists\":false}]}}"},
                      text),
            (Ids{0, 1}));
}

TEST(HostileEvents, AKeyOfAHundredThousandDotsNamesItsField) {
  std::string path = "a";
  for (int i = 0; i < 100000; ++i) path += ".a";
  EXPECT_EQ(MatchesOf({"{\"" + path + "\":[1]}", "{\"" + path + ".a\":[{\"exists\":true}]}"},
                      "{\"" + path + "\":1}"),
            Ids{0});
}

// The last one is 1, written with two hundred thousand characters.
TEST(HostileEvents, NumbersOfManyDigitsEqualTheirOwnSpelling) {
  const std::string text =
      "{\"a\":[" +
      Repeated(10000, [](size_t i) { return "900719925474" + std::to_string(10000 + i); }) +
      ",1e309," + std::string(100000, '7') + ",0." + std::string(100000, '0') +
      "1e100001],\"b\":-0}";
  EXPECT_EQ(
      MatchesOf(
          {R"({"a":[90071992547412345]})", R"({"a":[90071992547409993]})", R"({"a":[1e309]})",
           R"({"a":[10e308]})", "{\"a\":[" + std::string(100000, '7') + "]}",
           R"({"a":[{"numeric":[">",1e17]}]})", R"({"a":[{"numeric":["=",1]}]})", R"({"b":[0]})"},
          text),
      (Ids{0, 2, 4, 6, 7}));
}

// --- nesting -------------------------------------------------------------------------------------

TEST(HostileEvents, ArraysOfArraysAreMatchedWhereverTheValueStands) {
  const std::string deep = std::string(990, '[') + "\"x\"" + std::string(990, ']');
  EXPECT_EQ(MatchesOf({R"({"a":["x"],"b":[1]})", R"({"a":["y"]})"}, "{\"a\":" + deep + ",\"b\":1}",
                      {"a"}),
            Ids{0});
  const std::string grid = Repeated(200, [](size_t row) {
    return "[" +
           Repeated(100,
                    [row](size_t column) {
                      return "{\"x\":" + std::to_string(row) + ",\"y\":" + std::to_string(column) +
                             "}";
                    }) +
           "]";
  });
  EXPECT_EQ(MatchesOf({R"({"g":{"x":[199],"y":[99]}})", R"({"g":{"x":[199],"y":[100]}})",
                       R"({"g":{"x":[0],"y":[7],"z":[{"exists":false}]}})"},
                      "{\"g\":[" + grid + "]}"),
            (Ids{0, 2}));
}

TEST(HostileEvents, AThousandLevelsOfAskedForObjectsAreMatched) {
  std::string path = "a";
  std::string text = "{\"a\":";
  for (int level = 1; level < 1000; ++level) {
    path += ".a";
    text += "{\"a\":";
  }
  text += "7" + std::string(1000, '}');
  EXPECT_EQ(MatchesOf({"{\"" + path + "\":[7]}", "{\"" + path + ".a\":[7]}"}, text), Ids{0});
}

// --- work over arrays, counted -------------------------------------------------------------------

// Solves one conjunction of `name = value` tests, "" for absence, and counts the leaves tried and
// the elements around them.
struct Solved {
  ArrayConsistency::Answer answer;
  uint64_t steps;
  uint64_t climbs;
};

Solved Solve(const std::string& text,
             const std::vector<std::pair<std::string, std::string>>& tests) {
  FieldTrie trie;
  std::vector<FieldId> ids;
  for (const auto& test : tests) ids.push_back(trie.Add(test.first));
  GatheredEvent event;
  event.Reset(trie.field_count());
  EXPECT_TRUE(EventParser().Parse(text, trie, &event).ok());
  std::vector<std::vector<uint32_t>> found(tests.size());
  std::vector<std::vector<uint32_t>> matches(tests.size());
  std::vector<ArrayConsistency::Field> fields;
  for (size_t i = 0; i < tests.size(); ++i) {
    for (LeafIndex leaf = event.found[ids[i]].first; leaf != kNoLeaf;
         leaf = event.leaves[leaf].next) {
      found[i].push_back(leaf);
      if (event.leaves[leaf].text == tests[i].second) matches[i].push_back(leaf);
    }
    fields.push_back({matches[i], found[i], tests[i].second.empty()});
  }
  ArrayConsistency consistency;
  const ArrayConsistency::Answer answer = consistency.Solve(event, fields);
  return {answer, consistency.steps(), consistency.climbs()};
}

constexpr size_t kElements = 10000;

TEST(HostileEvents, TenThousandElementsAreTriedOnceEach) {
  const std::string text =
      "{\"a\":[" + Repeated(kElements, [](size_t) { return R"({"x":1},{"y":1})"; }) + "]}";
  const Solved apart = Solve(text, {{"a.x", "1"}, {"a.y", "1"}});
  EXPECT_EQ(apart.answer, ArrayConsistency::Answer::kNo);
  EXPECT_LE(apart.steps, kElements);
  const Solved absent = Solve(text, {{"a.x", "1"}, {"a.y", ""}});
  EXPECT_EQ(absent.answer, ArrayConsistency::Answer::kYes);
  EXPECT_LE(absent.steps, 2u);
  EXPECT_EQ(
      MatchesOf({R"({"a":{"x":[1],"y":[1]}})", R"({"a":{"x":[1],"y":[{"exists":false}]}})"}, text),
      Ids{1});
}

TEST(HostileEvents, ElementsWithBothFieldsAreTriedOnceEach) {
  const std::string text =
      "{\"a\":[" +
      Repeated(kElements,
               [](size_t i) { return i % 2 == 0 ? R"({"x":1,"y":2})" : R"({"y":3,"x":4})"; }) +
      "]}";
  const Solved none = Solve(text, {{"a.x", "1"}, {"a.y", "3"}});
  EXPECT_EQ(none.answer, ArrayConsistency::Answer::kNo);
  EXPECT_LE(none.steps, 2 * kElements);
  const Solved present = Solve(text, {{"a.x", "1"}, {"a.y", ""}});
  EXPECT_EQ(present.answer, ArrayConsistency::Answer::kNo);
  EXPECT_LE(present.steps, 2 * kElements);
}

TEST(HostileEvents, SiblingArraysCostTheirSum) {
  const std::string elements = Repeated(kElements, [](size_t) { return R"({"x":1,"y":2},7)"; });
  const std::string text =
      "{\"a\":[" + elements + "],\"b\":[" + elements + "],\"c\":[" + elements + "]}";
  for (const char* last : {"3", ""}) {
    const Solved solved = Solve(
        text,
        {{"a.x", "1"}, {"a.y", "2"}, {"b.x", "1"}, {"b.y", "2"}, {"c.x", "1"}, {"c.y", last}});
    EXPECT_EQ(solved.answer, ArrayConsistency::Answer::kNo);
    EXPECT_LE(solved.steps, 6 * kElements);
  }
}

TEST(HostileEvents, NestedArraysCostTheirElements) {
  const std::string inner = Repeated(100, [](size_t) { return R"({"y":1},{"z":1})"; });
  const std::string text =
      "{\"a\":[" + Repeated(100, [&](size_t) { return "{\"x\":1,\"b\":[" + inner + "]}"; }) + "]}";
  const Solved solved = Solve(text, {{"a.b.y", "1"}, {"a.b.z", "1"}, {"a.x", "1"}});
  EXPECT_EQ(solved.answer, ArrayConsistency::Answer::kNo);
  EXPECT_LE(solved.steps, 3 * kElements);
}

// Two fields that the same repeated arrays hold in elements of their own: any two arrays will do,
// one alone won't.
TEST(HostileEvents, RepeatedKeysAreAnsweredWhileTheirCombinationsAreFew) {
  const auto repeated = [](size_t arrays) {
    return "{" + Repeated(arrays, [](size_t) { return R"("a":[{"x":1},{"y":1},{"z":1}])"; }) + "}";
  };
  const std::vector<std::string> patterns = {R"({"a":{"x":[1],"y":[1]}})",
                                             R"({"a":{"x":[1],"y":[1],"z":[1]}})",
                                             R"({"a":{"x":[1],"y":[{"exists":false}]}})"};
  EXPECT_EQ(MatchesOf(patterns, repeated(1)), Ids{2});
  EXPECT_EQ(MatchesOf(patterns, repeated(2)), Ids{0});
  EXPECT_EQ(MatchesOf(patterns, repeated(3)), (Ids{0, 1}));
  EXPECT_EQ(MatchesOf(patterns, repeated(1000)), (Ids{0, 1}));
}

TEST(HostileEvents, TheSearchOverRepeatedKeysStopsAtItsBound) {
  std::vector<std::pair<std::string, std::string>> tests;
  const std::string elements =
      Repeated(24, [](size_t i) { return "{\"k" + std::to_string(i) + "\":1}"; });
  for (int i = 0; i < 24; ++i) tests.emplace_back("a.k" + std::to_string(i), "1");
  const std::string text =
      "{" + Repeated(23, [&](size_t) { return "\"a\":[" + elements + "]"; }) + "}";
  const Solved solved = Solve(text, tests);
  EXPECT_EQ(solved.answer, ArrayConsistency::Answer::kGaveUp);
  EXPECT_LE(solved.steps, ArrayConsistency::kStepsMax + tests.size());
}

// Elements below `depth` arrays that hold an x or a y, but none both.
std::string Buried(size_t depth, size_t elements) {
  return "{\"t\":1,\"a\":" + std::string(depth, '[') +
         Repeated(elements, [](size_t) { return std::string("{\"x\":1}"); }) + ",{\"y\":1}" +
         std::string(depth, ']') + "}";
}

TEST(HostileEvents, LeavesUnderHundredsOfArraysCostTheirElements) {
  const Solved solved = Solve(Buried(100, kElements), {{"a.x", "1"}, {"a.y", "1"}});
  EXPECT_EQ(solved.answer, ArrayConsistency::Answer::kNo);
  EXPECT_LE(solved.climbs, 3 * 100 * kElements);
}

TEST(HostileEvents, TheSearchUnderHundredsOfArraysStopsAtItsBound) {
  for (const char* last : {"1", ""}) {
    const Solved solved =
        Solve(Buried(900, 3 * kElements), {{"a.x", "1"}, {"a.y", "1"}, {"a.x", last}});
    EXPECT_EQ(solved.answer, ArrayConsistency::Answer::kGaveUp);
    EXPECT_LE(solved.climbs, ArrayConsistency::kClimbsMax + 2 * 900);
  }
}

TEST(HostileEvents, AnEventThatIsGivenUpMatchesNoRuleThatReadsIt) {
  const Matcher matcher(
      CompiledAll({R"({"t":[1]})", R"({"a":{"x":[1],"y":[1]}})", R"({"$kafka":{"topic":["in"]}})"}),
      {});
  const auto scratch = matcher.NewScratch();
  const std::string text = Buried(900, 3 * kElements);
  const absl::Status status = matcher.Match({.value = text, .topic = "in"}, scratch.get());
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("more combinations of elements"));
  EXPECT_EQ(Ids(scratch->matches().begin(), scratch->matches().end()), Ids{2});
}

// --- CloudEvents -------------------------------------------------------------------------------

// Of a CloudEvent in binary mode; the payload's error in `error`.
Ids BinaryMatchesOf(const std::vector<std::string>& patterns, const std::string& payload,
                    const std::vector<Header>& headers, std::string* error) {
  const Matcher matcher(CompiledAll(patterns), {}, /*reads_cloud_events=*/true);
  const auto scratch = matcher.NewScratch();
  // A copy of exactly its size, so that the sanitizer sees any read beyond it.
  const std::vector<char> bytes(payload.begin(), payload.end());
  const absl::Status status = matcher.Match(
      {.value = {bytes.data(), bytes.size()}, .topic = "in", .headers = headers}, scratch.get());
  *error = std::string(status.message());
  return {scratch->matches().begin(), scratch->matches().end()};
}

TEST(HostileEvents, ABinaryCloudEventThatIsGivenUpMatchesRulesOverItsAttributes) {
  std::string error;
  EXPECT_EQ(BinaryMatchesOf(
                {R"({"type":["x"]})", R"({"data":{"a":{"x":[1],"y":[1]}}})",
                 R"({"type":["x"],"data":{"t":[1]}})", R"({"$kafka":{"topic":["in"]}})"},
                Buried(900, 3 * kElements), {{"ce_specversion", "1.0"}, {"ce_type", "x"}}, &error),
            (Ids{0, 3}));
  EXPECT_THAT(error, HasSubstr("more combinations of elements"));
}

TEST(HostileEvents, DataMayBeAsDeepAsInStructuredMode) {
  const auto nested = [](size_t levels) {
    return std::string(levels, '[') + "1" + std::string(levels, ']');
  };
  const std::vector<std::string> patterns = {R"({"data":[1]})"};
  const std::vector<Header> headers = {{"ce_specversion", "1.0"}};
  for (const size_t levels : {999, 1000}) {
    std::string error;
    const Ids matches = BinaryMatchesOf(patterns, nested(levels), headers, &error);
    EXPECT_EQ(matches, MatchesOf(patterns, "{\"data\":" + nested(levels) + "}"));
    EXPECT_EQ(matches, levels == 999 ? Ids{0} : Ids{});
    EXPECT_EQ(error.empty(), levels == 999) << error;
  }
  std::string error;
  EXPECT_EQ(BinaryMatchesOf(patterns, std::string(1'000'000, '['), headers, &error), Ids{});
  EXPECT_THAT(error, HasSubstr("1000 levels"));
}

TEST(HostileEvents, DataThatBreaksOffAnywhereIsReadWithinItsBounds) {
  const std::string whole = R"( {"a": [1, {"b": "x\u0061"}, -2.5e1], "c": true} )";
  const std::vector<Header> headers = {{"ce_specversion", "1.0"}, {"ce_type", "x"}};
  size_t whole_ones = 0;
  for (const char* end : {"", "]", "}", "\"", "\\", "tru", "1."}) {
    for (size_t size = 1; size < whole.size(); ++size) {
      std::string error;
      const Ids matches = BinaryMatchesOf({R"({"type":["x"]})", R"({"data":{"c":[true]}})"},
                                          whole.substr(0, size) + end, headers, &error);
      EXPECT_EQ(matches.front(), 0U);
      // Rarely is it whole by chance, with or without its last field.
      if (error.empty()) {
        ++whole_ones;
      } else {
        EXPECT_EQ(matches, Ids{0}) << size << end << error;
      }
    }
  }
  EXPECT_GT(whole_ones, 0U);
  EXPECT_LT(whole_ones, 20U);
}

TEST(HostileEvents, ManyAndLargeAttributesAreReadAsOthers) {
  std::vector<std::string> names;
  for (size_t i = 0; i < 20'000; ++i) names.push_back("ce_x" + std::to_string(i));
  const std::string large(4 * kMebibyte, 'v');
  std::vector<Header> headers = {{"ce_specversion", "1.0"}, {"ce_type", large}};
  for (const std::string& name : names) headers.emplace_back(name, "v");
  for (size_t i = 0; i < 20'000; ++i) headers.emplace_back("ce_twice", i == 19'999 ? "last" : "v");
  std::string error;
  EXPECT_EQ(BinaryMatchesOf({R"({"x19999":["v"],"type":[{"suffix":"vv"}]})",
                             R"({"twice":["last"],"x1":[{"exists":true}]})",
                             R"({"type":[{"wildcard":"*v*w*"}]})"},
                            "", headers, &error),
            (Ids{0, 1}));
  EXPECT_EQ(error, "");
}

// --- patterns that would explode -----------------------------------------------------------------

std::string FirstProblem(const std::string& text) {
  std::vector<Problem> problems;
  const std::optional<Node> node = ParseJson(text, &problems);
  if (node && CompilePattern(*node, PatternLimits(), &problems)) return "";
  return problems.at(0).what;
}

TEST(HostilePatterns, AreRefusedWithTheBoundNamed) {
  const auto nested_or = [](int levels) {
    std::string text = R"({"x":[1]})";
    for (int i = 0; i < levels; ++i) text = "{\"$or\":[" + text + "," + text + "]}";
    return text;
  };
  EXPECT_EQ(FirstProblem(nested_or(10)), "");
  EXPECT_THAT(FirstProblem(nested_or(11)), HasSubstr("branches_max"));
  std::string stars = "*";
  for (int i = 0; i < 64; ++i) stars += "a*";
  EXPECT_THAT(FirstProblem("{\"a\":[{\"wildcard\":\"" + stars + "\"}]}"),
              HasSubstr("wildcards_max"));
  const std::string long_text(262145, 'x');
  EXPECT_THAT(FirstProblem("{\"a\":[\"" + long_text + "\"]}"), HasSubstr("pattern_bytes_max"));
  EXPECT_THAT(FirstProblem("{\"a\":[{\"wildcard\":\"" + long_text + "\"}]}"),
              HasSubstr("pattern_bytes_max"));
  EXPECT_THAT(FirstProblem("{\"a\":[{\"prefix\":{\"equals-ignore-case\":\"" + long_text + "\"}}]}"),
              HasSubstr("pattern_bytes_max"));
  EXPECT_THAT(
      FirstProblem("{\"a\":[" + Repeated(10001, [](size_t i) { return std::to_string(i); }) + "]}"),
      HasSubstr("values_max"));
  EXPECT_THAT(
      FirstProblem(
          "{" + Repeated(257, [](size_t i) { return "\"f" + std::to_string(i) + "\":[1]"; }) + "}"),
      HasSubstr("fields_max"));
}

}  // namespace
}  // namespace turnout::router
