#include "bench/clients.h"

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace turnout::bench {
namespace {

constexpr int kMetadataTimeoutMs = 10'000;

rd_kafka_conf_t* MakeConf(Properties properties) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof(error)) != RD_KAFKA_CONF_OK) {
      Die(error);
    }
  }
  return conf;
}

rd_kafka_t* NewClient(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  char error[512];
  rd_kafka_t* client = rd_kafka_new(type, conf, error, sizeof(error));
  if (client == nullptr) Die(error);
  return client;
}

int64_t EndOf(rd_kafka_t* consumer, const std::string& topic, int partition) {
  int64_t begin = 0;
  int64_t end = 0;
  if (rd_kafka_query_watermark_offsets(consumer, topic.c_str(), partition, &begin, &end,
                                       kMetadataTimeoutMs) != 0) {
    Die("the broker does not say where " + topic + " ends");
  }
  return end;
}

void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Die(std::string("a record was not delivered: ") + rd_kafka_err2str(message->err));
  }
}

}  // namespace

void Die(const std::string& why) {
  std::fprintf(stderr, "error: %s\n", why.c_str());
  std::_Exit(1);
}

Arguments::Arguments(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; i += 2) values_[argv[i]] = argv[i + 1];
  if (argc % 2 == 0) Die("arguments are pairs: --name value");
}

std::string Arguments::Text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) Die(name + " is not given");
  return found->second;
}

int64_t Arguments::Number(const std::string& name) const { return std::atoll(Text(name).c_str()); }

rd_kafka_t* NewProducer(Properties properties) {
  rd_kafka_conf_t* conf = MakeConf(properties);
  rd_kafka_conf_set_dr_msg_cb(conf, OnDelivery);
  return NewClient(RD_KAFKA_PRODUCER, conf);
}

rd_kafka_t* NewConsumer(Properties properties) {
  rd_kafka_t* client = NewClient(RD_KAFKA_CONSUMER, MakeConf(properties));
  rd_kafka_poll_set_consumer(client);
  return client;
}

void Produce(rd_kafka_t* producer, rd_kafka_topic_t* topic, const void* key, size_t key_size,
             const void* value, size_t value_size, rd_kafka_headers_t* headers,
             int64_t timestamp_ms) {
  while (true) {
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE(const_cast<void*>(value), value_size),
        RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) Die(rd_kafka_err2str(error));
    rd_kafka_poll(producer, 10);
  }
}

void WaitUntil(rd_kafka_t* producer, int64_t due_us) {
  const int64_t wait_us = due_us - NowUs();
  if (wait_us <= 0) return;
  rd_kafka_poll(producer, 0);
  const timespec pause = {wait_us / 1'000'000, (wait_us % 1'000'000) * 1'000};
  nanosleep(&pause, nullptr);
}

std::vector<std::string> TopicNames(const std::string& prefix, int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(prefix + std::to_string(i));
  return names;
}

void AssignAllFromEnd(rd_kafka_t* consumer, const std::vector<std::string>& topics) {
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(consumer, 1, nullptr, &metadata, kMetadataTimeoutMs) != 0) {
    Die("no metadata from the broker");
  }
  std::map<std::string, int> partitions;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    partitions[metadata->topics[i].topic] = metadata->topics[i].partition_cnt;
  }
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(16);
  for (const std::string& topic : topics) {
    if (partitions[topic] == 0) Die("there is no topic " + topic);
    for (int p = 0; p < partitions[topic]; ++p) {
      rd_kafka_topic_partition_list_add(list, topic.c_str(), p)->offset = EndOf(consumer, topic, p);
    }
  }
  rd_kafka_assign(consumer, list);
  rd_kafka_topic_partition_list_destroy(list);
}

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t CpuUs() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000LL + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

}  // namespace turnout::bench
