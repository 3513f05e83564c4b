#include "connectors/topic_consumer.h"

#include <librdkafka/rdkafka.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "connectors/kafka_errors.h"

namespace turnout::connectors {

absl::StatusOr<TopicConsumer> MakeTopicConsumer(const TopicConsumerOptions& options,
                                                KafkaHandleSetup setup, const std::string& doing) {
  setup.role = KafkaRole::kConsumer;
  setup.defaults = {
      {"fetch.wait.max.ms", absl::StrCat(options.fetch_wait_ms)},
      {"fetch.error.backoff.ms", "50"},
      {"queued.max.messages.kbytes", absl::StrCat(options.queued_kbytes_max)},
      {"reconnect.backoff.max.ms", "2000"},
  };
  setup.settings = {
      {"group.id", options.group_id},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"isolation.level", options.read_committed ? "read_committed" : "read_uncommitted"},
      // What the log has lost is to be said: it is no reason to go on elsewhere.
      {"auto.offset.reset", options.passes_gaps ? "earliest" : "error"},
      {"allow.auto.create.topics", "false"},
      // The only word that what is left of a log holds no record.
      {"enable.partition.eof", "true"},
  };
  absl::StatusOr<std::unique_ptr<KafkaHandle>> client = KafkaHandle::Make(std::move(setup));
  if (!client.ok()) return client.status();
  TopicConsumer made;
  made.client = *std::move(client);
  rd_kafka_t* const handle = made.client->get();
  rd_kafka_poll_set_consumer(handle);
  made.queue.reset(rd_kafka_queue_get_consumer(handle));
  made.topic.reset(rd_kafka_topic_new(handle, options.topic.c_str(), nullptr));
  if (made.topic == nullptr) return StatusOfKafkaCode(rd_kafka_last_error(), doing);
  return made;
}

}  // namespace turnout::connectors
