#include "connectors/delivery_failures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

namespace turnout::connectors {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Kind = DestinationFailure::Kind;

TEST(DeliveryFailuresTest, ADestinationIsListedOnceWithItsLargestRecord) {
  DeliveryFailures failures("producer tx");
  for (const int64_t bytes : {10, 30, 20}) {
    failures.Add(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "large", bytes);
  }
  failures.Add(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "secret");
  EXPECT_EQ(failures.records(), 4u);
  ASSERT_THAT(failures.destinations(), SizeIs(2));
  EXPECT_EQ(failures.destinations()[0].topic, "large");
  EXPECT_EQ(failures.destinations()[0].kind, Kind::kRecordTooLarge);
  EXPECT_EQ(failures.destinations()[0].record_bytes, 30);
  EXPECT_EQ(failures.destinations()[1].kind, Kind::kForbidden);
  EXPECT_TRUE(absl::IsAborted(failures.ToStatus()));
  EXPECT_THAT(std::string(failures.ToStatus().message()), HasSubstr("producer tx: topic large: "));
  failures.Begin();
  EXPECT_EQ(failures.records(), 0u);
  EXPECT_FALSE(failures.blames_any());
  EXPECT_TRUE(absl::IsAborted(failures.ToStatus()));
}

TEST(DeliveryFailuresTest, ATopicIsBlamedForTimingOutInTwoTransactionsInARow) {
  DeliveryFailures failures("producer");
  const auto time_out = [&failures] {
    failures.Begin();
    failures.Add(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, "slow");
    return failures.blames_any();
  };
  EXPECT_FALSE(time_out());
  EXPECT_EQ(failures.records(), 1u);
  EXPECT_TRUE(time_out());
  failures.Begin();
  EXPECT_FALSE(time_out()) << "there was a transaction without one in between";
  failures.Begin();
  failures.Add(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, "slow");
  failures.Begin();
  failures.OnBrokersDown();
  failures.Add(RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, "slow");
  EXPECT_FALSE(failures.blames_any()) << "brokers were away";
}

TEST(DeliveryFailuresTest, BrokersThatAreAwayAndAFencedProducerBlameNobody) {
  DeliveryFailures failures("producer");
  for (const int code : {static_cast<int>(RD_KAFKA_RESP_ERR__TRANSPORT),
                         static_cast<int>(RD_KAFKA_RESP_ERR_PRODUCER_FENCED),
                         static_cast<int>(RD_KAFKA_RESP_ERR__FATAL)}) {
    failures.Add(code, "out");
  }
  EXPECT_EQ(failures.records(), 3u);
  EXPECT_FALSE(failures.blames_any());
}

TEST(DeliveryFailuresTest, TheLogNamesATopicThatMayNotBeAdded) {
  DeliveryFailures failures("producer");
  const std::string refused =
      std::string("[thrd:main]: TxnCoordinator/1: Failed to add partition \"a.b\" [3] to "
                  "transaction: ") +
      rd_kafka_err2str(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  for (const char* passed_over :
       {"Failed to add partition \"a.b", "Failed to add partition \"a\" [1]: why",
        "Registering partitions"}) {
    failures.AddLogLine("ADDPARTS", passed_over);
  }
  failures.AddLogLine("FAIL", refused);
  EXPECT_FALSE(failures.blames_any());
  failures.AddLogLine("ADDPARTS", refused);
  ASSERT_THAT(failures.destinations(), SizeIs(1));
  EXPECT_EQ(failures.destinations()[0].topic, "a.b");
  EXPECT_EQ(failures.destinations()[0].kind, Kind::kForbidden);
}

}  // namespace
}  // namespace turnout::connectors
