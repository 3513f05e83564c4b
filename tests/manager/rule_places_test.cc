// Replacements in the patterns of random rule files, against the same replacement in the documents
// that the files hold.
#include "deploy/manager/rule_places.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "deploy/manager/item_search.h"
#include "gtest/gtest.h"
#include "router/canonical_text.h"
#include "router/document.h"
#include "runtime/json_text.h"
#include "tests/support/choices.h"

namespace turnout::manager {
namespace {

using router::Node;
using support::Choices;

constexpr uint64_t kSeeds = 400;

// A scalar in one of the ways to write it; `content` has no control characters.
std::string Written(const std::string& content, bool is_json, Choices* choices) {
  const size_t way = is_json ? 0 : choices->Below(3);
  if (way == 1) return absl::StrCat("'", absl::StrReplaceAll(content, {{"'", "''"}}), "'");
  if (way == 2 && content.find_first_not_of("abcxyz.-_/") == std::string::npos &&
      content[0] != '-' && !content.empty()) {
    return content;
  }
  std::string quoted = runtime::JsonString(content);
  if (choices->OneIn(3)) quoted = absl::StrReplaceAll(quoted, {{"b", "\\u0062"}});
  return quoted;
}

std::string RandomWord(Choices* choices) {
  static const auto* const words = new std::vector<std::string>{"a",
                                                                "b",
                                                                "abc",
                                                                "x.y",
                                                                "it's",
                                                                "b\"b",
                                                                "b: c",
                                                                "# b",
                                                                "a b",
                                                                "",
                                                                "\xc3\xa9"
                                                                "b",
                                                                "b\\",
                                                                "b-",
                                                                "0b",
                                                                "/a/b",
                                                                "{b}"};
  return choices->Of(*words);
}

std::string RandomScalar(bool is_json, Choices* choices) {
  static const auto* const plain = new std::vector<std::string>{"12", "-0.5", "true", "null"};
  return choices->OneIn(4) ? choices->Of(*plain) : Written(RandomWord(choices), is_json, choices);
}

std::string RandomMatch(bool is_json, size_t depth, Choices* choices) {
  std::string text = "{";
  for (size_t fields = choices->Between(1, 3); fields > 0; --fields) {
    absl::StrAppend(&text, text.size() == 1 ? "" : ", ",
                    Written(absl::StrCat(RandomWord(choices), fields), is_json, choices), ": ");
    if (depth > 0 && choices->OneIn(3)) {
      absl::StrAppend(&text, RandomMatch(is_json, depth - 1, choices));
      continue;
    }
    std::string list;
    for (size_t values = choices->Between(1, 3); values > 0; --values) {
      absl::StrAppend(&list,
                      list.empty() ? ""
                      : is_json    ? ",\n "
                                   : ", ",
                      RandomScalar(is_json, choices));
    }
    absl::StrAppend(&text, "[", list, "]");
  }
  return text + "}";
}

std::string RandomRules(bool is_json, Choices* choices) {
  const std::string open = is_json ? "{\"team\": \"b\", \"rules\": [" : "team: b # b\nrules:\n";
  std::string text = open;
  for (size_t rules = choices->Between(1, 3); rules > 0; --rules) {
    const std::string match = RandomMatch(is_json, 2, choices);
    if (is_json) {
      absl::StrAppend(&text, text == open ? "" : ",", "{\"name\": \"b\", \"match\": ", match, "}");
    } else {
      absl::StrAppend(&text, "  - name: b   # b\n    match: ", match, "  # b\n    to: b\n");
    }
  }
  return text + (is_json ? "]}" : "");
}

// What the replacement is to make of a pattern's tree.
void ReplaceIn(Node* node, const std::string& from, const std::string& to) {
  const bool is_scalar = node->kind != Node::Kind::kArray && node->kind != Node::Kind::kObject;
  if (is_scalar && node->kind == Node::Kind::kString) {
    node->text = absl::StrReplaceAll(node->text, {{from, to}});
  }
  for (Node& item : node->items) ReplaceIn(&item, from, to);
  for (router::Member& member : node->members) {
    member.name = absl::StrReplaceAll(member.name, {{from, to}});
    ReplaceIn(&member.value, from, to);
  }
}

std::string ShownTree(const Node& node) {
  std::string text = absl::StrCat(router::KindName(node.kind) == "number" ? "#" : "", node.text);
  if (node.kind == Node::Kind::kString) text = runtime::JsonString(node.text);
  for (const Node& item : node.items) absl::StrAppend(&text, "[", ShownTree(item), "]");
  for (const router::Member& member : node.members) {
    absl::StrAppend(&text, "{", runtime::JsonString(member.name), ShownTree(member.value), "}");
  }
  return text;
}

std::optional<Node> Parsed(const std::string& text) {
  std::vector<router::Problem> problems;
  std::optional<Node> root =
      IsJsonText(text) ? router::ParseJson(text, &problems) : router::ParseYaml(text, &problems);
  for (const router::Problem& problem : problems) ADD_FAILURE() << problem.what << "\n" << text;
  return root;
}

TEST(RulePlacesTest, AReplacementInPatternsIsTheOneInTheirTrees) {
  size_t changed = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Choices choices(seed);
    const std::string text = RandomRules(choices.OneIn(2), &choices);
    const std::string to = choices.OneIn(3) ? "\t" : RandomWord(&choices);
    std::optional<Node> wanted = Parsed(text);
    ASSERT_TRUE(wanted) << seed;
    for (router::Member& member : wanted->members) {
      if (member.name != "rules") continue;
      for (Node& rule : member.value.items) {
        for (router::Member& part : rule.members) {
          if (part.name == "match") ReplaceIn(&part.value, "b", to);
        }
      }
    }
    const absl::StatusOr<std::vector<Edit>> edits =
        Replace({{.id = {"s", ItemKind::kRules, "b"}, .content = {.text = text}}},
                {.text = "b", .in = {SearchIn::kPatterns}}, to);
    ASSERT_TRUE(edits.ok()) << edits.status();
    const std::string replaced = edits->empty() ? text : edits->front().content->text;
    changed += edits->size();
    const std::optional<Node> made = Parsed(replaced);
    ASSERT_TRUE(made) << "seed " << seed << "\n" << text << "\n" << replaced;
    ASSERT_EQ(ShownTree(*made), ShownTree(*wanted)) << "seed " << seed << "\n" << replaced;
  }
  EXPECT_GT(changed, kSeeds / 2);
}

}  // namespace
}  // namespace turnout::manager
