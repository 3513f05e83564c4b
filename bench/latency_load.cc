// bench_latency_load: an open-loop load and the clock that measures it.
//
// Send times are fixed before the first event: event i is due at start + i / rate, and its latency
// counts from then, however late it was sent, so that a stall anywhere is paid for by every event
// that it held up. One thread sends, one reads the destinations (read-committed), one reads the
// ingestion topic itself: that is the floor, the same load with no router between. The due time
// travels in a header. Events of the warm-up are sent and counted, but not measured. What
// the topics hold already is left out.
//
// Prints one line of JSON when everything was sent and then nothing came for 5 s.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "bench/clients.h"
#include "bench/events.h"

namespace turnout::bench {
namespace {

constexpr char kDueHeader[] = "bench-due-us";
constexpr int64_t kQuietUs = 5'000'000;

struct Plan {
  int64_t start_us = 0;
  int64_t rate = 0;
  int64_t events = 0;
  int64_t warm_up_events = 0;

  int64_t DueUs(int64_t event) const { return start_us + event * 1'000'000 / rate; }
  int64_t measured_from_us() const { return DueUs(warm_up_events); }
};

// Reads topics to the end of the run and keeps the latencies.
class Listener {
 public:
  Listener(const std::string& brokers, const char* isolation, std::vector<std::string> topics)
      : topics_(std::move(topics)),
        consumer_(NewConsumer({{"bootstrap.servers", brokers},
                               {"group.id", "bench-latency"},
                               {"enable.auto.commit", "false"},
                               {"isolation.level", isolation},
                               {"fetch.wait.max.ms", "500"},
                               {"fetch.min.bytes", "1"}})) {
    AssignAllFromEnd(consumer_, topics_);
  }

  void Start(const Plan& plan) {
    plan_ = plan;
    thread_ = std::thread([this] { Listen(); });
  }

  // Ends when nothing has come for 5 s from now on.
  void Finish() {
    ending_ = true;
    thread_.join();
    std::sort(latencies_us_.begin(), latencies_us_.end());
  }

  int64_t records() const { return records_; }
  size_t measured() const { return latencies_us_.size(); }
  double QuantileMs(double quantile) const {
    if (latencies_us_.empty()) return -1;
    const double at = quantile * static_cast<double>(latencies_us_.size() - 1);
    return static_cast<double>(latencies_us_[static_cast<size_t>(at)]) / 1000.0;
  }
  // Records of each topic, in the order the topics were given.
  std::vector<int64_t> CountsByTopic() const {
    std::vector<int64_t> counts;
    for (const std::string& topic : topics_) {
      const auto found = counts_.find(topic);
      counts.push_back(found == counts_.end() ? 0 : found->second);
    }
    return counts;
  }

 private:
  void Listen() {
    int64_t last_us = NowUs();
    while (true) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer_, 100);
      const int64_t now_us = NowUs();
      if (message != nullptr) {
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) Take(*message, now_us);
        rd_kafka_message_destroy(message);
        last_us = now_us;
      } else if (!ending_) {
        last_us = now_us;
      } else if (now_us - last_us > kQuietUs) {
        return;
      }
    }
  }

  void Take(const rd_kafka_message_t& message, int64_t now_us) {
    ++records_;
    ++counts_[rd_kafka_topic_name(message.rkt)];
    rd_kafka_headers_t* headers = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    if (rd_kafka_message_headers(&message, &headers) != 0 ||
        rd_kafka_header_get_last(headers, kDueHeader, &value, &size) != 0 ||
        size != sizeof(int64_t)) {
      Die("a record came without the header that says when it was due");
    }
    int64_t due_us = 0;
    std::memcpy(&due_us, value, sizeof(due_us));
    if (due_us >= plan_.measured_from_us()) latencies_us_.push_back(now_us - due_us);
  }

  const std::vector<std::string> topics_;
  rd_kafka_t* const consumer_;
  Plan plan_;
  std::thread thread_;
  std::atomic<bool> ending_{false};
  int64_t records_ = 0;
  std::map<std::string, int64_t> counts_;
  std::vector<int64_t> latencies_us_;
};

