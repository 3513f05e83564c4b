// The librdkafka properties of the source's consumer, with why each is what it is.
//
// Internal to connectors/. Defaults go under what the person sets, settings over it.
#pragma once

#include <vector>

#include "connectors/kafka_client.h"

namespace turnout::connectors {

std::vector<KafkaProperty> SourceConsumerDefaults(const KafkaSourceOptions& options);
std::vector<KafkaProperty> SourceConsumerSettings(const KafkaSourceOptions& options);

}  // namespace turnout::connectors
