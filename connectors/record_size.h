// RecordBatchBytes: how large a record is as the broker measures it.
//
// A topic's `max.message.bytes` bounds the whole record batch, header and framing included. A
// record fits a topic if a batch that holds it alone does; compression can only make it smaller.
// Format: Kafka's record batch, version 2 (https://kafka.apache.org/documentation/#messageformat).
#pragma once

#include <cstdint>

#include "connectors/record.h"

namespace turnout::connectors {

int64_t RecordBatchBytes(const OutputRecord& record);

}  // namespace turnout::connectors
