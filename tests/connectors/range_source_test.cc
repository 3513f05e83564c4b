#include "connectors/range_source.h"

#include <set>

#include "connectors/memberless_group.h"
#include "gmock/gmock.h"
#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(15);
constexpr char kTopic[] = "ranged";

class RangeSourceTest : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    CreateTopic(kTopic, 1);
    Preload(50, kTopic);
  }

  // What the group has committed.
  void Commit(const std::vector<SourceOffset>& offsets, const std::string& topic = kTopic) {
    auto group =
        GroupOffsets::Make({.client = ClientOptions("group"), .group = "job", .topic = topic});
    ASSERT_TRUE(group.ok()) << group.status();
    absl::Status set;
    const absl::Time deadline = absl::Now() + kPatience;
    do {
      set = (*group)->Set(offsets);
    } while (absl::IsUnavailable(set) && absl::Now() < deadline);
    ASSERT_TRUE(set.ok()) << set;
  }

  std::unique_ptr<RangeSource> Make(const OffsetRanges& ranges, RangeSourceOptions options = {}) {
    options.client = ClientOptions("range");
    if (options.topic.empty()) options.topic = kTopic;
    options.group = "job";
    options.ranges = ranges;
    auto made = RangeSource::Make(options);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }

  // Polls until it is done; offsets by partition, in the order they came.
  std::map<int32_t, std::vector<int64_t>> ReadAll(RangeSource& source) {
    std::map<int32_t, std::vector<int64_t>> offsets;
    const absl::Time deadline = absl::Now() + kPatience;
    while (!source.done() && source.refusal().ok() && absl::Now() < deadline) {
      const auto events = source.Poll(absl::Milliseconds(50), listener);
      if (!events.ok()) continue;
      for (const Event& event : *events) offsets[event.partition].push_back(event.offset);
    }
    EXPECT_TRUE(source.done() || !source.refusal().ok());
    return offsets;
  }

  static std::vector<int64_t> Numbers(int64_t from, int64_t to) {
    std::vector<int64_t> numbers;
    for (int64_t i = from; i < to; ++i) numbers.push_back(i);
    return numbers;
  }

  Assignments listener;
};

TEST_F(RangeSourceTest, GoesOnFromWhatIsCommittedToTheRangesEndAndIsDone) {
  Commit({{0, 12, "a note"}});
  const auto source = Make({{0, {5, 40}}});
  EXPECT_FALSE(source->done());
  EXPECT_EQ(ReadAll(*source)[0], Numbers(12, 40));
  EXPECT_EQ(listener.assigned[0].offset, 12);
  EXPECT_EQ(listener.assigned[0].note, "a note");
  EXPECT_EQ(source->group_metadata().group_id, "job");
  EXPECT_TRUE(MayCommit(source->group_metadata()));
  EXPECT_EQ(AsSent(source->group_metadata()).generation, -1);
}

TEST_F(RangeSourceTest, PartitionsWithNothingLeftAreOverAtOnce) {
  Commit({{0, 40, ""}});
  const auto source = Make({{0, {5, 40}}});
  EXPECT_TRUE(ReadAll(*source).empty());
  EXPECT_EQ(source->EndOffset(0), 40);
}

