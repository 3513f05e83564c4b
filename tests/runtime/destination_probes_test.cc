#include "runtime/destination_probes.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/destinations.h"
#include "tests/support/simulated_clock.h"

namespace turnout::runtime {
namespace {

using connectors::DestinationFailure;
using connectors::TopicDescription;
using State = TopicDescription::State;

class FakeAdmin : public connectors::TopicAdmin {
 public:
  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> topics, bool,
                                                         absl::Duration) override {
    ++described;
    if (!answers) return absl::UnavailableError("no broker answered");
    std::vector<TopicDescription> all;
    for (const std::string& topic : topics) {
      const auto known = states.find(topic);
      all.push_back({.topic = topic,
                     .state = known == states.end() ? State::kMissing : known->second,
                     .reason = "because",
                     .partitions = 1});
    }
    return all;
  }
  absl::StatusOr<std::vector<std::string>> List(absl::Duration) override {
    std::vector<std::string> names;
    for (const auto& [name, state] : states) {
      if (state != State::kMissing) names.push_back(name);
    }
    return names;
  }
  absl::Status Create(absl::Span<const connectors::NewTopic> topics, absl::Duration) override {
    for (const connectors::NewTopic& topic : topics) states[topic.topic] = State::kReady;
    return absl::OkStatus();
  }

  bool answers = true;
  int described = 0;  // calls
  std::map<std::string, State> states;
};

class DestinationProbesTest : public testing::Test {
 protected:
  DestinationProbesTest() { admin_.states["a"] = State::kReady; }

  bool IsAvailable(const std::string& topic) {
    const auto found = destinations_.Find(topic, 1);
    return found.ok() && (*found)->available;
  }
  void Turn() {
    destinations_.Turn([this](std::string_view) { return is_parked_; });
  }
  // Long enough for the next question, and its answer.
  void Ask() {
    clock_.Advance(absl::Seconds(31));
    Turn();
    probes_.Work(&admin_, absl::Seconds(1));
    Turn();
  }
  std::vector<std::string> Unwell() {
    std::vector<std::string> all;
    destinations_.EachUnwell([&](const std::string& topic, const Bulkhead& bulkhead) {
      all.push_back(absl::StrCat(topic, " is ", std::string(BulkheadStateName(bulkhead.state)),
                                 " (", std::string(EjectionName(bulkhead.why)), ")"));
    });
    return all;
  }

  using Strings = std::vector<std::string>;
  support::SimulatedClock clock_;
  FakeAdmin admin_;
  DestinationProbes probes_;
  Destinations destinations_{{.probes = &probes_}, &admin_, &clock_};
  bool is_parked_ = true;
};

TEST_F(DestinationProbesTest, AnEjectedDestinationIsAskedAboutByAnotherAndComesBack) {
  ASSERT_TRUE(IsAvailable("a"));
  admin_.states["a"] = State::kForbidden;
  destinations_.MarkUnavailable({.topic = "a", .kind = DestinationFailure::Kind::kForbidden});
  const int before = admin_.described;
  clock_.Advance(absl::Minutes(5));
  EXPECT_FALSE(IsAvailable("a"));
  EXPECT_EQ(admin_.described, before);  // the worker doesn't wait for an answer
  Ask();
  EXPECT_EQ(Unwell(), Strings{"a is ejected (forbidden)"});
  admin_.states["a"] = State::kReady;
  Ask();
  EXPECT_TRUE(IsAvailable("a"));
  EXPECT_EQ(Unwell(), Strings{"a is draining (forbidden)"});
  Turn();
  EXPECT_EQ(Unwell(), Strings{"a is draining (forbidden)"});
  is_parked_ = false;
  Turn();
  EXPECT_EQ(Unwell(), Strings{});
}

TEST_F(DestinationProbesTest, BrokersThatDoNotAnswerLeaveThingsAsTheyAre) {
  ASSERT_TRUE(IsAvailable("a"));
  destinations_.MarkUnavailable({.topic = "a", .kind = DestinationFailure::Kind::kMissing});
  admin_.answers = false;
  Ask();
  EXPECT_EQ(Unwell(), Strings{"a is ejected (missing)"});
  EXPECT_FALSE(IsAvailable("a"));
}

TEST_F(DestinationProbesTest, WhatIsNotKnownIsNotOpenUntilItWasAskedAbout) {
  EXPECT_FALSE(destinations_.IsOpen("a"));
  EXPECT_EQ(admin_.described, 0);
  Ask();
  EXPECT_TRUE(destinations_.IsOpen("a"));
}

TEST_F(DestinationProbesTest, ATopicThatNobodyNamesOutrightAndThatNeverWasIsNotExpected) {
  const auto found = destinations_.Find("nowhere", 1);
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE((*found)->is_expected);
  EXPECT_EQ(Unwell(), Strings{});
  destinations_.Prime({"soon"});
  ASSERT_TRUE(destinations_.Find("soon", 1).ok());
  EXPECT_TRUE((*destinations_.Find("soon", 1))->is_expected);
  EXPECT_EQ(Unwell(), Strings{"soon is ejected (missing)"});
}

TEST_F(DestinationProbesTest, ATopicThatIsThereIsExpectedHoweverUnwellItIsWhenFirstSeen) {
  admin_.states["b"] = State::kUnwell;
  admin_.states["c"] = State::kForbidden;
  ASSERT_TRUE(destinations_.Find("b", 1).ok());
  EXPECT_TRUE((*destinations_.Find("b", 1))->is_expected);
  EXPECT_EQ(Unwell(), Strings{"b is ejected (unwell)"});
  EXPECT_FALSE((*destinations_.Find("c", 1))->is_expected);
  admin_.states["b"] = State::kReady;
  Ask();
  EXPECT_TRUE(IsAvailable("b"));
}

TEST_F(DestinationProbesTest, ManyQuestionsGoInSeveralRequests) {
  for (size_t i = 0; i <= kProbesMax; ++i) probes_.Ask(absl::StrCat("t", i));
  probes_.Work(&admin_, absl::Seconds(1));
  EXPECT_EQ(probes_.Take().size(), kProbesMax);
  probes_.Work(&admin_, absl::Seconds(1));
  EXPECT_EQ(probes_.Take().size(), 1u);
  probes_.Work(&admin_, absl::Seconds(1));
  EXPECT_EQ(admin_.described, 2);
  EXPECT_TRUE(probes_.Take().empty());
}

TEST_F(DestinationProbesTest, WhatIsMissingIsCreatedWhereThatIsWanted) {
  DestinationProbes creating(connectors::NewTopic{});
  creating.Ask("new");
  creating.Work(&admin_, absl::Seconds(1));
  EXPECT_EQ(admin_.states["new"], State::kReady);
}

}  // namespace
}  // namespace turnout::runtime
