#include "connectors/kafka_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Partitions = std::set<int32_t>;

using KafkaSourceTest = KafkaTest;

// Offsets of these events, by partition.
std::map<int32_t, std::vector<int64_t>> OffsetsOf(const std::vector<KeptEvent>& events) {
  std::map<int32_t, std::vector<int64_t>> offsets;
  for (const KeptEvent& event : events) offsets[event.partition].push_back(event.offset);
  return offsets;
}

// True if each partition's offsets follow each other from `first` on.
bool FollowEachOther(const std::map<int32_t, std::vector<int64_t>>& offsets, int64_t first) {
  for (const auto& [partition, some] : offsets) {
    for (size_t i = 0; i < some.size(); ++i) {
      if (some[i] != first + static_cast<int64_t>(i)) return false;
    }
  }
  return true;
}

// Calls Rewind until it is more than Unavailable.
absl::Status RewindAtLast(Source& source, absl::Span<const SourceOffset> to) {
  const absl::Time deadline = absl::Now() + absl::Seconds(5);
  absl::Status status = source.Rewind(to);
  while (absl::IsUnavailable(status) && absl::Now() < deadline) status = source.Rewind(to);
  return status;
}

TEST_F(KafkaSourceTest, EveryEventComesOnceAndInOrderWithinItsPartition) {
  Preload(1000);
  auto source = MakeSource(SourceOptions());
  Assignments listener;
  const auto events = PollEvents(*source, listener, 1000);
  ASSERT_EQ(events.size(), 1000u);
  EXPECT_EQ(listener.ours, (Partitions{0, 1, 2, 3}));
  const auto offsets = OffsetsOf(events);
  EXPECT_TRUE(FollowEachOther(offsets, 0));
  for (const auto& [partition, some] : offsets) {
    EXPECT_EQ(source->EndOffset(partition), static_cast<int64_t>(some.size()));
  }
  EXPECT_EQ(source->EndOffset(4), -1);
  source->Close(listener, absl::Seconds(5));
  EXPECT_EQ(listener.revoked, (Partitions{0, 1, 2, 3}));
  EXPECT_TRUE(listener.lost.empty());
}

TEST_F(KafkaSourceTest, TheEndIsWhereReadingStandsAgainAfterARewindAndAfterNewEvents) {
  Preload(100);
  auto source = MakeSource(SourceOptions());
  Assignments listener;
  for (const int round : {1, 2}) {
    auto offsets = OffsetsOf(PollEvents(*source, listener, 100));
    ASSERT_EQ(offsets.size(), 4u) << "round " << round;
    EXPECT_TRUE(PollEvents(*source, listener, 1, absl::Milliseconds(300)).empty());
    std::vector<SourceOffset> back;
    for (const auto& [partition, some] : offsets) {
      EXPECT_EQ(source->EndOffset(partition), some.back() + 1) << "round " << round;
      back.push_back({partition, 0, ""});
    }
    const absl::Status rewound = RewindAtLast(*source, back);
    ASSERT_TRUE(rewound.ok()) << rewound;
    for (const auto& [partition, some] : offsets) {
      const int64_t end = source->EndOffset(partition);
      EXPECT_TRUE(end == -1 || end == some.back() + 1) << "just rewound, and the end is " << end;
    }
  }
  Preload(100);
  for (const auto& [partition, some] : OffsetsOf(PollEvents(*source, listener, 200))) {
    EXPECT_EQ(source->EndOffset(partition), some.back() + 1);
  }
}

TEST_F(KafkaSourceTest, ReachingTheEndOfTheLogDoesNotCutAWaitShort) {
  auto source = MakeSource(SourceOptions());
  Assignments listener;
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (listener.ours.size() < 4 && absl::Now() < deadline) {
    ASSERT_TRUE(source->Poll(absl::Milliseconds(10), listener).ok());
  }
  const absl::Time begin = absl::Now();
  const auto events = source->Poll(absl::Milliseconds(600), listener);
  ASSERT_TRUE(events.ok()) << events.status();
  EXPECT_TRUE(events->empty());
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(580));
}

