// KafkaTopicAdmin: the TopicAdmin over librdkafka.
//
// Whether a topic may be written is found without writing: a produce request with an acks value
// that no broker accepts is refused for the missing permission first, for its acks second.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"
#include "connectors/topic_admin.h"

namespace turnout::connectors {

absl::StatusOr<std::unique_ptr<TopicAdmin>> MakeKafkaTopicAdmin(const KafkaClientOptions& options);

}  // namespace turnout::connectors
