// Clients of librdkafka that are made anew once certificates have changed, and lose nothing by it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "connectors/partition_reader.h"
#include "connectors/table_source.h"
#include "tests/connectors/kafka_fixture.h"
#include "tests/connectors/scripted_security.h"

namespace turnout::connectors {
namespace {

using Partitions = std::set<int32_t>;

constexpr absl::Duration kPatience = absl::Seconds(20);

class RenewedClientsTest : public KafkaTest {
 protected:
  ScriptedSecurity security{{}};
};

TEST_F(RenewedClientsTest, ASourceLeavesInGoodOrderAndGoesOnFromWhatIsCommitted) {
  Preload(1000);
  KafkaSourceOptions options = SourceOptions();
  options.client.security = &security;
  auto source = MakeSource(options);
  Assignments listener;
  const auto before = PollEvents(*source, listener, 1000);
  ASSERT_EQ(before.size(), 1000u);
  std::map<int32_t, int64_t> ends;
  for (const KeptEvent& event : before) ends[event.partition] = event.offset + 1;
  std::vector<SourceOffset> committed;
  for (const auto& [partition, end] : ends) committed.push_back({partition, end, ""});
  ASSERT_TRUE(source->Commit(committed).ok());

  security.ChangeCertificates();
  Preload(100);
  const auto after = PollEvents(*source, listener, 100, kPatience);
  EXPECT_EQ(listener.revoked, (Partitions{0, 1, 2, 3}));
  EXPECT_TRUE(listener.lost.empty());
  EXPECT_EQ(listener.ours, (Partitions{0, 1, 2, 3}));
  ASSERT_EQ(after.size(), 100u);
  for (const KeptEvent& event : after) EXPECT_EQ(event.offset, ends[event.partition]++);
  source->Close(listener, absl::Seconds(5));
}

TEST_F(RenewedClientsTest, ASinkTakesAFreshProducerBeforeItsNextTransaction) {
  CreateTopic("out", 1);
  KafkaSinkOptions options = SinkOptions(Delivery::kExactlyOnce);
  options.client.security = &security;
  auto sink = OpenSink(options);
  for (int i = 0; i < 3; ++i) {
    absl::Status begun = sink->Begin();
    const absl::Time deadline = absl::Now() + kPatience;
    while (absl::IsUnavailable(begun) && absl::Now() < deadline) {
      sink->Abort().IgnoreError();  // as a worker does then
      begun = sink->Begin();
    }
    ASSERT_TRUE(begun.ok()) << begun;
    ASSERT_TRUE(sink->Produce({.topic = "out", .key = "key", .value = "value"}).ok());
    const absl::Status committed = CommitAtLast(*sink);
    ASSERT_TRUE(committed.ok()) << committed;
    EXPECT_EQ(security.listeners(), 1u) << "one client at a time";
    security.ChangeCertificates();
  }
  sink->Close(absl::Seconds(1));
}

TEST_F(RenewedClientsTest, ATableGoesOnWhereItWas) {
  CreateTopic("table", 3);
  Preload(100, "table");
  KafkaTableOptions options;
  options.client = ClientOptions("table");
  options.client.security = &security;
  options.topic = "table";
  const auto made = MakeKafkaTableSource(options);
  ASSERT_TRUE(made.ok()) << made.status();
  size_t records = 0;
  bool is_anew = false;
  const auto read_until = [&](size_t wanted) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (records < wanted && absl::Now() < deadline) {
      const auto batch = (*made)->Poll(absl::Milliseconds(50));
      if (!batch.ok()) continue;
      records += batch->records.size();
      is_anew = is_anew || batch->starts_anew;
    }
  };
  read_until(100);
  ASSERT_EQ(records, 100u);
  for (size_t round = 1; round <= 2; ++round) {
    security.ChangeCertificates();
    Preload(10, "table");
    read_until(100 + 10 * round);
    EXPECT_EQ(records, 100 + 10 * round);
    EXPECT_TRUE((*made)->loaded());
  }
  EXPECT_FALSE(is_anew);
}

TEST_F(RenewedClientsTest, AReaderOfAPartitionIsMadeAnewAtItsNextSeek) {
  CreateTopic("parked", 1);
  Preload(10, "parked");
  KafkaClientOptions options = ClientOptions("parked");
  options.security = &security;
  const auto reader = MakeKafkaPartitionReader(options, "parked");
  for (int round = 0; round < 3; ++round) {
    reader->Seek(0, round, -1);
    size_t seen = 0;
    const absl::Time deadline = absl::Now() + kPatience;
    while (seen < size_t{10} - round && absl::Now() < deadline) {
      for (const Event& event : reader->Take()) {
        EXPECT_EQ(event.offset, static_cast<int64_t>(round + seen));
        ++seen;
      }
      absl::SleepFor(absl::Milliseconds(2));
    }
    EXPECT_EQ(seen, size_t{10} - round);
    EXPECT_EQ(security.listeners(), 1u);
    security.ChangeCertificates();
  }
}

}  // namespace
}  // namespace turnout::connectors
