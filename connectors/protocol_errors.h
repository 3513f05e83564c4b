// The error codes of Kafka's protocol, each with its name, its outcome and what to look up anew:
// one table for both sinks.
//
// Internal to connectors/. What librdkafka reports of brokers has the same numbers; its own codes,
// which are below -1, are sorted in `kafka_errors`. Codes that nobody has thought about end the
// producer: they must not be retried for ever.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace turnout::connectors {

// The codes that the sinks tell apart.
enum ProtocolCode : int {
  kCodeNone = 0,
  kCodeUnknownTopicOrPartition = 3,
  kCodeRequestTimedOut = 7,
  kCodeMessageTooLarge = 10,
  kCodeInvalidTopic = 17,
  kCodeRecordListTooLarge = 18,
  kCodeIllegalGeneration = 22,
  kCodeUnknownMemberId = 25,
  kCodeTopicAuthorizationFailed = 29,
  kCodeInvalidTimestamp = 32,
  kCodePolicyViolation = 44,
  kCodeDuplicateSequenceNumber = 46,
  kCodeConcurrentTransactions = 51,
  kCodeOperationNotAttempted = 55,
  kCodeInvalidRecord = 87,
  kCodeFencedMemberEpoch = 110,
  kCodeStaleMemberEpoch = 113,
};

// What has moved, when a code says so.
enum class LookUpAnew { kNothing, kLeaders, kCoordinator };

struct ProtocolError {
  int code = 0;
  const char* name = "";
  // One of a sink's four, or InvalidArgument where a person must act.
  absl::StatusCode outcome = absl::StatusCode::kInternal;
  LookUpAnew look_up = LookUpAnew::kNothing;
  const char* cure = "";  // what a person can do; empty when waiting or redoing is all there is
};

// Where another producer has the transactional id, or seems to.
inline constexpr char kTakenOverCure[] =
    "another producer with this transactional id took over, most likely since two replicas have "
    "the "
    "same `instance` (give each its own); or a transaction outlived limits.transaction_timeout, "
    "and "
    "the brokers ended it";

// Never null: codes from the future are Internal.
const ProtocolError& ProtocolErrorOf(int code);

// "NOT_COORDINATOR", or "error 1234" for one that is not known.
std::string ProtocolErrorText(int code);

// A destination that refuses a record so is to blame, and no other is.
bool BlamesDestination(int code);

// OK for 0. The message is "<doing>: <name>: <detail>; <cure>".
absl::Status StatusOfProtocolCode(int code, std::string_view doing, std::string_view detail = {});

}  // namespace turnout::connectors
