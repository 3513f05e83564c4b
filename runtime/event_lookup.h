// EventLookup: one record of a topic, found by its position.
//
// Errors: InvalidArgument - there is no such record, and why: the topic or partition doesn't exist,
//   the log begins later or ends before, or the offset holds none (it was compacted away, belongs
//   to an aborted transaction, or is one's marker). Unavailable - no broker answered in time.
// Threads: any; blocks, up to `within`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/kafka_client.h"
#include "runtime/explained_event.h"

namespace turnout::runtime {

struct RecordPosition {
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;
};

// "3:1742", of that topic; "orders:3:1742"; and as the provenance header has it, "orders/3/1742".
// Nullopt for anything else.
std::optional<RecordPosition> ParsePosition(std::string_view text, char separator,
                                            const std::string& topic = {});

absl::StatusOr<ExplainedEvent> FindRecord(const connectors::KafkaClientOptions& client,
                                          const RecordPosition& position, absl::Duration within);

}  // namespace turnout::runtime
