#include "connectors/produce_queue.h"

#include <gtest/gtest.h>

#include <memory>

#include "absl/time/clock.h"
#include "tests/connectors/fake_broker.h"

namespace turnout::connectors {
namespace {

constexpr int16_t kUnknownTopic = 3;
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
    FlushARecordThatIsRefused(kNotLeader);
    WorkUntil([this] { return queue->due() < absl::InfiniteFuture(); });
    ASSERT_LT(queue->due(), absl::InfiniteFuture());
  }

  void FlushARecordThatIsRefused(int16_t code) {
    broker.FailNext(Api::kProduce, code, /*times=*/1'000);
    queue->Begin({1'000, 0}, /*partitions_add_themselves=*/true);
    const absl::Status added = Add(absl::Seconds(10));
    ASSERT_TRUE(added.ok()) << added;
    queue->Flush();
  }

  absl::Status Add(absl::Duration timeout) {
    OutputRecord record;
    record.topic = "out";
    record.value = "value";
    return queue->Add(record, timeout);
  }

  template <typename Condition>
  void WorkUntil(Condition condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!condition() && absl::Now() < deadline) {
      cluster->Turn(absl::Now() + absl::Milliseconds(5));
      queue->Work(absl::Now());
    }
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

// It is not blamed at once when it is missing again.
TEST_F(ProduceQueueTest, ATopicThatWasGivenUpIsWaitedForAnewInTheNextTransaction) {
  FlushARecordThatIsRefused(kUnknownTopic);
  WorkUntil([this] { return failures.records() > 0; });
  ASSERT_EQ(failures.destinations().size(), 1u);
  EXPECT_EQ(failures.destinations()[0].kind, DestinationFailure::Kind::kMissing);
  queue->DropAll();

  broker.RemoveTopic("out");
  cluster->WantTopic("out");
  WorkUntil([this] {
    const ClusterClient::Topic* const told = cluster->FindTopic("out");
    return told != nullptr && told->error_code == kUnknownTopic;
  });
  failures.Begin();
  queue->Begin({1'000, 1}, /*partitions_add_themselves=*/true);
  const absl::Status missing = Add(absl::ZeroDuration());
  EXPECT_TRUE(absl::IsUnavailable(missing)) << missing;
  EXPECT_EQ(failures.records(), 0u);
}

}  // namespace
}  // namespace turnout::connectors
