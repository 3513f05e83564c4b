#include "connectors/plain_reader.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "connectors/steady_clock.h"

namespace turnout::connectors {
namespace {

constexpr size_t kPollRecordsMax = 1'000;
constexpr absl::Duration kLookForTopics = absl::Milliseconds(200);
constexpr int kMetadataTimeoutMs = 1'000;

using PartitionKey = std::pair<std::string, int32_t>;

std::string View(const void* data, size_t size) {
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

ReadRecord CopyOf(const rd_kafka_message_t& message) {
  ReadRecord record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.partition = message.partition;
  record.offset = message.offset;
  record.timestamp_ms = rd_kafka_message_timestamp(&message, nullptr);
  record.key = View(message.key, message.key_len);
  record.value = View(message.payload, message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      record.headers.emplace_back(name, View(value, size));
    }
  }
  return record;
}

class RdKafkaPlainReader : public PlainReader {
 public:
  RdKafkaPlainReader(rd_kafka_t* client, std::vector<std::string> left_out)
      : client_(client), left_out_(std::move(left_out)) {
    rd_kafka_poll_set_consumer(client_);
    queue_ = rd_kafka_queue_get_consumer(client_);
  }

  ~RdKafkaPlainReader() override {
    rd_kafka_queue_destroy(queue_);
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
  }

  std::vector<ReadRecord> Poll(absl::Duration max_wait) override {
    if (SteadyNow() >= look_at_) {
      FollowNewTopics();
      look_at_ = SteadyNow() + kLookForTopics;
    }
    messages_.resize(kPollRecordsMax);
    std::vector<ReadRecord> records;
    const absl::Duration wait = std::min(max_wait, kLookForTopics);
    rd_kafka_message_t* first =
        rd_kafka_consumer_poll(client_, static_cast<int>(absl::ToInt64Milliseconds(wait)));
    if (first == nullptr) return records;
    Take(first, &records);
    const ssize_t more =
        rd_kafka_consume_batch_queue(queue_, 0, messages_.data(), messages_.size() - 1);
    for (ssize_t i = 0; i < more; ++i) Take(messages_[static_cast<size_t>(i)], &records);
    return records;
  }

 private:
  void Take(rd_kafka_message_t* message, std::vector<ReadRecord>* records) {
    // An error here is a passing trouble of the client's, which it cures by itself.
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      int64_t& next = next_[{rd_kafka_topic_name(message->rkt), message->partition}];
      // A record can come twice where the assignment grew while it was on its way.
      if (message->offset >= next) records->push_back(CopyOf(*message));
      next = std::max(next, message->offset + 1);
    }
    rd_kafka_message_destroy(message);
  }

  bool IsLeftOut(const std::string& topic) const {
    return topic.rfind("__", 0) == 0 ||
           std::find(left_out_.begin(), left_out_.end(), topic) != left_out_.end();
  }

  void FollowNewTopics() {
    const rd_kafka_metadata_t* metadata = nullptr;
    if (rd_kafka_metadata(client_, /*all_topics=*/1, nullptr, &metadata, kMetadataTimeoutMs) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
      return;
    }
    bool grown = false;
    for (int t = 0; t < metadata->topic_cnt; ++t) {
      const rd_kafka_metadata_topic_t& topic = metadata->topics[t];
      if (IsLeftOut(topic.topic)) continue;
      for (int32_t p = 0; p < topic.partition_cnt; ++p) {
        grown = next_.try_emplace({topic.topic, p}, 0).second || grown;
      }
    }
    rd_kafka_metadata_destroy(metadata);
    if (grown) Assign();
  }

  void Assign() {
    rd_kafka_topic_partition_list_t* list =
        rd_kafka_topic_partition_list_new(static_cast<int>(next_.size()));
    for (const auto& [partition, offset] : next_) {
      rd_kafka_topic_partition_list_add(list, partition.first.c_str(), partition.second)->offset =
          offset == 0 ? RD_KAFKA_OFFSET_BEGINNING : offset;
    }
    rd_kafka_assign(client_, list);
    rd_kafka_topic_partition_list_destroy(list);
  }

  rd_kafka_t* const client_;
  const std::vector<std::string> left_out_;
  rd_kafka_queue_t* queue_ = nullptr;
  std::map<PartitionKey, int64_t> next_;  // offset to read next
  std::vector<rd_kafka_message_t*> messages_;
  absl::Time look_at_ = absl::InfinitePast();
};

}  // namespace

absl::StatusOr<std::unique_ptr<PlainReader>> PlainReader::Start(
    const std::string& bootstrap_servers, std::vector<std::string> left_out) {
  char error[512] = "";
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  // A group must be named even where none is joined.
  const std::array<std::pair<const char*, const char*>, 6> properties = {
      {{"bootstrap.servers", bootstrap_servers.c_str()},
       {"group.id", "turnout-plain-reader"},
       {"enable.auto.commit", "false"},
       {"isolation.level", "read_committed"},
       {"fetch.wait.max.ms", "10"},
       {"log_level", "2"}}};
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name, value, error, sizeof(error)) != RD_KAFKA_CONF_OK) {
      rd_kafka_conf_destroy(conf);
      return absl::InvalidArgumentError(absl::StrCat("no Kafka reader: ", error));
    }
  }
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
  if (client == nullptr) {
    rd_kafka_conf_destroy(conf);
    return absl::InvalidArgumentError(absl::StrCat("no Kafka reader: ", error));
  }
  return std::make_unique<RdKafkaPlainReader>(client, std::move(left_out));
}

}  // namespace turnout::connectors
