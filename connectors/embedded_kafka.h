// EmbeddedKafka: a Kafka cluster inside this process, for trying things out: librdkafka's mock
// cluster, listening on 127.0.0.1. Data lives in memory and ends with the process.
//
// It keeps no consumer offsets of transactions and never reports an aborted one: it proves nothing
// about exactly-once.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/topic_admin.h"

namespace turnout::connectors {

class EmbeddedKafka : public TopicAdmin {
 public:
  static absl::StatusOr<std::unique_ptr<EmbeddedKafka>> Start(int brokers);
  // host:port,... for any Kafka client on this machine.
  virtual const std::string& bootstrap_servers() const = 0;
};

}  // namespace turnout::connectors
