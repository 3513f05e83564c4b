// KafkaSource: the Source over librdkafka's consumer: cooperative-sticky, read-committed, offsets
// committed by whoever calls, never by itself.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"
#include "connectors/source.h"

namespace turnout::connectors {

absl::StatusOr<std::unique_ptr<Source>> MakeKafkaSource(const KafkaSourceOptions& options);

}  // namespace turnout::connectors
