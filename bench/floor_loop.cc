// bench_floor_loop: the least that a consume-and-produce loop over librdkafka costs.
//
// No matching, no headers, no parsing: each event goes to as many destinations as the router has to
// send it to on average (`--outputs` in all, over `--events`), destinations by turns. Delivery as
// asked: transactions that carry the offsets, or acknowledged records and then the offsets. Ends
// when every event is committed, and prints one line of JSON: its own CPU and count.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "bench/clients.h"

namespace turnout::bench {
namespace {

constexpr int kTimeoutMs = 60'000;
constexpr size_t kBatchEventsMax = 10'000;

void Check(rd_kafka_error_t* error, const char* what) {
  if (error != nullptr) Die(std::string(what) + ": " + rd_kafka_error_string(error));
}

class FloorLoop {
 public:
  explicit FloorLoop(const Arguments& arguments)
      : exactly_once_(arguments.Text("--delivery") == "exactly_once"),
        events_(arguments.Number("--events")),
        outputs_(arguments.Number("--outputs")),
        source_(arguments.Text("--topic")) {
    const std::string brokers = arguments.Text("--brokers");
    const std::string group = arguments.Text("--group");
    consumer_ = NewConsumer({{"bootstrap.servers", brokers},
                             {"group.id", group},
                             {"auto.offset.reset", "earliest"},
                             {"enable.auto.commit", "false"},
                             {"enable.auto.offset.store", "false"},
                             {"isolation.level", "read_committed"},
                             {"fetch.wait.max.ms", "100"},
                             {"queued.max.messages.kbytes", "65536"}});
    if (exactly_once_) {
      producer_ = NewProducer({{"bootstrap.servers", brokers},
                               {"transactional.id", group},
                               {"linger.ms", "5"},
                               {"batch.size", "1000000"},
                               {"queue.buffering.max.messages", "200000"}});
      Check(rd_kafka_init_transactions(producer_, kTimeoutMs), "init_transactions");
    } else {
      producer_ = NewProducer({{"bootstrap.servers", brokers},
                               {"enable.idempotence", "true"},
                               {"linger.ms", "5"},
                               {"batch.size", "1000000"},
                               {"queue.buffering.max.messages", "200000"}});
    }
    for (const std::string& name : TopicNames(
             arguments.Text("--prefix"), static_cast<int>(arguments.Number("--destinations")))) {
      destinations_.push_back(rd_kafka_topic_new(producer_, name.c_str(), nullptr));
    }
  }

  int Run() {
    rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, source_.c_str(), RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(consumer_, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer_);
    std::vector<rd_kafka_message_t*> batch(kBatchEventsMax);
    while (done_ < events_) {
      const ssize_t count = rd_kafka_consume_batch_queue(queue, 100, batch.data(), batch.size());
      if (count < 0) Die("the consumer failed");
      if (count > 0) Turn(batch, static_cast<size_t>(count));
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(consumer_);
    std::printf("{\"events\": %lld, \"outputs\": %lld, \"cpu_us\": %lld}\n",
                static_cast<long long>(done_), static_cast<long long>(sent_),
                static_cast<long long>(CpuUs()));
    std::fflush(stdout);
    return 0;
  }

 private:
  // One batch: produce, commit, let go.
  void Turn(const std::vector<rd_kafka_message_t*>& batch, size_t count) {
    if (exactly_once_) Check(rd_kafka_begin_transaction(producer_), "begin_transaction");
    rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(16);
    for (size_t i = 0; i < count; ++i) {
      rd_kafka_message_t* event = batch[i];
      if (event->err != RD_KAFKA_RESP_ERR_NO_ERROR) Die(rd_kafka_message_errstr(event));
      Send(*event);
      rd_kafka_topic_partition_t* at =
          rd_kafka_topic_partition_list_find(offsets, source_.c_str(), event->partition);
      if (at == nullptr) {
        at = rd_kafka_topic_partition_list_add(offsets, source_.c_str(), event->partition);
      }
      at->offset = event->offset + 1;
      rd_kafka_message_destroy(event);
    }
    if (exactly_once_) {
      rd_kafka_consumer_group_metadata_t* group = rd_kafka_consumer_group_metadata(consumer_);
      Check(rd_kafka_send_offsets_to_transaction(producer_, offsets, group, kTimeoutMs),
            "send_offsets_to_transaction");
      rd_kafka_consumer_group_metadata_destroy(group);
      Check(rd_kafka_commit_transaction(producer_, kTimeoutMs), "commit_transaction");
    } else {
      if (rd_kafka_flush(producer_, kTimeoutMs) != 0) Die("records were not acknowledged in time");
      if (rd_kafka_commit(consumer_, offsets, /*async=*/0) != 0) Die("the offsets were refused");
    }
    rd_kafka_topic_partition_list_destroy(offsets);
  }

  void Send(const rd_kafka_message_t& event) {
    ++done_;
    // Spreads `outputs` evenly over `events`.
    const int64_t due = done_ * outputs_ / events_;
    for (; sent_ < due; ++sent_) {
      Produce(producer_, destinations_[static_cast<size_t>(sent_) % destinations_.size()],
              event.key, event.key_len, event.payload, event.len, nullptr);
      if (sent_ % 1000 == 0) rd_kafka_poll(producer_, 0);
    }
  }

  const bool exactly_once_;
  const int64_t events_;
  const int64_t outputs_;
  const std::string source_;
  int64_t done_ = 0;
  int64_t sent_ = 0;
  rd_kafka_t* consumer_ = nullptr;
  rd_kafka_t* producer_ = nullptr;
  std::vector<rd_kafka_topic_t*> destinations_;
};

}  // namespace
}  // namespace turnout::bench

int main(int argc, char** argv) {
  return turnout::bench::FloorLoop(turnout::bench::Arguments(argc, argv)).Run();
}
