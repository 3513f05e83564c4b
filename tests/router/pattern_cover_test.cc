// What a pattern covers: by hand, and by random pairs of patterns and events with the real matcher.
#include "router/pattern_cover.h"

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "router/canonical_text.h"
#include "router/document.h"
#include "router/matcher.h"
#include "router/pattern.h"
#include "tests/support/choices.h"
#include "tests/support/random_case.h"

namespace turnout::support {
namespace {

using router::Node;
using router::Pattern;

constexpr uint64_t kSeeds = 500;

uint64_t SeedCount() {
  const char* const wanted = std::getenv("TURNOUT_DIFF_SEEDS");
  return wanted == nullptr ? kSeeds : std::strtoull(wanted, nullptr, 10);
}

std::optional<Pattern> Compiled(const std::string& text) {
  std::vector<router::Problem> problems;
  const std::optional<Node> node = router::ParseJsonPrefix(text, &problems);
  if (!node) return std::nullopt;
  return router::CompilePattern(*node, router::PatternLimits(), &problems);
}

struct CoverCase {
  const char* wider;
  const char* narrower;
  bool covers = true;
  bool covers_back = false;
};

TEST(PatternCover, WhatIsPlainlyWiderIsSeen) {
  const std::vector<CoverCase> cases = {
      {R"({"a": [1, 2]})", R"({"a": [2]})"},
      {R"({"a": [2, 1]})", R"({"a": [1, 2]})", true, true},
      {R"({"a": [1]})", R"({"a": [1], "b": ["x"]})"},
      {R"({"a": [{"exists": true}]})", R"({"a": [{"prefix": "x"}, null]})"},
      {R"({"a": [1, {"exists": false}]})", R"({"a": [1]})"},
      {R"({"a": [{"numeric": [">", 1]}]})", R"({"a": [{"numeric": [">=", 2, "<", 9]}]})"},
      {R"({"a": [{"numeric": [">=", 1]}]})", R"({"a": [{"numeric": [">", 1]}]})"},
      {R"({"a": [{"numeric": [">", 1]}]})", R"({"a": [300]})"},
      {R"({"a": [{"prefix": "or"}]})", R"({"a": [{"prefix": "order."}, "orbit"]})"},
      {R"({"a": [{"suffix": "g"}]})", R"({"a": [{"suffix": ".png"}]})"},
      {R"({"a": [{"wildcard": "x*z"}]})", R"({"a": ["xyz"]})"},
      {R"({"a": [{"cidr": "10.0.0.0/8"}]})", R"({"a": [{"cidr": "10.1.0.0/16"}, "10.9.9.9"]})"},
      {R"({"a": [{"anything-but": ["x"]}]})", R"({"a": [{"anything-but": ["x", "y"]}]})"},
      {R"({"a": [{"anything-but": ["x"]}]})", R"({"a": [5, true, "y", {"prefix": "z"}]})"},
      {R"({"a": [{"length": [">", 1]}]})", R"({"a": [{"length": [">", 2]}]})"},
      {R"({"a": [{"prefix": "/s"}]})", R"({"a": [{"prefix": "/shop", "suffix": ".png"}]})"},
      {R"({"$or": [{"a": [1]}, {"b": [1]}]})", R"({"a": [1], "c": [2]})"},
      {R"({"$or": [{"a": [1]}, {"b": [1]}, {"c": [1]}]})", R"({"$or": [{"c": [1]}, {"a": [1]}]})"},
      {R"({"a": {"b": [1, 2]}})", R"({"a.b": [1]})"},
      {R"({"t": [{"all-of": ["x"]}]})", R"({"t": [{"all-of": ["x", "y"]}]})"},
      {R"({"l": [{"exists": false}]})", R"({"l": [{"exists": false}], "other": [1]})"},
  };
  for (const CoverCase& one : cases) {
    const std::optional<Pattern> wider = Compiled(one.wider);
    const std::optional<Pattern> narrower = Compiled(one.narrower);
    ASSERT_TRUE(wider && narrower) << one.wider << " " << one.narrower;
    EXPECT_EQ(router::Covers(*wider, *narrower), one.covers) << one.wider << " " << one.narrower;
    EXPECT_EQ(router::Covers(*narrower, *wider), one.covers_back) << one.wider;
  }
}

TEST(PatternCover, WhatOnlyLooksWiderIsNotSaidToBe) {
  // Without the first field its absence is looked for in every element of the array.
  const std::optional<Pattern> wider = Compiled(R"({"p": {"l": [{"exists": false}]}})");
  const std::optional<Pattern> narrower =
      Compiled(R"({"p": {"f": ["Zed"], "l": [{"exists": false}]}})");
  ASSERT_TRUE(wider && narrower);
  EXPECT_FALSE(router::Covers(*wider, *narrower));
  const router::Matcher matcher({*wider, *narrower}, {});
  const std::unique_ptr<router::Matcher::Scratch> scratch = matcher.NewScratch();
  router::Event event;
  event.value = R"({"p": [{"f": "Zed"}, {"f": "Anna", "l": 1}]})";
  ASSERT_TRUE(matcher.Match(event, scratch.get()).ok());
  EXPECT_EQ(std::vector<router::PatternId>(scratch->matches().begin(), scratch->matches().end()),
            std::vector<router::PatternId>{1});
}

TEST(PatternCover, ListsTooLongToCompareAreNotSeen) {
  const auto list_of = [](const std::string& more, int low) {
    std::string text = R"({"a": [)" + more;
    for (int i = 0; i < 2000; ++i) {
      text += R"({"numeric": [">", )" + std::to_string(low + 10 * i) + R"(, "<", )" +
              std::to_string(low + 10 * i + 5) + "]},";
    }
    text.back() = ']';
    return text + "}";
  };
  const std::optional<Pattern> shifted = Compiled(list_of("", 1));
  const std::optional<Pattern> base = Compiled(list_of("", 0));
  const std::optional<Pattern> longer = Compiled(list_of("true,", 0));
  ASSERT_TRUE(shifted && base && longer);
  EXPECT_FALSE(router::Covers(*shifted, *base));
  EXPECT_TRUE(router::Covers(*longer, *base));
}

// A list of values somewhere in a pattern, or an object of fields.
void Collect(Node* node, std::vector<Node*>* lists, std::vector<Node*>* objects) {
  if (node->kind == Node::Kind::kArray) lists->push_back(node);
  if (node->kind == Node::Kind::kObject) objects->push_back(node);
  for (Node& item : node->items) Collect(&item, lists, objects);
  for (router::Member& member : node->members) Collect(&member.value, lists, objects);
}

Node JsonNode(const std::string& text) {
  std::vector<router::Problem> problems;
  return router::ParseJson(text, &problems).value_or(Node());
}

// Changes one thing; what comes of it may be refused.
void Mutate(Node* pattern, Node other, Choices* choices) {
  std::vector<Node*> lists;
  std::vector<Node*> objects;
  std::vector<Node*> other_lists;
  std::vector<Node*> other_objects;
  Collect(pattern, &lists, &objects);
  Collect(&other, &other_lists, &other_objects);
  if (lists.empty() || other_lists.empty()) return;
  Node* const list = choices->Of(lists);
  Node* const object = choices->Of(objects);
  switch (choices->Below(9)) {
    case 0: {
      const Node* const from = choices->Of(other_lists);
      if (!from->items.empty()) list->items.push_back(choices->Of(from->items));
      break;
    }
    case 1:
      if (list->items.size() > 1) {
        list->items.erase(list->items.begin() +
                          static_cast<std::ptrdiff_t>(choices->Below(list->items.size())));
      }
      break;
    case 2:
      list->items.push_back(JsonNode(R"({"exists": false})"));
      break;
    case 3:
      list->items = {JsonNode(R"({"exists": true})")};
      break;
    case 4:
    case 5:
      if (object->members.size() > 1) {
        object->members.erase(object->members.begin() +
                              static_cast<std::ptrdiff_t>(choices->Below(object->members.size())));
      }
      break;
    case 6:
      if (!other.members.empty()) pattern->members.push_back(choices->Of(other.members));
      break;
    case 7:
      for (router::Member& member : object->members) {
        if (member.value.kind == Node::Kind::kString && !member.value.text.empty()) {
          member.value.text.pop_back();
        }
      }
      break;
    default:
      for (Node& item : list->items) {
        if (item.kind == Node::Kind::kNumber) item.text = choices->OneIn(2) ? "-5" : "4000";
      }
  }
}

struct Tally {
  size_t covers = 0;
  size_t matches = 0;  // of narrower patterns in such pairs
  size_t wider_alone = 0;
};

// Every event that the narrower one of a pair matches, the wider one does.
void CheckPair(const Pattern& wider, const Pattern& narrower, const std::string& texts,
               const RandomCase& made, Tally* tally) {
  if (!router::Covers(wider, narrower)) return;
  ++tally->covers;
  const router::Matcher matcher({wider, narrower}, {});
  const std::unique_ptr<router::Matcher::Scratch> scratch = matcher.NewScratch();
  for (const RandomRecord& record : made.records) {
    std::vector<router::Header> headers;
    if (!matcher.Match(record.AsEvent(&headers), scratch.get()).ok()) continue;
    bool matches[2] = {};
    for (const router::PatternId id : scratch->matches()) matches[id] = true;
    tally->matches += matches[1];
    tally->wider_alone += matches[0] && !matches[1];
    EXPECT_TRUE(matches[0] || !matches[1]) << texts << "\n" << record.value;
  }
}

TEST(PatternCover, WhateverTheNarrowerOneMatchesTheWiderOneDoes) {
  Tally tally;
  const uint64_t seeds = SeedCount();
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    Choices choices(seed);
    CaseScope scope;
    scope.many_rules = false;
    scope.records_max = 8;
    const RandomCase made = MakeRandomCase(scope, &choices);
    for (size_t tries = 0; tries < 12; ++tries) {
      const std::string& text = choices.Of(made.patterns);
      Node changed = JsonNode(text);
      for (size_t left = choices.Between(1, 3); left > 0; --left) {
        Mutate(&changed, JsonNode(choices.Of(made.patterns)), &choices);
      }
      const std::string changed_text = router::JsonText(changed);
      const std::optional<Pattern> before = Compiled(text);
      const std::optional<Pattern> after = Compiled(changed_text);
      if (!before || !after || router::JsonText(JsonNode(text)) == changed_text) continue;
      const std::string texts = text + "\n" + changed_text;
      CheckPair(*before, *after, texts, made, &tally);
      CheckPair(*after, *before, texts, made, &tally);
    }
    if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
  RecordProperty("covers", static_cast<int>(tally.covers));
  RecordProperty("matches", static_cast<int>(tally.matches));
  EXPECT_GT(tally.covers, seeds);
  EXPECT_GT(tally.matches, seeds);
  EXPECT_GT(tally.wider_alone, seeds / 10);
}

}  // namespace
}  // namespace turnout::support