TEST_F(RangeSourceTest, ARewindReadsAgainFromThereAndOthersGoOn) {
  Preload(200);
  Commit({{0, 0, ""}, {1, 0, ""}, {2, 0, ""}, {3, 0, ""}}, kSourceTopic);
  OffsetRanges ranges;
  for (int32_t i = 0; i < 4; ++i) ranges[i] = {0, 20};
  RangeSourceOptions options;
  options.topic = kSourceTopic;
  options.poll_events_max = 7;
  const auto source = Make(ranges, options);
  std::map<int32_t, std::vector<int64_t>> seen;
  const absl::Time deadline = absl::Now() + kPatience;
  for (int polls = 0; polls < 5 && absl::Now() < deadline;) {
    const auto events = source->Poll(absl::Milliseconds(50), listener);
    ASSERT_TRUE(events.ok() || absl::IsUnavailable(events.status())) << events.status();
    if (!events.ok() || events->empty()) continue;
    ++polls;
    EXPECT_LE(events->size(), 7u);
    for (const Event& event : *events) seen[event.partition].push_back(event.offset);
  }
  const int32_t rewound = seen.begin()->first;
  ASSERT_TRUE(source->Rewind({{rewound, 0, ""}}).ok());
  std::map<int32_t, std::vector<int64_t>> rest = ReadAll(*source);
  EXPECT_EQ(rest[rewound], Numbers(0, 20));
  for (int32_t i = 0; i < 4; ++i) {
    if (i == rewound) continue;
    std::vector<int64_t> all = seen[i];
    all.insert(all.end(), rest[i].begin(), rest[i].end());
    EXPECT_EQ(all, Numbers(0, 20)) << i;
  }
}

TEST_F(RangeSourceTest, WhatIsHeldComesOnceARewindSaysFromWhere) {
  Commit({{0, 3, ""}});
  const auto source = Make({{0, {0, 10}}});
  listener.hold_in = source.get();
  listener.hold = {0};
  const absl::Time deadline = absl::Now() + kPatience;
  while (listener.assigned_calls == 0 && absl::Now() < deadline) {
    source->Poll(absl::Milliseconds(50), listener).IgnoreError();
  }
  for (int i = 0; i < 3; ++i) {
    const auto events = source->Poll(absl::Milliseconds(50), listener);
    ASSERT_TRUE(events.ok()) << events.status();
    EXPECT_TRUE(events->empty());
    EXPECT_FALSE(source->done());
  }
  ASSERT_TRUE(source->Rewind({{0, 1, ""}}).ok());
  EXPECT_EQ(ReadAll(*source)[0], Numbers(1, 10));
  EXPECT_EQ(*source->BeginOffset(0), 0);
}

TEST_F(RangeSourceTest, NoMoreEventsComeASecondThanItMay) {
  Commit({{0, 0, ""}});
  RangeSourceOptions options;
  options.events_per_second_max = 40;
  const auto source = Make({{0, {0, 50}}}, options);
  const absl::Time begun = absl::Now();
  EXPECT_EQ(ReadAll(*source)[0], Numbers(0, 50));
  EXPECT_GE(absl::Now() - begun, absl::Milliseconds(1'100));
}

TEST_F(RangeSourceTest, RejoiningReadsTheCommittedOffsetsAgain) {
  Commit({{0, 0, ""}});
  const auto source = Make({{0, {0, 50}}});
  EXPECT_EQ(ReadAll(*source)[0], Numbers(0, 50));
  Commit({{0, 45, ""}});
  ASSERT_TRUE(source->Rejoin(listener).ok());
  EXPECT_TRUE(listener.lost.contains(0));
  EXPECT_FALSE(source->done());
  EXPECT_EQ(ReadAll(*source)[0], Numbers(45, 50));
  source->Close(listener, absl::Seconds(1));
  EXPECT_TRUE(listener.revoked.contains(0));
}

TEST_F(RangeSourceTest, WhatTheLogDoesNotHaveIsARefusal) {
  Commit({{0, 700, ""}});
  const auto source = Make({{0, {700, 800}}});
  ReadAll(*source);
  EXPECT_TRUE(absl::IsInvalidArgument(source->refusal()));
  EXPECT_THAT(std::string(source->refusal().message()), HasSubstr("offset 700"));
}

TEST_F(RangeSourceTest, APartitionWithoutACommittedOffsetIsARefusal) {
  const auto source = Make({{0, {0, 10}}});
  ReadAll(*source);
  EXPECT_TRUE(absl::IsInvalidArgument(source->refusal()));
  EXPECT_THAT(std::string(source->refusal().message()), HasSubstr("group job has no offset"));
}

}  // namespace
}  // namespace turnout::connectors
