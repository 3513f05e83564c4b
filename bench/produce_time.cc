// bench_produce_time: what a transaction takes by one sink, from Begin until Commit returns.
//
// Each transaction holds `--records` records of 1 KB, by turns to topics `prefix0` to
// `prefix(destinations-1)`. `--warm` transactions go before those that count. One line of JSON is
// printed: percentiles of the time; CPU of all threads, user and system, a transaction. The source
// offsets, which need a consumer, are left out for both sinks.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/clients.h"
#include "connectors/batch_sink.h"
#include "connectors/kafka_sink.h"

namespace turnout::bench {
namespace {

constexpr size_t kRecordBytes = 1'000;
constexpr int64_t kPatienceUs = 60'000'000;

void Check(const absl::Status& status) {
  if (!status.ok()) Die(std::string(status.message()));
}

// Until it is more than Unavailable.
template <typename Call>
void Insist(Call call) {
  const int64_t deadline = NowUs() + kPatienceUs;
  absl::Status status = call();
  while (absl::IsUnavailable(status) && NowUs() < deadline) status = call();
  Check(status);
}

std::unique_ptr<connectors::Sink> OpenSink(const Arguments& arguments) {
  connectors::KafkaSinkOptions options;
  options.client.bootstrap_servers = arguments.Text("--brokers");
  options.client.client_id = "bench-produce";
  options.transactional_id = arguments.Text("--id");
  options.source_topic = "none";
  auto made = arguments.Text("--sink") == "batch" ? connectors::MakeBatchSink(options)
                                                   : connectors::MakeKafkaSink(options);
  Check(made.status());
  Insist([&] { return (*made)->Open(); });
  return *std::move(made);
}

// `next` goes round all topics, over the transactions.
void Transact(connectors::Sink& sink, const std::vector<std::string>& topics, int64_t records,
              size_t* next) {
  static const std::string value(kRecordBytes, 'x');
  Insist([&] { return sink.Begin(); });
  for (int64_t i = 0; i < records; ++i) {
    const std::string key = std::to_string(i);
    connectors::OutputRecord record;
    record.topic = topics[(*next)++ % topics.size()];
    record.key = key;
    record.value = value;
    Insist([&] { return sink.Produce(record); });
  }
  Insist([&] { return sink.Commit({}, {}); });
}

double Percentile(const std::vector<int64_t>& sorted, double part) {
  const auto last = static_cast<double>(sorted.size() - 1);
  return static_cast<double>(sorted[static_cast<size_t>(last * part)]) / 1'000;
}

int Run(const Arguments& arguments) {
  const std::vector<std::string> topics = TopicNames(
      arguments.Text("--prefix"), static_cast<int>(arguments.Number("--destinations")));
  const int64_t records = arguments.Number("--records");
  const int64_t transactions = arguments.Number("--transactions");
  const std::unique_ptr<connectors::Sink> sink = OpenSink(arguments);
  size_t next = 0;
  for (int64_t i = 0; i < arguments.Number("--warm"); ++i) Transact(*sink, topics, records, &next);

  std::vector<int64_t> took_us;
  const int64_t cpu_before_us = CpuUs();
  for (int64_t i = 0; i < transactions; ++i) {
    const int64_t begin_us = NowUs();
    Transact(*sink, topics, records, &next);
    took_us.push_back(NowUs() - begin_us);
  }
  const double cpu_us = static_cast<double>(CpuUs() - cpu_before_us);
  std::sort(took_us.begin(), took_us.end());
  std::printf("{\"p50_ms\": %.2f, \"p99_ms\": %.2f, \"client_cpu_us\": %.0f}\n",
              Percentile(took_us, 0.5), Percentile(took_us, 0.99),
              cpu_us / static_cast<double>(transactions));
  sink->Close(absl::Seconds(1));
  return 0;
}

}  // namespace
}  // namespace turnout::bench

int main(int argc, char** argv) {
  return turnout::bench::Run(turnout::bench::Arguments(argc, argv));
}
