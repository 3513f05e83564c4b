#include <cstdio>

#include "connectors/kafka_client.h"

int main() {
  std::printf("turnout %s (librdkafka %s)\n", TURNOUT_VERSION,
              turnout::connectors::KafkaLibraryVersion().c_str());
  return 0;
}
