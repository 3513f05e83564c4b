#include "tests/simulation/simulation.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/moved_rules.h"
#include "state/commit_note.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/hop_ledger.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/simulated_router.h"
#include "tests/simulation/state_checker.h"
#include "tests/simulation/state_rules.h"

namespace turnout::simulation {
namespace {

using support::Fault;
using support::SeededRandom;

constexpr int kTurnsAnEvent = 6;
constexpr int kPauseDepthMax = 2;
constexpr int kZombieStepsMax = 3;
constexpr int kLastEvents = 6;
constexpr int64_t kRoomyBatchBytesMax = 1'000'000;
// Coming to rest takes a session timeout where a member has died, and the longest backoff or two;
// waiting for a transaction to time out (60 s) would be too long.
constexpr absl::Duration kRestWithin = absl::Seconds(45);
// Where events may be given up, the last ones may be tried one at a time, each noted before, by one
// of several routers whose polls take their turns, and by one of its two workers at a time: 64 at
// some 0.7 s each, twice.
constexpr absl::Duration kCarefulRestWithin = absl::Seconds(180);
constexpr int kRestRoundsMax = 3'000;                   // since the last fault
constexpr int kStrikesAtRestMax = 1'000;                // faults and poisonings meanwhile
constexpr absl::Duration kRecheck = absl::Seconds(31);  // longer than a destination is believed ill

// Faults have a chance of their own, so that they change nothing else before they strike; a fault
// at another call is another fault.
uint64_t FaultSeed(const SimulationOptions& options) {
  const uint64_t call = options.only_fault ? static_cast<uint64_t>(options.only_fault->first) : 0;
  return (options.seed << 20) ^ call ^ 0x5eed;
}

bool IsAnythingParked(const connectors::SourceOffset& committed) {
  const auto note = state::DecodeCommitNote(committed.note);
  return note.ok() && !note->parked.empty();
}

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options),
        random_(options.seed),
        fault_random_(FaultSeed(options)),
        poison_random_(options.seed ^ 0xbad) {}

  SimulationResult Run();

 private:
  // A paused router that another has taken the place of; killed a few steps after it wakes.
  struct Zombie {
    std::unique_ptr<SimulatedRouter> router;
    int64_t steps_left = 0;
  };

  void Build();
  void BuildRekeyed(int32_t partitions);
  std::optional<Fault> PlanFault(int64_t number);
  void Turn();
  void StepRouter(std::unique_ptr<SimulatedRouter>& router);
  void StepZombies();
  void StopRouter(std::unique_ptr<SimulatedRouter>& router);
  void Pause(support::SimulatedProcess& process);
  void MoveAside(const support::SimulatedProcess& process);
  void AppendEvents(int64_t count);
  void ChoosePoison();
  void AppendAborted();
  void ChangeDestination();
  void ChangeState();
  void LoseDisk(int ordinal);
  void Truncate();
  void PublishRules();
  void SetBackOffsets();
  void LoseDisks();
  void EndAll();
  bool RestoreStates();
  void ExpectRestoredOnce(const std::string& wish);
  void RuinStates();
  void ExpectRefusals();
  void StartMissing();
  void HealDestinations();
  bool ComeToRest();
  std::string WhatIsNotAtRest();
  void CloseAll();
  void Report(std::vector<std::string> violations);
  void Compare(int first_settled_id);
  SimulatedStates& AnyStates();
  support::MemoryGroup& group() { return *source_.group; }

  const SimulationOptions options_;
  SeededRandom random_;
  SeededRandom fault_random_;
  SeededRandom poison_random_;
  Surroundings around_;
  Routers routers_;  // by ordinal; null: not running
  std::vector<Zombie> zombies_;
  Events events_;
  int events_total_ = 0;
  int events_made_ = 0;
  std::vector<int> published_;  // rule sets, the newest last
  HopLedger source_{.hop = Hop::kSource};
  HopLedger rekeyed_{.hop = Hop::kRekeyed};
  std::vector<HopLedger*> hops_;  // of this run
  int faults_left_ = 0;
  int pause_depth_ = 0;
  bool calm_ = false;      // the second act has begun
  bool healed_ = false;    // so has the third
  bool restores_ = false;  // between them states are restored
  std::map<int32_t, Rebuilt> rebuilt_;
  SimulationResult result_;
};

