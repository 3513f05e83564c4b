#include "deploy/manager/item_tree.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "state/files.h"
#include "tests/support/choices.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

using support::Choices;

constexpr uint64_t kSeeds = 300;

Item ItemOf(ItemKind kind, std::string name, ItemContent content, int64_t version = 5) {
  return {.id = {"shop", kind, std::move(name)}, .content = std::move(content), .version = version};
}

std::vector<Item> Items() {
  return {
      ItemOf(ItemKind::kRules, "fraud", {.text = "# by hand\nteam: fraud\n"}),
      ItemOf(ItemKind::kRules, "cards", {.text = " {\"team\": \"cards\"}"}),
      ItemOf(ItemKind::kTests, "fraud", {.text = "cases: []"}),
      ItemOf(ItemKind::kPipeline, "main", {.text = "brokers: kafka:9092\n"}),
      ItemOf(ItemKind::kConfig, "limit", {.text = "3.50e2", .type = "number"}),
      ItemOf(ItemKind::kConfig, "motd", {.text = "Hello.\n\n  World\n", .type = "string"}),
      ItemOf(ItemKind::kSecret, "kafka", {.text = "sealed-text", .bound_to = {"a", "b:c"}}),
      ItemOf(ItemKind::kSettings, "service", {.text = "{\"approvals\": 1}"}),
  };
}

std::vector<Edit> Import(const FileTree& tree, const std::vector<Item>& items,
                         MissingFile missing = MissingFile::kItemIsDeleted) {
  absl::StatusOr<std::vector<Edit>> edits = ImportItems(tree, items, missing);
  EXPECT_TRUE(edits.ok()) << edits.status();
  return edits.ok() ? *std::move(edits) : std::vector<Edit>();
}

TEST(ItemTreeTest, EveryItemHasItsFile) {
  EXPECT_EQ(
      ExportItems(Items()),
      (FileTree{{"shop/rules/fraud.yaml", "# by hand\nteam: fraud\n"},
                {"shop/rules/cards.json", " {\"team\": \"cards\"}"},
                {"shop/tests/fraud.test.yaml", "cases: []"},
                {"shop/pipelines/main.yaml", "brokers: kafka:9092\n"},
                {"shop/config/limit.yaml", "type: \"number\"\nvalue: 3.50e2\n"},
                {"shop/config/motd.yaml", "type: \"string\"\nvalue: |\n  Hello.\n\n    World\n"},
                {"shop/secrets/kafka.yaml", "bound_to: [\"a\", \"b:c\"]\n"},
                {"shop/settings.yaml", "{\"approvals\": 1}"}}));
}

TEST(ItemTreeTest, WhatDiffersIsEdited) {
  FileTree tree = ExportItems(Items());
  EXPECT_TRUE(Import(tree, Items()).empty());
  tree["shop/config/limit.yaml"] = "{type: json, value: {b: [1, x], a: null}}";
  tree["shop/secrets/kafka.yaml"] = "bound_to: [z, a, z]";
  tree["other/config/new.yaml"] = "type: boolean\nvalue: true\n";
  tree.erase("shop/tests/fraud.test.yaml");
  const std::vector<Edit> edits = Import(tree, Items());
  ASSERT_EQ(edits.size(), 4u);
  EXPECT_EQ(edits[0].id.ToString(), "other/config/new");
  EXPECT_EQ(edits[0].expected, 0);
  EXPECT_EQ(*edits[0].content, (ItemContent{.text = "true", .type = "boolean"}));
  EXPECT_EQ(edits[1].id.ToString(), "shop/tests/fraud");
  EXPECT_FALSE(edits[1].content.has_value());
  EXPECT_EQ(edits[1].expected, 5);
  EXPECT_EQ(*edits[2].content, (ItemContent{.text = R"({"b":[1,"x"],"a":null})", .type = "json"}));
  EXPECT_EQ(*edits[3].content, (ItemContent{.text = "sealed-text", .bound_to = {"a", "z"}}));
  EXPECT_EQ(Import(tree, Items(), MissingFile::kItemStays).size(), 3u);
}