TEST_F(KafkaSourceTest, APollReturnsNoMoreThanItsLimitsAllow) {
  Preload(100);  // ten records of two bytes, ninety of four, keys included
  KafkaSourceOptions options = SourceOptions();
  options.poll_events_max = 7;
  options.poll_bytes_max = 11;
  auto source = MakeSource(options);
  Assignments listener;
  std::vector<KeptEvent> all;
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (all.size() < 100 && absl::Now() < deadline) {
    const auto events = source->Poll(absl::Milliseconds(100), listener);
    ASSERT_TRUE(events.ok()) << events.status();
    ASSERT_LE(events->size(), 7u);
    size_t bytes = 0;
    for (const Event& event : *events) {
      bytes += event.key.size() + event.value.size();
      all.emplace_back(event);
    }
    ASSERT_LE(bytes, 11u);
  }
  EXPECT_EQ(all.size(), 100u);
  EXPECT_TRUE(FollowEachOther(OffsetsOf(all), 0));
}

TEST_F(KafkaSourceTest, AnEventLargerThanThePollLimitComesAlone) {
  Preload(3);
  KafkaSourceOptions options = SourceOptions();
  options.poll_bytes_max = 1;
  auto source = MakeSource(options);
  Assignments listener;
  size_t seen = 0;
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (seen < 3 && absl::Now() < deadline) {
    const auto events = source->Poll(absl::Milliseconds(100), listener);
    ASSERT_TRUE(events.ok()) << events.status();
    ASSERT_LE(events->size(), 1u);
    seen += events->size();
  }
  EXPECT_EQ(seen, 3u);
}

TEST_F(KafkaSourceTest, ARewoundPartitionIsReadAgainFromThereAndOthersGoOn) {
  Preload(1000);
  KafkaSourceOptions options = SourceOptions();
  options.poll_events_max = 300;
  auto source = MakeSource(options);
  Assignments listener;
  const auto taken = PollEvents(*source, listener, 300);
  auto first = OffsetsOf(taken);
  const int32_t rewound = first.begin()->first;
  ASSERT_TRUE(source->Rewind(std::vector<SourceOffset>{{rewound, 5, ""}, {99, 1, ""}}).ok());

  const size_t seen = first[rewound].size();
  auto again = OffsetsOf(PollEvents(*source, listener, 1000 - taken.size() + seen - 5));
  EXPECT_TRUE(FollowEachOther({{rewound, again[rewound]}}, 5));
  again.erase(rewound);
  for (const auto& [partition, some] : again) {
    EXPECT_TRUE(FollowEachOther({{partition, some}}, static_cast<int64_t>(first[partition].size())))
        << "partition " << partition;
  }
  EXPECT_TRUE(PollEvents(*source, listener, 1, absl::Milliseconds(300)).empty());
}

TEST_F(KafkaSourceTest, ARewindToNothingCommittedGoesBackToTheFirstEventSeen) {
  Preload(10);
  KafkaSourceOptions options = SourceOptions();
  options.start_at_earliest = false;
  auto source = MakeSource(options);
  Assignments listener;
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (listener.ours.empty() && absl::Now() < deadline) {
    ASSERT_TRUE(source->Poll(absl::Milliseconds(100), listener).ok());
  }
  EXPECT_TRUE(PollEvents(*source, listener, 1, absl::Milliseconds(500)).empty());
  Preload(10);
  const auto first = OffsetsOf(PollEvents(*source, listener, 10));
  Preload(10);
  std::vector<SourceOffset> back;
  for (const int32_t partition : listener.ours) back.push_back({partition, -1, ""});
  const absl::Status rewound = RewindAtLast(*source, back);
  ASSERT_TRUE(rewound.ok()) << rewound;
  const auto again = OffsetsOf(PollEvents(*source, listener, 20));
  for (const auto& [partition, some] : first) {
    ASSERT_TRUE(again.count(partition));
    EXPECT_EQ(again.at(partition).front(), some.front());
    EXPECT_EQ(again.at(partition).size(), 2 * some.size());
  }
}