void Simulation::Build() {
  around_.delivery = options_.delivery;
  around_.overlaps = options_.overlaps;
  around_.gives_up = options_.gives_up;
  around_.team_bytes_per_second_max = options_.team_bytes_per_second_max;
  around_.mutation = options_.mutation;
  around_.points.KeepTrace(options_.keep_trace);
  around_.log = std::make_unique<support::MemoryLog>(
      support::MemoryLogOptions{
          .seed = random_.Next(),
          .group = {.require_stable = options_.mutation != Mutation::kUnstableOffsetsRead}},
      &around_.clock);
  const auto partitions = [&](int64_t most) {
    return static_cast<int32_t>(random_.Between(1, most));
  };
  const uint64_t states_seed = random_.Next();
  around_.states = options_.on_rocksdb
                       ? MakeRocksStates(&around_.points)
                       : MakeMemoryStates(&around_.points, &around_.clock, states_seed);
  around_.keeper_random = SeededRandom(random_.Next());
  source_.states = around_.states.get();
  source_.topic =
      around_.log->CreateTopic(kSourceTopic, partitions(options_.source_partitions_max));
  around_.log->CreateTopic(kDeadLetterTopic, partitions(2));
  around_.log->CreateTopic(kParkingTopic, partitions(2));
  for (const char* name :
       {"sim.audit", "sim.pings", "sim.orders", "sim.by-customer", kClosedTopic}) {
    around_.log->CreateTopic(name, partitions(3));
  }
  around_.log->CreateTopic(kSmallTopic, partitions(3),
                           random_.OneIn(2) ? kSmallBatchBytesMax : kRoomyBatchBytesMax);
  around_.log->FindTopic(kClosedTopic)->forbidden = random_.OneIn(2);
  for (int version = 0; version < kRuleSets; ++version) {
    for (const StateRule& rule : StateRulesOf(version)) {
      around_.log->CreateTopic(kStateTopicPrefix + rule.name, 2);
    }
  }
  source_.group = around_.log->Group(kGroup, kSourceTopic);
  hops_ = {&source_};
  if (options_.rekeys) BuildRekeyed(partitions(options_.source_partitions_max));
  for (HopLedger* const hop : hops_) Watch(*hop);
  PublishRules();
  routers_.resize(static_cast<size_t>(random_.Between(1, options_.routers_max)));
  events_total_ = static_cast<int>(random_.Between(options_.events_max / 2, options_.events_max));
  ChoosePoison();
  faults_left_ = static_cast<int>(fault_random_.Between(0, options_.faults_max));
  around_.points.SetPlan([this](int64_t number) { return PlanFault(number); });
  around_.points.SetPause([this](support::SimulatedProcess& process) { Pause(process); });
}

void Simulation::ChoosePoison() {
  for (int i = 0; i < options_.poison_max; ++i) {
    const auto id = static_cast<int>(poison_random_.Below(static_cast<uint64_t>(events_total_)));
    around_.poisons.by_event[id] = poison_random_.OneIn(2) ? Poison::kCrashes : Poison::kIsRefused;
  }
}

void Simulation::BuildRekeyed(int32_t partitions) {
  around_.rekeys = true;
  around_.turn_random = SeededRandom(random_.Next());
  around_.rekeyed_states = options_.on_rocksdb
                               ? MakeRocksStates(&around_.points)
                               : MakeMemoryStates(&around_.points, &around_.clock, random_.Next());
  rekeyed_.states = around_.rekeyed_states.get();
  rekeyed_.topic = around_.log->CreateTopic(kRekeyTopic, partitions);
  rekeyed_.group = around_.log->Group(kRekeyTopic, kRekeyTopic);
  hops_.push_back(&rekeyed_);
}

