#include "deploy/manager/explain_desk.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::manager {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kCards[] =
    "team: cards\ndestinations: [cards.*]\nrules:\n"
    "  - {name: big, match: {amount: [{numeric: [\">\", 100]}]}, to: cards.big}\n";
constexpr char kShop[] =
    "team: shop\ndestinations: [shop.*]\nrules:\n"
    "  - {name: all, match: {type: [order]}, to: shop.all}\n";

class ExplainDeskTest : public testing::Test {
 protected:
  static Item Rules(const std::string& team, const std::string& text) {
    Item item;
    item.id = {"orders", ItemKind::kRules, team};
    item.content.text = text;
    return item;
  }
  absl::StatusOr<ExplainAnswer> Ask(const std::string& body, const std::string& version = "1") {
    return desk_.Explain(body, "orders", version,
                         [this]() -> absl::StatusOr<std::vector<Item>> {
                           ++listed_;
                           return items_;
                         },
                         {}, {});
  }
  std::string Told(const std::string& body, const std::string& version = "1") {
    const absl::StatusOr<ExplainAnswer> answer = Ask(body, version);
    if (!answer.ok()) return answer.status().ToString();
    return answer->problems.empty() ? answer->explanation : answer->problems[0].text;
  }

  ExplainDesk desk_;
  std::vector<Item> items_ = {Rules("cards", kCards), Rules("shop", kShop)};
  int listed_ = 0;
};

TEST_F(ExplainDeskTest, SaysWhichRulesMatchAndWhatTheOthersLack) {
  const std::string told = Told(R"({"event": {"value": {"type": "order", "amount": 50}}})");
  EXPECT_THAT(told, HasSubstr("cards/big"));
  EXPECT_THAT(told, HasSubstr("shop.all"));
  EXPECT_THAT(told, HasSubstr("amount"));
  EXPECT_THAT(told, HasSubstr("50"));
}

TEST_F(ExplainDeskTest, CompilesAVersionOnce) {
  const std::string body = R"({"event": {"value": {"type": "order"}}})";
  Told(body);
  Told(body);
  EXPECT_EQ(listed_, 1);
  items_.pop_back();
  EXPECT_THAT(Told(body, "2"), Not(HasSubstr("shop/all")));
  EXPECT_EQ(listed_, 2);
}

TEST_F(ExplainDeskTest, TakesADraftInPlaceOfTheTeamsFile) {
  const std::string draft = R"(team: cards\ndestinations: [cards.*]\nrules:\n)"
                            R"(  - {name: any, match: {amount: [{exists: true}]}, to: cards.any})";
  const std::string event = R"({"event": {"value": {"type": "order", "amount": 5}}, )";
  const std::string whole = Told(event + R"("team": "cards", "text": ")" + draft + "\"}");
  EXPECT_THAT(whole, HasSubstr("cards/any"));
  EXPECT_THAT(whole, HasSubstr("shop/all"));
  EXPECT_THAT(whole, Not(HasSubstr("cards/big")));
  const std::string alone =
      Told(event + R"("alone": true, "team": "cards", "text": ")" + draft + "\"}");
  EXPECT_THAT(alone, HasSubstr("cards/any"));
  EXPECT_THAT(alone, Not(HasSubstr("shop/all")));
  EXPECT_THAT(Told(event + R"("alone": true, "team": "shop"})"), Not(HasSubstr("cards/")));
}

TEST_F(ExplainDeskTest, AnswersADraftThatDoesNotCompileWithItsProblems) {
  const absl::StatusOr<ExplainAnswer> answer =
      Ask(R"({"event": {"value": {}}, "team": "cards", "text": "team: cards\ndestinations: [c]\n)"
          R"(rules:\n  - {name: a, match: {b: [{prefx: x}]}, to: c}\n"})");
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_FALSE(answer->problems.empty());
  EXPECT_EQ(answer->problems[0].line, 4u);
  EXPECT_THAT(answer->problems[0].text, HasSubstr("prefx"));
  const std::string others =
      R"({"event": {"value": {}}, "team": "ads", "text": "team: cards\ndestinations: [c]\n)"
      R"(rules:\n  - {name: a, match: {b: [1]}, to: c}\n"})";
  EXPECT_THAT(Told(others), HasSubstr("write `team: ads`"));
}

TEST_F(ExplainDeskTest, SaysThatWhatRulesRememberIsNotKnown) {
  items_ = {
      Rules("cards",
            "team: cards\ndestinations: [c]\nrules:\n  - name: once\n    match: {id: [{exists: "
            "true}]}\n    steps: [{dedup: {key: id, for: 1h}}]\n    to: c\n")};
  EXPECT_THAT(Told(R"({"event": {"value": {"id": "7"}}})"), HasSubstr("is not known here"));
}

TEST_F(ExplainDeskTest, RefusesWhatIsNoQuestion) {
  for (const char* const body :
       {"", "[]", "{}", R"({"event": 1})", R"({"event": {}})", R"({"event": {"value": 1}, "x": 1})",
        R"({"event": {"value": {}}, "text": "a"})", R"({"event": {"value": {}}, "alone": 1})"}) {
    EXPECT_EQ(Ask(body).status().code(), absl::StatusCode::kInvalidArgument) << body;
  }
  const std::string large = R"({"event": {"value": ")" + std::string(kExplainEventBytesMax, 'x');
  EXPECT_THAT(Told(large + "x\"}}"), HasSubstr("larger than"));
  EXPECT_THAT(Told(std::string(kExplainBodyBytesMax + 1, ' ')), HasSubstr("larger than"));
}

TEST_F(ExplainDeskTest, LeavesOutRecordsThatWouldBeTooManyTogether) {
  std::string rules = "team: cards\ndestinations: [c.*]\nrules:\n";
  for (int i = 0; i < 400; ++i) {
    rules += "  - {name: r" + std::to_string(i) + ", match: {a: [1]}, to: c.t" + std::to_string(i) +
             "}\n";
  }
  items_ = {Rules("cards", rules)};
  const std::string told = Told(R"({"event": {"value": {"a": 1, "b": ")" +
                                std::string(kExplainEventBytesMax - 100, 'x') + "\"}}}");
  EXPECT_THAT(told, HasSubstr("too many rules match"));
  EXPECT_LT(told.size(), kExplainedBytesMax);
}

}  // namespace
}  // namespace turnout::manager