TEST_F(KafkaSourceTest, TheNextMemberStartsAtTheCommittedOffsetAndFindsTheNote) {
  Preload(100);
  auto source = MakeSource(SourceOptions());
  Assignments listener;
  ASSERT_EQ(PollEvents(*source, listener, 100).size(), 100u);
  EXPECT_EQ(listener.assigned[0].offset, -1);
  const std::string note = "{\"rules\":[1]} \xc3\xa4";
  ASSERT_TRUE(source->Commit(std::vector<SourceOffset>{{0, 7, note}, {1, 3, ""}}).ok());
  source->Close(listener, absl::Seconds(5));
  const absl::Status closed = source->Commit(std::vector<SourceOffset>{{0, 7, ""}});
  EXPECT_TRUE(absl::IsFailedPrecondition(closed)) << closed;

  auto next = MakeSource(SourceOptions());
  Assignments then;
  const auto offsets = OffsetsOf(PollEvents(*next, then, 90));
  EXPECT_EQ(then.assigned[0].offset, 7);
  EXPECT_EQ(then.assigned[0].note, note);
  EXPECT_EQ(then.assigned[1].offset, 3);
  EXPECT_EQ(then.assigned[1].note, "");
  EXPECT_EQ(then.assigned[2].offset, -1);
  EXPECT_EQ(offsets.at(0).front(), 7);
  EXPECT_EQ(offsets.at(1).front(), 3);
  EXPECT_EQ(offsets.at(2).front(), 0);
}

TEST_F(KafkaSourceTest, APartitionIsNotReadBeforeItsCommittedOffsetIsKnown) {
  Preload(100);
  // More often than librdkafka tries by itself in one call.
  rd_kafka_mock_push_request_errors(mock, kOffsetFetch, 3, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT,
                                    RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT,
                                    RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT);
  auto source = MakeSource(SourceOptions());
  Assignments listener;
  const auto events = PollEvents(*source, listener, 100);
  ASSERT_EQ(events.size(), 100u);
  EXPECT_TRUE(FollowEachOther(OffsetsOf(events), 0));
  EXPECT_EQ(listener.assigned_calls, 1);
}

TEST_F(KafkaSourceTest, ASecondMemberTakesPartitionsOverFromTheFirst) {
  Preload(1000);
  auto one = MakeSource(SourceOptions());
  Assignments first;
  ASSERT_EQ(PollEvents(*one, first, 1000).size(), 1000u);
  auto two = MakeSource(SourceOptions());
  Assignments second;
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (second.ours.size() < 2 && absl::Now() < deadline) {
    for (auto [source, listener] : {std::pair{one.get(), &first}, {two.get(), &second}}) {
      const auto events = source->Poll(absl::Milliseconds(20), *listener);
      ASSERT_TRUE(events.ok()) << events.status();
      for (const Event& event : *events) ASSERT_TRUE(listener->ours.count(event.partition));
    }
  }
  EXPECT_EQ(first.revoked, second.ours);
  EXPECT_EQ(first.ours.size(), 2u);
  EXPECT_TRUE(first.lost.empty());
}

