// ScramCaution: what is to be said of SCRAM with the librdkafka that is loaded.
//
// What librdkafka before 2.6.1 says in SCRAM is not quite what the standard asks for. Kafka 4 is
// strict about it, and answers that the credentials are invalid (confluentinc/librdkafka#4895). The
// batch sink has a SCRAM of its own; the source and all else are librdkafka's.
#pragma once

#include <string>
#include <vector>

#include "connectors/kafka_client.h"

namespace turnout::connectors {

inline constexpr int kScramMended = 0x020601ff;  // librdkafka 2.6.1, as rd_kafka_version() counts

// With the cure; empty where the properties ask for no SCRAM, or the library is new enough.
std::string ScramCaution(const std::vector<KafkaProperty>& properties, int library_version);

// Of the library that is loaded.
std::string ScramCaution(const std::vector<KafkaProperty>& properties);

}  // namespace turnout::connectors
