#include "connectors/protocol_errors.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_format.h"

namespace turnout::connectors {
namespace {

constexpr auto kOk = absl::StatusCode::kOk;
constexpr auto kRetry = absl::StatusCode::kUnavailable;
constexpr auto kAbort = absl::StatusCode::kAborted;
constexpr auto kFenced = absl::StatusCode::kFailedPrecondition;
constexpr auto kFatal = absl::StatusCode::kInternal;
constexpr auto kInput = absl::StatusCode::kInvalidArgument;

constexpr auto kNothing = LookUpAnew::kNothing;
constexpr auto kLeaders = LookUpAnew::kLeaders;
constexpr auto kCoordinator = LookUpAnew::kCoordinator;

constexpr char kTimedOut[] =
    "the broker has aborted the transaction, most likely since it took longer than "
    "limits.transaction_timeout";
constexpr char kWithoutUs[] = "the group went on without this member";
constexpr char kFewBrokers[] = "too few brokers are up";
constexpr char kNoCoordinator[] = "too few brokers are up, or its work is being taken over";
constexpr char kTooLarge[] = "the record is larger than the topic's max.message.bytes";
constexpr char kCheckSasl[] = "check the sasl.* properties";
constexpr char kCreate[] = "create it, or set create_topics";

// By code.
constexpr ProtocolError kErrors[] = {
    {-1, "UNKNOWN_SERVER_ERROR", kFatal, kNothing, "the broker's log says more"},
    {0, "NONE", kOk},
    {1, "OFFSET_OUT_OF_RANGE", kFatal},
    {2, "CORRUPT_MESSAGE", kRetry},
    {3, "UNKNOWN_TOPIC_OR_PARTITION", kInput, kLeaders, kCreate},
    {4, "INVALID_FETCH_SIZE", kFatal},
    {5, "LEADER_NOT_AVAILABLE", kRetry, kLeaders},
    {6, "NOT_LEADER_OR_FOLLOWER", kRetry, kLeaders},
    {7, "REQUEST_TIMED_OUT", kRetry},
    {8, "BROKER_NOT_AVAILABLE", kRetry, kLeaders},
    {9, "REPLICA_NOT_AVAILABLE", kRetry, kLeaders},
    {10, "MESSAGE_TOO_LARGE", kAbort, kNothing, kTooLarge},
    {11, "STALE_CONTROLLER_EPOCH", kFatal},
    {12, "OFFSET_METADATA_TOO_LARGE", kFatal},
    {13, "NETWORK_EXCEPTION", kRetry, kLeaders},
    {14, "COORDINATOR_LOAD_IN_PROGRESS", kRetry},
    {15, "COORDINATOR_NOT_AVAILABLE", kRetry, kCoordinator, kNoCoordinator},
    {16, "NOT_COORDINATOR", kRetry, kCoordinator},
    {17, "INVALID_TOPIC_EXCEPTION", kInput, kNothing, "Kafka takes no such topic name"},
    {18, "RECORD_LIST_TOO_LARGE", kAbort, kNothing, "it is larger than the topic's segment.bytes"},
    {19, "NOT_ENOUGH_REPLICAS", kRetry, kNothing, kFewBrokers},
    {20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", kRetry, kNothing, kFewBrokers},
    {21, "INVALID_REQUIRED_ACKS", kFatal},
    {22, "ILLEGAL_GENERATION", kFenced, kNothing, kWithoutUs},
    {23, "INCONSISTENT_GROUP_PROTOCOL", kInput, kNothing,
     "another program uses this consumer group with another assignment strategy"},
    {24, "INVALID_GROUP_ID", kFatal},
    {25, "UNKNOWN_MEMBER_ID", kFenced, kNothing, kWithoutUs},
    {26, "INVALID_SESSION_TIMEOUT", kInput, kNothing,
     "source.session_timeout is outside of the brokers' group.min/max.session.timeout.ms"},
    {27, "REBALANCE_IN_PROGRESS", kRetry, kNothing, "the group is rebalancing"},
    {28, "INVALID_COMMIT_OFFSET_SIZE", kFatal},
    {29, "TOPIC_AUTHORIZATION_FAILED", kInput, kNothing,
     "grant this principal Read and Describe on what it reads, Write and Describe on what it "
     "writes"},
    {30, "GROUP_AUTHORIZATION_FAILED", kInput, kNothing,
     "grant this principal Read on the consumer group"},
    {31, "CLUSTER_AUTHORIZATION_FAILED", kInput, kNothing,
     "grant this principal IdempotentWrite on the cluster, or Write on a topic"},
    {32, "INVALID_TIMESTAMP", kAbort, kNothing,
     "the topic's message.timestamp.*.max.ms refuse the event's time"},
    {33, "UNSUPPORTED_SASL_MECHANISM", kRetry, kNothing, kCheckSasl},
    {34, "ILLEGAL_SASL_STATE", kFatal},
    {35, "UNSUPPORTED_VERSION", kFatal},
    {36, "TOPIC_ALREADY_EXISTS", kFatal},
    {37, "INVALID_PARTITIONS", kFatal},
    {38, "INVALID_REPLICATION_FACTOR", kFatal},
    {39, "INVALID_REPLICA_ASSIGNMENT", kFatal},
    {40, "INVALID_CONFIG", kFatal},
    {41, "NOT_CONTROLLER", kRetry},
    {42, "INVALID_REQUEST", kFatal},
    {43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", kFatal},
    {44, "POLICY_VIOLATION", kAbort},
    {45, "OUT_OF_ORDER_SEQUENCE_NUMBER", kAbort},
    {46, "DUPLICATE_SEQUENCE_NUMBER", kAbort},
    {47, "INVALID_PRODUCER_EPOCH", kFenced, kNothing, kTakenOverCure},
    {48, "INVALID_TXN_STATE", kAbort, kNothing, kTimedOut},
    {49, "INVALID_PRODUCER_ID_MAPPING", kAbort},
    {50, "INVALID_TRANSACTION_TIMEOUT", kInput, kNothing,
     "limits.transaction_timeout is above the brokers' transaction.max.timeout.ms"},
    {51, "CONCURRENT_TRANSACTIONS", kRetry},
    {52, "TRANSACTION_COORDINATOR_FENCED", kFatal},
    {53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", kInput, kNothing,
     "grant this principal Write and Describe on the transactional id"},
    {54, "SECURITY_DISABLED", kFatal},
    {55, "OPERATION_NOT_ATTEMPTED", kAbort},
    {56, "KAFKA_STORAGE_ERROR", kRetry, kLeaders},
    {57, "LOG_DIR_NOT_FOUND", kFatal},
    {58, "SASL_AUTHENTICATION_FAILED", kRetry, kNothing, kCheckSasl},
    {59, "UNKNOWN_PRODUCER_ID", kAbort},
    {60, "REASSIGNMENT_IN_PROGRESS", kFatal},
    {61, "DELEGATION_TOKEN_AUTH_DISABLED", kFatal},
    {62, "DELEGATION_TOKEN_NOT_FOUND", kFatal},
    {63, "DELEGATION_TOKEN_OWNER_MISMATCH", kFatal},
    {64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", kFatal},
    {65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", kFatal},
    {66, "DELEGATION_TOKEN_EXPIRED", kFatal},
    {67, "INVALID_PRINCIPAL_TYPE", kFatal},
    {68, "NON_EMPTY_GROUP", kFatal},
    {69, "GROUP_ID_NOT_FOUND", kFatal},
    {70, "FETCH_SESSION_ID_NOT_FOUND", kFatal},
    {71, "INVALID_FETCH_SESSION_EPOCH", kFatal},
    {72, "LISTENER_NOT_FOUND", kRetry, kLeaders},
    {73, "TOPIC_DELETION_DISABLED", kFatal},
    {74, "FENCED_LEADER_EPOCH", kRetry, kLeaders},
    {75, "UNKNOWN_LEADER_EPOCH", kRetry, kLeaders},
    {76, "UNSUPPORTED_COMPRESSION_TYPE", kInput, kNothing, "set another kafka.compression.type"},
    {77, "STALE_BROKER_EPOCH", kFatal},
    {78, "OFFSET_NOT_AVAILABLE", kRetry},
    {79, "MEMBER_ID_REQUIRED", kFatal},
    {80, "PREFERRED_LEADER_NOT_AVAILABLE", kFatal},
    {81, "GROUP_MAX_SIZE_REACHED", kFatal},
    {82, "FENCED_INSTANCE_ID", kFenced, kNothing,
     "another consumer with this group.instance.id took over; give each replica its own"},
    {83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", kFatal},
    {84, "ELECTION_NOT_NEEDED", kFatal},
    {85, "NO_REASSIGNMENT_IN_PROGRESS", kFatal},
    {86, "GROUP_SUBSCRIBED_TO_TOPIC", kFatal},
    {87, "INVALID_RECORD", kAbort, kNothing, "a compacted topic takes no record without a key"},
    {88, "UNSTABLE_OFFSET_COMMIT", kRetry, kNothing,
     "a transaction with offsets of these partitions is still open"},
    {89, "THROTTLING_QUOTA_EXCEEDED", kRetry},
    {90, "PRODUCER_FENCED", kFenced, kNothing, kTakenOverCure},
    {91, "RESOURCE_NOT_FOUND", kFatal},
    {92, "DUPLICATE_RESOURCE", kFatal},
    {93, "UNACCEPTABLE_CREDENTIAL", kFatal},
    {94, "INCONSISTENT_VOTER_SET", kFatal},
    {95, "INVALID_UPDATE_VERSION", kFatal},
    {96, "FEATURE_UPDATE_FAILED", kFatal},
    {97, "PRINCIPAL_DESERIALIZATION_FAILURE", kFatal},
    {98, "SNAPSHOT_NOT_FOUND", kFatal},
    {99, "POSITION_OUT_OF_RANGE", kFatal},
    {100, "UNKNOWN_TOPIC_ID", kRetry, kLeaders},
    {101, "DUPLICATE_BROKER_REGISTRATION", kFatal},
    {102, "BROKER_ID_NOT_REGISTERED", kFatal},
    {103, "INCONSISTENT_TOPIC_ID", kRetry, kLeaders},
    {104, "INCONSISTENT_CLUSTER_ID", kFatal},
    {105, "TRANSACTIONAL_ID_NOT_FOUND", kFatal},
    {106, "FETCH_SESSION_TOPIC_ID_ERROR", kFatal},
    {107, "INELIGIBLE_REPLICA", kFatal},
    {108, "NEW_LEADER_ELECTED", kRetry, kLeaders},
    {109, "OFFSET_MOVED_TO_TIERED_STORAGE", kFatal},
    {110, "FENCED_MEMBER_EPOCH", kFenced, kNothing, kWithoutUs},
    {111, "UNRELEASED_INSTANCE_ID", kFatal},
    {112, "UNSUPPORTED_ASSIGNOR", kFatal},
    {113, "STALE_MEMBER_EPOCH", kFenced, kNothing, kWithoutUs},
    {114, "MISMATCHED_ENDPOINT_TYPE", kFatal},
    {115, "UNSUPPORTED_ENDPOINT_TYPE", kFatal},
    {116, "UNKNOWN_CONTROLLER_ID", kFatal},
    {117, "UNKNOWN_SUBSCRIPTION_ID", kFatal},
    {118, "TELEMETRY_TOO_LARGE", kFatal},
    {119, "INVALID_REGISTRATION", kFatal},
    {120, "TRANSACTION_ABORTABLE", kAbort},
    {121, "INVALID_RECORD_STATE", kFatal},
    {122, "SHARE_SESSION_NOT_FOUND", kFatal},
    {123, "INVALID_SHARE_SESSION_EPOCH", kFatal},
    {124, "FENCED_STATE_EPOCH", kFatal},
    {125, "INVALID_VOTER_KEY", kFatal},
    {126, "DUPLICATE_VOTER", kFatal},
    {127, "VOTER_NOT_FOUND", kFatal},
    {128, "INVALID_REGULAR_EXPRESSION", kFatal},
    {129, "REBOOTSTRAP_REQUIRED", kRetry, kLeaders},
    {130, "STREAMS_INVALID_TOPOLOGY", kFatal},
    {131, "STREAMS_INVALID_TOPOLOGY_EPOCH", kFatal},
    {132, "STREAMS_TOPOLOGY_FENCED", kFatal},
    {133, "SHARE_SESSION_LIMIT_REACHED", kFatal},
};

constexpr ProtocolError kUnknown;

}  // namespace

const ProtocolError& ProtocolErrorOf(int code) {
  const auto* const found =
      std::find_if(std::begin(kErrors), std::end(kErrors),
                   [code](const ProtocolError& error) { return error.code == code; });
  return found == std::end(kErrors) ? kUnknown : *found;
}

std::string ProtocolErrorText(int code) {
  const ProtocolError& error = ProtocolErrorOf(code);
  if (*error.name == '\0') return absl::StrFormat("error %d", code);
  return error.name;
}

bool BlamesDestination(int code) {
  switch (code) {
    case kCodeUnknownTopicOrPartition:
    case kCodeMessageTooLarge:
    case kCodeInvalidTopic:
    case kCodeRecordListTooLarge:
    case kCodeTopicAuthorizationFailed:
    case kCodeInvalidTimestamp:
    case kCodePolicyViolation:
    case kCodeInvalidRecord:
      return true;
    default:
      return false;
  }
}

absl::Status StatusOfProtocolCode(int code, std::string_view doing, std::string_view detail) {
  if (code == kCodeNone) return absl::OkStatus();
  const ProtocolError& error = ProtocolErrorOf(code);
  std::string text = absl::StrFormat("%s: %s", doing, ProtocolErrorText(code));
  if (!detail.empty()) absl::StrAppendFormat(&text, ": %s", detail);
  if (*error.cure != '\0') absl::StrAppendFormat(&text, "; %s", error.cure);
  return absl::Status(error.outcome, text);
}

}  // namespace turnout::connectors
