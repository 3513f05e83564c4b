#include "runtime/task_visits.h"

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using ::testing::HasSubstr;

// A worker with one task, of partition 3.
class Worker {
 public:
  explicit Worker(TaskVisits* visits)
      : thread_([this, visits] {
          while (!stopping_) {
            visits->Serve([this](int32_t partition) { return partition == 3 ? &task_ : nullptr; });
            std::this_thread::yield();
          }
        }) {}
  ~Worker() {
    stopping_ = true;
    thread_.join();
  }
  std::thread::id id() const { return thread_.get_id(); }

 private:
  Task task_{.partition = 3};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

TEST(TaskVisits, AVisitorIsCalledOnTheWorkersThread) {
  TaskVisits visits;
  const Worker worker(&visits);
  std::thread::id seen;
  int32_t partition = 0;
  const absl::Status visited = visits.Visit(3, absl::Seconds(20), [&](Task& task) {
    seen = std::this_thread::get_id();
    partition = task.partition;
  });
  EXPECT_TRUE(visited.ok()) << visited;
  EXPECT_EQ(seen, worker.id());
  EXPECT_EQ(partition, 3);
}

TEST(TaskVisits, APartitionThatNoWorkerHasIsUnavailableAndItsVisitorNeverCalled) {
  TaskVisits visits;
  bool called = false;
  {
    const Worker worker(&visits);
    const absl::Status visited =
        visits.Visit(4, absl::Milliseconds(20), [&](Task&) { called = true; });
    EXPECT_TRUE(absl::IsUnavailable(visited)) << visited;
    EXPECT_THAT(std::string(visited.message()), HasSubstr("partition 4"));
  }
  EXPECT_FALSE(called);
}

TEST(TaskVisits, MayComeFromManyThreadsAtOnce) {
  TaskVisits visits;
  const Worker worker(&visits);
  std::atomic<int> called{0};
  std::vector<std::thread> visitors;
  for (int i = 0; i < 4; ++i) {
    visitors.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        EXPECT_TRUE(visits.Visit(3, absl::Seconds(20), [&](Task&) { ++called; }).ok());
      }
    });
  }
  for (std::thread& visitor : visitors) visitor.join();
  EXPECT_EQ(called, 200);
}

}  // namespace
}  // namespace turnout::runtime
