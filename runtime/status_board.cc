#include "runtime/status_board.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace turnout::runtime {
namespace {

// Destinations found unavailable at run time that are remembered, the latest.
constexpr size_t kUnavailableMax = 100;
constexpr size_t kFailedBrokersMax = 100;
// Recent is what happened in so many minutes, the one that runs among them.
constexpr int64_t kRecentMinutes = 5;

struct Client {
  bool reachable = false;
  std::string reason;
};

void Add(const RecentWork& work, RecentWork* sum) {
  sum->events += work.events;
  sum->dead_letters += work.dead_letters;
  sum->parked += work.parked;
  sum->transactions += work.transactions;
  sum->failed_transactions += work.failed_transactions;
}

// What was done in each of the last minutes.
class RecentMinutes {
 public:
  void Count(const RecentWork& work, absl::Time now) {
    const int64_t minute = absl::ToUnixSeconds(now) / 60;
    if (minutes_.empty() || minutes_.back().first != minute) minutes_.push_back({minute, {}});
    Add(work, &minutes_.back().second);
    if (minutes_.size() > kRecentMinutes) minutes_.pop_front();
  }

  RecentWork Sum(absl::Time now) const {
    const int64_t oldest = absl::ToUnixSeconds(now) / 60 - kRecentMinutes;
    RecentWork sum;
    for (const auto& [minute, work] : minutes_) {
      if (minute > oldest) Add(work, &sum);
    }
    return sum;
  }

 private:
  std::deque<std::pair<int64_t, RecentWork>> minutes_;  // since the epoch
};

}  // namespace

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
  std::map<int, WorkerView> workers ABSL_GUARDED_BY(mu);
  std::map<std::string, Client> clients ABSL_GUARDED_BY(mu);
  std::vector<std::string> waiting_for ABSL_GUARDED_BY(mu) = {"starting"};
  int32_t source_partitions ABSL_GUARDED_BY(mu) = 0;
  SinkStatus sink ABSL_GUARDED_BY(mu);
  TokenReport token ABSL_GUARDED_BY(mu);
  SecurityReport security ABSL_GUARDED_BY(mu);
  RulesStatus rules ABSL_GUARDED_BY(mu);
  LiveRulesStatus live_rules ABSL_GUARDED_BY(mu);
  std::vector<TableStatus> tables ABSL_GUARDED_BY(mu);
  SchemaRegistryStatus schemas ABSL_GUARDED_BY(mu);
  std::deque<UnavailableDestination> unavailable ABSL_GUARDED_BY(mu);
  std::map<std::string, FailedBroker> failed_brokers ABSL_GUARDED_BY(mu);  // by address
  StateServiceStats states ABSL_GUARDED_BY(mu);
  RecentMinutes recent ABSL_GUARDED_BY(mu);
  std::string dead_letter_error ABSL_GUARDED_BY(mu);  // of the latest
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
  WorkerView& worker = impl_->workers[report.worker];
  ++worker.transactions;
  worker.events += report.events;
  worker.last_commit = now;
  RecentWork work = {.events = report.events, .parked = report.parked, .transactions = 1};
  for (const DeadLetterCount& letters : report.dead_letters) {
    work.dead_letters += letters.count;
    impl_->dead_letter_error = letters.error;
  }
  impl_->recent.Count(work, now);
}

void StatusBoard::OnOutcome(int worker, TransactionOutcome outcome, const absl::Status& why) {
  const absl::Time now = impl_->clock->Now();
  absl::MutexLock lock(&impl_->mu);
  impl_->workers[worker].last_outcome = {std::string(OutcomeName(outcome)),
                                         std::string(why.message()), now};
  // A commit that is asked for again is the same transaction.
  if (outcome != TransactionOutcome::kRetried) impl_->recent.Count({.failed_transactions = 1}, now);
}

void StatusBoard::OnOpenTransaction(int worker, absl::Time since) {
  absl::MutexLock lock(&impl_->mu);
  impl_->workers[worker].open_since = since;
}

