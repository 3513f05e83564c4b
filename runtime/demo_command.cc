#include "runtime/demo_command.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "connectors/kafka_sink.h"
#include "connectors/plain_reader.h"
#include "runtime/demo_events.h"
#include "runtime/demo_report.h"
#include "runtime/log.h"
#include "runtime/process.h"

namespace turnout::runtime {
namespace {

constexpr char kSourceTopic[] = "shop.events";
constexpr char kDeadLetterTopic[] = "shop.events.dead-letter";
constexpr char kRulesPath[] = "/rules";  // of a service at a config manager
constexpr char kReportsPath[] = "/reports";
constexpr int kFirstEvents = 1;       // sent before the clock starts: the group has to form
constexpr int kPacedEventsMax = 450;  // of all; the others are sent at once
constexpr int kPacedPerSecond = 300;
constexpr int kPacedTogether = 6;  // a send is acknowledged before the next one: some 10 ms
constexpr int kProduceBatchEvents = 500;
constexpr absl::Duration kReadyTimeout = absl::Seconds(30);
constexpr absl::Duration kProduceTimeout = absl::Seconds(30);
constexpr absl::Duration kRoutedTimeout = absl::Seconds(60);
constexpr absl::Duration kQuiet = absl::Milliseconds(500);  // nothing more comes after this

sigset_t EndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// Waits for a signal that ends the demo; false when none came.
bool StoppedWithin(absl::Duration wait) {
  const sigset_t signals = EndingSignals();
  const timespec timeout = absl::ToTimespec(wait);
  return sigtimedwait(&signals, nullptr, &timeout) > 0;
}

// Waits until `done` says so. Cancelled: a signal came first. DeadlineExceeded: `what` did not
// happen.
template <typename Done>
absl::Status WaitUntil(Done done, absl::Duration timeout, std::string_view what) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!done()) {
    if (StoppedWithin(absl::Milliseconds(5))) return absl::CancelledError("stopped by a signal");
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(absl::StrFormat(
          "%s in %s; is this machine very busy? Try fewer --events, or see what the "
          "log above says",
          what, absl::FormatDuration(timeout)));
    }
  }
  return absl::OkStatus();
}

// The value of a counter without labels on the metrics page; 0 when it isn't there.
uint64_t CounterOn(const std::string& page, const std::string& name) {
  const size_t at = page.find(absl::StrCat("\n", name, " "));
  return at == std::string::npos
             ? 0
             : static_cast<uint64_t>(std::strtod(page.c_str() + at + name.size() + 2, nullptr));
}

// Reads all destinations in a thread of its own, so that an arrival is seen when it happens.
class Reading {
 public:
  Reading(std::unique_ptr<connectors::PlainReader> reader, DemoReport* report)
      : reader_(std::move(reader)), report_(report), thread_([this] { Run(); }) {}

  ~Reading() { Finish(); }

  // From now on arrivals are events' whose latency counts: those with a timestamp from here on.
  void MeasureFrom(absl::Time start) { measure_from_ms_ = absl::ToUnixMillis(start); }

  // Waits until nothing more comes; the report is the caller's from then on.
  void Finish() {
    ending_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Run() {
    absl::Time last_arrival = absl::Now();
    while (!ending_ || absl::Now() - last_arrival < kQuiet) {
      const std::vector<connectors::ReadRecord> records = reader_->Poll(absl::Milliseconds(50));
      const absl::Time now = absl::Now();
      for (const connectors::ReadRecord& record : records) {
        report_->Add(record);
        if (record.timestamp_ms >= measure_from_ms_) {
          report_->AddLatency(now - absl::FromUnixMillis(record.timestamp_ms));
        }
      }
      if (!records.empty() || !ending_) last_arrival = now;
    }
  }

  std::unique_ptr<connectors::PlainReader> reader_;
  DemoReport* const report_;
  std::atomic<bool> ending_{false};
  std::atomic<int64_t> measure_from_ms_{INT64_MAX};
  std::thread thread_;
};

class Demo {
 public:
  explicit Demo(const DemoOptions& options)
      : options_(options), events_(options.seed), report_(kDeadLetterTopic) {}

  absl::Status Run();

 private:
  absl::Status OpenClients();
  absl::Status Send(int count);
  absl::Status SendPaced(int count);
  absl::Status WaitForRouted(uint64_t events);