std::optional<Fault> Simulation::PlanFault(int64_t number) {
  if (options_.only_fault) {
    if (number != options_.only_fault->first) return std::nullopt;
    return options_.only_fault->second;
  }
  if ((calm_ && !restores_) || faults_left_ == 0 || !fault_random_.OneIn(25)) return std::nullopt;
  --faults_left_;
  // Crashes and pauses are the ones that matter most.
  return fault_random_.OneIn(3)
             ? Fault::kPause
             : support::kAllFaults[fault_random_.Below(std::size(support::kAllFaults))];
}

void Simulation::StepRouter(std::unique_ptr<SimulatedRouter>& router) {
  SimulatedRouter* const stepping = router.get();
  const bool alive = stepping->Step();
  if (router.get() == stepping && !alive) router.reset();
}

// One turn of the first act.
void Simulation::Turn() {
  const int64_t dice = random_.Below(100);
  std::unique_ptr<SimulatedRouter>& router = routers_[random_.Below(routers_.size())];
  if (router == nullptr) {
    const int ordinal = static_cast<int>(&router - routers_.data());
    if (dice < 50) router = std::make_unique<SimulatedRouter>(ordinal, &around_);
    return;
  }
  if (router->busy()) return around_.clock.Advance(absl::Milliseconds(1));
  if (dice < 70) {
    StepRouter(router);
  } else if (dice < 86) {
    AppendEvents(random_.Between(1, 4));
  } else if (dice < 88) {
    if (static_cast<int>(published_.size()) < options_.rule_sets_max) PublishRules();
  } else if (dice < 91) {
    if (!healed_) ChangeDestination();
    if (!calm_) ChangeState();
  } else if (dice < 93) {
    StopRouter(router);
  } else if (dice < 95) {
    if (!options_.only_fault) router.reset();  // killed between two steps
  } else if (dice < 97) {
    AppendAborted();
  } else {
    around_.clock.Advance(absl::Milliseconds(random_.Between(1, 500)));
  }
}

void Simulation::StopRouter(std::unique_ptr<SimulatedRouter>& router) {
  SimulatedRouter* const stopping = router.get();
  stopping->Close();
  if (router.get() == stopping) router.reset();
}

void Simulation::AppendEvents(int64_t count) {
  support::MemoryTopic& source = *around_.log->FindTopic(kSourceTopic);
  for (; count > 0 && events_made_ < events_total_; --count) {
    SimEvent event = MakeEvent(events_made_++, random_);
    event.partition = support::ChoosePartition(source, event.record, random_);
    const auto poison = around_.poisons.by_event.find(event.id);
    if (poison != around_.poisons.by_event.end()) {
      event.poison = event.readable ? poison->second : Poison::kNone;
      if (!event.readable) around_.poisons.by_event.erase(poison);
    }
    event.record.offset = source.partitions[event.partition]->Append(event.record);
    events_[{event.partition, event.record.offset}] = std::move(event);
  }
}

// A producer of the source whose transaction came to nothing: gaps of offsets, and never an event.
void Simulation::AppendAborted() {
  constexpr int64_t kProducer = 1'000'000;
  support::MemoryTopic& source = *around_.log->FindTopic(kSourceTopic);
  support::MemoryPartition& partition = *source.partitions[random_.Below(source.partitions.size())];
  partition.AppendInTransaction(kProducer, {.value = R"({"id": -1, "type": "order.placed"})"});
  partition.WriteMarker(kProducer, /*commit=*/false);
}

void Simulation::ChangeDestination() {
  switch (random_.Below(3)) {
    case 0:
      around_.log->CreateTopic(kLateTopic, static_cast<int32_t>(random_.Between(1, 3)));
      break;
    case 1: {
      bool& forbidden = around_.log->FindTopic(kClosedTopic)->forbidden;
      forbidden = !forbidden;
      break;
    }
    default:
      around_.log->FindTopic(kSmallTopic)->batch_bytes_max =
          random_.OneIn(2) ? kSmallBatchBytesMax : kRoomyBatchBytesMax;
  }
}

