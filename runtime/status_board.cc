#include "runtime/status_board.h"

#include <atomic>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "runtime/live_rules_status.h"
#include "runtime/rules_page.h"
#include "runtime/status_json.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

// Destinations found unavailable at run time that are remembered, the latest.
constexpr size_t kUnavailableMax = 100;

Json TimestampOrNull(absl::Time time) {
  return time > absl::UnixEpoch() && time < absl::InfiniteFuture() ? Json(Timestamp(time)) : Json();
}

Json OffsetOrNull(int64_t offset) { return offset >= 0 ? Json(offset) : Json(); }

// Bytes that are not UTF-8 (a topic or a broker's words can hold anything) are replaced.
std::string DumpJson(const Json& json, int indent) {
  return PublicJson(json.dump(-1, ' ', false, Json::error_handler_t::replace), indent);
}

struct LastOutcome {
  std::string outcome;
  std::string why;
  absl::Time at;
};

struct WorkerFacts {
  WorkerStatus status;
  uint64_t transactions = 0;
  uint64_t events = 0;
  absl::Time last_commit;
  LastOutcome last_outcome;
};

struct Client {
  bool reachable = false;
  std::string reason;
};

struct Unavailable {
  std::string topic;
  std::string reason;
  absl::Time at;
};

Json WorkerJson(const WorkerFacts& worker) {
  Json partitions = Json::array();
  for (const PartitionStatus& partition : worker.status.partitions) {
    const bool known = partition.end_offset >= 0 && partition.next_offset >= 0;
    partitions.push_back(
        {{"partition", partition.partition},
         {"next_offset", OffsetOrNull(partition.next_offset)},
         {"end_offset", OffsetOrNull(partition.end_offset)},
         {"lag", known ? Json(std::max<int64_t>(0, partition.end_offset - partition.next_offset))
                       : Json()},
         {"last_event", TimestampOrNull(partition.last_event_time)},
         {"phase", PhaseName(partition.phase)},
         {"replay_offset", OffsetOrNull(partition.replay_offset)},
         {"reason", partition.reason}});
  }
  Json last_outcome;
  if (!worker.last_outcome.outcome.empty()) {
    last_outcome = {{"outcome", worker.last_outcome.outcome},
                    {"why", worker.last_outcome.why},
                    {"at", Timestamp(worker.last_outcome.at)}};
  }
  return {{"worker", worker.status.worker},
          {"topic", worker.status.topic},
          {"state", StateName(worker.status.state)},
          {"reason", worker.status.reason},
          {"rule_set", worker.status.rule_set_hash},
          {"transactions", worker.transactions},
          {"events", worker.events},
          {"last_commit", TimestampOrNull(worker.last_commit)},
          {"last_trouble", std::move(last_outcome)},
          {"partitions", std::move(partitions)}};
}

Json TablesJson(const std::vector<TableStatus>& tables) {
  Json all = Json::array();
  for (const TableStatus& table : tables) {
    all.push_back({{"table", table.name},
                   {"topic", table.topic},
                   {"loaded", table.loaded},
                   {"refused", table.refused},
                   {"problem", table.problem},
                   {"entries", table.entries_estimate},
                   {"disk_bytes", table.disk_bytes},
                   {"lag", table.lag}});
  }
  return all;
}

// Null where none was asked for.
Json TokenJson(const TokenReport& token) {
  if (token.status.ok() && token.expires == absl::InfinitePast()) return {};
  return {{"expires", TimestampOrNull(token.expires)},
          {"trouble", std::string(token.status.message())}};
}

