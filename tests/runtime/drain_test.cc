#include "runtime/drain.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/runtime/parking_fixture.h"
#include "tests/support/recording_observer.h"

namespace turnout::runtime {
namespace {

using connectors::Event;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kTriesMax = 3;
constexpr int32_t kTask = 6;
constexpr int32_t kPartition = 2;  // of the parking topic, for that task

// Partitions in memory, whose offsets are positions.
class KeptReader : public connectors::PartitionReader {
 public:
  void Seek(int32_t partition, int64_t offset, int64_t since_ms) override {
    sought.push_back(offset);
    partition_ = partition;
    // What is looked for by the time is not found: by the clocks here it lies behind all.
    next_ =
        since_ms >= 0 ? logs[partition].size() : static_cast<size_t>(std::max<int64_t>(offset, 0));
  }
  void Stop() override { partition_.reset(); }
  absl::Span<const Event> Take() override {
    events_.clear();
    headers_.clear();
    if (!partition_) return {};
    const std::vector<KeptRecord>& log = logs[*partition_];
    const size_t end = std::min(log.size(), next_ + takes_max);
    headers_.resize(end - std::min(end, next_));
    for (size_t i = 0; next_ < end; ++next_, ++i) {
      events_.push_back(log[next_].View(&headers_[i]));
      events_.back().offset = static_cast<int64_t>(next_);
    }
    return events_;
  }
  bool is_at_end() const override { return partition_ && next_ >= logs.at(*partition_).size(); }
  std::string trouble() const override { return what_troubles; }

  std::map<int32_t, std::vector<KeptRecord>> logs;
  std::vector<int64_t> sought;
  size_t takes_max = 1'000;
  std::string what_troubles;

 private:
  std::optional<int32_t> partition_;
  size_t next_ = 0;
  std::vector<Event> events_;
  std::vector<std::vector<connectors::Header>> headers_;
};

class DrainTest : public ParkingTest {
 protected:
  explicit DrainTest(int64_t bytes_per_second = 0) : ParkingTest(bytes_per_second) {
    tasks_.Assign({{.partition = kTask, .offset = 0}});
    parking_.UseTask(kTask, &task().parked);
    reader_.logs[kPartition];
  }

  Task& task() { return *tasks_.Find(kTask); }
  // So many outputs of this destination wait, and that is committed.
  void ParkOrders(int count) {
    FallIll();
    for (int i = 0; i < count; ++i) Dispatch(kOrder);
    Keep();
  }
  // What was parked is in the parking topic.
  void Keep() {
    for (size_t i = 0; i < sink_.topics.size(); ++i) {
      if (sink_.topics[i] == "events.parking") {
        reader_.logs[sink_.partitions[i]].push_back(sink_.records[i]);
      }
    }
    Forget();
    Commit();
  }
  void Forget() {
    sink_.topics.clear();
    sink_.partitions.clear();
    sink_.records.clear();
  }
  void Commit() {
    task().note.parked = task().parked;
    drain_.Committed();
  }
  void Abort() {
    task().parked = task().note.parked;
    drain_.Reset();
  }
  void Recover() {
    for (int i = 0; i < 3; ++i) {
      clock_.Advance(absl::Minutes(2));
      destinations_.Turn([this](std::string_view topic) { return drain_.IsParked(topic); });
      probes_.Work(&admin_, absl::Seconds(1));
    }
    destinations_.Turn([this](std::string_view topic) { return drain_.IsParked(topic); });
    ASSERT_TRUE(destinations_.IsOpen("shop.orders"));
  }
  // Whether something was ready, and was sent.
  bool DrainOnce() {
    if (!drain_.IsReady()) return false;
    const absl::Status status = drain_.Run([](Task*) { return absl::OkStatus(); });
    EXPECT_TRUE(status.ok()) << status;
    return true;
  }
  int64_t waiting() {
    int64_t waiting = 0;
    for (const state::ParkingLane& lane : task().parked.lanes()) waiting += lane.waiting();
    return waiting;
  }

