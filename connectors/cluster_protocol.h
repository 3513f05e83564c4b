// Metadata (versions 9 to 12) and FindCoordinator (versions 4 to 6): who leads which partition, who
// looks after which group and transactional id.
//
// Internal to connectors/.
// Errors: Unavailable when an answer can't be read.
// Lifetime: an answer's strings are its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace turnout::connectors {

struct MetadataAnswer {
  struct Broker {
    int32_t id = -1;
    std::string host;
    int32_t port = 0;
  };
  struct Partition {
    int16_t error_code = 0;
    int32_t index = 0;
    int32_t leader = -1;
    int32_t leader_epoch = -1;
  };
  struct Topic {
    int16_t error_code = 0;
    std::string name;
    std::string id;  // 16 bytes; empty where the broker knows none
    std::vector<Partition> partitions;
  };
  int32_t throttle_ms = 0;
  std::vector<Broker> brokers;
  int32_t controller = -1;
  std::vector<Topic> topics;
};

// Asks for these topics and for all brokers; creates none.
void WriteMetadata(int16_t version, absl::Span<const std::string> topics, std::string* out);
absl::StatusOr<MetadataAnswer> ReadMetadata(int16_t version, std::string_view body);

enum class CoordinatorKind : int8_t { kGroup = 0, kTransaction = 1 };

struct FindCoordinatorAnswer {
  int16_t error_code = 0;
  std::string error_message;
  int32_t throttle_ms = 0;
  MetadataAnswer::Broker broker;
};

void WriteFindCoordinator(CoordinatorKind kind, std::string_view key, std::string* out);
absl::StatusOr<FindCoordinatorAnswer> ReadFindCoordinator(std::string_view body);

}  // namespace turnout::connectors
