#include "runtime/destinations.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/simulated_clock.h"

namespace turnout::runtime {
namespace {

using connectors::DestinationFailure;
using connectors::NewTopic;
using connectors::TopicDescription;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class FakeAdmin : public connectors::TopicAdmin {
 public:
  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> names,
                                                         bool may_write, absl::Duration) override {
    EXPECT_TRUE(may_write);
    ++described;
    if (!available) return absl::UnavailableError("no broker answered");
    std::vector<TopicDescription> answers;
    for (const std::string& name : names) {
      asked.push_back(name);
      const auto known = topics.find(name);
      answers.push_back(known != topics.end() ? known->second : TopicDescription{.topic = name});
    }
    return answers;
  }

  absl::StatusOr<std::vector<std::string>> List(absl::Duration) override {
    if (!available) return absl::UnavailableError("no broker answered");
    ++listed;
    std::vector<std::string> names;
    for (const auto& [name, description] : topics) names.push_back(name);
    return names;
  }

  absl::Status Create(absl::Span<const NewTopic> wanted, absl::Duration) override {
    if (!create_status.ok()) return create_status;
    for (const NewTopic& topic : wanted) {
      topics[topic.topic] = {.topic = topic.topic,
                             .state = TopicDescription::State::kReady,
                             .partitions = topic.partitions,
                             .batch_bytes_max = 1000};
    }
    return absl::OkStatus();
  }

  void Put(const std::string& name, TopicDescription::State state, int64_t batch_bytes_max = 1000) {
    topics[name] = {
        .topic = name, .state = state, .reason = "because", .batch_bytes_max = batch_bytes_max};
  }

  bool available = true;
  int described = 0;  // calls
  int listed = 0;     // calls
  absl::Status create_status;
  std::map<std::string, TopicDescription> topics;
  std::vector<std::string> asked;
};

class DestinationsTest : public testing::Test {
 protected:
  Destination Find(std::string_view topic) {
    const auto found = destinations_.Find(topic, 1);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? **found : Destination{};
  }

  std::vector<std::pair<std::string, std::string>> Told() {
    std::vector<std::pair<std::string, std::string>> told;
    destinations_.TellUnavailable([&told](const std::string& topic, const std::string& reason) {
      told.emplace_back(topic, reason);
    });
    return told;
  }

  support::SimulatedClock clock_;
  FakeAdmin admin_;
  Destinations destinations_{{.recheck = absl::Seconds(30)}, &admin_, &clock_};
};

TEST_F(DestinationsTest, AskForAReadyTopicOnce) {
  admin_.Put("orders", TopicDescription::State::kReady);
  EXPECT_TRUE(Find("orders").available);
  EXPECT_EQ(Find("orders").record_bytes_max, 1000);
  clock_.Advance(absl::Hours(1));
  Find("orders");
  EXPECT_THAT(admin_.asked, ElementsAre("orders"));
}

TEST_F(DestinationsTest, AskAgainForAMissingTopicOnlyAfterTheRecheckTime) {
  EXPECT_FALSE(Find("orders").available);
  EXPECT_THAT(Find("orders").reason, HasSubstr("create it"));
  clock_.Advance(absl::Seconds(29));
  Find("orders");
  EXPECT_EQ(admin_.listed, 1);

  admin_.Put("orders", TopicDescription::State::kReady);
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Find("orders").available);
  EXPECT_EQ(admin_.listed, 2);
}

TEST_F(DestinationsTest, NoticeThatATopicsLimitWasRaisedOnlyWhenARecordNeedsIt) {
  admin_.Put("orders", TopicDescription::State::kReady, 1000);
  Find("orders");
  admin_.Put("orders", TopicDescription::State::kReady, 2000);
  clock_.Advance(absl::Seconds(30));
  EXPECT_EQ(Find("orders").record_bytes_max, 1000);
  const auto found = destinations_.Find("orders", 1001);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ((*found)->record_bytes_max, 2000);
}

TEST_F(DestinationsTest, SayWhyATopicMayNotBeWritten) {
  admin_.Put("orders", TopicDescription::State::kForbidden);
  EXPECT_THAT(Find("orders").reason, HasSubstr("grant Write"));
}

