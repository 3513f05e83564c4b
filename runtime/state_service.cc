#include "runtime/state_service.h"

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "connectors/steady_clock.h"
#include "runtime/path_name.h"
#include "runtime/rocks_task_home.h"
#include "runtime/rule_archive.h"
#include "runtime/task_recovery.h"
#include "runtime/unused_stores.h"
#include "state/commit_note.h"
#include "state/files.h"
#include "state/task_store.h"

namespace turnout::runtime {
namespace {

using connectors::AwaitSteadily;
using connectors::SteadyNow;

constexpr absl::Duration kRetryMin = absl::Milliseconds(100);
constexpr absl::Duration kRetryMax = absl::Seconds(5);
// An upkeep thread looks at what is due so often.
constexpr absl::Duration kLookEvery = absl::Milliseconds(500);
// Checkpoints between two prunings: each lists the task's objects.
constexpr int kTakesAPrune = 8;

// A name that nobody else has drawn: 64 bits, since processes know nothing of each other.
std::string NewTimeline() {
  std::random_device chance;
  return absl::StrFormat("%08x%08x", chance(), chance());
}

// A job's rules, which it has at hand.
class OnlyRules final : public KeptRules {
 public:
  explicit OnlyRules(std::shared_ptr<const router::RuleSet> rules) : rules_(std::move(rules)) {}

  absl::StatusOr<std::shared_ptr<const router::RuleSet>> Find(const std::string& hash) override {
    if (hash != rules_->hash()) return absl::NotFoundError(hash);
    return rules_;
  }
  absl::StatusOr<router::StateSettings> FindSettings(const std::string& hash) override {
    if (hash != rules_->hash()) return absl::NotFoundError(hash);
    return rules_->settings();
  }
  absl::Status Keep(const router::RuleSet& /*rules*/) override { return absl::OkStatus(); }

 private:
  const std::shared_ptr<const router::RuleSet> rules_;
};

// A state that was given out.
struct Entry {
  int32_t partition = 0;
  std::unique_ptr<state::TaskCheckpoints> checkpoints;
  state::TaskStore* store = nullptr;
  bool busy = false;    // a thread of the service reads it
  bool active = false;  // there were commits since the last checkpoint began
  bool hurry = false;
  absl::Time checkpoint_at;
  absl::Time collect_at;
  absl::Time figures_at = absl::InfinitePast();
  state::StoreStats figures;
  absl::Duration retry = kRetryMin;
  int takes = 0;
  int64_t published_offset = -1;
  absl::Time published_at;
  uint64_t published_bytes = 0;
  std::optional<PublishedCheckpoint> news;
  // Let go of.
  std::unique_ptr<state::TaskState> closing;
  bool is_gone = false;  // `closing` is set
  Parting parting = Parting::kLost;
  bool has_parted = false;  // the last checkpoint is published or has failed
};

// What an entry is due for.
struct Due {
  bool burial = false;
  bool checkpoint = false;
  bool collecting = false;
  bool figures = false;

  bool anything() const { return burial || checkpoint || collecting || figures; }
};

// A state that is wanted.
struct Job {
  int keeper = 0;
  RecoveryRequest request;
  absl::Time at = absl::InfinitePast();
  absl::Duration retry = kRetryMin;
  bool is_running = false;
  absl::Time began;                                     // running
  const state::TaskCheckpoints* checkpoints = nullptr;  // running: what it restores from
  bool is_cancelled = false;
  std::string waits_for = "its turn";
};

// For people, with how far it is.
std::string WaitsForOf(const Job& job) {
  if (job.checkpoints == nullptr) return job.waits_for;
  const state::RestoreProgress progress = job.checkpoints->restoring();
  if (progress.bytes == 0) return job.waits_for;
  constexpr double kMiB = 1 << 20;
  return absl::StrFormat("%s: %.0f of %.0f MiB of a checkpoint are here", job.waits_for,
                         static_cast<double>(progress.bytes_done) / kMiB,
                         static_cast<double>(progress.bytes) / kMiB);
}

}  // namespace

struct StateService::Impl {
  Impl(StateServiceOptions with, state::StateResources* shared, state::CheckpointStore* store)
      : options(std::move(with)),
        resources(shared),
        checkpoint_store(store),
        prefix(PathName(options.group)),
        archive(store, prefix),
        only_rules(options.only_rules),
        unused_stores(absl::StrCat(options.directory, "/tasks/", PathName(options.topic)),
                      options.unused_store_for) {}