// The same rules may come again, but not where records may repeat: nobody could say then which of a
// batch's tries a record is of.
void Simulation::PublishRules() {
  int number = static_cast<int>(random_.Below(kRuleSetsOfRun));
  const bool repeats = options_.delivery == connectors::Delivery::kAtLeastOnce;
  const auto is_wanted = [&](int one) {
    if (published_.empty()) return true;
    if (!repeats) return one != published_.back();
    return std::find(published_.begin(), published_.end(), one) == published_.end();
  };
  while (!is_wanted(RuleSetOfRun(number, options_.rekeys))) number = (number + 1) % kRuleSetsOfRun;
  if (!published_.empty()) around_.older_rules.Publish(RuleSetOf(published_.back()));
  published_.push_back(RuleSetOfRun(number, options_.rekeys));
  const auto rules = RuleSetOf(published_.back());
  around_.has_rekeyed |= options_.rekeys && rules->rekeys();
  around_.rules.Publish(rules);
}

SimulatedStates& Simulation::AnyStates() {
  return options_.rekeys && random_.OneIn(2) ? *rekeyed_.states : *source_.states;
}

void Simulation::ChangeState() {
  SimulatedStates& states = AnyStates();
  switch (random_.Below(5)) {
    case 0:
      states.FailRead(static_cast<int>(random_.Below(routers_.size())), random_.Between(1, 10));
      break;
    case 3:
      states.SetAway(!states.is_away());
      break;
    case 1:
      if (!options_.set_back) states.Damage(random_);
      break;
    case 2: {
      const size_t ordinal = random_.Below(routers_.size());
      if (routers_[ordinal] == nullptr) LoseDisk(static_cast<int>(ordinal));
      break;
    }
    default:
      if (!options_.set_back && options_.restoring == Restoring::kNot) Truncate();
  }
}

// All that the process has on it.
void Simulation::LoseDisk(int ordinal) {
  for (HopLedger* const hop : hops_) hop->states->LoseDisk(ordinal);
}

// Retention takes what a checkpoint has seen.
void Simulation::Truncate() {
  support::MemoryTopic& source = *around_.log->FindTopic(kSourceTopic);
  const auto partition = static_cast<int32_t>(random_.Below(source.partitions.size()));
  const int64_t seen = source_.states->LastingCheckpoint(partition);
  support::MemoryPartition& log = *source.partitions[partition];
  if (seen > log.start_offset() && seen <= group().CommittedOffset(partition)) {
    log.DeleteBefore(random_.Between(log.start_offset(), seen));
  }
}

// The process stands still; the world goes on without it.
void Simulation::Pause(support::SimulatedProcess& process) {
  static constexpr int kSeconds[] = {2, 15, 15, 70};
  const int seconds = kSeconds[fault_random_.Below(std::size(kSeconds))];
  ++pause_depth_;
  if (seconds > 10 && fault_random_.OneIn(3)) MoveAside(process);
  for (int second = 0; second < seconds; ++second) {
    for (int i = 0; i < 2 && pause_depth_ <= kPauseDepthMax && seconds <= 20; ++i) Turn();
    around_.clock.Advance(absl::Seconds(1));
  }
  for (int i = 0; i < 20 && pause_depth_ <= kPauseDepthMax; ++i) Turn();
  --pause_depth_;
}

// Another process is started in its place, as Kubernetes does with a pod on a lost node.
void Simulation::MoveAside(const support::SimulatedProcess& process) {
  for (std::unique_ptr<SimulatedRouter>& router : routers_) {
    if (router == nullptr || &router->process() != &process) continue;
    const int ordinal = router->ordinal();
    zombies_.push_back({std::move(router), random_.Between(0, kZombieStepsMax)});
    LoseDisk(ordinal);  // it is the zombie's
    router = std::make_unique<SimulatedRouter>(ordinal, &around_);
    return;
  }
}

