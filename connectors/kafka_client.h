// Settings common to every Kafka client of the process, and how librdkafka's errors are sorted.
//
// Errors: InvalidArgument names a property that librdkafka doesn't know or whose value it refuses.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "connectors/security_source.h"
#include "connectors/sink.h"
#include "connectors/token_source.h"

namespace turnout::connectors {

// A librdkafka property, as in its CONFIGURATION.md.
using KafkaProperty = std::pair<std::string, std::string>;

// What a client reports outside of any call: broker up and down, and librdkafka's own log. Called
// on any thread; must not block.
struct KafkaEvents {
  // Told by a source, which always talks to the brokers, once a change and once at the beginning; a
  // sink's troubles are in the answers to its calls.
  std::function<void(bool reachable, const std::string& reason)> on_brokers;
  // A broker holds this client back for so long: it is over a quota.
  std::function<void(const std::string& broker, absl::Duration time)> on_throttle;
  // Syslog level: 3 error, 4 warning, 6 information, 7 debug.
  std::function<void(int level, const std::string& client, const std::string& message)> on_log;
};

struct KafkaClientOptions {
  std::string bootstrap_servers;  // host:port,...
  std::string client_id;
  // Passed through after our own settings; those that would break exactly-once are refused by
  // CheckKafkaProperties.
  std::vector<KafkaProperty> properties;
  KafkaEvents events;
  TokenSource* tokens = nullptr;  // borrowed; for OAUTHBEARER by `oidc_settings`, else null
  // Borrowed; what takes the place of `properties` once files that they come from have changed.
  // Null: nobody looks.
  SecuritySource* security = nullptr;
};

struct KafkaSourceOptions {
  KafkaClientOptions client;
  std::string topic;
  std::string group_id;
  std::string group_instance_id;  // empty: dynamic membership
  bool start_at_earliest = true;  // where nothing is committed
  int session_timeout_ms = 10'000;
  int poll_events_max = 10'000;       // events a Poll returns at most
  int64_t poll_bytes_max = 16 << 20;  // payload bytes a Poll returns at most, or one event
};

// Which implementation of Sink: BatchSink, or KafkaSink.
enum class SinkKind { kBatch, kLibrdkafka };

struct KafkaSinkOptions {
  KafkaClientOptions client;
  Delivery delivery = Delivery::kExactlyOnce;
  std::string transactional_id;  // exactly-once only
  std::string source_topic;      // exactly-once only: the topic that committed offsets are of
  int transaction_timeout_ms = 15'000;
  int call_timeout_ms = 1'000;          // a call answers Unavailable after this
  int64_t batch_bytes_max = 1'000'000;  // smallest max.message.bytes of the destinations
  int64_t record_bytes_max = 64 << 20;  // what the client itself lets through
  // How long one destination may take no records while others do before it is blamed; the batch
  // sink's.
  int destination_patience_ms = 3'000;
};

// Refuses properties that Turnout sets itself (group.id, transactional.id, enable.auto.commit,
// isolation.level, ...) and those that librdkafka doesn't know, naming the property, the reason and
// the nearest known name.
absl::Status CheckKafkaProperties(const std::vector<KafkaProperty>& properties);

// True for properties whose value must never be shown: passwords, keys, tokens, JAAS-like strings.
bool IsSecretProperty(const std::string& name);

std::string KafkaLibraryVersion();

}  // namespace turnout::connectors
