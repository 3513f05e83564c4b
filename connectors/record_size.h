// How large a record is: in its batch, and as the broker measures it.
//
// A topic's `max.message.bytes` bounds the whole record batch, header and framing included. A
// record fits a topic if a batch that holds it alone does; compression can only make it smaller.
// Format: Kafka's record batch, version 2 (https://kafka.apache.org/documentation/#messageformat).
#pragma once

#include <cstdint>

#include "connectors/record.h"

namespace turnout::connectors {

// Of a batch that holds this record alone.
int64_t RecordBatchBytes(const OutputRecord& record);

// What follows a record's length within a batch whose first record has the differences 0.
int64_t RecordBodyBytes(const OutputRecord& record, int64_t timestamp_delta_ms,
                        int32_t offset_delta);

}  // namespace turnout::connectors
