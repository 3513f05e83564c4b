// Produce, versions 9 to 12: record batches to partitions of one leader, and what became of each.
//
// Internal to connectors/.
// Errors: Unavailable when an answer can't be read.
// Lifetime: an answer's strings are views of the bytes that were read. A request's batches are
//   borrowed by its frame.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "connectors/request_frame.h"

namespace turnout::connectors {

struct ProduceBatch {
  std::string_view topic;
  int32_t partition = 0;
  std::string_view record_batch;
};

// Batches of one topic stand beside each other, one a partition. `transactional_id` with data()
// null is none. All replicas in sync acknowledge.
void WriteProduce(std::string_view transactional_id, int32_t timeout_ms,
                  absl::Span<const ProduceBatch> batches, RequestFrame* frame);

struct ProduceAnswer {
  struct Partition {
    std::string_view topic;
    int32_t index = 0;
    int16_t error_code = 0;
    int64_t base_offset = -1;
    std::string_view error_message;
  };
  std::vector<Partition> partitions;
  int32_t throttle_ms = 0;
};
absl::StatusOr<ProduceAnswer> ReadProduce(std::string_view body);

}  // namespace turnout::connectors