TEST(ItemTreeTest, WhatIsNoItemIsRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"README.md", "x"},
      {"shop/README.md", "x"},
      {"shop/rules/fraud.yml", "x"},
      {"shop/rules/.yaml", "x"},
      {"shop/rules/yaml", "x"},
      {"shop/rules/a/b.yaml", "x"},
      {"shop/rules/../../etc.yaml", "x"},
      {"../rules/fraud.yaml", "x"},
      {"shop/tests/fraud.yaml", "x"},
      {"shop/secret/kafka.yaml", "bound_to: []"},
      {"shop/secrets/new.yaml", "bound_to: []"},
      {"shop/secrets/kafka.yaml", "bound_to: x"},
      {"shop/secrets/kafka.yaml", "{bound_to: [], value: hunter2}"},
      {"shop/config/a.yaml", "value: 3"},
      {"shop/config/a.yaml", "{type: string, value: 3}"},
      {"shop/config/a.yaml", "{type: number, value: x}"},
      {"shop/config/a.yaml", "{type: string, value: a, value: b}"},
      {"shop/config/a.yaml", "{"},
      {"shop/rules/x.yaml", "\xff"},
  };
  for (const auto& [path, text] : cases) {
    const absl::Status status =
        ImportItems({{path, text}}, Items(), MissingFile::kItemStays).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << path << text;
    EXPECT_EQ(status.message().find(path), 0u) << status;
    EXPECT_EQ(status.message().find("hunter2"), std::string::npos) << status;
  }
  const absl::Status twice = ImportItems({{"shop/rules/a.yaml", ""}, {"shop/rules/a.json", ""}}, {},
                                         MissingFile::kItemStays)
                                 .status();
  EXPECT_NE(twice.message().find("shop/rules/a.json"), std::string::npos) << twice;
}

std::string RandomText(Choices* choices) {
  static const auto* const pieces = new std::vector<std::string>{"a",
                                                                 " ",
                                                                 "\n",
                                                                 "\r\n",
                                                                 "\t",
                                                                 ": ",
                                                                 "#",
                                                                 "- ",
                                                                 "'",
                                                                 "\"",
                                                                 "\\",
                                                                 "|",
                                                                 "---",
                                                                 "...",
                                                                 "\xc3\xa9",
                                                                 "\x01",
                                                                 "\x7f",
                                                                 "\xe2\x80\xa8",
                                                                 "\xef\xbb\xbf",
                                                                 "\n\n",
                                                                 "%a",
                                                                 "&b",
                                                                 "*c",
                                                                 "!d",
                                                                 "{",
                                                                 "}",
                                                                 "0x1F",
                                                                 "null",
                                                                 "~",
                                                                 "true",
                                                                 "1e3",
                                                                 "\xc2\x85",
                                                                 "${secret:x}",
                                                                 "\xf0\x9f\x98\x80"};
  std::string text;
  for (size_t left = choices->Below(8); left > 0; --left) text += choices->Of(*pieces);
  return text;
}

ItemContent RandomContent(ItemKind kind, Choices* choices) {
  if (kind == ItemKind::kSecret) {
    std::vector<std::string> bound;
    for (size_t left = choices->Below(3); left > 0; --left) {
      bound.push_back(absl::StrCat("account-", left, RandomText(choices)));
    }
    std::sort(bound.begin(), bound.end());
    return {.text = "sealed", .bound_to = bound};
  }
  if (kind != ItemKind::kConfig) return {.text = RandomText(choices)};
  static const auto* const values = new std::vector<ItemContent>{
      {.text = "-0.50E+02", .type = "number"},  {.text = " 12 ", .type = "number"},
      {.text = "12", .type = "number"},         {.text = "1e400", .type = "json"},
      {.text = "true", .type = "boolean"},      {.text = "\nfalse", .type = "boolean"},
      {.text = "null", .type = "json"},         {.text = "{\n  \"a\": [1,\n 2]}\n", .type = "json"},
      {.text = "\"x\\u0000\"", .type = "json"}, {.text = "9007199254740993", .type = "number"}};
  if (choices->OneIn(2)) return choices->Of(*values);
  return {.text = RandomText(choices), .type = "string"};
}

std::vector<Item> RandomItems(Choices* choices) {
  static const auto* const names = new std::vector<std::string>{
      "a", "A", "a.json", "a.yaml", "a.test", "0", "x_y-z", std::string(kItemNameBytesMax, 'n')};
  std::map<ItemId, Item> items;
  for (size_t left = choices->Between(1, 12); left > 0; --left) {
    const auto kind = static_cast<ItemKind>(choices->Below(kItemKindNames.size()));
    const ItemId id{choices->Of(*names), kind,
                    kind == ItemKind::kSettings ? "service" : choices->Of(*names)};
    const ItemContent content = RandomContent(kind, choices);
    if (!CheckItemContent(id, content).ok()) continue;
    items[id] = {.id = id, .content = content, .version = static_cast<int64_t>(left)};
  }
  std::vector<Item> listed;
  for (auto& [id, item] : items) listed.push_back(std::move(item));
  return listed;
}