Json RulesJson(const RulesStatus& rules, const LiveRulesStatus& live) {
  Json teams = Json::array();
  for (const TeamRules& team : rules.teams) {
    teams.push_back({{"team", team.team}, {"rules", team.rules}});
  }
  Json rollouts = Json::array();
  for (const RuleRollout& rollout : rules.rollouts) {
    rollouts.push_back({{"rule", rollout.rule},
                        {"percent", rollout.percent},
                        {"mode", rollout.is_shadow ? "shadow" : "live"}});
  }
  Json aside = Json::array();
  for (const TeamAside& team : rules.aside) {
    aside.push_back({{"team", team.team},
                     {"destination", team.topic},
                     {"reason", team.reason},
                     {"cure", team.cure},
                     {"previous_in_force", team.previous_in_force}});
  }
  Json refused = Json::array();
  for (const RefusedRules& file : rules.refused) {
    refused.push_back({{"file", file.file}, {"problems", file.problems}});
  }
  return {{"hash", rules.hash.empty() ? Json() : Json(rules.hash)},
          {"published", rules.hash.empty() ? Json() : Json(Timestamp(rules.published))},
          {"origin", live.origin.name},
          {"origin_problem", live.origin.problem},
          {"from_disk", live.is_from_disk},
          {"rolled_back_to", live.rollback.has_value() ? Json(live.rollback->to) : Json()},
          {"teams", std::move(teams)},
          {"rollouts", std::move(rollouts)},
          {"standing_aside", std::move(aside)},
          {"refused", std::move(refused)}};
}

}  // namespace

std::string_view StateName(WorkerState state) {
  switch (state) {
    case WorkerState::kStarting:
      return "starting";
    case WorkerState::kRunning:
      return "running";
    case WorkerState::kWaiting:
      return "waiting";
    case WorkerState::kStopped:
      return "stopped";
  }
  return "unknown";
}

std::string_view OutcomeName(TransactionOutcome outcome) {
  switch (outcome) {
    case TransactionOutcome::kRetried:
      return "retried";
    case TransactionOutcome::kAborted:
      return "aborted";
    case TransactionOutcome::kFenced:
      return "fenced";
    case TransactionOutcome::kFatal:
      return "fatal";
  }
  return "unknown";
}

std::string_view PhaseName(TaskPhase phase) {
  switch (phase) {
    case TaskPhase::kRecovering:
      return "recovering";
    case TaskPhase::kRefused:
      return "refused";
    case TaskPhase::kReplaying:
      return "replaying";
    case TaskPhase::kLive:
      return "live";
  }
  return "unknown";
}

struct StatusBoard::Impl {
  Impl(PipelineFacts about, Clock* on)
      : facts(std::move(about)),
        clock(on),
        started(on->Now()),
        turns_ns(static_cast<size_t>(facts.workers + facts.rekey_workers)) {
    for (int i = 0; i < facts.workers; ++i) workers[i].status.worker = i;
  }

  Health BrokersLocked() const ABSL_SHARED_LOCKS_REQUIRED(mu);

  const PipelineFacts facts;
  Clock* const clock;
  const absl::Time started;
  // Unix time of each worker's last turn; 0: its thread doesn't run.
  std::vector<std::atomic<int64_t>> turns_ns;

  mutable absl::Mutex mu;
  std::map<int, WorkerFacts> workers ABSL_GUARDED_BY(mu);
  std::map<std::string, Client> clients ABSL_GUARDED_BY(mu);
  std::vector<std::string> waiting_for ABSL_GUARDED_BY(mu) = {"starting"};
  SinkStatus sink ABSL_GUARDED_BY(mu);
  TokenReport token ABSL_GUARDED_BY(mu);
  RulesStatus rules ABSL_GUARDED_BY(mu);
  LiveRulesStatus live_rules ABSL_GUARDED_BY(mu);
  std::vector<TableStatus> tables ABSL_GUARDED_BY(mu);
  std::deque<Unavailable> unavailable ABSL_GUARDED_BY(mu);
  bool stopping ABSL_GUARDED_BY(mu) = false;
};

Health StatusBoard::Impl::BrokersLocked() const {
  Health brokers;
  for (const auto& [name, client] : clients) {
    if (client.reachable) continue;
    brokers.reasons.push_back(absl::StrCat("client ", name, " reaches no broker: ", client.reason));
  }
  brokers.ok = brokers.reasons.empty() && !clients.empty();
  if (clients.empty()) brokers.reasons.push_back("no broker has answered yet");
  return brokers;
}

StatusBoard::StatusBoard(PipelineFacts facts, Clock* clock)
    : impl_(std::make_unique<Impl>(std::move(facts), clock)) {}

