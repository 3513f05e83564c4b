#include "connectors/kafka_client.h"

#include <librdkafka/rdkafka.h>

namespace turnout::connectors {

std::string KafkaLibraryVersion() { return rd_kafka_version_str(); }

}  // namespace turnout::connectors
