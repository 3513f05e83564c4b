#include "runtime/rule_document.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr char kUrl[] = "https://config.example.com/v1/rules?group=a";

TEST(RuleDocument, HasFilesByTheirNames) {
  const auto texts = ReadRuleDocument(
      kUrl, R"({"files": {"b.jsonl": "{}\n", "a.yaml": "team: a\nowner: \"\u00e4\""}})");
  ASSERT_TRUE(texts.ok()) << texts.status();
  EXPECT_THAT(*texts,
              ElementsAre(Pair("a.yaml", "team: a\nowner: \"\xc3\xa4\""), Pair("b.jsonl", "{}\n")));
}

TEST(RuleDocument, IsElseOneFileThatTheUrlNames) {
  for (const auto& [url, name] : {std::pair("http://x/rules/fraud.json?a=/b.yaml", "fraud.json"),
                                  {"http://x/rules/fraud.jsonl#x", "fraud.jsonl"},
                                  {"http://x/rules", "rules.yaml"},
                                  {"http://x/", "rules.yaml"},
                                  {"http://x/.yaml", "rules.yaml"}}) {
    const auto texts = ReadRuleDocument(url, "{\"team\": \"a\"}");
    ASSERT_TRUE(texts.ok()) << texts.status();
    EXPECT_THAT(*texts, ElementsAre(Pair(name, "{\"team\": \"a\"}"))) << url;
  }
}

TEST(RuleDocument, TeamsTestsInItArePassedOver) {
  const auto texts =
      ReadRuleDocument(kUrl, R"({"files": {"a.yaml": "team: a", "a.test.yaml": 7}})");
  ASSERT_TRUE(texts.ok()) << texts.status();
  EXPECT_THAT(*texts, ElementsAre(Pair("a.yaml", "team: a")));
  EXPECT_FALSE(ReadRuleDocument("http://x/fraud.test.yaml?a=b", "cases: []").ok());
}

TEST(RuleDocument, OfAnotherFormIsRefusedWithWhatIsWrong) {
  for (const auto& [body, what] :
       {std::pair(" \n", "is empty"),
        {R"({"files": []})", "no object"},
        {R"({"files": {}})", "has no rule file"},
        {R"({"files": {"a.test.yaml": ""}})", "has no rule file"},
        {R"({"files": {"../a.test.yaml": ""}})", "`../a.test.yaml`"},
        {R"({"files": {"a.yaml": ""}, "b": 1})", "members beside `files`"},
        {R"({"files": {"a.yaml": 7}})", "`a.yaml` that is no text"},
        {R"({"files": {"a.txt": ""}})", "`a.txt`"},
        {R"({"files": {"../a.yaml": ""}})", "`../a.yaml`"},
        {R"({"files": {"": ""}})", "``"}}) {
    const auto texts = ReadRuleDocument(kUrl, body);
    ASSERT_FALSE(texts.ok()) << body;
    EXPECT_THAT(std::string(texts.status().message()), HasSubstr(what));
  }
}

}  // namespace
}  // namespace turnout::runtime
