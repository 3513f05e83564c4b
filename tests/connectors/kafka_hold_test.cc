// Partitions that are held: KafkaSource's Hold, and Rewind as what releases them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using Partitions = std::set<int32_t>;

class KafkaHoldTest : public KafkaTest {
 protected:
  static constexpr int32_t kHeld = 1;
  // Of the keys "0" to "199" so many are kHeld's, by the hash that clients agree on.
  static constexpr int64_t kOfHeld = 42;

  // A source that holds kHeld when it is assigned, with everything else read; `committed` is
  // where the group stands in kHeld before.
  void StartHeld(int64_t committed = -1) {
    Preload(200);
    if (committed >= 0) {
      source = MakeSource(SourceOptions());
      PollEvents(*source, listener, 200);
      ASSERT_TRUE(source->Commit({{kHeld, committed, ""}}).ok());
      source->Close(listener, absl::Seconds(5));
      listener = Assignments();
    }
    source = MakeSource(SourceOptions());
    listener.hold_in = source.get();
    listener.hold = {kHeld};
    const absl::Time deadline = absl::Now() + absl::Seconds(15);
    while (listener.ours.empty() && absl::Now() < deadline) {
      ASSERT_TRUE(source->Poll(absl::Milliseconds(1), listener)->empty());
    }
    ReadTheOthers();
    ASSERT_EQ(listener.ours, (Partitions{0, 1, 2, 3}));
  }

  // What one Preload(200) put into the other partitions, and nothing else.
  void ReadTheOthers() {
    constexpr size_t kOthers = 200 - kOfHeld;
    Partitions seen;
    const auto events = PollEvents(*source, listener, kOthers);
    for (const KeptEvent& event : events) seen.insert(event.partition);
    ASSERT_EQ(events.size(), kOthers);
    ASSERT_EQ(seen, (Partitions{0, 2, 3}));
    ASSERT_TRUE(PollEvents(*source, listener, 1, absl::Milliseconds(300)).empty());
  }

  absl::Status Release(int64_t offset) {
    absl::Status status;
    const absl::Time deadline = absl::Now() + absl::Seconds(5);
    do {
      status = source->Rewind({{kHeld, offset, ""}});
    } while (absl::IsUnavailable(status) && absl::Now() < deadline);
    return status;
  }

  // Offsets of kHeld's events that come; each follows the one before.
  std::vector<int64_t> ReadHeld(size_t count, absl::Duration within = absl::Seconds(10)) {
    std::vector<int64_t> offsets;
    for (const KeptEvent& event : PollEvents(*source, listener, count, within)) {
      EXPECT_EQ(event.partition, kHeld);
      if (!offsets.empty()) {
        EXPECT_EQ(event.offset, offsets.back() + 1);
      }
      offsets.push_back(event.offset);
    }
    return offsets;
  }

  // That kHeld goes on at `first` and to the end, and nothing else comes.
  void ExpectReadFrom(int64_t first) {
    const std::vector<int64_t> offsets = ReadHeld(static_cast<size_t>(length - first));
    ASSERT_EQ(offsets.size(), static_cast<size_t>(length - first));
    EXPECT_EQ(offsets.front(), first);
    EXPECT_TRUE(ReadHeld(1, absl::Milliseconds(300)).empty());
    EXPECT_EQ(source->EndOffset(kHeld), length);
  }

  Assignments listener;
  std::unique_ptr<Source> source;
  int64_t length = kOfHeld;  // of kHeld
};

TEST_F(KafkaHoldTest, APartitionHeldWhenAssignedIsReadFromItsBeginningOnceReleased) {
  StartHeld();
  ASSERT_TRUE(Release(-1).ok());
  ExpectReadFrom(0);
}

TEST_F(KafkaHoldTest, ItIsReleasedAtAnEarlierOffsetThanCommitted) {
  StartHeld(10);
  ASSERT_EQ(listener.assigned[kHeld].offset, 10);
  ASSERT_TRUE(Release(3).ok());
  ExpectReadFrom(3);
}

TEST_F(KafkaHoldTest, ItIsReleasedAtALaterOffsetThanCommittedAndAgainAtThatOffset) {
  StartHeld(10);
  ASSERT_TRUE(Release(15).ok());
  ExpectReadFrom(15);
  ASSERT_TRUE(source->Hold({kHeld}).ok());
  EXPECT_TRUE(ReadHeld(1, absl::Milliseconds(300)).empty());
  ASSERT_TRUE(Release(10).ok());
  ExpectReadFrom(10);
}

