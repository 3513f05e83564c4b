// librdkafka's errors sorted into the outcomes that our callers know: one table, one sentence each.
//
// Internal to connectors/. Codes are rd_kafka_resp_err_t; librdkafka's header stays in .cc files.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "connectors/sink.h"

extern "C" {
struct rd_kafka_s;
struct rd_kafka_error_s;
}

namespace turnout::connectors {

// RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, which no broker says: a partition took no record in time.
inline constexpr int kCodeRecordTimedOut = -192;

// What to do about `code`, as the status code that stands for it; the message is
// "<doing>: <librdkafka's words> (<NAME>); <cure>".
absl::Status StatusOfKafkaCode(int code, std::string_view doing, std::string_view detail = {});

// Consumes `error`; OK for null. What librdkafka says of the error (fatal, abort, retry) goes
// before the table, except that a fenced producer or member is FailedPrecondition in any case.
absl::Status TakeKafkaError(rd_kafka_s* client, rd_kafka_error_s* error, std::string_view doing);

// The error that ended this client for good; OK when there is none.
absl::Status FatalKafkaError(rd_kafka_s* client, std::string_view doing);

// The failure of a record for `topic`.
DestinationFailure DestinationFailureOf(int code, std::string_view topic);

// "Broker: Unknown topic or partition (UNKNOWN_TOPIC_OR_PART)"
std::string KafkaCodeText(int code);

}  // namespace turnout::connectors