void StatusBoard::OnStatus(const WorkerStatus& status) {
  absl::MutexLock lock(&impl_->mu);
  WorkerStatus& known = impl_->workers[status.worker].status;
  // One that is well again is no news any more.
  for (const BulkheadStatus& before : known.bulkheads) {
    const auto is_it = [&](const auto& one) { return one.destination == before.destination; };
    if (std::any_of(status.bulkheads.begin(), status.bulkheads.end(), is_it)) continue;
    std::erase_if(impl_->unavailable,
                  [&](const auto& one) { return one.topic == before.destination; });
  }
  known = status;
}

void StatusBoard::OnDestinationUnavailable(const std::string& topic, const std::string& reason) {
  const absl::Time now = impl_->clock->Now();
  absl::MutexLock lock(&impl_->mu);
  std::deque<UnavailableDestination>& known = impl_->unavailable;
  for (auto it = known.begin(); it != known.end(); ++it) {
    if (it->topic != topic) continue;
    known.erase(it);
    break;
  }
  known.push_back({topic, reason, now});
  if (known.size() > kUnavailableMax) known.pop_front();
}

void StatusBoard::OnBrokerFailed(const std::string& address, const std::string& what) {
  const absl::Time now = impl_->clock->Now();
  absl::MutexLock lock(&impl_->mu);
  std::map<std::string, FailedBroker>& known = impl_->failed_brokers;
  if (known.size() >= kFailedBrokersMax && known.count(address) == 0) return;
  known[address] = {what, now};
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

void StatusBoard::SetSourcePartitions(int32_t partitions) {
  absl::MutexLock lock(&impl_->mu);
  if (partitions > 0) impl_->source_partitions = partitions;
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

void StatusBoard::SetSecurity(SecurityReport report) {
  absl::MutexLock lock(&impl_->mu);
  impl_->security = std::move(report);
}

void StatusBoard::SetRules(RulesStatus rules) {
  absl::MutexLock lock(&impl_->mu);
  impl_->rules = std::move(rules);
}

void StatusBoard::SetSchemas(SchemaRegistryStatus schemas) {
  absl::MutexLock lock(&impl_->mu);
  impl_->schemas = std::move(schemas);
}

RulesStatus StatusBoard::rules() const {
  absl::MutexLock lock(&impl_->mu);
  return impl_->rules;
}

void StatusBoard::SetLiveRules(LiveRulesStatus rules) {
  absl::MutexLock lock(&impl_->mu);
  impl_->live_rules = std::move(rules);
}

void StatusBoard::SetStates(const StateServiceStats& stats) {
  absl::MutexLock lock(&impl_->mu);
  impl_->states = stats;
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
  if (!token.status.ok() && impl_->clock->TimeOfDay() >= token.expires) {
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

PipelineView StatusBoard::View() const {
  PipelineView view{.facts = impl_->facts,
                    .started = impl_->started,
                    .now = impl_->clock->Now(),
                    .time_of_day = impl_->clock->TimeOfDay(),
                    .ready = Ready(),
                    .stuck = Alive().reasons};
  absl::MutexLock lock(&impl_->mu);
  view.stopping = impl_->stopping;
  view.brokers = impl_->BrokersLocked();
  view.waiting_for = impl_->waiting_for;
  view.workers = impl_->workers;
  for (const auto& [index, worker] : impl_->workers) {
    view.unwell.Add(worker.status.bulkheads);
    view.parked_lost += worker.status.parked_lost;
  }
  view.source_partitions = impl_->source_partitions;
  view.sink = impl_->sink;
  view.token = impl_->token;
  view.security = impl_->security;
  view.rules = impl_->rules;
  view.live_rules = impl_->live_rules;
  view.tables = impl_->tables;
  view.schemas = impl_->schemas;
  view.unavailable = {impl_->unavailable.begin(), impl_->unavailable.end()};
  view.failed_brokers = impl_->failed_brokers;
  view.states = impl_->states;
  view.recent = impl_->recent.Sum(view.now);
  view.dead_letter_error = impl_->dead_letter_error;
  return view;
}

}  // namespace turnout::runtime