void Simulation::StepZombies() {
  for (size_t i = 0; i < zombies_.size(); ++i) {
    if (zombies_[i].router == nullptr || zombies_[i].router->busy()) continue;
    const bool goes_on = zombies_[i].steps_left-- > 0 && !zombies_[i].router->process().dead &&
                         zombies_[i].router->Step();
    if (!goes_on) zombies_[i].router.reset();
  }
}

void Simulation::StartMissing() {
  for (size_t i = 0; i < routers_.size(); ++i) {
    if (routers_[i] != nullptr) continue;
    routers_[i] = std::make_unique<SimulatedRouter>(static_cast<int>(i), &around_);
  }
}

std::string Simulation::WhatIsNotAtRest() {
  for (const HopLedger* const hop : hops_) {
    if (std::string what = WhatIsNotRestored(*hop, around_.restore); !what.empty()) return what;
  }
  for (const HopLedger* const hop : hops_) {
    if (std::string what = simulation::WhatIsNotAtRest(*hop); !what.empty()) return what;
  }
  if (!around_.log->transactions().idle()) return "a transaction is open";
  for (const HopLedger* const hop : hops_) {
    if (!StatesAreUpToDate(*hop, routers_)) return "a state is not where its log is";
  }
  for (const HopLedger* const hop : hops_) {
    for (const auto& [partition, commits] : hop->commits) {
      if (!healed_ || !IsAnythingParked(commits.back())) continue;
      return absl::StrCat("something of partition ", partition, " of ", hop->topic->name,
                          " is parked: ", commits.back().note);
    }
  }
  return "";
}

void Simulation::EndAll() {
  for (std::unique_ptr<SimulatedRouter>& router : routers_) {
    if (router != nullptr) StopRouter(router);
  }
  zombies_.clear();
  around_.clock.Advance(absl::Seconds(21));
}

// All that was kept after some time turns out to be wrong, though not what came of it. Whoever
// begins after that has the wish, until everyone has restored; some die on the way. Then it is
// taken back, and all begin once more.
bool Simulation::RestoreStates() {
  EndAll();
  const std::optional<int64_t> time_ms = AnyStates().SomeCheckpointTime(random_);
  around_.restore = {.time_ms = time_ms.value_or(0),
                     .with_current_rules = options_.restoring == Restoring::kCurrent};
  for (HopLedger* const hop : hops_) hop->states->SpoilAfter(around_.restore->time_ms);
  if (options_.restoring == Restoring::kCurrent || random_.OneIn(2)) PublishRules();
  restores_ = true;
  faults_left_ = static_cast<int>(fault_random_.Between(0, options_.faults_max));
  if (!ComeToRest()) return false;
  restores_ = false;
  EndAll();
  const std::string wish = around_.restore->id();
  if (random_.OneIn(2)) around_.restore.reset();
  if (random_.OneIn(2)) LoseDisks();
  if (!ComeToRest()) return false;
  ExpectRestoredOnce(wish);
  return true;
}

// By the first note that says so; every later one goes on from there.
void Simulation::ExpectRestoredOnce(const std::string& wish) {
  for (const HopLedger* const hop : hops_) {
    for (const auto& [partition, restored] : FindRestored(*hop, wish)) {
      ++result_.restored;
      if (!restored.problem.empty()) result_.violations.push_back(restored.problem);
      if (hop == &source_ && restored.by_other_rules) {
        rebuilt_[partition] = {restored.from, restored.to, VersionOf(restored.rules)};
      }
    }
  }
}

// The same rules; all that they remember by a key is to be re-keyed.
std::shared_ptr<const router::RuleSet> PartitionedByNothing(const router::RuleSet& rules) {
  router::StateSettings settings = rules.settings();
  settings.partitioned_by = "nothing";
  return router::RuleSet::Build(rules.teams(), settings);
}

