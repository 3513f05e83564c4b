// KafkaSink: the Sink over librdkafka's producer: idempotent, transactional with exactly-once
// delivery, partitioned by murmur2.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"
#include "connectors/sink.h"

namespace turnout::connectors {

absl::StatusOr<std::unique_ptr<Sink>> MakeKafkaSink(const KafkaSinkOptions& options);

}  // namespace turnout::connectors