  support::RecordingObserver observer_;
  TaskSet tasks_{{.worker = 0, .source_topic = "events"}, nullptr, nullptr, &observer_};
  KeptReader reader_;
  Drain drain_{"group",      kTriesMax, &clock_,   &parking_, &destinations_,
               &dispatcher_, &tasks_,   &budgets_, &reader_};
};

TEST_F(DrainTest, WhatWaitsIsSentOnceItsDestinationIsWellAndTheLaneIsClosed) {
  ParkOrders(3);
  EXPECT_FALSE(drain_.IsReady());
  Recover();
  for (int i = 0; i < 5; ++i) {
    if (DrainOnce()) Commit();
  }
  EXPECT_EQ(sink_.topics, Strings(3, "shop.orders"));
  EXPECT_TRUE(task().parked.empty());
  EXPECT_EQ(drain_.lost(), 0);
}

// The time that a lane is known by may be another clock's.
TEST_F(DrainTest, WhatIsNotFoundByTheTimeIsFoundFromTheBeginning) {
  ParkOrders(2);
  Recover();
  for (int i = 0; i < 5; ++i) DrainOnce();
  EXPECT_EQ(sink_.topics, Strings(2, "shop.orders"));
  EXPECT_THAT(reader_.sought, ElementsAre(-1, 0));
  EXPECT_EQ(drain_.lost(), 0);
}

TEST_F(DrainTest, WhatTheLogHasNoMoreIsCountedAsLostOnceThatIsCommitted) {
  ParkOrders(3);
  reader_.logs[kPartition].clear();
  Recover();
  while (!DrainOnce()) {
  }
  EXPECT_TRUE(task().parked.empty());
  EXPECT_EQ(drain_.lost(), 0);
  Abort();
  while (!DrainOnce()) {
  }
  Commit();
  EXPECT_EQ(drain_.lost(), 3);
  EXPECT_THAT(sink_.topics, IsEmpty());
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics, Strings{"shop.orders"});
}

TEST_F(DrainTest, WhatMayYetComeIsNotLost) {
  ParkOrders(1);
  Dispatch(kOrder);  // in a transaction that is still open
  Recover();
  for (int i = 0; i < 20; ++i) DrainOnce();
  EXPECT_EQ(waiting(), 1);
  EXPECT_EQ(drain_.lost(), 0);
}

TEST_F(DrainTest, ARecordThatIsRefusedAgainAndAgainIsGivenUpAndNoOther) {
  ParkOrders(5);
  Recover();
  int refusals = 0;
  for (int i = 0; i < 100 && !task().parked.empty(); ++i) {
    const int64_t head = task().parked.lanes()[0].head;
    if (!DrainOnce()) continue;
    const bool is_closed = task().parked.empty();
    const int64_t behind = is_closed ? 5 : task().parked.lanes()[0].head;
    const bool is_given_up = sink_.topics.back() == "events.dead-letter";
    if (head <= 2 && behind > 2 && !is_given_up) {  // number 2 is taken from nobody
      ++refusals;
      for (int64_t n = head; n < behind; ++n) sink_.topics.pop_back(), sink_.records.pop_back();
      drain_.Refused("shop.orders");
      Abort();
    } else {
      Commit();
    }
  }
  EXPECT_THAT(sink_.topics, ElementsAre("shop.orders", "shop.orders", "events.dead-letter",
                                        "shop.orders", "shop.orders"));
  EXPECT_EQ(refusals, 1 + kTriesMax);
}

TEST_F(DrainTest, ATopicThatCantBeReadIsSaid) {
  ParkOrders(1);
  reader_.logs[kPartition].clear();
  Recover();
  reader_.what_troubles = "not allowed";
  drain_.IsReady();
  ASSERT_EQ(drain_.Bulkheads().size(), 1u);
  EXPECT_EQ(drain_.Bulkheads()[0].trouble, "not allowed");
}

}  // namespace
}  // namespace turnout::runtime
