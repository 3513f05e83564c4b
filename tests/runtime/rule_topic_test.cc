#include "runtime/rule_topic.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/scripted_table.h"

namespace turnout::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(20);

class RuleTopicTest : public testing::Test {
 protected:
  void Start(size_t bytes_max = 1000) {
    RuleTopicOptions options;
    options.topic = "rules";
    options.bytes_max = bytes_max;
    options.make_source = [this]() -> absl::StatusOr<std::unique_ptr<connectors::TableSource>> {
      return std::make_unique<support::ScriptedTable>(&topic_, std::map<int32_t, int64_t>());
    };
    options.on_news = [] {};
    origin_ = std::make_unique<RuleTopic>(std::move(options));
  }

  // Names of all files, and the texts of those that are handed over, once that is so.
  bool Becomes(const std::vector<std::string>& lines) {
    const absl::Time give_up = absl::Now() + kPatience;
    while (absl::Now() < give_up) {
      if (std::optional<RuleFiles> files = origin_->Take(absl::Now())) taken_ = *std::move(files);
      std::vector<std::string> now;
      for (auto& [name, file] : taken_.files) {
        if (file.text.has_value()) texts_[name] = *file.text;
        now.push_back(name + "=" + texts_[name]);
      }
      if (now == lines) return true;
      absl::SleepFor(absl::Milliseconds(1));
    }
    return false;
  }

  support::ScriptedTopic topic_;
  RuleFiles taken_;
  std::map<std::string, std::string> texts_;
  std::unique_ptr<RuleTopic> origin_;
};

TEST_F(RuleTopicTest, IsReadToItsEndAndThenFollowed) {
  topic_.Put("a.yaml", "old");
  topic_.Put("b.yaml", "one");
  topic_.Put("a.yaml", "one");
  topic_.Put("gone", "x");
  topic_.Delete("gone");
  Start();
  EXPECT_TRUE(Becomes({"a.yaml=one", "b.yaml=one"}));
  EXPECT_TRUE(taken_.is_complete);
  EXPECT_EQ(origin_->status().version, "0:5");
  topic_.Put("b.yaml", "two");
  EXPECT_TRUE(Becomes({"a.yaml=one", "b.yaml=two"}));
  EXPECT_FALSE(taken_.files["a.yaml"].text.has_value()) << "only what changed is handed over";
  topic_.Delete("b.yaml");
  EXPECT_TRUE(Becomes({"a.yaml=one"}));
  topic_.MakeAnew();
  topic_.Put("c", "one");
  EXPECT_TRUE(Becomes({"c=one"}));
}

TEST_F(RuleTopicTest, AnEmptyOneIsNotComplete) {
  Start();
  const absl::Time give_up = absl::Now() + kPatience;
  while (taken_.refused.empty() && absl::Now() < give_up) Becomes({});
  EXPECT_FALSE(taken_.is_complete);
  EXPECT_THAT(FormatRefused(taken_.refused), HasSubstr("there is no rule file in the topic"));
}

TEST_F(RuleTopicTest, TeamsTestsInItArePassedOver) {
  topic_.Put("a.test.yaml", "cases: []");
  topic_.Put("a.yaml", "one");
  Start(3);
  EXPECT_TRUE(Becomes({"a.yaml=one"}));
  topic_.Put("b.test.json", "{}");
  topic_.Delete("a.test.yaml");
  topic_.Delete("a.yaml");
  topic_.Put("b", "two");
  EXPECT_TRUE(Becomes({"b=two"}));
  EXPECT_THAT(taken_.refused, IsEmpty());
}

TEST_F(RuleTopicTest, ARecordThatIsNoFileIsRefusedByItsKey) {
  topic_.Put("a.yaml", "one");
  topic_.Add({.value = "x", .null_key = true});
  topic_.Put("b.yaml", "one");
  topic_.Put("b.yaml", std::string(1000, 'x'));
  Start(100);
  EXPECT_TRUE(Becomes({"a.yaml=one", "b.yaml=one"}));
  const std::string refused = FormatRefused(taken_.refused);
  EXPECT_THAT(refused, HasSubstr("the record at 0:1 of rules has no key"));
  EXPECT_THAT(refused, HasSubstr("b.yaml:1:1: the topic's files have more than 100 bytes"));
  topic_.Put("b.yaml", "two");
  EXPECT_TRUE(Becomes({"a.yaml=one", "b.yaml=two"}));
  EXPECT_THAT(FormatRefused(taken_.refused), testing::Not(HasSubstr("b.yaml")));
}

TEST_F(RuleTopicTest, OneThatIsAwayIsTriedAgainAndKeepsWhatItHad) {
  topic_.Put("a.yaml", "one");
  Start();
  EXPECT_TRUE(Becomes({"a.yaml=one"}));
  topic_.Fail(absl::UnavailableError("no broker"));
  const absl::Time give_up = absl::Now() + kPatience;
  while (origin_->status().problem.empty() && absl::Now() < give_up) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_EQ(origin_->status().problem, "no broker");
  topic_.Put("a.yaml", "two");
  topic_.Fail(absl::OkStatus());
  EXPECT_TRUE(Becomes({"a.yaml=two"}));
  EXPECT_EQ(origin_->status().problem, "");
}

}  // namespace
}  // namespace turnout::runtime