TEST_F(DestinationsTest, KnowNothingWhileNoBrokerAnswers) {
  admin_.available = false;
  EXPECT_TRUE(absl::IsUnavailable(destinations_.Find("orders", 1).status()));
  admin_.available = true;
  admin_.Put("orders", TopicDescription::State::kReady);
  EXPECT_TRUE(Find("orders").available);
}

TEST_F(DestinationsTest, SetNoLimitWhereTheTopicsOwnMayNotBeAsked) {
  admin_.Put("orders", TopicDescription::State::kReady, -1);
  EXPECT_GT(Find("orders").record_bytes_max, int64_t{1} << 40);
}

TEST_F(DestinationsTest, CreateWhatIsMissingWhereThatIsOn) {
  Destinations creating({.create = true, .new_topic = {.partitions = 3}}, &admin_, &clock_);
  const auto found = creating.Find("orders", 1);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE((*found)->available);
  EXPECT_EQ(admin_.topics.at("orders").partitions, 3);
}

TEST_F(DestinationsTest, AreUnavailableWhereCreationIsRefused) {
  Destinations creating({.create = true}, &admin_, &clock_);
  admin_.create_status = absl::PermissionDeniedError("topic 'orders': not allowed");
  const auto found = creating.Find("orders", 1);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_FALSE((*found)->available);
  EXPECT_THAT((*found)->reason, HasSubstr("not allowed"));
}

TEST_F(DestinationsTest, LearnALimitFromARefusedRecord) {
  admin_.Put("orders", TopicDescription::State::kReady, -1);
  Find("orders");
  destinations_.MarkUnavailable({.topic = "orders",
                                 .kind = DestinationFailure::Kind::kRecordTooLarge,
                                 .reason = "too large",
                                 .record_bytes = 5000});
  EXPECT_TRUE(Find("orders").available);
  EXPECT_EQ(Find("orders").record_bytes_max, 5000);
}

TEST_F(DestinationsTest, StayUnavailableAfterAFailureUntilTheRecheckTime) {
  admin_.Put("orders", TopicDescription::State::kReady);
  Find("orders");
  destinations_.MarkUnavailable({.topic = "orders",
                                 .kind = DestinationFailure::Kind::kForbidden,
                                 .reason = "no longer allowed"});
  EXPECT_EQ(Find("orders").reason, "no longer allowed");
  clock_.Advance(absl::Seconds(30));
  EXPECT_TRUE(Find("orders").available);
}

TEST_F(DestinationsTest, StayAvailableWhereARecordWasRefusedForWhatIsInIt) {
  admin_.Put("orders", TopicDescription::State::kReady);
  Find("orders");
  destinations_.MarkUnavailable({.topic = "orders",
                                 .kind = DestinationFailure::Kind::kRecordRefused,
                                 .reason = "INVALID_TIMESTAMP"});
  EXPECT_TRUE(Find("orders").available);
}

TEST_F(DestinationsTest, AskAgainForALimitThatMayHaveBeenLowered) {
  const DestinationFailure too_large = {
      .topic = "orders", .kind = DestinationFailure::Kind::kRecordTooLarge, .reason = "too large"};
  admin_.Put("orders", TopicDescription::State::kReady, 5000);
  Find("orders");
  clock_.Advance(absl::Seconds(30));
  admin_.Put("orders", TopicDescription::State::kReady, 2000);
  destinations_.MarkUnavailable(too_large);
  EXPECT_TRUE(Find("orders").available);
  EXPECT_EQ(Find("orders").record_bytes_max, 2000);
  destinations_.MarkUnavailable(too_large);
  EXPECT_FALSE(Find("orders").available) << "what was asked a moment ago is not asked again";
}

TEST_F(DestinationsTest, AskForEachAgainOnceForgotten) {
  admin_.Put("orders", TopicDescription::State::kReady);
  ASSERT_TRUE(Find("orders").available);
  admin_.topics.erase("orders");
  ASSERT_TRUE(Find("orders").available);
  destinations_.Forget();
  EXPECT_FALSE(Find("orders").available);
}

