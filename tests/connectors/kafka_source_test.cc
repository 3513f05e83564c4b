#include "connectors/kafka_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using KafkaSourceTest = KafkaTest;

TEST_F(KafkaSourceTest, EveryEventComesOnceAndInOrderWithinItsPartition) {
  Preload(1000);
  auto source = MakeSource();
  Assignments listener;
  const auto events = PollEvents(*source, listener, 1000);
  ASSERT_EQ(events.size(), 1000u);
  EXPECT_EQ(listener.ours, (std::set<int32_t>{0, 1, 2, 3}));
  std::map<int32_t, int64_t> next;
  for (const KeptEvent& event : events) EXPECT_EQ(event.offset, next[event.partition]++);
  for (const auto& [partition, end] : next) EXPECT_EQ(source->EndOffset(partition), end);
  source->Close(listener, absl::Seconds(5));
  EXPECT_TRUE(listener.ours.empty());
}

}  // namespace
}  // namespace turnout::connectors
