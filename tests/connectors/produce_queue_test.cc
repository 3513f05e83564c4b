#include "connectors/produce_queue.h"

#include <gtest/gtest.h>

#include <memory>

#include "absl/time/clock.h"
#include "tests/connectors/fake_broker.h"

namespace turnout::connectors {
namespace {

constexpr int16_t kNotLeader = 6;

class ProduceQueueTest : public ::testing::Test {
 protected:
  void SetUp() override {
    broker.AddTopic("out", 1);
    KafkaClientOptions options;
    options.bootstrap_servers = broker.address();
    auto made = ClusterClient::Make(options);
    ASSERT_TRUE(made.ok()) << made.status();
    cluster = *std::move(made);
    queue = std::make_unique<ProduceQueue>(ProduceSettings(), cluster.get(), &failures);
  }

  // Of which its leader takes nothing yet: it is sent again by and by.
  void AddARecordThatIsToBeSentAgain() {
    broker.FailNext(Api::kProduce, kNotLeader, /*times=*/1'000);
    queue->Begin({1'000, 0}, /*partitions_add_themselves=*/true);
    OutputRecord record;
    record.topic = "out";
    record.value = "value";
    const absl::Status added = queue->Add(record, absl::Seconds(10));
    ASSERT_TRUE(added.ok()) << added;
    queue->Flush();
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (queue->due() == absl::InfiniteFuture() && absl::Now() < deadline) {
      cluster->Turn(absl::Now() + absl::Milliseconds(5));
      queue->Work(absl::Now());
    }
    ASSERT_LT(queue->due(), absl::InfiniteFuture());
  }

  FakeBroker broker;
  DeliveryFailures failures{"producer"};
  std::unique_ptr<ClusterClient> cluster;
  std::unique_ptr<ProduceQueue> queue;
};

// Who waits until then would not wait at all once it has passed.
TEST_F(ProduceQueueTest, NothingIsDueWhenAllWasDropped) {
  AddARecordThatIsToBeSentAgain();
  queue->DropAll();
  EXPECT_EQ(queue->due(), absl::InfiniteFuture());
  EXPECT_TRUE(queue->empty());
}

TEST_F(ProduceQueueTest, NothingIsDueWhenOnlyAnswersAreWaitedFor) {
  AddARecordThatIsToBeSentAgain();
  queue->Settle(absl::Now());
  EXPECT_EQ(queue->due(), absl::InfiniteFuture());
  EXPECT_FALSE(queue->on_its_way());
}

}  // namespace
}  // namespace turnout::connectors