// All routers end, and before they begin again everything is lost that their states could be had
// from.
void Simulation::RuinStates() {
  for (std::unique_ptr<SimulatedRouter>& router : routers_) {
    if (router != nullptr) StopRouter(router);
  }
  zombies_.clear();
  around_.clock.Advance(absl::Seconds(21));
  if (options_.ruin == Ruin::kPartitionedOtherwise) {
    around_.rules.Publish(PartitionedByNothing(*RuleSetOf(published_.back())));
    return;
  }
  SimulatedStates& states = *source_.states;
  for (size_t i = 0; i < routers_.size(); ++i) states.LoseDisk(static_cast<int>(i));
  if (options_.ruin != Ruin::kOffsetsLost) states.LoseCheckpoints();
  if (options_.ruin == Ruin::kRuleSetsLost) {
    states.LoseRules();
    // What is in force is kept again by whoever runs by it: other rules.
    int version = 0;
    while (std::find(published_.begin(), published_.end(), version) != published_.end()) ++version;
    around_.rules.Publish(RuleSetOf(version));
  }
  for (const auto& [partition, commits] : source_.commits) {
    connectors::SourceOffset lost = commits.back();
    lost.note.clear();
    if (options_.ruin == Ruin::kOffsetsLost) lost.offset = -1;
    if (options_.ruin == Ruin::kNotesLost || options_.ruin == Ruin::kOffsetsLost) {
      group().SetBack(lost);
    }
    if (options_.ruin == Ruin::kSourceCutBack) {
      around_.log->FindTopic(kSourceTopic)->partitions[partition]->DeleteBefore(lost.offset);
    }
  }
}

// A task that had a state is refused by its name and commits nothing more, whatever comes.
void Simulation::ExpectRefusals() {
  static const std::map<Ruin, std::string> kNames = {
      {Ruin::kSourceCutBack, "state gap"},
      {Ruin::kRuleSetsLost, "rules lost"},
      {Ruin::kNotesLost, "note lost"},
      {Ruin::kOffsetsLost, "offsets lost"},
      {Ruin::kPartitionedOtherwise, "state elsewhere"}};
  const auto otherwise = PartitionedByNothing(*RuleSetOf(published_.back()));
  std::map<int32_t, int64_t> had_state;
  for (const auto& [partition, commits] : source_.commits) {
    const auto note = state::DecodeCommitNote(commits.back().note);
    if (!note.ok() || !note->state_start) continue;
    // Nobody needs what the rules of that time remembered and those of now don't.
    const auto last = RuleSetOf(VersionOf(note->rule_sets.back().hash));
    const bool is_needed = !router::RulesThatMove(*last, *otherwise).empty();
    if (options_.ruin != Ruin::kPartitionedOtherwise || is_needed) had_state[partition] = -1;
  }
  RuinStates();
  // Who keeps no state needs no note.
  if (options_.ruin == Ruin::kNotesLost && !RuleSetOf(published_.back())->keeps_state()) return;
  around_.observer.statuses.clear();
  for (auto& [partition, committed] : had_state) committed = group().CommittedOffset(partition);
  events_total_ += kLastEvents;
  AppendEvents(kLastEvents);
  for (int round = 0; round < 300; ++round) {
    StartMissing();
    for (std::unique_ptr<SimulatedRouter>& router : routers_) StepRouter(router);
  }
  std::map<int32_t, std::string> reasons;
  for (const auto& [worker, status] : around_.observer.statuses) {
    for (const runtime::PartitionStatus& one : status.partitions) {
      if (one.phase == runtime::TaskPhase::kRefused) reasons[one.partition] = one.reason;
    }
  }
  for (const auto& [partition, committed] : had_state) {
    ++result_.refusals;
    const std::string& name = kNames.at(options_.ruin);
    // A source that retention has cut back before is found out first.
    const bool is_named = absl::StartsWith(reasons[partition], name) ||
                          absl::StartsWith(reasons[partition], "state gap");
    if (is_named && group().CommittedOffset(partition) == committed) continue;
    result_.violations.push_back(absl::StrFormat(
        "partition %d ought to be refused for '%s' at %d; it is at %d, refused for '%s'", partition,
        name, committed, group().CommittedOffset(partition), reasons[partition]));
  }
}

