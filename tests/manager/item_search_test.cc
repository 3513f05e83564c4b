#include "deploy/manager/item_search.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "router/document.h"
#include "router/rule_file.h"

namespace turnout::manager {
namespace {

constexpr size_t kHitsMax = 100;

// What is written in every way that YAML has.
constexpr char kFraud[] =
    "# shop.orders stays as it is, in comments\n"
    "team: fraud\n"
    "owner: shop.orders@example.com\n"
    "destinations: [fraud.*, 'shop.*']\n"
    "rules:\n"
    "  - name: large  # shop.orders\n"
    "    description: of shop.orders\n"
    "    match:\n"
    "      source: [shop.orders, \"shop.orders\", 'it''s shop.orders']\n"
    "      shop.orders: [{ prefix: \"shop.orders\\u002e\" }]  # shop.orders\n"
    "      amount: [300, &n 0x1F]\n"
    "    to: [fraud.orders, \"shop.orders\"]\n"
    "  - name: other\n"
    "    match: { kind: [x] }\n"
    "    to: shop.{kind}\n";

Item ItemOf(ItemKind kind, std::string name, std::string text, int64_t version = 7) {
  return {.id = {"shop", kind, std::move(name)},
          .content = {.text = std::move(text)},
          .version = version};
}

std::vector<Item> Items() {
  std::vector<Item> items = {
      ItemOf(ItemKind::kRules, "fraud", kFraud),
      ItemOf(ItemKind::kTests, "fraud", "cases: []  # shop.orders\n"),
      ItemOf(ItemKind::kConfig, "shop.orders.url", "http://shop.orders/\r\nsecond shop.orders"),
      ItemOf(ItemKind::kSecret, "shop-secret", "shop.orders, sealed"),
  };
  items[2].content.type = "string";
  return items;
}

std::vector<std::string> Shown(const SearchResult& result) {
  std::vector<std::string> lines;
  for (const SearchHit& hit : result.hits) {
    lines.push_back(absl::StrCat(
        hit.id.ToString(), ":", hit.line, " ", hit.rule, " ", hit.excerpt.substr(0, hit.begin), "<",
        hit.excerpt.substr(hit.begin, hit.end - hit.begin), ">", hit.excerpt.substr(hit.end)));
  }
  return lines;
}

std::vector<std::string> Found(const std::vector<Item>& items, const SearchQuery& query) {
  const absl::StatusOr<SearchResult> result = Search(items, query, kHitsMax);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? Shown(*result) : std::vector<std::string>();
}

using Lines = std::vector<std::string>;

TEST(ItemSearchTest, NamesAndTextsAreSearched) {
  EXPECT_EQ(Found(Items(), {.text = "shop.orders",
                            .kinds = {ItemKind::kConfig, ItemKind::kSecret, ItemKind::kTests}}),
            (Lines{"shop/tests/fraud:1  cases: []  # <shop.orders>",
                   "shop/config/shop.orders.url:0  <shop.orders>.url",
                   "shop/config/shop.orders.url:1  http://<shop.orders>/",
                   "shop/config/shop.orders.url:2  second <shop.orders>"}));
  EXPECT_EQ(Found(Items(), {.text = "shop", .kinds = {ItemKind::kSecret}}),
            Lines{"shop/secret/shop-secret:0  <shop>-secret"});
  EXPECT_EQ(Found(Items(), {.text = "SHOP\\b.*@.*com", .is_regex = true, .ignores_case = true}),
            Lines{"shop/rules/fraud:3  owner: <shop.orders@example.com>"});
  EXPECT_EQ(Found(Items(), {.text = "cases", .team = "other"}), Lines{});
}

TEST(ItemSearchTest, AHitInARuleFileSaysWhichRule) {
  EXPECT_EQ(Found(Items(), {.text = "^ +- name: .*", .is_regex = true}),
            (Lines{"shop/rules/fraud:6 fraud/large <  - name: large  # shop.orders>",
                   "shop/rules/fraud:13 fraud/other <  - name: other>"}));
}

TEST(ItemSearchTest, PatternsAloneAreSearched) {
  EXPECT_EQ(
      Found(Items(), {.text = "shop.orders", .in = {SearchIn::kPatterns}}),
      (Lines{"shop/rules/fraud:9 fraud/large       source: [<shop.orders>, \"shop.orders\", 'it''s "
             "shop.orders']",
             "shop/rules/fraud:9 fraud/large       source: [shop.orders, \"<shop.orders>\", 'it''s "
             "shop.orders']",
             "shop/rules/fraud:9 fraud/large       source: [shop.orders, \"shop.orders\", <'it''s "
             "shop.orders'>]",
             "shop/rules/fraud:10 fraud/large       <shop.orders>: [{ prefix: "
             "\"shop.orders\\u002e\" }]  # shop.orders",
             "shop/rules/fraud:10 fraud/large       shop.orders: [{ prefix: "
             "<\"shop.orders\\u002e\"> }]  # shop.orders"}));
  EXPECT_EQ(Found(Items(), {.text = "31", .is_whole = true, .in = {SearchIn::kPatterns}}),
            Lines{"shop/rules/fraud:11 fraud/large       amount: [300, &n <0x1F>]"});
}

TEST(ItemSearchTest, DestinationsAloneAreSearched) {
  EXPECT_EQ(Found(Items(), {.text = "^shop", .is_regex = true, .in = {SearchIn::kDestinations}}),
            (Lines{"shop/rules/fraud:4  destinations: [fraud.*, '<shop>.*']",
                   "shop/rules/fraud:12 fraud/large     to: [fraud.orders, \"<shop>.orders\"]",
                   "shop/rules/fraud:15 fraud/other     to: <shop>.{kind}"}));
}

TEST(ItemSearchTest, WholeNamesAndValuesAreFound) {
  EXPECT_EQ(Found(Items(), {.text = "fraud", .is_whole = true}),
            (Lines{"shop/rules/fraud:0  <fraud>", "shop/tests/fraud:0  <fraud>"}));
  EXPECT_EQ(Found({ItemOf(ItemKind::kConfig, "a", "x\ny"), ItemOf(ItemKind::kConfig, "b", "x")},
                  {.text = "x|y|x\ny", .is_regex = true, .is_whole = true}),
            (Lines{"shop/config/a:1  <x>", "shop/config/b:1  <x>"}));
}

TEST(ItemSearchTest, HitsAreBoundedAndItemsCounted) {
  const absl::StatusOr<SearchResult> result = Search(Items(), {.text = "shop.orders"}, 2);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->hits.size(), 2u);
  EXPECT_EQ(result->items, 3u);
  EXPECT_TRUE(result->is_cut_off);
  EXPECT_FALSE(Search(Items(), {.text = "owner"}, 1)->is_cut_off);
}

TEST(ItemSearchTest, ALongLineIsCutOffAroundTheHit) {
  const std::string text = std::string(5000, 'a') + "needle" + std::string(5000, 'b');
  const absl::StatusOr<SearchResult> result =
      Search({ItemOf(ItemKind::kConfig, "x", text)}, {.text = "needle"}, 1);
  ASSERT_EQ(result->hits.size(), 1u);
  const SearchHit& hit = result->hits[0];
  EXPECT_LE(hit.excerpt.size(), kExcerptBytesMax);
  EXPECT_EQ(hit.excerpt.substr(hit.begin, hit.end - hit.begin), "needle");
}

TEST(ItemSearchTest, ExpressionsThatCantBeAreRefusedByName) {
  for (const SearchQuery& query :
       std::vector<SearchQuery>{{.text = ""},
                                {.text = "(open", .is_regex = true},
                                {.text = "(?=x)y", .is_regex = true},
                                {.text = "((a{100}){100}){100}", .is_regex = true},
                                {.text = std::string(kExpressionBytesMax + 1, 'a')}}) {
    const absl::StatusOr<SearchResult> result = Search({}, query, 1);
    ASSERT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << query.text;
    if (query.text.empty() || query.text.size() > kExpressionBytesMax) continue;
    EXPECT_NE(result.status().message().find(query.text), std::string::npos) << result.status();
  }
  const absl::Status large = Search({}, {.text = "(?:\\pL{100}){9}", .is_regex = true}, 1).status();
  EXPECT_NE(large.message().find("memory"), std::string::npos) << large;
}

TEST(ItemSearchTest, WhatBlowsUpElsewhereIsHarmless) {
  const Item item = ItemOf(ItemKind::kConfig, "x", std::string(200'000, 'a') + "!");
  EXPECT_EQ(Search({item}, {.text = "(a+)+$", .is_regex = true}, kHitsMax)->items, 0u);
  EXPECT_EQ(Search({item}, {.text = "(x+x+)+y|(a|aa)+b", .is_regex = true}, kHitsMax)->items, 0u);
  EXPECT_EQ(Replace({item}, {.text = "(a+)+!", .is_regex = true}, "\\1")->at(0).content->text,
            std::string(200'000, 'a'));
}

TEST(ItemSearchTest, MatchesThatEachLookFarAheadAreBounded) {
  const Item item = ItemOf(ItemKind::kConfig, "x", std::string(20'000, 'a'));
  const SearchQuery query{.text = "a.*z|a", .is_regex = true};
  const absl::Status refused = Replace({item}, query, "b").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("shop/config/x"), std::string::npos) << refused;
}

// The edit of the only item that has one.
Edit OnlyEdit(const std::vector<Item>& items, const SearchQuery& query,
              const std::string& replacement) {
  absl::StatusOr<std::vector<Edit>> edits = Replace(items, query, replacement);
  EXPECT_TRUE(edits.ok()) << edits.status();
  if (!edits.ok() || edits->size() != 1) {
    ADD_FAILURE() << "edits: " << (edits.ok() ? edits->size() : 0);
    return {};
  }
  return edits->front();
}

TEST(ItemSearchTest, AReplacementInPatternsTouchesNothingElse) {
  const Edit edit =
      OnlyEdit(Items(), {.text = "shop.orders", .in = {SearchIn::kPatterns}}, "mall \"eu\": x");
  EXPECT_EQ(edit.expected, 7);
  EXPECT_EQ(edit.content->text,
            absl::StrReplaceAll(kFraud,
                                {{"[shop.orders, \"shop.orders\", 'it''s shop.orders']",
                                  R"(["mall \"eu\": x", "mall \"eu\": x", 'it''s mall "eu": x'])"},
                                 {"shop.orders: [{ prefix: \"shop.orders\\u002e\" }]",
                                  R"("mall \"eu\": x": [{ prefix: "mall \"eu\": x." }])"}}));
}

TEST(ItemSearchTest, AReplacementInDestinationsTakesGroups) {
  const Edit edit = OnlyEdit(
      Items(), {.text = "^(\\w+)\\.(\\w+)$", .is_regex = true, .in = {SearchIn::kDestinations}},
      "\\2.\\1.\\0");
  EXPECT_EQ(
      edit.content->text,
      absl::StrReplaceAll(kFraud, {{"[fraud.orders, \"shop.orders\"]",
                                    "[orders.fraud.fraud.orders, \"orders.shop.shop.orders\"]"}}));
}

TEST(ItemSearchTest, WhatTakesANumbersPlaceIsWhatItLooksLike) {
  const SearchQuery number{.text = "300", .is_whole = true, .in = {SearchIn::kPatterns}};
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"400", "[400, "}, {"x y", "[x y, "}, {"a: b", "[\"a: b\", "}, {"- a", "[\"- a\", "}};
  for (const auto& [to, written] : cases) {
    const Edit edit = OnlyEdit(Items(), number, to);
    EXPECT_NE(edit.content->text.find("amount: " + written), std::string::npos)
        << edit.content->text;
  }
  const Edit word =
      OnlyEdit(Items(), {.text = "x", .is_whole = true, .in = {SearchIn::kPatterns}}, "300");
  EXPECT_NE(word.content->text.find("kind: [\"300\"]"), std::string::npos) << word.content->text;
}

TEST(ItemSearchTest, JsonStaysJson) {
  const std::string text =
      R"({"team": "a", "destinations": ["x"], "rules": [{"name": "r", "to": "x",)"
      "\n"
      R"( "match": {"x": ["x", "\u0078", 5, true]}}]})";
  const std::vector<Item> items = {ItemOf(ItemKind::kRules, "a", text)};
  EXPECT_EQ(
      OnlyEdit(items, {.text = "x", .in = {SearchIn::kPatterns}}, "\"").content->text,
      absl::StrReplaceAll(text, {{R"({"x": ["x", "\u0078", 5)", R"({"\"": ["\"", "\"", 5)"}}));
  EXPECT_EQ(OnlyEdit(items, {.text = "5|true", .is_regex = true, .in = {SearchIn::kPatterns}}, "y")
                .content->text,
            absl::StrReplaceAll(text, {{"5, true", "\"y\", \"y\""}}));
}

std::string AnchoredRules(const std::string& list) {
  return absl::StrCat(
      "team: a\nowner: &s abc\ndestinations: &l [x, abc]\nrules:\n- name: r\n  to: x\n  match:\n"
      "    k: ",
      list, "\n");
}

TEST(ItemSearchTest, WhatIsNotWrittenInOneLineIsNotReplaced) {
  for (const char* list :
       {"[\"abc\n      def\"]", "[abc\n      def]", "[*s]", "\n    - |\n      abc"}) {
    const std::vector<Item> items = {ItemOf(ItemKind::kRules, "a", AnchoredRules(list))};
    const SearchQuery query{.text = "abc", .in = {SearchIn::kPatterns}};
    EXPECT_EQ(Found(items, query).size(), 1u) << list;
    EXPECT_NE(Replace(items, query, "x").status().message().find("shop/rules/a:"),
              std::string::npos)
        << list << Replace(items, query, "x").status();
  }
}

TEST(ItemSearchTest, WhatAnAliasRepeatsIsReplacedWhereItStands) {
  const std::string text = AnchoredRules("*l");
  const std::vector<Item> items = {ItemOf(ItemKind::kRules, "a", text)};
  for (const SearchIn in : {SearchIn::kPatterns, SearchIn::kDestinations}) {
    EXPECT_EQ(OnlyEdit(items, {.text = "abc", .in = {in}}, "def").content->text,
              absl::StrReplaceAll(text, {{"[x, abc]", "[x, def]"}}));
  }
  EXPECT_EQ(
      OnlyEdit(items, {.text = "abc", .in = {SearchIn::kPatterns, SearchIn::kDestinations}}, "def")
          .content->text,
      absl::StrReplaceAll(text, {{"[x, abc]", "[x, def]"}}));
}

TEST(ItemSearchTest, LinesAreReplacedAndTheirEndsStay) {
  const std::vector<Item> items = {ItemOf(ItemKind::kConfig, "x", "one\r\ntwo\n\nthree")};
  EXPECT_EQ(OnlyEdit(items, {.text = "^(\\w)(\\w+)$", .is_regex = true, .in = {SearchIn::kTexts}},
                     "\\2\\1\\\\")
                .content->text,
            "neo\\\r\nwot\\\n\nhreet\\");
  EXPECT_EQ(OnlyEdit(items, {.text = "t", .in = {SearchIn::kTexts}}, "\\1").content->text,
            "one\r\n\\1wo\n\n\\1hree");
}

TEST(ItemSearchTest, AReplacedNameMovesTheItem) {
  const absl::StatusOr<std::vector<Edit>> edits =
      Replace(Items(), {.text = "shop.orders", .kinds = {ItemKind::kConfig}}, "mall");
  ASSERT_TRUE(edits.ok()) << edits.status();
  ASSERT_EQ(edits->size(), 2u);
  EXPECT_EQ(edits->at(0).id.ToString(), "shop/config/mall.url");
  EXPECT_EQ(edits->at(0).expected, 0);
  EXPECT_EQ(edits->at(0).content->text, "http://mall/\r\nsecond mall");
  EXPECT_EQ(edits->at(0).content->type, "string");
  EXPECT_EQ(edits->at(1).id.ToString(), "shop/config/shop.orders.url");
  EXPECT_EQ(edits->at(1).expected, 7);
  EXPECT_FALSE(edits->at(1).content.has_value());
}

TEST(ItemSearchTest, ReplacementsThatCantBeAreRefused) {
  const std::vector<Item> two = {ItemOf(ItemKind::kConfig, "a1", ""),
                                 ItemOf(ItemKind::kConfig, "a2", "")};
  const SearchQuery digit{.text = "[0-9]", .is_regex = true, .in = {SearchIn::kNames}};
  EXPECT_NE(Replace(two, digit, "").status().message().find("shop/config/a1 and shop/config/a2"),
            std::string::npos);
  EXPECT_NE(Replace({two[0]}, digit, "/").status().message().find("a letter or digit first"),
            std::string::npos);
  EXPECT_NE(Replace(two, {.text = "a1", .in = {SearchIn::kNames}}, "a2")
                .status()
                .message()
                .find("is there already"),
            std::string::npos);
  EXPECT_NE(Replace(two, digit, "\\3").status().message().find("\\3"), std::string::npos);
  const std::vector<Item> long_text = {ItemOf(ItemKind::kConfig, "x", std::string(100'000, 'a'))};
  EXPECT_EQ(Replace(long_text, {.text = "a"}, std::string(10'000, 'b')).status().code(),
            absl::StatusCode::kInvalidArgument);
}

std::vector<Item> ManyItems(int items, int rules_each) {
  std::vector<Item> made;
  for (int i = 0; i < items; ++i) {
    const std::string team = absl::StrCat("team-", i);
    std::string text = absl::StrCat("team: ", team, "\ndestinations: [", team, ".*]\nrules:\n");
    for (int j = 0; j < rules_each; ++j) {
      absl::StrAppend(&text, "  - name: rule-", j, "\n    description: Orders of region ", j,
                      ".\n    match:\n      type: [order.created, order.changed]\n      region: "
                      "[{ prefix: eu-",
                      i, " }, us-", j, "]\n      amount: [{ numeric: [\">\", ", j,
                      "] }]\n    to: ", team, ".orders\n");
    }
    made.push_back(ItemOf(ItemKind::kRules, team, std::move(text)));
  }
  return made;
}

TEST(ItemSearchTest, TenThousandRulesAreSearchedByAnExpression) {
  const std::vector<Item> items = ManyItems(400, 25);
  RulePlacesCache cache;
  const auto timed = [&](const char* what, const SearchQuery& query, size_t items_found) {
    const auto begin = std::chrono::steady_clock::now();
    const absl::StatusOr<SearchResult> result = Search(items, query, kHitsMax, &cache);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->items, items_found) << what;
    EXPECT_EQ(result->hits.size(), std::min(kHitsMax, items_found * 25)) << what;
    RecordProperty(absl::StrCat(what, "_us"), static_cast<int>(took.count()));
  };
  const std::vector<SearchIn> patterns = {SearchIn::kPatterns};
  timed("first_texts", {.text = "prefix: eu-[0-9]+ .*us-", .is_regex = true}, 400);
  timed("first_patterns", {.text = "^eu-39.$", .is_regex = true, .in = patterns}, 10);
  timed("texts", {.text = "prefix: eu-[0-9]+ .*us-", .is_regex = true}, 400);
  timed("patterns", {.text = "^eu-1..$", .is_regex = true, .in = patterns}, 100);
  timed("few_patterns", {.text = "^eu-399$", .is_regex = true, .in = patterns}, 1);
  const std::vector<SearchIn> destinations = {SearchIn::kDestinations};
  timed("destinations", {.text = "^team-.*77.orders", .is_regex = true, .in = destinations}, 4);
}

TEST(ItemSearchTest, WhatIsKeptOfTextsChangesNoAnswer) {
  RulePlacesCache cache;
  const SearchQuery query{.text = "shop", .in = {SearchIn::kPatterns, SearchIn::kDestinations}};
  for (int round = 0; round < 2; ++round) {
    std::vector<Item> items = Items();
    EXPECT_EQ(Shown(*Search(items, query, kHitsMax, &cache)), Found(items, query));
    items[0].content.text = absl::StrReplaceAll(kFraud, {{"shop.orders", "mall"}});
    EXPECT_EQ(Shown(*Search(items, query, kHitsMax, &cache)), Found(items, query));
  }
}

}  // namespace
}  // namespace turnout::manager