TEST_F(DestinationsTest, AskNobodyForEachOfManyNamesThatNoTopicHas) {
  for (int i = 0; i < 5000; ++i) EXPECT_FALSE(Find("hog." + std::to_string(i)).available);
  EXPECT_TRUE(admin_.asked.empty());
  EXPECT_EQ(admin_.listed, 1);
}

TEST_F(DestinationsTest, CreateOnlySoManyTopicsASecond) {
  Destinations creating({.create = true, .creations_per_second_max = 3}, &admin_, &clock_);
  const auto is_available = [&](const char* topic) {
    const auto found = creating.Find(topic, 1);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && (*found)->available;
  };
  for (const char* topic : {"a", "b", "c"}) EXPECT_TRUE(is_available(topic));
  EXPECT_FALSE(is_available("d"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(is_available("d"));
}

TEST_F(DestinationsTest, KnowWhatTheyWerePrimedWith) {
  admin_.Put("a", TopicDescription::State::kReady);
  admin_.Put("b", TopicDescription::State::kForbidden);
  destinations_.Prime({"a", "b", "missing"});
  admin_.available = false;
  EXPECT_TRUE(Find("a").available);
  EXPECT_FALSE(Find("b").available);
  EXPECT_TRUE(absl::IsUnavailable(destinations_.Find("missing", 1).status()));
}

TEST_F(DestinationsTest, AskForWhatTheyWerePrimedWithInOneGoOnceForgotten) {
  for (const char* topic : {"a", "b", "c"}) admin_.Put(topic, TopicDescription::State::kReady);
  destinations_.Prime({"a", "b", "c"});
  admin_.Put("b", TopicDescription::State::kForbidden);
  admin_.topics.erase("c");
  destinations_.Forget();
  EXPECT_TRUE(Find("a").available);
  EXPECT_FALSE(Find("b").available);
  EXPECT_FALSE(Find("c").available);
  EXPECT_EQ(admin_.described, 2);
  EXPECT_EQ(admin_.listed, 1) << "only for the missing one";
}

TEST_F(DestinationsTest, TellOfAMissingTopicOnceInTheRecheckTime) {
  Find("ghost");
  Find("ghost");
  EXPECT_THAT(Told(), ElementsAre(Pair("ghost", HasSubstr("create it"))));
  clock_.Advance(absl::Seconds(29));
  Find("ghost");
  EXPECT_THAT(Told(), IsEmpty());
  clock_.Advance(absl::Seconds(1));
  Find("ghost");
  EXPECT_THAT(Told(), ElementsAre(Pair("ghost", HasSubstr("create it"))));
}

TEST_F(DestinationsTest, TellOfForbiddenAndUnwellTopicsAndOfNoOthers) {
  admin_.Put("kept", TopicDescription::State::kForbidden);
  admin_.Put("ill", TopicDescription::State::kUnwell);
  admin_.Put("well", TopicDescription::State::kReady);
  destinations_.Prime({"kept", "well"});
  Find("ill");
  EXPECT_THAT(Told(), ElementsAre(Pair("kept", HasSubstr("grant Write")),
                                  Pair("ill", HasSubstr("because"))));
}

TEST_F(DestinationsTest, AreNotToldASecondTimeOfWhatTheCallerHasSaid) {
  destinations_.MarkUnavailable({.topic = "orders", .reason = "no leader"});
  EXPECT_FALSE(Find("orders").available);
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(DestinationsTest, ForgetRatherThanGrowBeyondTheirLimit) {
  Destinations few({.destinations_max = 2}, &admin_, &clock_);
  for (const char* topic : {"a", "b", "c"}) admin_.Put(topic, TopicDescription::State::kReady);
  for (const char* topic : {"a", "b", "c"}) ASSERT_TRUE(few.Find(topic, 1).ok());
  ASSERT_TRUE(few.Find("c", 1).ok());
  EXPECT_THAT(admin_.asked, ElementsAre("a", "b", "c"));
  ASSERT_TRUE(few.Find("a", 1).ok());
  EXPECT_EQ(admin_.asked.size(), 4u);
}

}  // namespace
}  // namespace turnout::runtime
