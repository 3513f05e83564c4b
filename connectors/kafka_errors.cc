#include "connectors/kafka_errors.h"

#include <librdkafka/rdkafka.h>

#include "absl/strings/str_format.h"
#include "connectors/protocol_errors.h"

namespace turnout::connectors {
namespace {

static_assert(kCodeRecordTimedOut == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);

struct Row {
  rd_kafka_resp_err_t code;
  absl::StatusCode outcome;
  const char* cure;  // what a person can do; empty when waiting or redoing is all there is
};

constexpr auto kRetry = absl::StatusCode::kUnavailable;
constexpr auto kAbort = absl::StatusCode::kAborted;
constexpr auto kFenced = absl::StatusCode::kFailedPrecondition;
constexpr auto kFatal = absl::StatusCode::kInternal;
constexpr auto kInput = absl::StatusCode::kInvalidArgument;

// librdkafka's own codes; those of brokers are in `protocol_errors`. Codes that are not listed end
// the client: an error that nobody has thought about must not be retried for ever.
constexpr Row kRows[] = {
    // Somebody else owns the transactional id or the partitions.
    {RD_KAFKA_RESP_ERR__FENCED, kFenced, kTakenOverCure},
    {RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, kFenced, "the group went on without this member"},

    // The same call again may succeed.
    {RD_KAFKA_RESP_ERR__TIMED_OUT, kRetry, ""},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, kRetry, ""},
    {RD_KAFKA_RESP_ERR__TRANSPORT, kRetry, "no connection to a broker"},
    {RD_KAFKA_RESP_ERR__RESOLVE, kRetry, "check the host names in brokers"},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, kRetry, "no connection to a broker"},
    {RD_KAFKA_RESP_ERR__SSL, kRetry, "check the ssl.* properties and the brokers' certificates"},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, kRetry, "check the sasl.* properties"},
    {RD_KAFKA_RESP_ERR__WAIT_COORD, kRetry, ""},
    {RD_KAFKA_RESP_ERR__WAIT_CACHE, kRetry, ""},
    {RD_KAFKA_RESP_ERR__QUEUE_FULL, kRetry, ""},
    {RD_KAFKA_RESP_ERR__RETRY, kRetry, ""},
    {RD_KAFKA_RESP_ERR__IN_PROGRESS, kRetry, ""},
    {RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS, kRetry, ""},
    {RD_KAFKA_RESP_ERR__OUTDATED, kRetry, ""},

    // A transaction is lost, the producer lives on.
    {RD_KAFKA_RESP_ERR__INCONSISTENT, kAbort, ""},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, kAbort, "a partition took no record in time"},
    {RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE, kAbort, ""},

    // A person must act.
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, kInput, "create it, or set create_topics"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, kInput, "create it, or set create_topics"},
};

// Broker's codes are the protocol's, from -1 up.
Row RowOf(int code) {
  if (code >= RD_KAFKA_RESP_ERR_UNKNOWN) {
    const ProtocolError& error = ProtocolErrorOf(code);
    return {static_cast<rd_kafka_resp_err_t>(code), error.outcome, error.cure};
  }
  for (const Row& row : kRows) {
    if (row.code == code) return row;
  }
  return {static_cast<rd_kafka_resp_err_t>(code), kFatal, ""};
}

absl::Status Say(absl::StatusCode outcome, int code, std::string_view doing,
                 std::string_view detail) {
  std::string text = absl::StrFormat("%s: %s", doing, KafkaCodeText(code));
  if (!detail.empty()) absl::StrAppendFormat(&text, ": %s", detail);
  const Row row = RowOf(code);
  if (*row.cure != '\0') absl::StrAppendFormat(&text, "; %s", row.cure);
  return absl::Status(outcome, text);
}

bool IsTakeover(int code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string KafkaCodeText(int code) {
  const auto known = static_cast<rd_kafka_resp_err_t>(code);
  return absl::StrFormat("%s (%s)", rd_kafka_err2str(known), rd_kafka_err2name(known));
}

absl::Status StatusOfKafkaCode(int code, std::string_view doing, std::string_view detail) {
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  return Say(RowOf(code).outcome, code, doing, detail);
}

absl::Status FatalKafkaError(rd_kafka_s* client, std::string_view doing) {
  char reason[512] = "";
  const rd_kafka_resp_err_t code = rd_kafka_fatal_error(client, reason, sizeof(reason));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  return Say(IsTakeover(code) ? kFenced : kFatal, code, doing, reason);
}

absl::Status TakeKafkaError(rd_kafka_s* client, rd_kafka_error_s* error, std::string_view doing) {
  if (error == nullptr) return absl::OkStatus();
  const int code = rd_kafka_error_code(error);
  const bool fatal = rd_kafka_error_is_fatal(error) != 0;
  const bool abort = rd_kafka_error_txn_requires_abort(error) != 0;
  const bool retry = rd_kafka_error_is_retriable(error) != 0;
  const std::string detail = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);

  absl::Status dead = FatalKafkaError(client, doing);
  if (!dead.ok()) return dead;
  if (IsTakeover(code)) return Say(kFenced, code, doing, detail);
  if (fatal) return Say(kFatal, code, doing, detail);
  if (abort) return Say(kAbort, code, doing, detail);
  if (retry) return Say(kRetry, code, doing, detail);
  return Say(RowOf(code).outcome, code, doing, detail);
}

DestinationFailure DestinationFailureOf(int code, std::string_view topic) {
  DestinationFailure failure;
  failure.topic = std::string(topic);
  failure.reason = KafkaCodeText(code);
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      failure.kind = DestinationFailure::Kind::kMissing;
      break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      failure.kind = DestinationFailure::Kind::kForbidden;
      break;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      failure.kind = DestinationFailure::Kind::kRecordTooLarge;
      break;
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      failure.kind = DestinationFailure::Kind::kRecordRefused;
      break;
    default:
      failure.kind = DestinationFailure::Kind::kOther;
  }
  return failure;
}

}  // namespace turnout::connectors
