#include "router/document.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/canonical_text.h"
#include "tests/router/case_file.h"

namespace turnout::router {
namespace {

using ::testing::HasSubstr;

// Kinds, spellings, order and duplicates of a tree, in a form that two trees can be compared by.
std::string Dump(const Node& node) {
  std::string out(KindName(node.kind));
  if (node.kind != Node::Kind::kNull) out += " <" + node.text + ">";
  for (const Node& item : node.items) out += " [" + Dump(item) + "]";
  for (const Member& member : node.members) {
    out += " {" + member.name + ": " + Dump(member.value) + "}";
  }
  return out;
}

std::string PlaceOf(const Problem& problem) {
  return std::to_string(problem.at.line) + ":" + std::to_string(problem.at.column);
}

using ParseFunction = std::optional<Node> (*)(std::string_view, std::vector<Problem>*);

void CheckCase(const Node& test, const std::string& text, ParseFunction parse) {
  SCOPED_TRACE(TextOf(test, "name"));
  std::vector<Problem> problems;
  const std::optional<Node> parsed = parse(text, &problems);
  if (const Node* expected = test.Find("json")) {
    ASSERT_TRUE(parsed) << problems.at(0).what << " at " << PlaceOf(problems[0]);
    EXPECT_TRUE(problems.empty());
    std::vector<Problem> none;
    const std::optional<Node> wanted = ParseJson(expected->text, &none);
    ASSERT_TRUE(wanted);
    EXPECT_EQ(Dump(*parsed), Dump(*wanted));
  } else {
    EXPECT_FALSE(parsed);
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_THAT(problems[0].what, HasSubstr(TextOf(test, "what")));
    EXPECT_EQ(PlaceOf(problems[0]), TextOf(test, "at"));
    EXPECT_NE(problems[0].cure, "");
  }
}

TEST(Document, FindAnswersTheLastOfDuplicateMembers) {
  Node object{.kind = Node::Kind::kObject};
  object.members.push_back({.name = "a", .value = {.kind = Node::Kind::kNumber, .text = "1"}});
  object.members.push_back({.name = "a", .value = {.kind = Node::Kind::kNumber, .text = "2"}});
  ASSERT_NE(object.Find("a"), nullptr);
  EXPECT_EQ(object.Find("a")->text, "2");
  EXPECT_EQ(object.Find("b"), nullptr);
}

TEST(Document, JsonIsReadAsWrittenOrRefusedWithItsPlace) {
  for (const Node& test : ReadCases("json_documents.jsonl")) {
    CheckCase(test, TextOf(test, "text"), ParseJson);
  }
}

TEST(Document, YamlIsReadByTheCoreSchemaOrRefusedWithItsPlace) {
  for (const Node& test : ReadCases("yaml_documents.jsonl")) {
    CheckCase(test, TextOf(test, "yaml"), ParseYaml);
  }
}

TEST(Document, EveryNodeAndMemberKnowsItsPlace) {
  std::vector<Problem> problems;
  for (const ParseFunction parse : {ParseJson, ParseYaml}) {
    const std::optional<Node> root = parse("{\"a\": 1,\n  \"b\": [\"x\",\n true]}", &problems);
    ASSERT_TRUE(root);
    EXPECT_EQ(root->at.line, 1);
    EXPECT_EQ(root->at.column, 1);
    EXPECT_EQ(root->members[1].at.line, 2);
    EXPECT_EQ(root->members[1].at.column, 3);
    EXPECT_EQ(root->members[1].value.at.column, 8);
    EXPECT_EQ(root->members[1].value.items[1].at.line, 3);
    EXPECT_EQ(root->members[1].value.items[1].at.column, 2);
  }
}

TEST(Document, JsonOfAThousandLevelsIsReadAndOneMoreIsRefused) {
  std::vector<Problem> problems;
  const auto nested = [](size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_TRUE(ParseJson(nested(kDocumentDepthMax), &problems));
  EXPECT_FALSE(ParseJson(nested(kDocumentDepthMax + 1), &problems));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].what, HasSubstr("deeper than 1000"));
}

TEST(Document, DeepYamlIsRefusedWithoutExhaustingTheStack) {
  for (const char* unit : {"[", "{a: ", "- ", "? ", "&a [", "- - ["}) {
    std::string text;
    for (int i = 0; i < 20000; ++i) text += unit;
    std::vector<Problem> problems;
    EXPECT_FALSE(ParseYaml(text, &problems)) << unit;
    EXPECT_EQ(problems.size(), 1u) << unit;
  }
}

TEST(Document, AliasBombsAreRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string previous = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k == 0 ? "" : ", ") + previous;
    text += "]\n";
  }
  std::vector<Problem> problems;
  EXPECT_FALSE(ParseYaml(text, &problems));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].what, HasSubstr("aliases add more than"));
}

TEST(Document, TextThatIsNotUtf8IsRefusedWithItsPlace) {
  for (const ParseFunction parse : {ParseJson, ParseYaml}) {
    for (const char* bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"}) {
      std::vector<Problem> problems;
      EXPECT_FALSE(parse("{\"a\":\n\"" + std::string(bad) + "\"}", &problems));
      ASSERT_EQ(problems.size(), 1u);
      EXPECT_EQ(PlaceOf(problems[0]), "2:2");
      EXPECT_THAT(problems[0].what, HasSubstr("UTF-8"));
    }
  }
}

TEST(Document, APrefixParseLeavesTheRestAlone) {
  std::vector<Problem> problems;
  EXPECT_TRUE(ParseJsonPrefix("{\"a\":[1]}\"", &problems));
  EXPECT_FALSE(ParseJsonPrefix("{\"a\":[1]", &problems));
}

TEST(CanonicalText, IsJsonThatSaysTheSameForLoneSurrogatesToo) {
  for (const char* text :
       {R"({"a\ud83dt":["\udc00"]})", R"({"\u00e9":"\ud83d\ude00\\\"\u0001"})"}) {
    std::vector<Problem> problems;
    const std::optional<Node> node = ParseJson(text, &problems);
    ASSERT_TRUE(node.has_value()) << text;
    const std::string canonical = CanonicalText(*node);
    const std::optional<Node> again = ParseJson(canonical, &problems);
    ASSERT_TRUE(again.has_value()) << canonical;
    EXPECT_EQ(CanonicalText(*again), canonical);
    EXPECT_EQ(again->members[0].name, node->members[0].name);
  }
}

}  // namespace
}  // namespace turnout::router