  const DemoOptions options_;
  DemoEvents events_;
  DemoReport report_;
  std::unique_ptr<Process> process_;
  std::unique_ptr<connectors::Sink> producer_;
  std::unique_ptr<Reading> reading_;
};

Config DemoConfig(const DemoOptions& options) {
  Config config;
  config.topic = kSourceTopic;
  config.group = "turnout-demo";
  config.rules = options.rules;
  config.rules_from.token_file = options.token_file;
  if (const size_t path = options.rules.rfind(kRulesPath);
      !options.token_file.empty() && path != std::string::npos) {
    config.rules_from.report_to = absl::StrCat(options.rules.substr(0, path), kReportsPath);
  }
  config.listen = options.listen;
  config.instance = "demo";
  config.dead_letter_topic = kDeadLetterTopic;
  config.rekey_topic = "turnout-demo.rekey";
  config.create_topics.enabled = true;
  config.create_topics.partitions = 2;
  config.log.json = false;
  config.log.level = "error";
  return config;
}

// Calls again while the brokers can't be reached.
template <typename Call>
absl::Status Insist(Call call) {
  const absl::Time deadline = absl::Now() + kProduceTimeout;
  absl::Status status = call();
  while (absl::IsUnavailable(status) && absl::Now() < deadline) status = call();
  return status;
}

absl::Status Demo::OpenClients() {
  connectors::KafkaSinkOptions options;
  options.client.bootstrap_servers = process_->bootstrap_servers();
  options.client.client_id = "turnout-demo-producer";
  options.delivery = connectors::Delivery::kAtLeastOnce;
  absl::StatusOr<std::unique_ptr<connectors::Sink>> producer = connectors::MakeKafkaSink(options);
  if (!producer.ok()) return producer.status();
  producer_ = *std::move(producer);
  absl::StatusOr<std::unique_ptr<connectors::PlainReader>> reader =
      connectors::PlainReader::Start(process_->bootstrap_servers(), {kSourceTopic});
  if (!reader.ok()) return reader.status();
  reading_ = std::make_unique<Reading>(*std::move(reader), &report_);
  return Insist([this] { return producer_->Open(); });
}

absl::Status Demo::Send(int count) {
  if (absl::Status status = Insist([this] { return producer_->Begin(); }); !status.ok()) {
    return status;
  }
  for (int i = 0; i < count; ++i) {
    const absl::Time now = absl::Now();
    const DemoEvent event = events_.Next(now);
    std::vector<connectors::Header> headers(event.headers.begin(), event.headers.end());
    const connectors::OutputRecord record = {.topic = kSourceTopic,
                                             .timestamp_ms = absl::ToUnixMillis(now),
                                             .key = event.key,
                                             .value = event.value,
                                             .headers = headers};
    absl::Status status = Insist([&] { return producer_->Produce(record); });
    if (!status.ok()) return status;
  }
  return Insist([this] { return producer_->Commit({}, {}); });
}

// A few at a time, at times fixed in advance, as customers would send them.
absl::Status Demo::SendPaced(int count) {
  const absl::Time start = absl::Now();
  for (int sent = 0; sent < count; sent += kPacedTogether) {
    const absl::Time due = start + sent * absl::Seconds(1) / kPacedPerSecond;
    if (due > absl::Now() && StoppedWithin(due - absl::Now())) {
      return absl::CancelledError("stopped by a signal");
    }
    absl::Status status = Send(std::min(kPacedTogether, count - sent));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Demo::WaitForRouted(uint64_t events) {
  return WaitUntil(
      [&] { return CounterOn(process_->MetricsText(), "turnout_events_consumed_total") >= events; },
      kRoutedTimeout, absl::StrFormat("%d events were not routed", events));
}

DemoStyle StyleOfTerminal() {
  DemoStyle style;
  winsize size{};
  if (isatty(STDOUT_FILENO) == 1) {
    style.colours = std::getenv("NO_COLOR") == nullptr;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = size.ws_col;
  }
  return style;
}

absl::Status Demo::Run() {
  ProcessOptions process_options;
  process_options.config = DemoConfig(options_);
  process_options.embedded = true;
  StartLog({.json = false, .level = "error"});
  process_ = std::make_unique<Process>(std::move(process_options));
  if (absl::Status status = process_->Start(); !status.ok()) return status;
  if (absl::Status status = WaitUntil([this] { return process_->IsReady(); }, kReadyTimeout,
                                      "the pipeline did not get ready");
      !status.ok()) {
    return status;
  }
  if (absl::Status status = OpenClients(); !status.ok()) return status;

  const int paced = std::min(options_.events / 5, kPacedEventsMax);
  const int backlog = options_.events - paced - kFirstEvents;
  std::printf("the teams' rules, an embedded Kafka, %s events of a web shop ...\n",
              WithCommas(static_cast<uint64_t>(options_.events)).c_str());
  std::fflush(stdout);

  if (absl::Status status = Send(kFirstEvents); !status.ok()) return status;
  if (absl::Status status = WaitForRouted(kFirstEvents); !status.ok()) return status;
  const absl::Time start = absl::Now();
  for (int sent = 0; sent < backlog; sent += kProduceBatchEvents) {
    absl::Status status = Send(std::min(kProduceBatchEvents, backlog - sent));
    if (!status.ok()) return status;
    if (StoppedWithin(absl::ZeroDuration())) return absl::CancelledError("stopped by a signal");
  }
  if (absl::Status status = WaitForRouted(static_cast<uint64_t>(backlog + kFirstEvents));
      !status.ok()) {
    return status;
  }
  DemoFigures figures;
  figures.events = static_cast<uint64_t>(options_.events);
  figures.backlog_events = static_cast<uint64_t>(backlog);
  figures.backlog_time = absl::Now() - start;
  figures.paced_per_second = kPacedPerSecond;
  figures.rules = static_cast<int>(CounterOn(process_->MetricsText(), "turnout_rule_set_rules"));

  reading_->MeasureFrom(absl::Now());
  if (absl::Status status = SendPaced(paced); !status.ok()) return status;
  if (absl::Status status = WaitForRouted(figures.events); !status.ok()) return status;
  reading_->Finish();

  const DemoPlaces places = {.bootstrap_servers = process_->bootstrap_servers(),
                             .admin_address = process_->address(),
                             .source_topic = kSourceTopic,
                             .stays = options_.stay};
  std::fputs(report_.Text(figures, places, StyleOfTerminal()).c_str(), stdout);
  if (options_.stay) {
    std::fputs("\nRunning until Ctrl-C.\n", stdout);
    std::fflush(stdout);
    while (!StoppedWithin(absl::Seconds(3600))) {
    }
  }
  process_->RequestStop();
  return process_->Wait();
}

}  // namespace

int RunDemo(const DemoOptions& options) {
  if (options.events < 1 || options.events > kDemoEventsMax) {
    std::fprintf(stderr, "error: --events %d: from 1 to %d\n", options.events, kDemoEventsMax);
    return 2;
  }
  const sigset_t signals = EndingSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const absl::Status status = Demo(options).Run();
  if (status.ok() || absl::IsCancelled(status)) return 0;
  std::fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

}  // namespace turnout::runtime
