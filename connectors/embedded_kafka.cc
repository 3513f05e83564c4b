#include "connectors/embedded_kafka.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "connectors/kafka_errors.h"
#include "connectors/kafka_handle.h"

namespace turnout::connectors {
namespace {

struct ClusterDeleter {
  void operator()(rd_kafka_mock_cluster_t* cluster) const {
    rd_kafka_mock_cluster_destroy(cluster);
  }
};

class MockCluster final : public EmbeddedKafka {
 public:
  absl::Status Start(int brokers) {
    KafkaHandleSetup setup;
    setup.role = KafkaRole::kProducer;
    setup.client.bootstrap_servers = "127.0.0.1:1";  // this handle never connects
    setup.settings = {{"log_level", "0"}};
    absl::StatusOr<std::unique_ptr<KafkaHandle>> client = KafkaHandle::Make(std::move(setup));
    if (!client.ok()) return client.status();
    client_ = *std::move(client);
    brokers_ = brokers;
    cluster_.reset(rd_kafka_mock_cluster_new(client_->get(), brokers));
    if (cluster_ == nullptr) {
      return absl::InternalError("embedded Kafka: no ports on 127.0.0.1 to listen on");
    }
    bootstrap_servers_ = rd_kafka_mock_cluster_bootstraps(cluster_.get());
    return absl::OkStatus();
  }

  const std::string& bootstrap_servers() const override { return bootstrap_servers_; }

  // From what Create was told: to ask the mock cluster about a topic is to create it.
  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> topics,
                                                         bool, absl::Duration) override {
    const absl::MutexLock lock(&mu_);
    std::vector<TopicDescription> answers;
    for (const std::string& topic : topics) {
      TopicDescription& answer = answers.emplace_back();
      answer.topic = topic;
      const auto found = partitions_.find(topic);
      if (found == partitions_.end()) {
        answer.reason = KafkaCodeText(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
        continue;
      }
      answer.state = TopicDescription::State::kReady;
      answer.partitions = found->second;
    }
    return answers;
  }

  absl::StatusOr<std::vector<std::string>> List(absl::Duration) override {
    const absl::MutexLock lock(&mu_);
    std::vector<std::string> topics;
    for (const auto& [topic, partitions] : partitions_) topics.push_back(topic);
    return topics;
  }

  absl::Status Create(absl::Span<const NewTopic> topics, absl::Duration) override {
    const absl::MutexLock lock(&mu_);
    for (const NewTopic& topic : topics) {
      if (partitions_.count(topic.topic) != 0) continue;
      const int replicas = topic.replication_factor < 1 ? 1 : topic.replication_factor;
      if (topic.partitions < 1 || replicas > brokers_) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "topic %s: %d partitions with %d replicas don't fit on %d embedded brokers",
            topic.topic, topic.partitions, replicas, brokers_));
      }
      const rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(
          cluster_.get(), topic.topic.c_str(), topic.partitions, replicas);
      // A client that asked for it before has created it already.
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        return StatusOfKafkaCode(code, "creating topic " + topic.topic);
      }
      partitions_[topic.topic] = topic.partitions;
    }
    return absl::OkStatus();
  }

 private:
  std::unique_ptr<KafkaHandle> client_;  // owns the mock cluster's threads
  std::unique_ptr<rd_kafka_mock_cluster_t, ClusterDeleter> cluster_;
  std::string bootstrap_servers_;
  int brokers_ = 0;
  absl::Mutex mu_;
  std::map<std::string, int32_t> partitions_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<EmbeddedKafka>> EmbeddedKafka::Start(int brokers) {
  auto cluster = std::make_unique<MockCluster>();
  const absl::Status status = cluster->Start(brokers);
  if (!status.ok()) return status;
  return cluster;
}

}  // namespace turnout::connectors