StatusBoard::~StatusBoard() = default;

void StatusBoard::OnTransaction(const TransactionReport& report) {
  const absl::Time now = impl_->clock->Now();
  absl::MutexLock lock(&impl_->mu);
  WorkerFacts& worker = impl_->workers[report.worker];
  ++worker.transactions;
  worker.events += report.events;
  worker.last_commit = now;
}

void StatusBoard::OnOutcome(int worker, TransactionOutcome outcome, const absl::Status& why) {
  const absl::Time now = impl_->clock->Now();
  absl::MutexLock lock(&impl_->mu);
  impl_->workers[worker].last_outcome = {std::string(OutcomeName(outcome)),
                                         std::string(why.message()), now};
}

void StatusBoard::OnStatus(const WorkerStatus& status) {
  absl::MutexLock lock(&impl_->mu);
  impl_->workers[status.worker].status = status;
}

void StatusBoard::OnDestinationUnavailable(const std::string& topic, const std::string& reason) {
  const absl::Time now = impl_->clock->Now();
  absl::MutexLock lock(&impl_->mu);
  std::deque<Unavailable>& known = impl_->unavailable;
  for (auto it = known.begin(); it != known.end(); ++it) {
    if (it->topic != topic) continue;
    known.erase(it);
    break;
  }
  known.push_back({topic, reason, now});
  if (known.size() > kUnavailableMax) known.pop_front();
}

void StatusBoard::OnTurn(int worker) {
  impl_->turns_ns[static_cast<size_t>(worker)].store(absl::ToUnixNanos(impl_->clock->Now()),
                                                     std::memory_order_relaxed);
}

void StatusBoard::OnEnd(int worker) {
  impl_->turns_ns[static_cast<size_t>(worker)].store(0, std::memory_order_relaxed);
  absl::MutexLock lock(&impl_->mu);
  WorkerStatus& status = impl_->workers[worker].status;
  status.state = WorkerState::kStopped;
  status.partitions.clear();
}

bool StatusBoard::SetBrokers(const std::string& client, bool reachable, const std::string& reason) {
  absl::MutexLock lock(&impl_->mu);
  const bool before = impl_->BrokersLocked().ok;
  impl_->clients[client] = {reachable, reason};
  return impl_->BrokersLocked().ok != before;
}

bool StatusBoard::SetWaitingFor(std::vector<std::string> reasons) {
  absl::MutexLock lock(&impl_->mu);
  const bool changed = impl_->waiting_for != reasons;
  impl_->waiting_for = std::move(reasons);
  return changed;
}

void StatusBoard::SetTables(std::vector<TableStatus> tables) {
  absl::MutexLock lock(&impl_->mu);
  impl_->tables = std::move(tables);
}

bool StatusBoard::SetSink(SinkStatus sink) {
  absl::MutexLock lock(&impl_->mu);
  const bool changed = impl_->sink.kind != sink.kind || impl_->sink.why != sink.why;
  impl_->sink = std::move(sink);
  return changed;
}

void StatusBoard::SetToken(const TokenReport& report) {
  absl::MutexLock lock(&impl_->mu);
  impl_->token = report;
}

void StatusBoard::SetRules(RulesStatus rules) {
  absl::MutexLock lock(&impl_->mu);
  impl_->rules = std::move(rules);
}

RulesStatus StatusBoard::rules() const {
  absl::MutexLock lock(&impl_->mu);
  return impl_->rules;
}

void StatusBoard::SetLiveRules(LiveRulesStatus rules) {
  absl::MutexLock lock(&impl_->mu);
  impl_->live_rules = std::move(rules);
}

void StatusBoard::SetStopping() {
  absl::MutexLock lock(&impl_->mu);
  impl_->stopping = true;
}

