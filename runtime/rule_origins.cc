#include "runtime/rule_origins.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "connectors/kafka_sink.h"
#include "connectors/table_source.h"
#include "runtime/bearer_token.h"
#include "runtime/config_checks.h"
#include "runtime/http_request.h"
#include "runtime/log.h"
#include "runtime/router_pulse.h"
#include "runtime/rule_directory.h"
#include "runtime/rule_document.h"
#include "runtime/rule_endpoint.h"
#include "runtime/rule_topic.h"
#include "state/http_client.h"

namespace turnout::runtime {
namespace {

constexpr absl::Duration kReportTimeout = absl::Seconds(10);
constexpr int kReportCallTimeoutMs = 500;  // how soon a stop is seen

std::string TopicOf(const std::string& text) { return text.substr(kTopicScheme.size()); }

connectors::KafkaClientOptions ClientFor(const RuleOriginParts& parts, const std::string& name) {
  connectors::KafkaClientOptions client = parts.client(name);
  client.events.on_brokers = nullptr;  // the sources tell
  return client;
}

std::unique_ptr<RuleOrigin> MakeTopic(const std::string& topic, RuleOriginParts parts) {
  RuleTopicOptions options;
  options.topic = topic;
  options.on_news = parts.wake;
  options.make_source = [topic, parts] {
    connectors::KafkaTableOptions table;
    table.client = ClientFor(parts, "rules");
    table.admin = parts.admin;
    table.topic = topic;
    return connectors::MakeKafkaTableSource(table);
  };
  return std::make_unique<RuleTopic>(std::move(options));
}

std::unique_ptr<RuleOrigin> MakeEndpoint(const Config& config, RuleOriginParts parts) {
  RuleEndpointOptions options;
  options.url = config.rules;
  options.token_file = config.rules_from.token_file;
  options.ca_bundle = config.rules_from.ca_bundle;
  options.instance = config.instance;
  options.wait = config.rules_from.wait;
  options.on_news = std::move(parts.wake);
  return std::make_unique<RuleEndpoint>(std::move(options));
}

// Sends what is told of a router by POST.
class ReportPoster {
 public:
  ReportPoster(const Config& config, std::string url)
      : url_(std::move(url)),
        token_file_(config.rules_from.token_file),
        http_(std::make_shared<state::HttpClient>(
            state::HttpOptions{.ca_bundle = config.rules_from.ca_bundle})) {}

  absl::Status operator()(const std::string& report, const std::atomic<bool>& stop) const {
    return Post(report, stop).status();
  }

  // The body of the answer.
  absl::StatusOr<std::string> Post(const std::string& report, const std::atomic<bool>& stop) const {
    state::HttpRequest request;
    request.method = "POST";
    request.url = url_;
    request.headers = {{"Content-Type", "application/json"}};
    request.body = report;
    request.timeout = kReportTimeout;
    request.stop = &stop;
    if (!token_file_.empty()) {
      const absl::StatusOr<std::string> token = ReadBearerToken(token_file_);
      if (!token.ok()) return token.status();
      request.headers.emplace_back("Authorization", absl::StrCat("Bearer ", *token));
    }
    absl::StatusOr<state::HttpResponse> answer = http_->Send(request);
    if (!answer.ok()) return answer.status();
    if (answer->status >= 200 && answer->status < 300) return std::move(answer->body);
    return absl::UnavailableError(absl::StrFormat("it answers %d", answer->status));
  }

 private:
  std::string url_;
  std::string token_file_;
  std::shared_ptr<state::HttpClient> http_;
};

// Sends reports as records, with the replica's name as key: compacted, the topic holds the last one
// of each.
class ReportProducer {
 public:
  ReportProducer(const Config& config, RuleOriginParts parts)
      : topic_(TopicOf(config.rules_from.report_to)),
        instance_(config.instance),
        parts_(std::move(parts)) {}

  absl::Status operator()(const std::string& report, const std::atomic<bool>& stop) {
    const absl::Status sent = Produce(report, stop);
    if (!sent.ok()) sink_.reset();
    return sent;
  }

