// bench_preload: fills a topic with made-up events and writes down their attributes.
//
// With `--rate` 0 as fast as it goes; else so many a second, event i due at start + i / rate, which
// is its timestamp too, whenever it is sent.
#include <cstdio>
#include <ctime>

#include "bench/clients.h"
#include "bench/events.h"

namespace turnout::bench {
namespace {

int Main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  const int64_t events = arguments.Number("--events");
  const int64_t rate = arguments.Number("--rate");
  std::FILE* attributes_file = std::fopen(arguments.Text("--attributes").c_str(), "wb");
  if (attributes_file == nullptr) Die("the attributes file can't be written");
  rd_kafka_t* producer = NewProducer({{"bootstrap.servers", arguments.Text("--brokers")},
                                      {"enable.idempotence", "true"},
                                      {"partitioner", "murmur2_random"},
                                      {"linger.ms", "20"},
                                      {"batch.size", "1000000"},
                                      {"queue.buffering.max.messages", "200000"},
                                      {"queue.buffering.max.kbytes", "262144"}});
  rd_kafka_topic_t* topic =
      rd_kafka_topic_new(producer, arguments.Text("--topic").c_str(), nullptr);
  Events generator(static_cast<uint64_t>(arguments.Number("--seed")),
                   static_cast<uint16_t>(arguments.Number("--types")));
  const int64_t start_us = NowUs();
  const int64_t start_ms = static_cast<int64_t>(std::time(nullptr)) * 1'000;
  for (int64_t i = 0; i < events; ++i) {
    int64_t timestamp_ms = kNow;
    if (rate > 0) {
      WaitUntil(producer, start_us + i * 1'000'000 / rate);
      timestamp_ms = start_ms + i * 1'000 / rate;
    }
    Attributes attributes;
    const std::string& value = generator.Next(&attributes);
    Produce(producer, topic, generator.key().data(), generator.key().size(), value.data(),
            value.size(), nullptr, timestamp_ms);
    if (std::fwrite(&attributes, sizeof(attributes), 1, attributes_file) != 1) {
      Die("the attributes file can't be written");
    }
    if (i % 1000 == 0) rd_kafka_poll(producer, 0);
  }
  if (rd_kafka_flush(producer, 120'000) != 0) Die("some events were not delivered");
  if (std::fclose(attributes_file) != 0) Die("the attributes file can't be written");
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
  return 0;
}

}  // namespace
}  // namespace turnout::bench

int main(int argc, char** argv) { return turnout::bench::Main(argc, argv); }