Health StatusBoard::Alive() const {
  Health health;
  const absl::Time now = impl_->clock->Now();
  for (size_t i = 0; i < impl_->turns_ns.size(); ++i) {
    const int64_t turned_ns = impl_->turns_ns[i].load(std::memory_order_relaxed);
    if (turned_ns == 0) continue;
    const absl::Duration still = now - absl::FromUnixNanos(turned_ns);
    if (still <= impl_->facts.stuck_after) continue;
    health.reasons.push_back(absl::StrCat("worker ", i, " has not turned for ",
                                          absl::ToInt64Seconds(still), " seconds"));
  }
  health.ok = health.reasons.empty();
  return health;
}

Health StatusBoard::Ready() const {
  Health health = Alive();
  absl::MutexLock lock(&impl_->mu);
  if (impl_->stopping) health.reasons.push_back("stopping");
  const TokenReport& token = impl_->token;
  if (!token.status.ok() && impl_->clock->Now() >= token.expires) {
    health.reasons.emplace_back(token.status.message());
  }
  for (const std::string& reason : impl_->waiting_for) health.reasons.push_back(reason);
  if (impl_->waiting_for.empty() && !impl_->stopping) {
    const Health brokers = impl_->BrokersLocked();
    health.reasons.insert(health.reasons.end(), brokers.reasons.begin(), brokers.reasons.end());
    for (const auto& [index, worker] : impl_->workers) {
      for (const PartitionStatus& partition : worker.status.partitions) {
        if (partition.phase != TaskPhase::kRefused) continue;
        health.reasons.push_back(absl::StrCat(worker.status.topic, ", partition ",
                                              partition.partition,
                                              " stands still: ", partition.reason));
      }
      if (worker.status.state == WorkerState::kRunning) continue;
      health.reasons.push_back(
          absl::StrCat("worker ", index, " is ", std::string(StateName(worker.status.state)),
                       worker.status.reason.empty() ? "" : ": ", worker.status.reason));
    }
  }
  health.ok = health.reasons.empty();
  return health;
}

std::string StatusBoard::StatusJson() const {
  const Health ready = Ready();
  const absl::Time now = impl_->clock->Now();
  const PipelineFacts& facts = impl_->facts;
  absl::MutexLock lock(&impl_->mu);
  const Health brokers = impl_->BrokersLocked();
  Json workers = Json::array();
  for (const auto& [index, worker] : impl_->workers) workers.push_back(WorkerJson(worker));
  Json unavailable = Json::array();
  for (const Unavailable& destination : impl_->unavailable) {
    unavailable.push_back({{"destination", destination.topic},
                           {"reason", destination.reason},
                           {"at", Timestamp(destination.at)}});
  }
  Json status = {
      {"version", facts.version},
      {"librdkafka", facts.kafka_library_version},
      {"instance", facts.instance},
      {"started", Timestamp(impl_->started)},
      {"uptime_seconds", absl::ToInt64Seconds(now - impl_->started)},
      {"ready", ready.ok},
      {"reasons", ready.reasons},
      {"brokers",
       {{"addresses", facts.brokers}, {"reachable", brokers.ok}, {"reasons", brokers.reasons}}},
      {"group", facts.group},
      {"source", facts.source_topic},
      {"dead_letter_topic", facts.dead_letter_topic},
      {"delivery", facts.delivery},
      {"sink", {{"kind", impl_->sink.kind}, {"why", impl_->sink.why}}},
      {"token", TokenJson(impl_->token)},
      {"checkpoints",
       {{"store", facts.checkpoint_store}, {"on_own_disk", facts.checkpoints_on_own_disk}}},
      {"rules", RulesJson(impl_->rules, impl_->live_rules)},
      {"tables", TablesJson(impl_->tables)},
      {"destinations_unavailable", std::move(unavailable)},
      {"workers", std::move(workers)}};
  return DumpJson(status, 2);
}

std::string StatusBoard::RulesPage() const {
  absl::MutexLock lock(&impl_->mu);
  std::vector<WorkerStatus> workers;
  for (const auto& [index, worker] : impl_->workers) workers.push_back(worker.status);
  return RulesPageJson(impl_->rules, impl_->live_rules, workers);
}

std::string HealthJson(const Health& health) {
  Json json = {{"ok", health.ok}};
  if (!health.ok) json["reasons"] = health.reasons;
  return DumpJson(json, -1);
}

}  // namespace turnout::runtime
