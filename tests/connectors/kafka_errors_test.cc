#include "connectors/kafka_errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

namespace turnout::connectors {
namespace {

TEST(KafkaErrorsTest, ACodeHasItsOutcomeAndItsCure) {
  const struct {
    rd_kafka_resp_err_t code;
    absl::StatusCode outcome;
    const char* words;
  } cases[] = {
      {RD_KAFKA_RESP_ERR__TRANSPORT, absl::StatusCode::kUnavailable, "no connection"},
      {RD_KAFKA_RESP_ERR__AUTHENTICATION, absl::StatusCode::kUnavailable, "sasl.*"},
      {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, absl::StatusCode::kAborted, "took no record in time"},
      {RD_KAFKA_RESP_ERR__FENCED, absl::StatusCode::kFailedPrecondition,
       "outlived limits.transaction_timeout"},
      {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, absl::StatusCode::kFailedPrecondition,
       "took over, most likely since two replicas have the same `instance`"},
      {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, absl::StatusCode::kFailedPrecondition, "went on"},
      {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, absl::StatusCode::kInvalidArgument,
       "create it, or set create_topics"},
      {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, absl::StatusCode::kInvalidArgument,
       "grant this principal Read on the consumer group"},
      // Not in the table.
      {RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, absl::StatusCode::kInternal, "_CRIT_SYS_RESOURCE"},
  };
  for (const auto& [code, outcome, words] : cases) {
    const absl::Status status = StatusOfKafkaCode(code, "doing this", "detail");
    EXPECT_EQ(status.code(), outcome) << status;
    EXPECT_THAT(std::string(status.message()),
                ::testing::AllOf(::testing::StartsWith("doing this: "),
                                 ::testing::HasSubstr(": detail"), ::testing::HasSubstr(words)));
  }
  EXPECT_TRUE(StatusOfKafkaCode(RD_KAFKA_RESP_ERR_NO_ERROR, "doing this").ok());
}

TEST(KafkaErrorsTest, ADestinationsFailureSaysWhatKindItIs) {
  using FailureKind = DestinationFailure::Kind;
  const struct {
    rd_kafka_resp_err_t code;
    FailureKind kind;
  } cases[] = {
      {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, FailureKind::kMissing},
      {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, FailureKind::kForbidden},
      {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, FailureKind::kRecordTooLarge},
      {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, FailureKind::kRecordRefused},
      {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, FailureKind::kOther},
  };
  for (const auto& [code, kind] : cases) {
    const DestinationFailure failure = DestinationFailureOf(code, "topic");
    EXPECT_EQ(failure.kind, kind) << failure.reason;
    EXPECT_EQ(failure.topic, "topic");
    EXPECT_EQ(failure.reason, KafkaCodeText(code));
  }
}

}  // namespace
}  // namespace turnout::connectors
