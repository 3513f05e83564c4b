#include "runtime/pipeline_observer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "runtime/log.h"

namespace turnout::runtime {
namespace {

// Different lines of Kafka clients remembered, so as not to repeat them.
constexpr size_t kClientLinesMax = 200;
// What was said is news again after so long.
constexpr absl::Duration kSayAgainAfter = absl::Minutes(1);

std::string Partitions(const WorkerStatus& status) {
  std::vector<int32_t> numbers;
  for (const PartitionStatus& partition : status.partitions) numbers.push_back(partition.partition);
  std::sort(numbers.begin(), numbers.end());
  return absl::StrJoin(numbers, ",");
}

// A reason that differs from the last one in its numbers alone is the same reason.
std::string WithoutNumbers(std::string text) {
  text.erase(std::remove_if(text.begin(), text.end(), absl::ascii_isdigit), text.end());
  return text;
}

// What a line of librdkafka says of a connection that failed.
struct FailedConnection {
  std::string broker;  // "host:port"; empty where the line names none
  std::string what;    // without how long it took
};

// What is behind the first such text, or all.
std::string_view Behind(std::string_view text, std::string_view mark) {
  const size_t at = text.find(mark);
  return at == std::string_view::npos ? text : text.substr(at + mark.size());
}

// "FAIL: [thrd:<thread>]: <protocol>://<host>:<port>/<id>: <what> (after <n>ms in state <state>)",
// or
// "<coordinator>: <host>:<port>: <what>", or "<name>: <what>".
FailedConnection ReadFailure(std::string_view message) {
  std::string_view rest = Behind(message.substr(0, message.find(" (after ")), "]: ");
  FailedConnection failed;
  if (rest.find("://") < rest.find(' ')) {
    rest = Behind(rest, "://");
    failed.broker = std::string(rest.substr(0, rest.find_first_of("/ ")));
    rest = Behind(rest, ": ");
  } else {
    rest = Behind(rest, ": ");
    const std::string_view word = rest.substr(0, rest.find(": "));
    const bool is_address =
        word.find(' ') == std::string_view::npos && word.rfind(':') < word.size();
    if (is_address) {
      failed.broker = std::string(word);
      rest = Behind(rest, ": ");
    }
  }
  failed.what = std::string(rest);
  return failed;
}

// What a client's line says, however often, by whichever of its connections, after however long.
std::string SameLine(const std::string& client, const std::string& message) {
  const std::string line = message.substr(0, message.find(" (after "));
  if (line.rfind("FAIL", 0) != 0) return WithoutNumbers(absl::StrCat(client, line));
  const FailedConnection failed = ReadFailure(message);
  // Connections that have no address yet name it in what failed.
  const bool is_named = absl::StrContains(failed.what, "Connect to ");
  return is_named ? failed.what : absl::StrCat(failed.broker, WithoutNumbers(failed.what));
}

std::string_view Message(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

}  // namespace

void PipelineObserver::OnTransaction(const TransactionReport& report) {
  board_->OnTransaction(report);
  metrics_->OnTransaction(report);
}

void PipelineObserver::OnOpenTransaction(int worker, absl::Time since) {
  board_->OnOpenTransaction(worker, since);
  metrics_->OnOpenTransaction(worker, since);
}

void PipelineObserver::OnOutcome(int worker, TransactionOutcome outcome, const absl::Status& why) {
  board_->OnOutcome(worker, outcome, why);
  metrics_->OnOutcome(worker, outcome, why);
  switch (outcome) {
    case TransactionOutcome::kRetried:
      LogDebug("transaction_retried", Message(why), {{"worker", worker}});
      return;
    case TransactionOutcome::kAborted:
      LogWarning("transaction_aborted", absl::StrCat("aborted and redone: ", why.message()),
                 {{"worker", worker}});
      return;
    case TransactionOutcome::kFenced:
      LogWarning("fenced", absl::StrCat("another owner took over; joining afresh: ", why.message()),
                 {{"worker", worker}});
      return;
    case TransactionOutcome::kFatal:
      LogError("producer_lost", absl::StrCat("starting the producer afresh: ", why.message()),
               {{"worker", worker}});
      return;
  }
}

void PipelineObserver::OnStatus(const WorkerStatus& status) {
  board_->OnStatus(status);
  metrics_->OnStatus(status);
  Logged now = {status.state, status.reason, Partitions(status)};
  Logged before;
  bool reachable = true;
  {
    absl::MutexLock lock(&mu_);
    before = std::exchange(logged_[status.worker], now);
    reachable = brokers_reachable_;
  }
  if (now.partitions != before.partitions) {
    LogInfo("partitions",
            now.partitions.empty() ? absl::StrCat("worker ", status.worker, " has no partitions")
                                   : absl::StrCat("worker ", status.worker, " has partitions ",
                                                  now.partitions, " of ", status.topic),
            {{"worker", status.worker}, {"topic", status.topic}, {"partitions", now.partitions}});
  }
  // While no broker can be reached, each try fails in words of its own.
  const bool same_reason = WithoutNumbers(now.reason) == WithoutNumbers(before.reason);
  if (now.state == before.state && (same_reason || !reachable)) return;
  const std::string sentence =
      absl::StrCat("worker ", status.worker, " is ", std::string(StateName(now.state)),
                   now.reason.empty() ? "" : ": ", now.reason);
  if (now.state == WorkerState::kWaiting) {
    LogWarning("worker_state", sentence, {{"worker", status.worker}, {"reason", now.reason}});
  } else {
    LogInfo("worker_state", sentence, {{"worker", status.worker}});
  }
}

void PipelineObserver::OnOffsetsWentBack(int worker, const std::string& topic, int32_t partition,
                                         int64_t expected, int64_t found) {
  LogError("source_offsets_went_back",
           absl::StrCat("partition ", partition, " of ", topic,
                        " was cut back or made anew: offset ", found, " came where ", expected,
                        " was next; routing goes on from there, and some events may be routed "
                        "twice"),
           {{"worker", worker},
            {"topic", topic},
            {"partition", partition},
            {"expected", expected},
            {"found", found}});
}

void PipelineObserver::OnTask(int worker, const std::string& topic, int32_t partition,
                              TaskPhase phase, const std::string& text) {
  const std::string name(PhaseName(phase));
  const std::string sentence = absl::StrCat("partition ", partition, " of ", topic, " is ", name,
                                            text.empty() ? "" : ": ", text);
  const bool is_grave =
      phase == TaskPhase::kWaiting || (phase == TaskPhase::kRecovering && !text.empty());
  const auto log = phase == TaskPhase::kRefused ? LogError : is_grave ? LogWarning : LogInfo;
  log("task", sentence,
      {{"worker", worker}, {"topic", topic}, {"partition", partition}, {"phase", name}});
}

void PipelineObserver::OnRestored(int worker, const std::string& topic, int32_t partition,
                                  const std::string& text) {
  metrics_->OnRestored(worker, topic, partition, text);
  LogInfo("restored", absl::StrCat("partition ", partition, " of ", topic, " is restored: ", text),
          {{"worker", worker}, {"topic", topic}, {"partition", partition}});
}

void PipelineObserver::OnStateSizes(int worker, const std::shared_ptr<const router::RuleSet>& rules,
                                    std::vector<router::StateSize> by_rule) {
  metrics_->OnStateSizes(worker, rules, std::move(by_rule));
}

void PipelineObserver::OnDestinationUnavailable(const std::string& topic,
                                                const std::string& reason) {
  board_->OnDestinationUnavailable(topic, reason);
  metrics_->OnDestinationUnavailable(topic, reason);
  LogWarning("destination_unavailable",
             absl::StrCat("destination ", topic, " takes no records: ", reason,
                          "; they are parked until it does, or dead-lettered where they can't be"),
             {{"destination", topic}, {"reason", reason}});
}

void PipelineObserver::OnBrokers(const std::string& client, bool reachable,
                                 const std::string& reason) {
  const bool changed = board_->SetBrokers(client, reachable, reason);
  if (!changed) return;
  metrics_->OnBrokers(reachable);
  {
    absl::MutexLock lock(&mu_);
    brokers_reachable_ = reachable;
    if (reachable) client_lines_.clear();
  }
  if (reachable) {
    LogInfo("brokers_reachable", "brokers answer");
  } else {
    LogWarning("brokers_unreachable",
               absl::StrCat("no broker can be reached: ", reason, " (trying on)"),
               {{"client", client}, {"reason", reason}});
  }
}

void PipelineObserver::OnToken(const TokenReport& report) {
  board_->SetToken(report);
  metrics_->OnToken(report);
  const std::string trouble(report.status.message());
  {
    absl::MutexLock lock(&mu_);
    if (std::exchange(token_trouble_, trouble) == trouble) return;
  }
  const std::string until =
      absl::FormatTime(absl::RFC3339_sec, report.expires, absl::UTCTimeZone());
  if (report.status.ok()) {
    LogInfo("token_fetched", absl::StrCat("a token for Kafka is at hand until ", until));
  } else if (report.expires == absl::InfinitePast()) {
    LogWarning("token_not_fetched", absl::StrCat(trouble, " (trying on)"));
  } else {
    LogWarning("token_not_fetched",
               absl::StrCat(trouble, " (trying on; the last token is good until ", until, ")"));
  }
}

void PipelineObserver::OnSecurity(const SecurityReport& report) {
  board_->SetSecurity(report);
  metrics_->OnSecurity(report);
  if (report.certificates_changed) {
    LogInfo("certificates_renewed",
            "certificates or keys of kafka.ssl.* have changed and are taken up");
  }
  if (report.passwords_changed) {
    LogInfo("password_renewed", "kafka.sasl.password has changed and is taken up");
  }
  std::string trouble(report.status.message());
  for (const connectors::CertificateLife& life : report.certificates) {
    const std::string ends = CertificateTrouble(life, absl::Now());
    if (!ends.empty()) absl::StrAppend(&trouble, trouble.empty() ? "" : "; ", ends);
  }
  {
    absl::MutexLock lock(&mu_);
    if (std::exchange(security_trouble_, trouble) == trouble) return;
  }
  if (!trouble.empty()) LogWarning("security", trouble);
}

void PipelineObserver::OnThrottle(const std::string& client, const std::string& broker,
                                  absl::Duration time) {
  metrics_->OnThrottle(time);
  const std::string what =
      absl::StrFormat("it holds clients of this principal back, as over their quota: %s for %s",
                      client, absl::FormatDuration(time));
  board_->OnBrokerFailed(broker, what);
  if (IsSaid(absl::StrCat("throttle", broker))) return;
  LogWarning("broker_throttles", absl::StrCat("broker ", broker, " throttles: ", what),
             {{"client", client}, {"broker", broker}});
}

bool PipelineObserver::IsSaid(const std::string& line) {
  const absl::Time now = clock_->Now();
  absl::MutexLock lock(&mu_);
  if (client_lines_.size() >= kClientLinesMax) client_lines_.clear();
  const auto [known, is_new] = client_lines_.try_emplace(line, now);
  if (!is_new && now - known->second < kSayAgainAfter) return true;
  known->second = now;
  return false;
}

void PipelineObserver::OnClientLog(int level, const std::string& client,
                                   const std::string& message) {
  const bool said = IsSaid(SameLine(client, message));
  if (message.rfind("FAIL", 0) == 0) {
    const FailedConnection failed = ReadFailure(message);
    if (!failed.broker.empty()) board_->OnBrokerFailed(failed.broker, failed.what);
  }
  // AUTOCREATE is a remark on brokers older than any that Turnout runs on, and on the embedded one.
  if (said || level > 6 || message.rfind("AUTOCREATE", 0) == 0) {
    LogDebug("kafka_client", message, {{"client", client}});
  } else if (level <= 3) {
    LogError("kafka_client", message, {{"client", client}});
  } else if (level == 4) {
    LogWarning("kafka_client", message, {{"client", client}});
  } else {
    LogInfo("kafka_client", message, {{"client", client}});
  }
}

}  // namespace turnout::runtime
