#include "connectors/consumer_settings.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace turnout::connectors {

std::vector<KafkaProperty> SourceConsumerDefaults(const KafkaSourceOptions& options) {
  return {
      // A fetch answers with the first byte, so the wait is for partitions that have none. It is
      // short because a partition that was just assigned or rewound joins only the next fetch.
      {"fetch.min.bytes", "1"},
      {"fetch.wait.max.ms", "50"},
      // After an empty or failed fetch, the next goes out at once rather than after 500 ms.
      {"fetch.error.backoff.ms", "50"},
      // Enough in memory that a fetch is under way while a batch is being routed.
      {"queued.min.messages", "100000"},
      {"queued.max.messages.kbytes", "65536"},
      // A topic that appears or grows is seen in half a minute rather than five.
      {"topic.metadata.refresh.interval.ms", "30000"},
      {"reconnect.backoff.max.ms", "2000"},
      {"heartbeat.interval.ms",
       absl::StrFormat("%d", std::clamp(options.session_timeout_ms / 3, 1, 1'000))},
  };
}

std::vector<KafkaProperty> SourceConsumerSettings(const KafkaSourceOptions& options) {
  std::vector<KafkaProperty> settings = {
      {"group.id", options.group_id},
      {"session.timeout.ms", absl::StrFormat("%d", options.session_timeout_ms)},
      {"partition.assignment.strategy", "cooperative-sticky"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      // Also makes rd_kafka_committed wait out open transactions (require_stable).
      {"isolation.level", "read_committed"},
      // Reading starts at explicit offsets, so this is only for those that the log has lost: the
      // oldest record left is the nearest to what was asked.
      {"auto.offset.reset", "earliest"},
      {"allow.auto.create.topics", "false"},
      // The only word of librdkafka's that what is left of the log holds no events: see EndOffset.
      {"enable.partition.eof", "true"},
  };
  if (!options.group_instance_id.empty()) {
    settings.emplace_back("group.instance.id", options.group_instance_id);
  }
  return settings;
}

}  // namespace turnout::connectors