// Sends by the plan; answers how late the latest one was.
int64_t Send(const Arguments& arguments, const Plan& plan) {
  rd_kafka_t* producer = NewProducer({{"bootstrap.servers", arguments.Text("--brokers")},
                                      {"enable.idempotence", "true"},
                                      {"partitioner", "murmur2_random"},
                                      {"linger.ms", "0"},
                                      {"queue.buffering.max.messages", "1000000"}});
  rd_kafka_topic_t* topic =
      rd_kafka_topic_new(producer, arguments.Text("--topic").c_str(), nullptr);
  std::FILE* attributes_file = std::fopen(arguments.Text("--attributes").c_str(), "wb");
  if (attributes_file == nullptr) Die("the attributes file can't be written");
  Events generator(static_cast<uint64_t>(arguments.Number("--seed")),
                   static_cast<uint16_t>(arguments.Number("--types")));
  int64_t latest_us = 0;
  for (int64_t i = 0; i < plan.events; ++i) {
    Attributes attributes;
    const std::string& value = generator.Next(&attributes);
    std::fwrite(&attributes, sizeof(attributes), 1, attributes_file);
    const int64_t due_us = plan.DueUs(i);
    rd_kafka_headers_t* headers = rd_kafka_headers_new(1);
    rd_kafka_header_add(headers, kDueHeader, -1, &due_us, sizeof(due_us));
    WaitUntil(producer, due_us);
    Produce(producer, topic, generator.key().data(), generator.key().size(), value.data(),
            value.size(), headers);
    latest_us = std::max(latest_us, NowUs() - due_us);
  }
  if (rd_kafka_flush(producer, 60'000) != 0) Die("some events were not delivered");
  if (std::fclose(attributes_file) != 0) Die("the attributes file can't be written");
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
  return latest_us;
}

int Main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  const std::string brokers = arguments.Text("--brokers");
  Listener floor(brokers, "read_uncommitted", {arguments.Text("--topic")});
  Listener routed(
      brokers, "read_committed",
      TopicNames(arguments.Text("--prefix"), static_cast<int>(arguments.Number("--destinations"))));
  Plan plan;
  plan.rate = arguments.Number("--rate");
  plan.warm_up_events = plan.rate * arguments.Number("--warm-up-seconds");
  plan.events = plan.warm_up_events + plan.rate * arguments.Number("--seconds");
  plan.start_us = NowUs() + 1'000'000;
  floor.Start(plan);
  routed.Start(plan);
  const int64_t latest_us = Send(arguments, plan);
  floor.Finish();
  routed.Finish();

  std::printf(
      "{\"events\": %lld, \"floor_records\": %lld, \"records\": %lld, \"measured\": %zu, "
      "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, \"floor_p50_ms\": %.3f, "
      "\"floor_p99_ms\": %.3f, \"floor_p999_ms\": %.3f, \"latest_send_ms\": %.3f, "
      "\"counts\": [",
      static_cast<long long>(plan.events), static_cast<long long>(floor.records()),
      static_cast<long long>(routed.records()), routed.measured(), routed.QuantileMs(0.5),
      routed.QuantileMs(0.99), routed.QuantileMs(0.999), floor.QuantileMs(0.5),
      floor.QuantileMs(0.99), floor.QuantileMs(0.999), static_cast<double>(latest_us) / 1000.0);
  const std::vector<int64_t> counts = routed.CountsByTopic();
  for (size_t i = 0; i < counts.size(); ++i) {
    std::printf("%s%lld", i == 0 ? "" : ", ", static_cast<long long>(counts[i]));
  }
  std::printf("]}\n");
  std::fflush(stdout);
  std::_Exit(0);  // the consumers have nothing to say goodbye to
}

}  // namespace
}  // namespace turnout::bench

int main(int argc, char** argv) { return turnout::bench::Main(argc, argv); }
