#include "tests/support/memory_state_keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/task_recovery.h"
#include "state/commit_note.h"

namespace turnout::support {

using runtime::Parting;
using runtime::PublishedCheckpoint;
using runtime::RecoveredTask;
using runtime::RecoveryRequest;

namespace {

constexpr int64_t kRecoveryMsMax = 150;
constexpr int64_t kSnapshotOneIn = 10;  // looks at a task with something new to keep
constexpr int64_t kPublishOneIn = 3;

class RulesOfPlace : public runtime::KeptRules {
 public:
  explicit RulesOfPlace(StatePlace* place) : place_(place) {}
  absl::StatusOr<std::shared_ptr<const router::RuleSet>> Find(const std::string& hash) override {
    return place_->FindRules(hash);
  }
  absl::StatusOr<router::StateSettings> FindSettings(const std::string& hash) override {
    const auto rules = Find(hash);
    if (!rules.ok()) return rules.status();
    return (*rules)->settings();
  }
  absl::Status Keep(const router::RuleSet& rules) override { return place_->KeepRules(rules); }

 private:
  StatePlace* const place_;
};

}  // namespace

bool MemoryStateKeeper::MayHaveState(int32_t partition, std::string_view note) {
  const auto decoded = state::DecodeCommitNote(note);
  if (!decoded.ok() || decoded->state_start || place_->HasLocal(partition)) return true;
  return restore_ && !decoded->HasFulfilled(restore_->id());
}

void MemoryStateKeeper::Recover(RecoveryRequest request) {
  const int32_t partition = request.partition;
  request.restore = restore_;
  jobs_.push_back({.request = std::move(request),
                   .home = place_->PlaceOf(partition),
                   .at = clock_->Now() + absl::Milliseconds(random_->Below(kRecoveryMsMax)),
                   .waits_for = "its turn"});
}

std::string MemoryStateKeeper::NewTimeline() { return absl::StrFormat("%016x", random_->Next()); }

void MemoryStateKeeper::RunJobs() {
  for (size_t i = 0; i < jobs_.size();) {
    Job& job = jobs_[i];
    if (job.at > clock_->Now()) {
      ++i;
      continue;
    }
    RulesOfPlace rules(place_);
    absl::StatusOr<RecoveredTask> recovered = runtime::RecoverTask(
        job.request, state::GapPolicy::kRefuse, NewTimeline(), *job.home, rules);
    if (!recovered.ok()) {
      job.waits_for = recovered.status().ToString();
      job.at = clock_->Now() + absl::Milliseconds(random_->Below(kRecoveryMsMax));
      ++i;
      continue;
    }
    if (recovered->state != nullptr) {
      Entry& entry = entries_[job.request.partition];
      entry = {.home = std::move(job.home), .state = recovered->state.get()};
      if (recovered->plan.base == state::RecoveryBase::kCheckpoint) {
        entry.published_offset = recovered->plan.replay_from;
      }
    }
    done_.push_back(*std::move(recovered));
    jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

std::optional<RecoveredTask> MemoryStateKeeper::TakeRecovered() {
  if (done_.empty()) return std::nullopt;
  RecoveredTask task = std::move(done_.front());
  done_.pop_front();
  return task;
}

std::string MemoryStateKeeper::WaitsFor(int32_t partition) {
  for (const Job& job : jobs_) {
    if (job.request.partition == partition) return job.waits_for;
  }
  return "";
}

bool MemoryStateKeeper::KeepRules(const std::shared_ptr<const router::RuleSet>& rules) {
  if (rules_kept_.contains(rules->hash())) return true;
  rules_to_keep_.emplace(rules->hash(), rules);
  return false;
}

absl::StatusOr<std::unique_ptr<state::TaskState>> MemoryStateKeeper::Create(int32_t partition,
                                                                            int64_t start_offset) {
  std::unique_ptr<TaskPlace> home = place_->PlaceOf(partition);
  auto state = home->CreateLocal(start_offset, NewTimeline());
  if (!state.ok()) return state;
  entries_[partition] = {.home = std::move(home), .state = state->get()};
  return state;
}

bool MemoryStateKeeper::Publish(Entry& entry) {
  const absl::StatusOr<PublishedCheckpoint> published = entry.home->Publish();
  entry.has_snapshot = false;  // one that failed is taken afresh
  if (!published.ok()) return false;
  entry.published_offset = published->applied_offset;
  entry.news = *published;
  entry.hurry = false;
  return true;
}

void MemoryStateKeeper::HandOver(Entry& entry, absl::Time until) {
  while (clock_->Now() < until && entry.state->point().applied_offset != entry.published_offset) {
    if (entry.home->Snapshot(*entry.state).ok()) Publish(entry);
    clock_->Advance(absl::Milliseconds(100));
  }
}

void MemoryStateKeeper::Release(int32_t partition, std::unique_ptr<state::TaskState> state,
                                Parting parting, absl::Time until) {
  std::erase_if(jobs_, [&](const Job& job) { return job.request.partition == partition; });
  const bool was_done =
      std::erase_if(done_, [&](const RecoveredTask& task) { return task.partition == partition; });
  const auto found = entries_.find(partition);
  if (found == entries_.end()) return;
  if (state != nullptr && parting == Parting::kHandOver) HandOver(found->second, until);
  if (state == nullptr && !was_done) return;
  const std::unique_ptr<TaskPlace> home = std::move(found->second.home);
  entries_.erase(found);
  state.reset();
  if (parting == Parting::kDamaged) home->RemoveLocal().IgnoreError();
}

std::optional<PublishedCheckpoint> MemoryStateKeeper::TakePublished(int32_t partition) {
  const auto found = entries_.find(partition);
  if (found == entries_.end()) return std::nullopt;
  return std::exchange(found->second.news, std::nullopt);
}

void MemoryStateKeeper::HurryCheckpoint(int32_t partition) {
  const auto found = entries_.find(partition);
  if (found != entries_.end()) found->second.hurry = true;
}

void MemoryStateKeeper::LookAfter(Entry& entry) {
  if (entry.has_snapshot) {
    if (entry.hurry || random_->OneIn(kPublishOneIn)) Publish(entry);
    return;
  }
  if (entry.state->point().applied_offset == entry.published_offset) return;
  if (entry.hurry || random_->OneIn(kSnapshotOneIn)) {
    entry.has_snapshot = entry.home->Snapshot(*entry.state).ok();
  }
}

void MemoryStateKeeper::Work() {
  RunJobs();
  for (auto at = rules_to_keep_.begin(); at != rules_to_keep_.end();) {
    if (place_->KeepRules(*at->second).ok()) {
      rules_kept_.insert(at->first);
      at = rules_to_keep_.erase(at);
    } else {
      ++at;
    }
  }
  for (auto& [partition, entry] : entries_) LookAfter(entry);
}

std::map<int32_t, state::TaskState*> MemoryStateKeeper::states() const {
  std::map<int32_t, state::TaskState*> states;
  for (const auto& [partition, entry] : entries_) states[partition] = entry.state;
  return states;
}

}  // namespace turnout::support