// Somebody takes the group back to what it had committed before; nobody is in it.
void Simulation::SetBackOffsets() {
  for (std::unique_ptr<SimulatedRouter>& router : routers_) {
    if (router != nullptr) StopRouter(router);
  }
  zombies_.clear();
  around_.clock.Advance(absl::Seconds(21));
  for (auto& [partition, commits] : source_.commits) {
    const auto first = std::find_if(commits.begin(), commits.end(), [](const auto& commit) {
      const auto note = state::DecodeCommitNote(commit.note);
      return note.ok() && note->state_start;
    });
    if (first == commits.end() || random_.OneIn(4)) continue;
    auto chosen = first + random_.Below(commits.end() - first);
    // What waited at that time has been sent on since, and another life would number it anew.
    while (chosen != commits.end() && IsAnythingParked(*chosen)) ++chosen;
    if (chosen == commits.end()) continue;
    commits.erase(chosen + 1, commits.end());
    group().SetBack(commits.back());
  }
  PublishRules();
}

// All routers are killed, and what they had. Their states have come as far by now as those from
// before the offsets were set back, which still lie in the checkpoint store.
void Simulation::LoseDisks() {
  for (size_t i = 0; i < routers_.size(); ++i) {
    routers_[i].reset();
    LoseDisk(static_cast<int>(i));
  }
}

bool Simulation::ComeToRest() {
  const absl::Duration rest_within = options_.gives_up ? kCarefulRestWithin : kRestWithin;
  absl::Time since = around_.clock.Now();
  const auto faults_so_far = [this] { return around_.points.faults() + around_.poisons.struck; };
  int64_t faults = faults_so_far();
  const int64_t faults_max = faults + kStrikesAtRestMax;
  for (int round = 0; round < kRestRoundsMax && faults <= faults_max; ++round) {
    StartMissing();
    StepZombies();
    for (std::unique_ptr<SimulatedRouter>& router : routers_) {
      if (router != nullptr && !router->busy()) StepRouter(router);
    }
    if (faults_so_far() != faults) {  // a planned fault came as late as this
      faults = faults_so_far();
      since = around_.clock.Now();
      round = 0;
    }
    if (WhatIsNotAtRest().empty()) return true;
    if (around_.clock.Now() - since > rest_within) break;
  }
  std::string waits = absl::StrFormat("doesn't come to rest within %s: %s; %s; %s",
                                      absl::FormatDuration(rest_within), WhatIsNotAtRest(),
                                      around_.log->transactions().Describe(), group().Describe());
  for (const auto& [worker, status] : around_.observer.statuses) {
    if (!status.reason.empty()) absl::StrAppend(&waits, "; worker ", worker, ": ", status.reason);
    for (const runtime::BulkheadStatus& one : status.bulkheads) {
      absl::StrAppend(&waits, "; worker ", worker, ": ", one.destination, " is ",
                      std::string(one.state), " (", one.reason, "), ", one.waiting, " wait");
    }
    for (const auto& one : status.partitions) {
      if (one.reason.empty()) continue;
      absl::StrAppend(&waits, "; partition ", one.partition, ": ", one.reason);
    }
  }
  result_.violations.push_back(std::move(waits));
  return false;
}

void Simulation::HealDestinations() {
  healed_ = true;
  around_.log->CreateTopic(kLateTopic, 2);
  around_.log->FindTopic(kClosedTopic)->forbidden = false;
  around_.log->FindTopic(kSmallTopic)->batch_bytes_max = kSmallBatchBytesMax;
  for (absl::Duration passed; passed < kRecheck; passed += absl::Seconds(1)) {
    around_.clock.Advance(absl::Seconds(1));
  }
}

void Simulation::CloseAll() {
  for (std::unique_ptr<SimulatedRouter>& router : routers_) {
    if (router != nullptr) StopRouter(router);
  }
  StepZombies();
  around_.clock.Advance(absl::Seconds(1));
  const bool crashed_on_the_way = options_.only_fault.has_value();
  if (crashed_on_the_way) return;
  for (const HopLedger* const hop : hops_) {
    if (hop->group->members() == 0) continue;
    result_.violations.push_back("a closed router is still in the group");
  }
  if (!around_.log->transactions().idle()) {
    result_.violations.push_back("a closed router left a transaction open");
  }
}

