// bench_preload: fills a topic with made-up events and writes down their attributes.
#include <cstdio>

#include "bench/clients.h"
#include "bench/events.h"

namespace turnout::bench {
namespace {

int Main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  const int64_t events = arguments.Number("--events");
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
  for (int64_t i = 0; i < events; ++i) {
    Attributes attributes;
    const std::string& value = generator.Next(&attributes);
    Produce(producer, topic, generator.key().data(), generator.key().size(), value.data(),
            value.size(), nullptr);
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
