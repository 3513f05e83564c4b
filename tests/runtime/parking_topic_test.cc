#include "runtime/parking_topic.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using connectors::NewTopic;
using connectors::TopicDescription;
using testing::HasSubstr;

class FakeAdmin : public connectors::TopicAdmin {
 public:
  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> topics, bool,
                                                         absl::Duration) override {
    if (!answers.ok()) return answers;
    TopicDescription answer = {.topic = topics[0], .reason = "because"};
    if (topics[0] == "events") answer.partitions = source_partitions;
    answer.state = topics[0] == "events" ? TopicDescription::State::kReady : parking;
    return std::vector<TopicDescription>{answer};
  }
  absl::StatusOr<std::vector<std::string>> List(absl::Duration) override {
    return std::vector<std::string>{};
  }
  absl::Status Create(absl::Span<const NewTopic> topics, absl::Duration) override {
    created.assign(topics.begin(), topics.end());
    return may_create;
  }

  absl::Status answers;
  int source_partitions = 6;
  TopicDescription::State parking = TopicDescription::State::kMissing;
  absl::Status may_create;
  std::vector<NewTopic> created;
};

TEST(ParkingTopicTest, IsMadeWhereItIsMissingToKeepRecordsForAWeek) {
  FakeAdmin admin;
  EXPECT_EQ(*EnsureParkingTopic("events.parking", "events", {.partitions = 1}, &admin), "");
  ASSERT_EQ(admin.created.size(), 1u);
  EXPECT_EQ(admin.created[0].topic, "events.parking");
  EXPECT_EQ(admin.created[0].partitions, 6);
  EXPECT_EQ(admin.created[0].retention_ms, 7 * 24 * 3600 * 1000);
  EXPECT_TRUE(admin.created[0].goes_by_age_alone);
}

TEST(ParkingTopicTest, IsLeftAsItIsWhereItIsThere) {
  FakeAdmin admin;
  admin.parking = TopicDescription::State::kReady;
  EXPECT_EQ(*EnsureParkingTopic("events.parking", "events", {}, &admin), "");
  EXPECT_TRUE(admin.created.empty());
}

TEST(ParkingTopicTest, WhatKeepsItAwayIsSaidWithItsCure) {
  FakeAdmin admin;
  admin.may_create = absl::PermissionDeniedError("no Create");
  EXPECT_THAT(
      *EnsureParkingTopic("events.parking", "events", {}, &admin),
      testing::AllOf(HasSubstr("no Create"), HasSubstr("dead letters"), HasSubstr("grant Create")));
  admin.parking = TopicDescription::State::kForbidden;
  EXPECT_THAT(*EnsureParkingTopic("events.parking", "events", {}, &admin),
              HasSubstr("may not be written: because"));
}

TEST(ParkingTopicTest, IsLookedForAgainWhileTheSourceOrTheBrokersAreAway) {
  FakeAdmin admin;
  admin.source_partitions = 0;
  EXPECT_TRUE(
      absl::IsNotFound(EnsureParkingTopic("events.parking", "events", {}, &admin).status()));
  admin.source_partitions = 6;
  admin.may_create = absl::UnavailableError("no answer");
  EXPECT_TRUE(
      absl::IsUnavailable(EnsureParkingTopic("events.parking", "events", {}, &admin).status()));
  admin.answers = absl::UnavailableError("nobody");
  EXPECT_TRUE(
      absl::IsUnavailable(EnsureParkingTopic("events.parking", "events", {}, &admin).status()));
}

}  // namespace
}  // namespace turnout::runtime