 private:
  absl::Status Produce(const std::string& report, const std::atomic<bool>& stop) {
    if (absl::Status opened = Open(); !opened.ok()) return opened;
    if (absl::Status begun = sink_->Begin(); !begun.ok()) return begun;
    const absl::Status produced = sink_->Produce({.topic = topic_,
                                                  .timestamp_ms = absl::ToUnixMillis(absl::Now()),
                                                  .key = instance_,
                                                  .value = report});
    if (!produced.ok()) return produced;
    const absl::Time until = absl::Now() + kReportTimeout;
    for (;;) {
      const absl::Status sent = sink_->Commit({}, {});
      if (!absl::IsUnavailable(sent) || stop || absl::Now() > until) return sent;
    }
  }

  absl::Status Open() {
    if (sink_ != nullptr) return absl::OkStatus();
    connectors::KafkaSinkOptions options;
    options.client = ClientFor(parts_, "rules-report");
    options.delivery = connectors::Delivery::kAtLeastOnce;
    options.call_timeout_ms = kReportCallTimeoutMs;
    auto made = connectors::MakeKafkaSink(options);
    if (!made.ok()) return made.status();
    sink_ = *std::move(made);
    return sink_->Open();
  }

  std::string topic_;
  std::string instance_;
  RuleOriginParts parts_;
  std::shared_ptr<connectors::Sink> sink_;  // null: to be made
};

// The token of rules_from.token_file goes there by http://, and not to this machine.
bool ShowsTokenOnTheWay(const Config& config, const std::string& url) {
  constexpr absl::string_view kHttp = "http://";
  if (config.rules_from.token_file.empty() || !absl::StartsWith(url, kHttp)) return false;
  const std::string rest = url.substr(kHttp.size());
  return !IsLoopbackHost(rest.substr(0, rest.find_first_of("/?")));
}

void WarnOfToken(const Config& config, const std::string& url, absl::string_view setting) {
  if (!ShowsTokenOnTheWay(config, url)) return;
  LogWarning("rules_token", absl::StrCat(PlainUrl(url),
                                         ": by http:// anybody on the way reads the token of "
                                         "rules_from.token_file (use https:// in ",
                                         setting, ")"));
}

}  // namespace

bool IsRemote(const Config& config) { return IsUrl(config.rules) || IsTopic(config.rules); }

std::unique_ptr<RuleOrigin> MakeRuleOrigin(const Config& config, RuleOriginParts parts) {
  if (IsTopic(config.rules)) return MakeTopic(TopicOf(config.rules), std::move(parts));
  WarnOfToken(config, config.rules, "rules");
  if (IsUrl(config.rules)) return MakeEndpoint(config, std::move(parts));
  return std::make_unique<RuleDirectory>(config.rules, config.limits.rules);
}

std::unique_ptr<RuleReporter> MakeRuleReporter(const Config& config, RuleOriginParts parts) {
  const std::string& to = config.rules_from.report_to;
  if (to.empty()) return nullptr;
  if (IsTopic(to)) {
    return std::make_unique<RuleReporter>(to, ReportProducer(config, std::move(parts)));
  }
  WarnOfToken(config, to, "rules_from.report_to");
  return std::make_unique<RuleReporter>(PlainUrl(to), ReportPoster(config, to));
}

std::string PulseUrl(const Config& config) {
  const std::string& to = config.rules_from.report_to;
  constexpr absl::string_view kReports = "/reports";
  if (!IsUrl(to) || !absl::EndsWith(to, kReports)) return "";
  return absl::StrCat(to.substr(0, to.size() - kReports.size()), "/pulses");
}

std::function<absl::StatusOr<size_t>(const std::string&, const std::atomic<bool>&)> MakePulseSend(
    const Config& config) {
  return [poster = ReportPoster(config, PulseUrl(config))](
             const std::string& pulse, const std::atomic<bool>& stop) -> absl::StatusOr<size_t> {
    const absl::StatusOr<std::string> answer = poster.Post(pulse, stop);
    if (!answer.ok()) return answer.status();
    return EventsAskedFor(*answer);
  };
}

}  // namespace turnout::runtime