void Simulation::Report(std::vector<std::string> violations) {
  std::move(violations.begin(), violations.end(), std::back_inserter(result_.violations));
}

void Simulation::Compare(int first_settled_id) {
  std::vector<HopStates> hops;
  for (const HopLedger* const hop : hops_) {
    hops.push_back({HeldStates(*hop, routers_), hop == &rekeyed_ ? hop->topic : nullptr});
  }
  CloseAll();
  for (size_t i = 0; i < hops.size(); ++i) {
    FoundStates found = hops_[i]->states->Collect();
    if (!options_.only_fault) Report(CheckHandOvers(*hops_[i], found));
    const bool has_other_histories = options_.set_back || options_.restoring != Restoring::kNot;
    if (has_other_histories) LeaveOutOtherHistories(*hops_[i], &found);
    for (auto& [partition, states] : found) {
      std::vector<support::FoundState>& all = hops[i].found[partition];
      std::move(states.begin(), states.end(), std::back_inserter(all));
      result_.states += static_cast<int64_t>(all.size());
    }
  }
  const Expectation expectation = {.delivery = options_.delivery,
                                   .events = &events_,
                                   .first_settled_id = first_settled_id,
                                   .published = published_,
                                   .once = !options_.set_back,
                                   .has_team_limits = options_.team_bytes_per_second_max > 0,
                                   .versions = std::move(source_.versions),
                                   .rekeyed_versions = std::move(rekeyed_.versions),
                                   .rebuilt = std::move(rebuilt_)};
  StateRecords records;
  Report(Check(*around_.log, group(), expectation, &records));
  Report(CheckStates(expectation, std::move(records), hops));
  const uint64_t reported = around_.observer.events;
  result_.given_up = std::count_if(events_.begin(), events_.end(), [](const auto& one) {
    return one.second.poison != Poison::kNone;
  });
  const bool is_undisturbed = around_.points.faults() == 0 && !options_.set_back;
  if (is_undisturbed && !options_.rekeys && reported != events_.size()) {
    result_.violations.push_back(absl::StrFormat("the reports speak of %d events and there were %d",
                                                 reported, events_.size()));
  }
}

SimulationResult Simulation::Run() {
  Build();
  for (int turns = events_total_ * kTurnsAnEvent; turns > 0; --turns) {
    Turn();
    StepZombies();
  }
  calm_ = true;
  for (HopLedger* const hop : hops_) hop->states->Settle();
  AppendEvents(events_total_);
  bool rests = ComeToRest();
  if (rests && options_.set_back) {
    SetBackOffsets();
    rests = ComeToRest();
    if (rests) LoseDisks();
    rests = rests && ComeToRest();
  }
  if (rests && options_.restoring != Restoring::kNot) rests = RestoreStates();
  const int first_settled_id = events_made_;
  if (rests && options_.ruin != Ruin::kNone) {
    ExpectRefusals();
  } else if (rests) {
    HealDestinations();
    events_total_ += kLastEvents;
    AppendEvents(kLastEvents);
    rests = ComeToRest();
  }
  if (rests && options_.ruin == Ruin::kNone) Compare(first_settled_id);
  result_.calls = around_.points.calls();
  result_.drained = static_cast<int64_t>(around_.observer.drained);
  result_.faults = around_.points.faults();
  result_.trace_hash = around_.points.trace_hash();
  result_.trace = around_.points.trace();
  for (const auto& [name, topic] : around_.log->topics()) {
    if (name == kSourceTopic) continue;
    for (const auto& partition : topic->partitions) {
      result_.records += static_cast<int64_t>(partition->ReadAll().size());
    }
  }
  return std::move(result_);
}

}  // namespace

SimulationResult RunSimulation(const SimulationOptions& options) {
  return Simulation(options).Run();
}

}  // namespace turnout::simulation