  class Keeper;

  std::string Directory(std::string_view part, int32_t partition) const {
    return absl::StrCat(options.directory, "/", absl::string_view(part.data(), part.size()), "/",
                        PathName(options.topic), "/", partition);
  }
  std::unique_ptr<state::TaskCheckpoints> CheckpointsOf(int32_t partition) {
    return std::make_unique<state::TaskCheckpoints>(
        checkpoint_store, absl::StrCat(prefix, "/", PathName(options.topic), "/", partition),
        Directory("scratch", partition), options.transfers_max);
  }

  // In messages.
  std::string NameOf(int32_t partition) const {
    return absl::StrFormat("partition %d of %s", partition, options.topic);
  }

  void Trouble(const std::string& what) const {
    if (options.on_trouble) options.on_trouble(what);
  }

  void RunRecovery();
  std::shared_ptr<Job> NextJob() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void RunJob(const std::shared_ptr<Job>& job);
  void SetCheckpoints(Job* job, const state::TaskCheckpoints* checkpoints);

  void RunUpkeep();
  Due DueOf(const Entry& entry, absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  Entry* NextDue(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  bool KeepNextRules();
  // What lies there of the partition stays from here on.
  void BeginCreating(int32_t partition);
  void RemoveUnusedStores();
  void RemoveUnusedStore(int32_t partition);
  void LookAfter(Entry* entry);
  bool TakeCheckpoint(Entry* entry);
  void Prune(Entry* entry);
  void Collect(Entry* entry);
  void Bury(Entry* entry);

  void Register(int32_t partition, state::TaskState* store,
                std::unique_ptr<state::TaskCheckpoints> checkpoints)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  const StateServiceOptions options;
  state::StateResources* const resources;
  state::CheckpointStore* const checkpoint_store;
  const std::string prefix;
  RuleArchive archive;
  OnlyRules only_rules;  // if there are any

  mutable absl::Mutex mu;
  bool stopping ABSL_GUARDED_BY(mu) = false;
  std::map<int32_t, std::unique_ptr<Entry>> entries ABSL_GUARDED_BY(mu);
  int routine_threads ABSL_GUARDED_BY(mu) = 0;  // look after entries that stay
  std::deque<std::shared_ptr<Job>> jobs ABSL_GUARDED_BY(mu);
  std::map<int, std::deque<RecoveredTask>> done ABSL_GUARDED_BY(mu);  // by keeper
  absl::flat_hash_set<std::string> rules_kept ABSL_GUARDED_BY(mu);
  std::map<std::string, std::shared_ptr<const router::RuleSet>> rules_to_keep ABSL_GUARDED_BY(mu);
  absl::Time keep_rules_at ABSL_GUARDED_BY(mu) = absl::InfinitePast();
  bool keeping_rules ABSL_GUARDED_BY(mu) = false;
  std::string rules_tried ABSL_GUARDED_BY(mu);  // last
  UnusedStores unused_stores;                   // the thread's that is removing them
  bool removing ABSL_GUARDED_BY(mu) = false;
  absl::Time remove_at ABSL_GUARDED_BY(mu) = absl::InfinitePast();
  std::optional<int32_t> being_removed ABSL_GUARDED_BY(mu);  // nobody may open it
  absl::flat_hash_set<int32_t> being_created ABSL_GUARDED_BY(mu);
  uint64_t changes ABSL_GUARDED_BY(mu) = 0;  // wakes the threads
  StateServiceStats stats ABSL_GUARDED_BY(mu);

  std::vector<std::thread> threads;
};

// --- a worker's view
// --------------------------------------------------------------------------------

class StateService::Impl::Keeper : public StateKeeper {
 public:
  Keeper(Impl* service, int worker) : service_(service), worker_(worker) {}

  bool MayHaveState(int32_t partition, std::string_view note) override {
    const auto decoded = state::DecodeCommitNote(note);
    if (!decoded.ok() || decoded->state_start) return true;
    const std::optional<state::RestoreWish>& wish = service_->options.restore;
    if (wish && !decoded->HasFulfilled(wish->id())) return true;
    return state::Exists(service_->Directory("tasks", partition));
  }

  void Recover(RecoveryRequest request) override {
    auto job = std::make_shared<Job>();
    job->keeper = worker_;
    job->request = std::move(request);
    job->request.restore = service_->options.restore;
    absl::MutexLock lock(&service_->mu);
    service_->jobs.push_back(std::move(job));
    ++service_->changes;
  }

  std::optional<RecoveredTask> TakeRecovered() override {
    absl::MutexLock lock(&service_->mu);
    std::deque<RecoveredTask>& mine = service_->done[worker_];
    if (mine.empty()) return std::nullopt;
    RecoveredTask task = std::move(mine.front());
    mine.pop_front();
    return task;
  }

  std::string WaitsFor(int32_t partition) override {
    absl::MutexLock lock(&service_->mu);
    for (const auto& job : service_->jobs) {
      if (job->request.partition == partition && !job->is_cancelled) return WaitsForOf(*job);
    }
    return "";
  }

  bool KeepRules(const std::shared_ptr<const router::RuleSet>& rules) override {
    if (service_->options.only_rules != nullptr) return true;
    absl::MutexLock lock(&service_->mu);
    if (service_->rules_kept.contains(rules->hash())) return true;
    if (service_->rules_to_keep.emplace(rules->hash(), rules).second) ++service_->changes;
    return false;
  }

  absl::StatusOr<std::unique_ptr<state::TaskState>> Create(int32_t partition,
                                                           int64_t start_offset) override {
    service_->BeginCreating(partition);
    auto checkpoints = service_->CheckpointsOf(partition);
    RocksTaskHome home(service_->Directory("tasks", partition), service_->resources,
                       checkpoints.get());
    auto state = home.CreateLocal(start_offset, NewTimeline());
    absl::MutexLock lock(&service_->mu);
    service_->being_created.erase(partition);
    if (!state.ok()) return state;
    service_->Register(partition, state->get(), std::move(checkpoints));
    return state;
  }

  void Release(int32_t partition, std::unique_ptr<state::TaskState> state, Parting parting,
               absl::Time until) override;
  void WaitForHandOvers(absl::Time until) override;

  std::optional<PublishedCheckpoint> TakePublished(int32_t partition) override {
    absl::MutexLock lock(&service_->mu);
    const auto found = service_->entries.find(partition);
    if (found == service_->entries.end()) return std::nullopt;
    found->second->active = true;  // asked at each transaction of the task
    return std::exchange(found->second->news, std::nullopt);
  }

  void HurryCheckpoint(int32_t partition) override {
    absl::MutexLock lock(&service_->mu);
    const auto found = service_->entries.find(partition);
    if (found == service_->entries.end() || found->second->hurry) return;
    // One that has failed is tried again in its own time.
    const Entry& entry = *found->second;
    if (entry.retry > kRetryMin && SteadyNow() < entry.checkpoint_at) return;
    found->second->hurry = true;
    ++service_->changes;
  }

 private:
  Impl* const service_;
  const int worker_;
};

void StateService::Impl::Keeper::Release(int32_t partition, std::unique_ptr<state::TaskState> state,
                                         Parting parting, absl::Time /*until*/) {
  absl::MutexLock lock(&service_->mu);
  for (const auto& job : service_->jobs) {
    if (job->request.partition == partition && job->keeper == worker_) job->is_cancelled = true;
  }
  std::erase_if(service_->jobs,
                [](const auto& job) { return job->is_cancelled && !job->is_running; });
  std::deque<RecoveredTask>& mine = service_->done[worker_];
  const auto untaken = std::find_if(mine.begin(), mine.end(), [&](const RecoveredTask& task) {
    return task.partition == partition;
  });
  if (untaken != mine.end()) {
    // Its entry goes the way of all others: upkeep may be reading the store.
    if (state == nullptr) {
      state = std::move(untaken->state);
      parting = Parting::kLost;
    }
    mine.erase(untaken);
  }
  const auto found = service_->entries.find(partition);
  if (state == nullptr || found == service_->entries.end()) return;
  Entry* const entry = found->second.get();
  entry->parting = parting;
  entry->closing = std::move(state);
  entry->is_gone = true;
  ++service_->changes;
}

// Whoever buries them takes the last checkpoints first; to close the stores may take longer.
void StateService::Impl::Keeper::WaitForHandOvers(absl::Time until) {
  const auto have_parted = [this] {
    service_->mu.AssertReaderHeld();
    return std::none_of(service_->entries.begin(), service_->entries.end(), [](const auto& entry) {
      const Entry& one = *entry.second;
      return one.is_gone && one.parting == Parting::kHandOver && !one.has_parted;
    });
  };
  absl::MutexLock lock(&service_->mu);
  AwaitSteadily(&service_->mu, absl::Condition(&have_parted), until - SteadyNow());
}

// --- recovery ------------------------------------------------------------------------------------

std::shared_ptr<Job> StateService::Impl::NextJob() {
  const absl::Time now = SteadyNow();
  for (const auto& job : jobs) {
    if (job->is_running || job->is_cancelled || job->at > now) continue;
    // An older owner in this process has not closed it yet, or a recovery that nobody wants any
    // more is in the middle of it.
    if (entries.contains(job->request.partition)) continue;
    if (being_removed == job->request.partition) continue;
    const bool is_busy = std::any_of(jobs.begin(), jobs.end(), [&](const auto& other) {
      return other->is_running && other->request.partition == job->request.partition;
    });
    if (is_busy) continue;
    job->is_running = true;
    return job;
  }
  return nullptr;
}

void StateService::Impl::RunRecovery() {
  while (true) {
    std::shared_ptr<Job> job;
    {
      absl::MutexLock lock(&mu);
      const uint64_t seen = changes;
      if (stopping) return;
      job = NextJob();
      if (job == nullptr) {
        const auto is_news = [this, seen] {
          mu.AssertReaderHeld();
          return changes != seen || stopping;
        };
        AwaitSteadily(&mu, absl::Condition(&is_news), kRetryMin);
        continue;
      }
      job->waits_for = "its state is being brought back";
    }
    RunJob(job);
  }
}

void StateService::Impl::RunJob(const std::shared_ptr<Job>& job) {
  const int32_t partition = job->request.partition;
  auto checkpoints = CheckpointsOf(partition);
  RocksTaskHome home(Directory("tasks", partition), resources, checkpoints.get());
  KeptRules* kept_rules = &archive;
  if (options.only_rules != nullptr) kept_rules = &only_rules;
  SetCheckpoints(job.get(), checkpoints.get());
  absl::StatusOr<RecoveredTask> recovered =
      RecoverTask(job->request, options.gap_policy, NewTimeline(), home, *kept_rules);
  SetCheckpoints(job.get(), nullptr);
  if (!recovered.ok()) {
    const std::string what = absl::StrFormat("bringing back the state of %s: %s", NameOf(partition),
                                             recovered.status().message());
    Trouble(what);
    absl::MutexLock lock(&mu);
    job->is_running = false;
    job->waits_for = what;
    job->at = SteadyNow() + job->retry;
    job->retry = std::min(job->retry * 2, kRetryMax);
    if (job->is_cancelled) std::erase(jobs, job);
    return;
  }
  std::unique_ptr<state::TaskState> unwanted;  // closed outside of the lock
  absl::MutexLock lock(&mu);
  std::erase(jobs, job);
  if (job->is_cancelled) {
    unwanted = std::move(recovered->state);
    return;
  }
  if (recovered->state != nullptr) {
    Register(partition, recovered->state.get(), std::move(checkpoints));
    if (recovered->plan.base == state::RecoveryBase::kCheckpoint) {
      entries[partition]->published_offset = recovered->plan.replay_from;
    }
  }
  done[job->keeper].push_back(*std::move(recovered));
}

// From here on its progress can be asked for.
void StateService::Impl::SetCheckpoints(Job* job, const state::TaskCheckpoints* checkpoints) {
  absl::MutexLock lock(&mu);
  job->began = SteadyNow();
  job->checkpoints = checkpoints;
}

void StateService::Impl::Register(int32_t partition, state::TaskState* store,
                                  std::unique_ptr<state::TaskCheckpoints> checkpoints) {
  auto entry = std::make_unique<Entry>();
  entry->partition = partition;
  entry->store = static_cast<state::TaskStore*>(store);
  entry->checkpoints = std::move(checkpoints);
  const absl::Time now = SteadyNow();
  // Not all at once after a start.
  const double share = static_cast<double>(partition % 16 + 1) / 16;
  entry->checkpoint_at = now + options.checkpoint_interval * share;
  entry->collect_at = now + options.collect_interval * (1 + share);
  entry->published_at = now;
  const bool has_figures = options.figures_interval < absl::InfiniteDuration();
  entry->figures_at = has_figures ? absl::InfinitePast() : absl::InfiniteFuture();
  entries[partition] = std::move(entry);
}

// --- upkeep
// -----------------------------------------------------------------------------------------

Due StateService::Impl::DueOf(const Entry& entry, absl::Time now) const {
  if (entry.is_gone) {
    const bool has_more =
        entry.active || entry.store->point().applied_offset != entry.published_offset;
    return {.burial = true, .checkpoint = entry.parting == Parting::kHandOver && has_more};
  }
  return {.checkpoint = entry.active && (entry.hurry || now >= entry.checkpoint_at),
          .collecting = now >= entry.collect_at,
          .figures = now >= entry.figures_at};
}

// Those that are let go of come first: somebody waits for them.
Entry* StateService::Impl::NextDue(absl::Time now) {
  Entry* next = nullptr;
  for (const auto& [partition, entry] : entries) {
    if (entry->busy) continue;
    if (entry->is_gone) return entry.get();
    if (next != nullptr || routine_threads >= options.routine_threads_max) continue;
    if (DueOf(*entry, now).anything()) next = entry.get();
  }
  return next;
}

void StateService::Impl::RunUpkeep() {
  while (true) {
    if (KeepNextRules()) continue;
    RemoveUnusedStores();
    Entry* entry = nullptr;
    bool is_routine = false;
    {
      absl::MutexLock lock(&mu);
      const uint64_t seen = changes;
      entry = NextDue(SteadyNow());
      if (entry == nullptr) {
        if (stopping) return;
        const auto is_news = [this, seen] {
          mu.AssertReaderHeld();
          return changes != seen || stopping;
        };
        AwaitSteadily(&mu, absl::Condition(&is_news), kLookEvery);
        continue;
      }
      if (stopping && !entry->is_gone) return;
      entry->busy = true;
      is_routine = !entry->is_gone;
      if (is_routine) ++routine_threads;
    }
    LookAfter(entry);
    if (!is_routine) continue;
    absl::MutexLock lock(&mu);
    --routine_threads;
    ++changes;
  }
}

// True: something was done.
bool StateService::Impl::KeepNextRules() {
  std::shared_ptr<const router::RuleSet> rules;
  {
    absl::MutexLock lock(&mu);
    if (stopping || keeping_rules || rules_to_keep.empty() || SteadyNow() < keep_rules_at) {
      return false;
    }
    // In turn: one that can't be kept holds up no other.
    auto next = rules_to_keep.upper_bound(rules_tried);
    if (next == rules_to_keep.end()) next = rules_to_keep.begin();
    rules_tried = next->first;
    rules = next->second;
    keeping_rules = true;
  }
  const absl::Status kept = archive.Keep(*rules);
  if (!kept.ok()) {
    Trouble(absl::StrFormat("keeping the rule set %s: %s", rules->hash(), kept.message()));
  }
  bool is_first = false;
  {
    absl::MutexLock lock(&mu);
    keeping_rules = false;
    if (kept.ok()) {
      is_first = rules_kept.empty();
      rules_kept.insert(rules->hash());
      rules_to_keep.erase(rules->hash());
    } else {
      keep_rules_at = SteadyNow() + absl::Seconds(1);
    }
    ++changes;
  }
  if (is_first && !options.caution.empty()) Trouble(options.caution);
  return true;
}

void StateService::Impl::BeginCreating(int32_t partition) {
  const auto is_left_alone = [this, partition]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    return being_removed != partition;
  };
  absl::MutexLock lock(&mu);
  mu.Await(absl::Condition(&is_left_alone));
  being_created.insert(partition);
}

void StateService::Impl::RemoveUnusedStores() {
  {
    absl::MutexLock lock(&mu);
    if (stopping || removing || SteadyNow() < remove_at) return;
    removing = true;
  }
  const std::vector<int32_t> present = unused_stores.Present();
  std::vector<int32_t> due;
  {
    absl::MutexLock lock(&mu);
    absl::flat_hash_set<int32_t> used;
    for (const auto& [partition, entry] : entries) used.insert(partition);
    for (const auto& job : jobs) used.insert(job->request.partition);
    used.insert(being_created.begin(), being_created.end());
    due = unused_stores.Due(present, used, SteadyNow());
  }
  for (const int32_t partition : due) RemoveUnusedStore(partition);
  absl::MutexLock lock(&mu);
  removing = false;
  remove_at = SteadyNow() + options.unused_store_look_every;
}

void StateService::Impl::RemoveUnusedStore(int32_t partition) {
  {
    absl::MutexLock lock(&mu);
    const bool is_wanted = std::any_of(jobs.begin(), jobs.end(), [&](const auto& job) {
      return job->request.partition == partition;
    });
    const bool is_used = entries.contains(partition) || being_created.contains(partition);
    if (stopping || is_wanted || is_used) return;
    being_removed = partition;
  }
  const absl::StatusOr<bool> removed =
      unused_stores.RemoveIfKept(partition, *CheckpointsOf(partition));
  {
    absl::MutexLock lock(&mu);
    being_removed.reset();
    if (removed.value_or(false)) ++stats.unused_stores_removed;
    ++changes;
  }
  if (!removed.ok()) {
    Trouble(absl::StrFormat("removing the unused state of %s: %s", NameOf(partition),
                            removed.status().message()));
  } else if (*removed && options.on_notice) {
    options.on_notice(
        absl::StrFormat("the state of %s, which moved away, is removed here: checkpoints have it, "
                        "or what came after",
                        NameOf(partition)));
  }
}

void StateService::Impl::LookAfter(Entry* entry) {
  Due due;
  {
    absl::MutexLock lock(&mu);
    const absl::Time now = SteadyNow();
    due = DueOf(*entry, now);
    if (due.checkpoint) entry->active = entry->hurry = false;
    if (due.collecting) entry->collect_at = now + options.collect_interval;
    if (due.figures) entry->figures_at = now + options.figures_interval;
  }
  const bool is_taken = due.checkpoint && TakeCheckpoint(entry);
  if (due.burial) return Bury(entry);
  if (is_taken && ++entry->takes % kTakesAPrune == 0) Prune(entry);
  if (due.collecting) Collect(entry);
  state::StoreStats figures;
  if (due.figures) figures = entry->store->stats();
  absl::MutexLock lock(&mu);
  if (due.figures) entry->figures = figures;
  entry->busy = false;
  ++changes;
}

void StateService::Impl::Prune(Entry* entry) {
  const auto pruned = entry->checkpoints->Prune(options.prune, absl::ToUnixMillis(absl::Now()));
  if (pruned.ok()) return;
  Trouble(absl::StrFormat("pruning checkpoints of %s: %s", NameOf(entry->partition),
                          pruned.status().message()));
}

// Until somebody waits for the state to be handed over.
void StateService::Impl::Collect(Entry* entry) {
  const absl::StatusOr<size_t> collected = entry->store->Collect([&] {
    absl::MutexLock lock(&mu);
    return !entry->is_gone && !stopping;
  });
  if (collected.ok()) return;
  Trouble(absl::StrFormat("giving back the disk of %s: %s", NameOf(entry->partition),
                          collected.status().message()));
}

bool StateService::Impl::TakeCheckpoint(Entry* entry) {
  const absl::Time began = SteadyNow();
  const auto taken = entry->checkpoints->Take(entry->store, absl::ToUnixMillis(absl::Now()));
  if (!taken.ok()) {
    Trouble(absl::StrFormat("taking a checkpoint of %s: %s", NameOf(entry->partition),
                            taken.status().message()));
  }
  absl::MutexLock lock(&mu);
  const absl::Time now = SteadyNow();
  if (!taken.ok()) {
    ++stats.checkpoint_failures;
    entry->active = true;
    entry->checkpoint_at = now + entry->retry;
    entry->retry = std::min(entry->retry * 2, std::max(options.checkpoint_interval, kRetryMin));
    return false;
  }
  entry->retry = kRetryMin;
  entry->checkpoint_at = now + options.checkpoint_interval;
  entry->published_at = now;
  entry->published_offset = taken->point.applied_offset;
  entry->published_bytes = entry->checkpoints->last_cost().bytes;
  entry->news = PublishedCheckpoint{taken->sequence, taken->point.applied_offset};
  ++stats.checkpoints;
  stats.checkpoint_bytes += entry->checkpoints->last_cost().bytes_sent;
  stats.CountDuration(now - began);
  return true;
}

void StateService::Impl::Bury(Entry* entry) {
  std::unique_ptr<state::TaskState> closing;
  Parting parting = Parting::kLost;
  {
    absl::MutexLock lock(&mu);
    closing = std::move(entry->closing);
    parting = entry->parting;
    entry->has_parted = true;
  }
  closing.reset();
  // What a checkpoint that came to nothing has left there holds the store's files.
  state::RemoveAll(Directory("scratch", entry->partition)).IgnoreError();
  if (parting == Parting::kDamaged) {
    const absl::Status removed = state::RemoveAll(Directory("tasks", entry->partition));
    if (!removed.ok()) {
      Trouble(absl::StrFormat("removing the damaged state of %s: %s", NameOf(entry->partition),
                              removed.message()));
    }
  }
  std::unique_ptr<Entry> gone;
  absl::MutexLock lock(&mu);
  const auto found = entries.find(entry->partition);
  gone = std::move(found->second);
  entries.erase(found);
  ++changes;
}

StateService::StateService(StateServiceOptions options, state::StateResources* resources,
                           state::CheckpointStore* checkpoints)
    : impl_(std::make_unique<Impl>(std::move(options), resources, checkpoints)) {
  for (int i = 0; i < std::max(1, impl_->options.recovery_threads); ++i) {
    impl_->threads.emplace_back([this] { impl_->RunRecovery(); });
  }
  for (int i = 0; i < std::max(1, impl_->options.upkeep_threads); ++i) {
    impl_->threads.emplace_back([this] { impl_->RunUpkeep(); });
  }
}

StateService::~StateService() {
  {
    absl::MutexLock lock(&impl_->mu);
    impl_->stopping = true;
    ++impl_->changes;
  }
  for (std::thread& thread : impl_->threads) thread.join();
}

std::unique_ptr<StateKeeper> StateService::KeeperFor(int worker) {
  return std::make_unique<Impl::Keeper>(impl_.get(), worker);
}

StateServiceStats StateService::Stats() const {
  absl::MutexLock lock(&impl_->mu);
  StateServiceStats stats = impl_->stats;
  const absl::Time now = SteadyNow();
  for (const auto& [partition, entry] : impl_->entries) {
    if (entry->is_gone) continue;
    ++stats.tasks;
    stats.disk_bytes += entry->figures.disk_bytes;
    stats.entries_estimate += entry->figures.entries_estimate;
    const absl::Duration age = now - entry->published_at;
    stats.oldest_checkpoint = std::max(stats.oldest_checkpoint, age);
    if (entry->active && age > impl_->options.checkpoint_interval * kOverdueIntervals) {
      ++stats.overdue_tasks;
    }
    stats.newest_checkpoint_bytes += entry->published_bytes;
  }
  for (const auto& job : impl_->jobs) {
    if (job->checkpoints == nullptr) continue;
    stats.CountRestore(job->checkpoints->restoring(), now - job->began);
  }
  return stats;
}

}  // namespace turnout::runtime
