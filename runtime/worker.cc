#include "runtime/worker.h"

#include <algorithm>
#include <utility>

#include "runtime/worker_impl.h"

namespace turnout::runtime {
namespace {

using connectors::Event;
using connectors::SourceOffset;

// What is read of the parking topic may come at any moment.
constexpr absl::Duration kDrainPollWait = absl::Milliseconds(5);

// A schema may come at any moment, too.
constexpr absl::Duration kSchemaPollWait = absl::Milliseconds(5);

constexpr char kRulesNotKept[] =
    "the rule set is not kept yet: the checkpoint store has not taken it (see `checkpoints.store`)";

// Constant destinations that the rules before, if there were any, did not have.
std::vector<std::string> NewTopics(const router::RuleSet* before, const router::RuleSet& now) {
  std::vector<std::string> topics;
  const auto* old = before == nullptr ? nullptr : &before->destinations();
  size_t next = 0;  // of `old`; both are sorted by topic
  for (const auto& destination : now.destinations()) {
    while (old != nullptr && next < old->size() && (*old)[next].topic < destination.topic) ++next;
    const bool known =
        old != nullptr && next < old->size() && (*old)[next].topic == destination.topic;
    if (!known) topics.push_back(destination.topic);
  }
  return topics;
}

}  // namespace

void Worker::Impl::OnAssigned(absl::Span<const SourceOffset> committed) {
  tasks.Assign(committed);
  for (const SourceOffset& start : committed) {
    caution.Assign(start.partition, start.offset, tasks.Find(start.partition)->note);
  }
  ResetDrain();
  status_told = absl::InfinitePast();
}

void Worker::Impl::OnRevoked(absl::Span<const int32_t> partitions) {
  tasks.Release(partitions, Parting::kHandOver,
                std::min(clock->Now() + options.hand_over_max, hand_over_until));
  for (const int32_t partition : partitions) caution.Release(partition);
  ResetDrain();
  status_told = absl::InfinitePast();
}

void Worker::Impl::OnLost(absl::Span<const int32_t> partitions) {
  tasks.Release(partitions, Parting::kLost, absl::InfinitePast());
  for (const int32_t partition : partitions) caution.Release(partition);
  ResetDrain();
  status_told = absl::InfinitePast();
}

void Worker::Impl::StepOpening() {
  const absl::Status opened = sink->Open();
  if (!opened.ok()) return Wait(opened);
  phase = rejoin_after_open ? Phase::kRejoining : Phase::kPolling;
  rejoin_after_open = false;
}

void Worker::Impl::StepRejoining() {
  const absl::Status rejoined = source->Rejoin(*this);
  if (!rejoined.ok()) return Wait(rejoined);
  tasks.ReleaseAll(Parting::kLost, absl::InfinitePast());
  caution.Clear();
  ResetDrain();
  phase = Phase::kPolling;
}

void Worker::Impl::StepPolling() {
  if (options.visits != nullptr) {
    options.visits->Serve([this](int32_t partition) { return tasks.Find(partition); });
  }
  if (!rest.empty()) {
    if (AdoptRules()) return Proceed(rest);
    return Wait(absl::UnavailableError(kRulesNotKept));
  }
  tasks.Advance(rules);
  if (schema_waits.Advance()) status_told = absl::InfinitePast();
  const absl::StatusOr<absl::Span<const Event>> events = source->Poll(PollWait(), *this);
  polled = clock->Now();
  // After the poll: a partition that was taken over in it may have seen newer rules already.
  const bool has_rules = AdoptRules();
  if (!events.ok()) {
    if (absl::IsFailedPrecondition(events.status()) || absl::IsInternal(events.status())) {
      return Recover(events.status());
    }
    return Wait(events.status());
  }
  // After the poll: partitions may have gone in it.
  if (const std::vector<int32_t> in_vain = caution.NotedInVain(); !in_vain.empty()) {
    return NoteTries(in_vain, *events);
  }
  if (const std::vector<int32_t> restored = tasks.UnnotedRestores(); !restored.empty()) {
    return NoteRestores(restored, *events);
  }
  put_off = absl::OkStatus();
  if (!events->empty()) {
    if (has_rules) return Proceed(*events);
    rest = *events;
    return Wait(absl::UnavailableError(kRulesNotKept));
  }
  tasks.AdvanceIdle();
  if (has_rules && HasParked()) return BeginTransaction({}, 0);
  if (clock->Now() - status_told >= kIdleStatusEvery) TellRunning();
}

absl::Duration Worker::Impl::PollWait() {
  if (HasParked()) return absl::ZeroDuration();
  if (schema_waits.any()) return std::min(kSchemaPollWait, options.poll_wait);
  return drain.is_reading() ? std::min(kDrainPollWait, options.poll_wait) : options.poll_wait;
}

// Whether something that was parked can be sent on now.
bool Worker::Impl::HasParked() {
  if (!parks()) return false;
  destinations->Turn([this](std::string_view topic) { return drain.IsParked(topic); });
  return drain.IsReady();
}

void Worker::Impl::ResetDrain() {
  if (parks()) drain.Reset();
}

// False: there are no rules yet that events could be judged by.
bool Worker::Impl::AdoptRules() {
  const uint64_t version = feed->version();
  if (version == rules_version) return rules != nullptr;
  std::shared_ptr<const router::RuleSet> now = feed->Current();
  // What cannot be kept for a replay, or not be noted, is not to take effect: the rules from before
  // go on.
  // What was re-keyed waits instead: older rules may not know what it goes on with.
  if (!tasks.MayUse(now)) return rules != nullptr && !options.is_rekeyed;
  const std::shared_ptr<const router::RuleSet> before = std::exchange(rules, std::move(now));
  rules_version = version;
  std::unique_ptr<router::TableLookup> lookup;
  if (options.tables != nullptr) lookup = options.tables->LookupFor(rules->tables());
  router = std::make_unique<router::Router>(rules, lookup.get());
  table_lookup = std::move(lookup);
  // The brokers are asked only about what is new: other teams' events wait for the answer.
  std::vector<std::string> topics = NewTopics(before.get(), *rules);
  if (before == nullptr) {
    topics.push_back(options.dead_letter_topic);
    if (!options.parking_topic.empty()) topics.push_back(options.parking_topic);
  }
  if (rules->rekeys()) topics.push_back(options.rekey_topic);
  destinations->Prime(std::move(topics));
  dispatcher.UseRules(rules);
  status_told = absl::InfinitePast();
  return true;
}

// Events go into a transaction as soon as it is noted that they are tried, where that is needed.
void Worker::Impl::Proceed(absl::Span<const Event> events) {
  if (caution.is_calm()) return BeginTransaction(events, events.size());
  events = WithoutAwaiting(events);
  if (events.empty()) {
    rest = {};
    return;
  }
  const size_t most = caution.Admit(events);
  if (caution.IsCareful(events.front()) && options.careful_turn != nullptr &&
      !options.careful_turn->Take(this)) {
    rest = events;
    return Wait(absl::UnavailableError("another worker looks for an event that can't be tried"));
  }
  const std::vector<int32_t> unnoted = caution.Unnoted(events.first(most));
  if (unnoted.empty()) return BeginTransaction(events, most);
  NoteTries(unnoted, events);
}

// Commits what is going to be tried, or that it doesn't count, before anything else happens.
void Worker::Impl::NoteTries(absl::Span<const int32_t> partitions, absl::Span<const Event> events) {
  rest = events;
  notes.clear();
  for (const int32_t partition : partitions) {
    const Task* const task = tasks.Find(partition);
    state::CommitNote note = task->note;
    note.trying = caution.NoteOf(partition);
    int64_t offset = task->committed_offset;
    // Nothing was committed yet: it begins with its first event.
    for (size_t i = 0; offset < 0 && i < events.size(); ++i) {
      if (events[i].partition == partition) offset = events[i].offset;
    }
    notes.push_back(
        {.partition = partition, .offset = offset, .note = state::EncodeCommitNote(note)});
  }
  are_tries_noted = true;
  CommitNotes();
}

// Commits that they were restored: a crash before repeats it, and nothing after it does.
void Worker::Impl::NoteRestores(absl::Span<const int32_t> partitions,
                                absl::Span<const Event> events) {
  rest = events;
  notes.clear();
  for (const int32_t partition : partitions) {
    const Task& task = *tasks.Find(partition);
    notes.push_back({.partition = partition,
                     .offset = task.committed_offset,
                     .note = state::EncodeCommitNote(task.note)});
  }
  are_tries_noted = false;
  CommitNotes();
}

void Worker::Impl::CommitNotes() {
  const bool is_transaction = options.delivery == connectors::Delivery::kExactlyOnce;
  if (const absl::Status begun = is_transaction ? sink->Begin() : absl::OkStatus(); !begun.ok()) {
    return NotCommitted(begun);
  }
  phase = Phase::kNoting;
  StepNoting();
}

void Worker::Impl::StepNoting() {
  const absl::Status committed = options.delivery == connectors::Delivery::kExactlyOnce
                                     ? sink->Commit(notes, source->group_metadata())
                                     : source->Commit(notes);
  if (absl::IsUnavailable(committed)) {
    observer->OnOutcome(options.index, TransactionOutcome::kRetried, committed);
    return Wait(committed);
  }
  if (!committed.ok()) return NotCommitted(committed);
  for (const SourceOffset& noted : notes) {
    Task* const task = tasks.Find(noted.partition);
    tasks.Noted(task);
    if (!are_tries_noted) continue;
    if (task->committed_offset < 0) {
      task->committed_offset = task->applied_offset = noted.offset;
    }
    task->note.trying = caution.NoteOf(noted.partition);
    caution.Noted(noted.partition);
  }
  phase = Phase::kPolling;
  if (!put_off.ok()) Wait(std::exchange(put_off, absl::OkStatus()));
}

// Who goes in good order has not failed at what it was going to try.
void Worker::Impl::TakeBackTries(absl::Time until) {
  caution.ExcuseAll();
  const std::vector<int32_t> in_vain = caution.NotedInVain();
  if (in_vain.empty()) return;
  NoteTries(in_vain, {});
  while (phase == Phase::kNoting && clock->Now() < until) StepNoting();
}

void Worker::Impl::LeaveTurn() {
  if (options.careful_turn != nullptr) options.careful_turn->Leave(this);
}

void Worker::Impl::Wait(const absl::Status& why) {
  const absl::string_view message = why.message();
  TellStatus(WorkerState::kWaiting, {message.data(), message.size()});
  clock->Sleep(backoff);
  backoff = std::min(backoff * 2, options.backoff_max);
}

Worker::Worker(WorkerOptions options, connectors::Source* source, connectors::Sink* sink,
               StateKeeper* keeper, Destinations* destinations, const RuleFeed* rules,
               WorkerObserver* observer, Clock* clock)
    : impl_(std::make_unique<Impl>(std::move(options), source, sink, keeper, destinations, rules,
                                   observer, clock)) {}

Worker::~Worker() = default;

void Worker::Step() {
  using Phase = Impl::Phase;
  switch (impl_->phase) {
    case Phase::kOpening:
      return impl_->StepOpening();
    case Phase::kRejoining:
      return impl_->StepRejoining();
    case Phase::kPolling:
      return impl_->StepPolling();
    case Phase::kNoting:
      return impl_->StepNoting();
    case Phase::kCommitting:
      return impl_->StepCommitting();
    case Phase::kCommittingOffsets:
      return impl_->StepCommittingOffsets();
    case Phase::kCommittingStates:
      return impl_->StepCommittingStates();
    case Phase::kAborting:
      return impl_->StepAborting();
    case Phase::kRewinding:
      return impl_->StepRewinding();
  }
}

void Worker::Close(absl::Duration timeout) {
  using Phase = Impl::Phase;
  // A commit under way is worth half of the time: redoing it would cost its successor more.
  const absl::Time deadline = impl_->clock->Now() + timeout;
  const absl::Time commit_until = deadline - timeout / 2;
  impl_->is_closing = true;
  while ((impl_->phase == Phase::kNoting || impl_->phase == Phase::kCommitting ||
          impl_->phase == Phase::kCommittingOffsets || impl_->phase == Phase::kCommittingStates) &&
         impl_->clock->Now() < commit_until) {
    Step();
  }
  if (impl_->phase == Phase::kPolling) impl_->TakeBackTries(commit_until);
  if (impl_->phase == Phase::kAborting || impl_->phase == Phase::kCommitting ||
      impl_->phase == Phase::kNoting) {
    impl_->sink->Abort().IgnoreError();  // where it fails, the broker aborts for us
  }
  const bool is_committed = impl_->phase == Phase::kPolling;
  impl_->hand_over_until = is_committed ? deadline - timeout / 4 : absl::InfinitePast();
  if (!is_committed) impl_->tasks.ReleaseAll(Parting::kLost, absl::InfinitePast());
  impl_->rest = {};
  impl_->LeaveTurn();
  impl_->source->Close(*impl_, std::max(deadline - impl_->clock->Now(), absl::ZeroDuration()) / 2);
  impl_->sink->Close(std::max(deadline - impl_->clock->Now(), absl::ZeroDuration()));
  impl_->TellStatus(WorkerState::kStopped, "");
}

}  // namespace turnout::runtime
