#include "deploy/manager/rules_feed.h"

#include <map>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/rule_document.h"

namespace turnout::manager {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::vector<Item> Rules(const std::string& text) {
  Item item;
  item.id = {.service = "orders", .kind = ItemKind::kRules, .name = "fraud"};
  item.content.text = text;
  return {item};
}

struct Fed {
  std::map<uint64_t, int> given() {
    const absl::MutexLock lock(&mu);
    return statuses;
  }
  absl::Mutex mu;
  std::map<uint64_t, int> statuses;
  RulesFeed feed{[this](uint64_t number, const HttpAnswer& answer) {
    const absl::MutexLock lock(&mu);
    statuses[number] = answer.status;
  }};
};

TEST(RulesFeed, AnswersWithADocumentThatRoutersRead) {
  Fed fed;
  EXPECT_EQ(fed.feed.Ask("orders", "", absl::ZeroDuration(), 1)->status, 404);
  fed.feed.Publish("orders", Rules("team: fraud\nrules: []\n"));
  const HttpAnswer answer = *fed.feed.Ask("orders", "", absl::Seconds(30), 1);
  EXPECT_EQ(answer.status, 200);
  const auto texts = runtime::ReadRuleDocument("http://m/rules", answer.body);
  ASSERT_TRUE(texts.ok()) << texts.status();
  EXPECT_THAT(*texts, ElementsAre(Pair("fraud.yaml", "team: fraud\nrules: []\n")));
  EXPECT_EQ(fed.feed.Ask("others", "", absl::ZeroDuration(), 1)->status, 404);
}

TEST(RulesFeed, CallsARuleFileByWhatItIs) {
  EXPECT_EQ(RuleFileName(Rules("\n {\"team\": \"fraud\"}")[0]), "fraud.json");
  EXPECT_EQ(RuleFileName(Rules("team: fraud")[0]), "fraud.yaml");
}

TEST(RulesFeed, HoldsWhoKnowsTheNewestUntilThereIsAnother) {
  Fed fed;
  fed.feed.Publish("orders", Rules("a"));
  const std::string etag = fed.feed.EtagOf("orders");
  EXPECT_EQ(fed.feed.Ask("orders", etag, absl::ZeroDuration(), 1)->status, 304);
  EXPECT_FALSE(fed.feed.Ask("orders", etag, absl::Seconds(60), 2).has_value());
  EXPECT_EQ(fed.feed.waiting(), 1);
  fed.feed.Publish("orders", Rules("a"));  // the same
  fed.feed.Publish("others", Rules("b"));
  EXPECT_TRUE(fed.given().empty());
  fed.feed.Publish("orders", Rules("b"));
  EXPECT_THAT(fed.given(), ElementsAre(Pair(2, 200)));
  EXPECT_EQ(fed.feed.waiting(), 0);
  EXPECT_EQ(fed.feed.Ask("orders", etag, absl::Seconds(60), 3)->status, 200);
}

TEST(RulesFeed, TellsThoseWhoWaitThatTheRulesAreGone) {
  Fed fed;
  fed.feed.Publish("orders", Rules("a"));
  EXPECT_FALSE(fed.feed.Ask("orders", fed.feed.EtagOf("orders"), absl::Seconds(60), 1).has_value());
  fed.feed.Publish("orders", {});
  EXPECT_THAT(fed.given(), ElementsAre(Pair(1, 404)));
}

TEST(RulesFeed, AnswersAllAtItsEndAndHoldsNobodyAfter) {
  Fed fed;
  fed.feed.Publish("orders", Rules("a"));
  const std::string etag = fed.feed.EtagOf("orders");
  EXPECT_FALSE(fed.feed.Ask("orders", etag, absl::Seconds(60), 1).has_value());
  fed.feed.End();
  EXPECT_THAT(fed.given(), ElementsAre(Pair(1, 304)));
  EXPECT_EQ(fed.feed.Ask("orders", etag, absl::Seconds(60), 2)->status, 304);
}

TEST(RulesFeed, EndsAWaitInTime) {
  Fed fed;
  fed.feed.Publish("orders", Rules("a"));
  EXPECT_FALSE(
      fed.feed.Ask("orders", fed.feed.EtagOf("orders"), absl::Milliseconds(1), 7).has_value());
  const auto is_given = [&fed]()
                            ABSL_EXCLUSIVE_LOCKS_REQUIRED(fed.mu) { return !fed.statuses.empty(); };
  absl::MutexLock lock(&fed.mu);
  ASSERT_TRUE(fed.mu.AwaitWithTimeout(absl::Condition(&is_given), absl::Seconds(20)));
  EXPECT_THAT(fed.statuses, ElementsAre(Pair(7, 304)));
}

}  // namespace
}  // namespace turnout::manager
