#include "deploy/manager/item.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace turnout::manager {
namespace {

TEST(ItemTest, AnIdIsWhatItsTextSays) {
  const absl::StatusOr<ItemId> id = ReadItemId("checkout/rules/fraud-2.eu");
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(*id, (ItemId{"checkout", ItemKind::kRules, "fraud-2.eu"}));
  EXPECT_EQ(id->ToString(), "checkout/rules/fraud-2.eu");
}

TEST(ItemTest, WhatIsNoIdIsRefusedWithTheCure) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "SERVICE/KIND/NAME"},
      {"checkout/rules", "SERVICE/KIND/NAME"},
      {"checkout/rule/fraud", "rules, tests, pipeline"},
      {"/rules/fraud", "service"},
      {"checkout/rules/", "name"},
      {"checkout/rules/../x", "name"},
      {"checkout/rules/.x", "a letter or digit first"},
      {"checkout/rules/a b", "name"},
      {"checkout/rules/" + std::string(kItemNameBytesMax + 1, 'a'), "1 to 100"},
  };
  for (const auto& [text, words] : cases) {
    const absl::StatusOr<ItemId> id = ReadItemId(text);
    ASSERT_FALSE(id.ok()) << text;
    EXPECT_NE(id.status().message().find(words), std::string::npos) << id.status();
  }
}

TEST(ItemTest, AValueIsOfItsType) {
  const ItemId id{"checkout", ItemKind::kConfig, "limit"};
  const std::vector<std::pair<ItemContent, bool>> cases = {
      {{.text = "anything", .type = "string"}, true},
      {{.text = "3.5e2", .type = "number"}, true},
      {{.text = "\"3\"", .type = "number"}, false},
      {{.text = "true", .type = "boolean"}, true},
      {{.text = "yes", .type = "boolean"}, false},
      {{.text = "{\"a\": [1]}", .type = "json"}, true},
      {{.text = "{", .type = "json"}, false},
      {{.text = "x", .type = "text"}, false},
      {{.text = "x", .type = ""}, false},
  };
  for (const auto& [content, fits] : cases) {
    EXPECT_EQ(CheckItemContent(id, content).ok(), fits) << content.type << " " << content.text;
  }
}

TEST(ItemTest, ATextIsTextOfABoundedSize) {
  const ItemId rules{"checkout", ItemKind::kRules, "fraud"};
  const ItemId tests{"checkout", ItemKind::kTests, "fraud"};
  EXPECT_TRUE(CheckItemContent(rules, {.text = std::string(kItemTextBytesMax, 'a')}).ok());
  EXPECT_FALSE(CheckItemContent(rules, {.text = std::string(kItemTextBytesMax + 1, 'a')}).ok());
  EXPECT_FALSE(CheckItemContent(tests, {.text = std::string(kValueTextBytesMax + 1, 'a')}).ok());
  EXPECT_FALSE(CheckItemContent(rules, {.text = "\xff"}).ok());
  EXPECT_FALSE(CheckItemContent(rules, {.text = std::string("a\0b", 3)}).ok());
  EXPECT_FALSE(CheckItemContent(rules, {.text = "a", .type = "string"}).ok());
  EXPECT_FALSE(CheckItemContent(rules, {.text = "a", .bound_to = {"router"}}).ok());
}

}  // namespace
}  // namespace turnout::manager