TEST_F(KafkaSourceTest, AMemberThatIsThrownOutLosesItsPartitionsAndGetsThemBack) {
  Preload(10);
  auto source = MakeSource(SourceOptions());
  Assignments listener;
  ASSERT_EQ(PollEvents(*source, listener, 10).size(), 10u);
  FailNext(kHeartbeat, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
  EXPECT_EQ(PollEvents(*source, listener, 10, absl::Seconds(20)).size(), 10u);
  EXPECT_EQ(listener.lost, (Partitions{0, 1, 2, 3}));
  EXPECT_EQ(listener.ours, (Partitions{0, 1, 2, 3}));
  EXPECT_TRUE(listener.revoked.empty());
}

TEST_F(KafkaSourceTest, RejoiningLosesEverythingAndStartsAgain) {
  Preload(10);
  auto source = MakeSource(SourceOptions());
  Assignments listener;
  ASSERT_EQ(PollEvents(*source, listener, 10).size(), 10u);
  const GroupMetadata before = source->group_metadata();
  EXPECT_EQ(before.group_id, "group");
  EXPECT_GT(before.generation, 0);
  EXPECT_FALSE(before.member_id.empty());
  EXPECT_TRUE(before.group_instance_id.empty());

  ASSERT_TRUE(source->Rejoin(listener).ok());
  EXPECT_EQ(listener.lost, (Partitions{0, 1, 2, 3}));
  EXPECT_TRUE(source->group_metadata().member_id.empty());
  EXPECT_EQ(PollEvents(*source, listener, 10, absl::Seconds(20)).size(), 10u);
  EXPECT_FALSE(source->group_metadata().member_id.empty());
}

TEST_F(KafkaSourceTest, ATopicThatMayNotBeReadIsNamedWithItsCureUntilItMay) {
  rd_kafka_mock_topic_set_error(mock, kSourceTopic, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  auto source = MakeSource(SourceOptions());
  Assignments listener;
  absl::Status problem;
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (problem.ok() && absl::Now() < deadline) {
    problem = source->Poll(absl::Milliseconds(100), listener).status();
  }
  EXPECT_TRUE(absl::IsInvalidArgument(problem)) << problem;
  EXPECT_THAT(std::string(problem.message()), HasSubstr("source topic source"));
  EXPECT_THAT(std::string(problem.message()), HasSubstr("grant"));
  rd_kafka_mock_topic_set_error(mock, kSourceTopic, RD_KAFKA_RESP_ERR_NO_ERROR);
  Preload(10);
  EXPECT_EQ(PollEvents(*source, listener, 10).size(), 10u);
}

// librdkafka tells of it once, however often it asks, and the topic may be used all the while.
TEST_F(KafkaSourceTest, AGroupThatMayNotBeJoinedIsNamedAllTheTimeUntilItMay) {
  constexpr auto kForbidden = RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
  rd_kafka_mock_push_request_errors(mock, kFindCoordinator, 6, kForbidden, kForbidden, kForbidden,
                                    kForbidden, kForbidden, kForbidden);
  Preload(10);
  auto source = MakeSource(SourceOptions());
  Assignments listener;
  int named = 0;
  int unnamed_since = 0;
  absl::Status problem;
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (listener.ours.empty() && absl::Now() < deadline) {
    const absl::Status status = source->Poll(absl::Milliseconds(100), listener).status();
    if (!status.ok()) {
      problem = status;
      ++named;
    } else if (named > 0 && listener.ours.empty() && source->waits_for().empty()) {
      ++unnamed_since;
    }
  }
  EXPECT_EQ(unnamed_since, 0);
  EXPECT_GT(named, 10);  // it is asked for twice a second
  EXPECT_TRUE(absl::IsInvalidArgument(problem)) << problem;
  EXPECT_THAT(std::string(problem.message()), HasSubstr("grant"));
  EXPECT_EQ(PollEvents(*source, listener, 10).size(), 10u);
}

TEST_F(KafkaSourceTest, BrokersThatGoAndComeAreReportedOnceEach) {
  Preload(10);
  std::vector<bool> told;
  KafkaSourceOptions options = SourceOptions();
  options.client.events.on_brokers = [&told](bool up, const std::string& reason) {
    EXPECT_FALSE(reason.empty());
    told.push_back(up);
  };
  auto source = MakeSource(options);
  Assignments listener;
  ASSERT_EQ(PollEvents(*source, listener, 10).size(), 10u);
  BrokerDown();
  absl::Status problem;
  absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (problem.ok() && absl::Now() < deadline) {
    problem = source->Poll(absl::Milliseconds(100), listener).status();
  }
  EXPECT_TRUE(absl::IsUnavailable(problem)) << problem;
  BrokerUp();
  deadline = absl::Now() + absl::Seconds(10);
  while (!problem.ok() && absl::Now() < deadline) {
    problem = source->Poll(absl::Milliseconds(100), listener).status();
  }
  EXPECT_TRUE(problem.ok()) << problem;
  EXPECT_THAT(told, ElementsAre(true, false, true));
}

// No connection breaks, so librdkafka has nothing to tell.
TEST_F(KafkaSourceTest, ABrokerThatAnswersNothingIsReportedThoughItsConnectionsStand) {
  Preload(10);
  auto source = MakeSource(SourceOptions());
  Assignments listener;
  ASSERT_EQ(PollEvents(*source, listener, 10).size(), 10u);
  BrokerSlow(5000);
  absl::Status problem;
  const auto poll_until = [&](bool well) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    do {
      problem = source->Poll(absl::Milliseconds(100), listener).status();
    } while (problem.ok() != well && absl::Now() < deadline);
  };
  poll_until(false);
  EXPECT_TRUE(absl::IsUnavailable(problem)) << problem;
  BrokerSlow(0);
  poll_until(true);
  EXPECT_TRUE(problem.ok()) << problem;
}

TEST_F(KafkaSourceTest, ClosingEndsInTimeWhenTheBrokerIsGone) {
  Preload(10);
  auto source = MakeSource(SourceOptions());
  Assignments listener;
  ASSERT_EQ(PollEvents(*source, listener, 10).size(), 10u);
  BrokerDown();
  const absl::Time begin = absl::Now();
  source->Close(listener, absl::Seconds(2));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(3));
  EXPECT_TRUE(listener.ours.empty());
}

}  // namespace
}  // namespace turnout::connectors