TEST_F(KafkaHoldTest, APartitionThatIsBeingReadIsHeldAndGoesOnWhereAsked) {
  KafkaSourceOptions options = SourceOptions();
  options.poll_events_max = 7;  // so that more has been taken than returned
  Preload(1000);
  source = MakeSource(options);
  std::map<int32_t, int64_t> next;
  const auto read = [&](size_t count, absl::Duration within) {
    for (const KeptEvent& event : PollEvents(*source, listener, count, within)) {
      EXPECT_EQ(event.offset, next[event.partition]) << "partition " << event.partition;
      next[event.partition] = event.offset + 1;
    }
  };
  read(100, absl::Seconds(10));
  const int64_t before = next[kHeld];
  ASSERT_TRUE(source->Hold({kHeld}).ok());
  ASSERT_TRUE(source->Hold({kHeld, 77}).ok()) << "held already, and one that is not ours";
  read(1000, absl::Seconds(2));
  EXPECT_EQ(next[kHeld], before);
  next[kHeld] = 4;
  ASSERT_TRUE(Release(4).ok());
  const auto total = [&] {
    int64_t sum = 0;
    for (const auto& [partition, offset] : next) sum += offset;
    return sum;
  };
  read(static_cast<size_t>(1000 - total()), absl::Seconds(10));
  EXPECT_EQ(total(), 1000);
}

TEST_F(KafkaHoldTest, WhatComesWhileItIsHeldIsThereAfterwards) {
  StartHeld();
  Preload(200);
  ReadTheOthers();
  length *= 2;
  ASSERT_TRUE(Release(-1).ok());
  ExpectReadFrom(0);
}

TEST_F(KafkaHoldTest, ItIsLostWhileHeldAndComesBackUnheld) {
  StartHeld();
  listener.hold.clear();
  FailNext(kHeartbeat, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
  const auto events = PollEvents(*source, listener, 200, absl::Seconds(20));
  EXPECT_EQ(listener.lost, (Partitions{0, 1, 2, 3}));
  EXPECT_EQ(events.size(), 200u);
}

TEST_F(KafkaHoldTest, ItIsRevokedWhileHeldAndReadByWhoeverGetsItNext) {
  StartHeld();
  // Every partition is held, so whichever moves was.
  ASSERT_TRUE(source->Hold({0, 1, 2, 3}).ok());
  auto two = MakeSource(SourceOptions());
  Assignments second;
  std::vector<KeptEvent> events;
  absl::Time deadline = absl::Now() + absl::Seconds(20);
  while ((second.ours.size() < 2 || events.empty()) && absl::Now() < deadline) {
    ASSERT_TRUE(PollEvents(*source, listener, 1, absl::Milliseconds(20)).empty());
    for (KeptEvent& event : PollEvents(*two, second, 1, absl::Milliseconds(20))) {
      events.push_back(std::move(event));
    }
  }
  EXPECT_EQ(listener.revoked, second.ours);
  EXPECT_FALSE(events.empty());
  EXPECT_TRUE(listener.lost.empty());
  // Back with the first member they are read, while those that stayed are held still.
  const Partitions stayed = listener.ours;
  listener.hold.clear();
  two->Close(second, absl::Seconds(5));
  Partitions seen;
  deadline = absl::Now() + absl::Seconds(20);
  while (seen.size() < 2 && absl::Now() < deadline) {
    for (const KeptEvent& event : PollEvents(*source, listener, 1, absl::Milliseconds(100))) {
      ASSERT_EQ(stayed.count(event.partition), 0u) << event.partition;
      seen.insert(event.partition);
    }
  }
  EXPECT_EQ(seen.size(), 2u);
}

TEST_F(KafkaHoldTest, ItIsClosedAndRejoinedWhileHeld) {
  StartHeld();
  ASSERT_TRUE(source->Rejoin(listener).ok());
  EXPECT_EQ(listener.lost, (Partitions{0, 1, 2, 3}));
  listener.hold_in = source.get();
  const absl::Time deadline = absl::Now() + absl::Seconds(15);
  while (listener.ours.empty() && absl::Now() < deadline) {
    PollEvents(*source, listener, 1, absl::Milliseconds(100));
  }
  EXPECT_EQ(listener.ours, (Partitions{0, 1, 2, 3}));
  const absl::Time begin = absl::Now();
  source->Close(listener, absl::Seconds(5));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(8));
  EXPECT_TRUE(listener.ours.empty());
}

TEST_F(KafkaHoldTest, TheBeginningIsAskedOfTheBrokerForASecondAtMost) {
  StartHeld();
  const auto begin = source->BeginOffset(kHeld);
  ASSERT_TRUE(begin.ok()) << begin.status();
  EXPECT_EQ(*begin, 0);
  BrokerDown();
  const absl::Time asked = absl::Now();
  const auto none = source->BeginOffset(kHeld);
  EXPECT_TRUE(absl::IsUnavailable(none.status())) << none.status();
  EXPECT_LT(absl::Now() - asked, absl::Seconds(2));
}

}  // namespace
}  // namespace turnout::connectors
