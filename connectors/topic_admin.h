// TopicAdmin: what is known of topics before anything is produced to them, and their creation.
//
// Implemented by KafkaTopicAdmin, EmbeddedKafka and MemoryLog.
//
// Errors: Unavailable - no broker answered in time. Others as documented.
// Threads: any thread may call; calls block up to their timeout.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace turnout::connectors {

struct TopicDescription {
  enum class State {
    kReady,      // exists; may be written, where that was asked
    kMissing,    // doesn't exist (or this principal may not know that it does)
    kForbidden,  // exists; this principal may not do what was asked
    // Exists; a partition has no leader, or the question whether it may be written gets no answer
    // that says so.
    kUnwell,
  };
  std::string topic;
  State state = State::kMissing;
  std::string reason;      // the broker's words where not kReady
  int32_t partitions = 0;  // 0 when not known
  bool compacted = false;  // takes no record without a key
  // How long it keeps records, and how many bytes of them a partition; -1: any, 0: not known.
  int64_t retention_ms = 0;
  int64_t retention_bytes = 0;
  int64_t delete_retention_ms = 0;  // how long one that is compacted keeps deletions; 0: not known
  // Largest record batch the topic takes (`max.message.bytes`); -1 when it may not be asked
  // or was not answered.
  int64_t batch_bytes_max = -1;
};

struct NewTopic {
  std::string topic;
  int32_t partitions = 1;
  int16_t replication_factor = -1;  // -1: the broker's default
  int64_t retention_ms = 0;         // 0: the broker's default; -1: for ever
  // Records go by their age alone, whatever the broker's defaults are: neither by size nor by key.
  bool goes_by_age_alone = false;
};

class TopicAdmin {
 public:
  virtual ~TopicAdmin() = default;

  // One answer for each topic asked for, in that order. `may_write` asks also whether this
  // principal may produce to them; finding out writes nothing.
  virtual absl::StatusOr<std::vector<TopicDescription>> Describe(
      absl::Span<const std::string> topics, bool may_write, absl::Duration timeout) = 0;

  // Names of the topics that this principal may see, in no order: one question, however many they
  // are.
  virtual absl::StatusOr<std::vector<std::string>> List(absl::Duration timeout) = 0;

  // Creates what is missing; a topic that exists is left as it is and is no error. PermissionDenied
  // or InvalidArgument name the topic and the broker's reason.
  virtual absl::Status Create(absl::Span<const NewTopic> topics, absl::Duration timeout) = 0;
};

}  // namespace turnout::connectors