TEST(ItemTreeTest, WhatIsExportedAndImportedAgainIsTheSame) {
  size_t items_seen = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Choices choices(seed);
    const std::vector<Item> items = RandomItems(&choices);
    items_seen += items.size();
    for (const Edit& edit : Import(ExportItems(items), items)) {
      ADD_FAILURE() << "seed " << seed << ": " << edit.id.ToString() << ": "
                    << edit.content.value_or(ItemContent()).text;
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(items_seen, kSeeds * 4);
}

TEST(ItemTreeTest, AnImportLeadsFromAnyItemsToThoseThatWereExported) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Choices choices(seed);
    std::map<ItemId, ItemContent> wanted;
    std::map<ItemId, ItemContent> have;
    const std::vector<Item> to = RandomItems(&choices);
    std::vector<Item> from = RandomItems(&choices);
    for (const Item& item : to) {
      wanted[item.id] = item.content;
      const bool is_there =
          std::any_of(from.begin(), from.end(), [&](const Item& one) { return one.id == item.id; });
      if (item.id.kind == ItemKind::kSecret && !is_there) from.push_back(item);
    }
    for (const Item& item : from) have[item.id] = item.content;
    for (const Edit& edit : Import(ExportItems(to), from)) {
      if (edit.content) {
        have[edit.id] = *edit.content;
      } else {
        have.erase(edit.id);
      }
    }
    ASSERT_EQ(have, wanted) << "seed " << seed;
  }
}

class ItemTreeDirectoryTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

  support::TempDirectory directory_;
};

TEST_F(ItemTreeDirectoryTest, ADirectoryHoldsTheTreeThatWasWrittenLast) {
  FileTree tree = ExportItems(Items());
  ASSERT_TRUE(WriteTree(Path("tree"), tree).ok());
  EXPECT_EQ(*ReadTree(Path("tree")), tree);
  ASSERT_TRUE(state::MakeDirectory(Path("tree/.git/objects")).ok());
  ASSERT_TRUE(state::WriteFile(Path("tree/.git/HEAD"), "ref").ok());
  tree.erase("shop/rules/cards.json");
  tree["shop/rules/fraud.yaml"] = "other";
  tree["new/settings.yaml"] = "{}";
  ASSERT_TRUE(WriteTree(Path("tree"), tree).ok());
  EXPECT_EQ(*ReadTree(Path("tree")), tree);
  EXPECT_TRUE(state::Exists(Path("tree/.git/HEAD")));
}

TEST_F(ItemTreeDirectoryTest, LinksAreNotFollowed) {
  const FileTree tree = ExportItems(Items());
  ASSERT_TRUE(state::MakeDirectory(Path("outside")).ok());
  ASSERT_TRUE(state::WriteFile(Path("outside/a.yaml"), "team: a").ok());
  for (const std::string name : {"shop/rules/a.yaml", "shop/pipelines", "linked"}) {
    ASSERT_TRUE(state::RemoveAll(Path("tree")).ok());
    ASSERT_TRUE(WriteTree(Path("tree"), {{"shop/rules/b.yaml", "team: b"}}).ok());
    std::filesystem::create_symlink(Path("outside"), Path("tree/" + name));
    for (const absl::Status& status :
         {ReadTree(Path("tree")).status(), WriteTree(Path("tree"), tree)}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      EXPECT_EQ(status.message().find(name), 0u) << status;
    }
  }
  EXPECT_EQ(*state::ReadFile(Path("outside/a.yaml"), 100), "team: a");
}

TEST_F(ItemTreeDirectoryTest, OtherFilesAreRefusedAndLeftAlone) {
  ASSERT_TRUE(state::MakeDirectory(Path("tree")).ok());
  ASSERT_TRUE(state::WriteFile(Path("tree/README.md"), "Read me.").ok());
  EXPECT_EQ(ReadTree(Path("tree")).status().message().find("README.md"), 0u);
  EXPECT_FALSE(WriteTree(Path("tree"), ExportItems(Items())).ok());
  EXPECT_EQ(*state::ReadFile(Path("tree/README.md"), 100), "Read me.");
  EXPECT_FALSE(WriteTree(Path("new"), {{"../a/settings.yaml", ""}}).ok());
  EXPECT_EQ(ReadTree(Path("nowhere")).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace turnout::manager
