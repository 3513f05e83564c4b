#include "tests/simulation/state_checker.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/router.h"
#include "tests/simulation/arrivals.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/state_rules.h"
#include "tests/support/memory_state.h"

namespace turnout::simulation {
namespace {

using connectors::Delivery;
using Lines = std::vector<std::string>;

constexpr size_t kViolationsMax = 8;

const std::vector<state::StepId>& AllSteps() {
  static const auto* const steps = [] {
    std::set<state::StepId> all;
    for (int version = 0; version < kRuleSets; ++version) {
      const auto of_version = RuleSetOf(version)->steps();
      all.insert(of_version.begin(), of_version.end());
    }
    return new std::vector<state::StepId>(all.begin(), all.end());
  }();
  return *steps;
}

// One thing that comes to a partition: an event of the source, or one that goes on here.
struct Coming {
  Place source;
  const SimEvent* event = nullptr;
  const Arrival* arrival = nullptr;  // null: in the source

  int64_t offset() const { return event->record.offset; }
};

router::StepPlace PlaceOf(const Coming& coming) {
  return coming.arrival == nullptr ? router::StepPlace::kSource : router::StepPlace::kRekeyed;
}

// One partition, undisturbed.
class UndisturbedTask {
 public:
  // The lines of what comes next.
  Lines Apply(const Coming& coming, int version);
  // It was given up: these rules are in force from it on, and nothing else comes of it.
  void PassOver(const Coming& coming, int version);
  // As of the events so far.
  std::string Dump() { return DumpState(state_); }

 private:
  void Use(int version, router::StepPlace place);

  int version_ = -1;
  support::MemoryState state_{0};
  router::TaskSteps steps_{&state_};
  std::unique_ptr<router::Router> router_;
};

void UndisturbedTask::Use(int version, router::StepPlace place) {
  if (version == version_) return;
  version_ = version;
  router_ = std::make_unique<router::Router>(RuleSetOf(version));
  steps_.ForgetWindows();
  steps_.Retain(RuleSetOf(version)->steps_at(place)).IgnoreError();
}

void UndisturbedTask::PassOver(const Coming& coming, int version) {
  Use(version, PlaceOf(coming));
  steps_.Commit(coming.offset() + 1, router_->rules().hash()).IgnoreError();
}

Lines UndisturbedTask::Apply(const Coming& coming, int version) {
  const SimEvent& event = *coming.event;
  const support::MemoryRecord& record = event.record;
  Use(version, PlaceOf(coming));
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  for (const auto& [name, value] : record.headers) headers.emplace_back(name, *value);
  const auto view = [](const std::optional<std::string>& bytes) {
    return bytes ? std::string_view(*bytes) : std::string_view();
  };
  const router::Event routed = {.value = view(record.value),
                                .key = view(record.key),
                                .topic = kSourceTopic,
                                .partition = event.partition,
                                .timestamp_ms = record.timestamp_ms,
                                .headers = headers};
  const Arrival* const arrival = coming.arrival;
  const router::Routes& routes = arrival == nullptr
                                     ? router_->Route(routed, &steps_)
                                     : router_->Continue(routed, arrival->steps, arrival->rule_ids,
                                                         arrival->is_shadow, &steps_);
  Lines lines;
  const auto is_ours = [](std::string_view rules) {
    return rules.starts_with(kStateTeam) || rules.starts_with(kRekeyTeam);
  };
  if (!routes.state_error.ok()) lines.push_back(routes.state_error.ToString());
  for (const router::Output& output : routes.outputs) {
    if (!is_ours(output.rule_ids)) continue;
    std::optional<std::string> key;
    if (output.key.data() != nullptr) key = std::string(output.key);
    lines.push_back(StateLine(std::string(output.destination), key, std::string(output.value),
                              output.window_end_ms.value_or(record.timestamp_ms),
                              std::string(output.rule_ids), ""));
  }
  for (const router::Rejection& rejection : routes.rejections) {
    const std::string_view id = router_->rules().rules()[rejection.rule].id;
    if (!is_ours(id)) continue;
    lines.push_back(StateLine("", record.key, record.value.value_or(""), record.timestamp_ms,
                              std::string(id), "unroutable"));
  }
  for (const router::Rekeyed& rekeyed : routes.rekeyed) {
    const auto goes_on = InWords(rekeyed.steps, rekeyed.rule_ids, rekeyed.is_shadow);
    lines.push_back(RekeyedLine(std::string(rekeyed.key), event, goes_on.value()));
  }
  for (const router::Gone& gone : routes.gone) {
    lines.push_back(StateLine("", record.key, record.value.value_or(""), record.timestamp_ms,
                              std::string(gone.rule_id), "unroutable"));
  }
  steps_.Commit(record.offset + 1, router_->rules().hash()).IgnoreError();
  std::sort(lines.begin(), lines.end());
  return lines;
}

// A record that should be somewhere, and what led to it.
struct Due {
  StateRecord record;
  size_t hop = 0;
  Place origin;  // in what the hop reads
};

class StateChecker {
 public:
  StateChecker(const Expectation& expectation, StateRecords records,
               const std::vector<HopStates>& hops)
      : expectation_(expectation), records_(std::move(records)), hops_(hops) {}

  Lines Run();

 private:
  void CheckSource(size_t hop);
  void CheckRekeyed(size_t hop);
  void CheckPartition(size_t hop, int32_t partition, const std::vector<Coming>& all);
  void Expect(size_t hop, const Coming& coming, int version, const Lines& lines);
  void CompareWithPlain(const Lines& lines, PlainTask* plain, size_t hop, const Coming& coming,
                        int version);
  bool CheckFound(const FoundStates& states, int32_t partition, int64_t offset,
                  const std::string& dump);
  void CheckRules(const Coming& coming, int version);
  bool Find(const Due& due, const std::vector<StateRecord>& found, std::vector<bool>* is_due);
  void CheckRecords(const Place& source);
  void CheckOrder();
  bool exactly_once() const {
    return expectation_.once && expectation_.delivery == Delivery::kExactlyOnce;
  }
  void Violation(std::string text) {
    if (violations_.size() < kViolationsMax) violations_.push_back(std::move(text));
  }

  const Expectation& expectation_;
  StateRecords records_;
  const std::vector<HopStates>& hops_;
  std::map<Place, std::vector<Due>> due_;  // by the event's place in the source
  std::set<Place> undisputed_;             // events up to which one rule set was in force
  // What led to each record, by where it is: topic, partition, hop and partition of its origin.
  std::map<std::tuple<std::string, int32_t, size_t, int32_t>, std::map<int64_t, int64_t>> origins_;
  Lines violations_;
};

// With records that may repeat, nobody can say which of a batch's tries sent an event on, nor which
// rules the second hop tried to go on by.
bool IsOfSecondHop(const StateRecord& record) {
  return absl::StrContains(record.line, absl::StrCat("[", kRekeyTeam, "/"));
}

// Whether the record is there; exactly once, one that is due for nothing else.
bool StateChecker::Find(const Due& due, const std::vector<StateRecord>& found,
                        std::vector<bool>* is_due) {
  bool is_there = false;
  for (size_t i = 0; i < found.size(); ++i) {
    const StateRecord& one = found[i];
    if (!one.is(due.record) || ((*is_due)[i] && exactly_once())) continue;
    (*is_due)[i] = is_there = true;
    if (!exactly_once()) continue;
    const auto where = std::tuple(one.topic, one.place.first, due.hop, due.origin.first);
    origins_[where][one.place.second] = due.origin.second;
    break;
  }
  return is_there;
}

void StateChecker::CheckRecords(const Place& source) {
  const auto complain = [&](const char* what, const StateRecord& record) {
    Violation(absl::StrFormat("event %d (%d/%d) %s %s, rule set %d",
                              expectation_.events->at(source).id, source.first, source.second, what,
                              record.line, record.version));
  };
  const std::vector<StateRecord>& found = records_[source];
  std::vector<bool> is_due(found.size());
  for (const Due& due : due_[source]) {
    if (!Find(due, found, &is_due)) complain("did not lead to", due.record);
  }
  // What was tried before, and came to nothing but its outputs, may have had another history: by
  // these rules all the way where others went before.
  if (!expectation_.once || (!exactly_once() && !undisputed_.contains(source))) return;
  const int noted = expectation_.versions.at(source);
  for (size_t i = 0; i < found.size(); ++i) {
    if (is_due[i]) continue;
    // A batch that was redone may have led to other outputs by other rules.
    if (!exactly_once() && (IsOfSecondHop(found[i]) || found[i].version != noted)) continue;
    complain("led to", found[i]);
  }
}

// Where one partition's records stand in a partition, they stand in its order.
void StateChecker::CheckOrder() {
  for (const auto& [where, origins] : origins_) {
    const auto& [topic, partition, hop, from] = where;
    int64_t last = -1;
    for (const auto& [offset, origin] : origins) {
      if (origin < last) {
        Violation(
            absl::StrFormat("reordered: %s/%d/%d is of %d in partition %d of hop %d, after %d",
                            topic, partition, offset, origin, from, hop, last));
      }
      last = origin;
    }
  }
}

// Every state that is at this offset. Answers whether it was right.
bool StateChecker::CheckFound(const FoundStates& states, int32_t partition, int64_t offset,
                              const std::string& dump) {
  const auto found = states.find(partition);
  if (found == states.end()) return true;
  for (const support::FoundState& one : found->second) {
    if (one.applied_offset != offset || one.dump == dump) continue;
    Violation(absl::StrFormat("%s of partition %d is, at %d,\n%sand should be\n%s", one.where,
                              partition, offset, one.dump, dump));
    return false;
  }
  return true;
}

void StateChecker::Expect(size_t hop, const Coming& coming, int version, const Lines& lines) {
  for (const std::string& line : lines) {
    const bool goes_on = absl::StartsWith(line, kRekeyTopic);
    due_[coming.source].push_back({.record = {.line = line, .version = goes_on ? -1 : version},
                                   .hop = hop,
                                   .origin = {coming.event->partition, coming.offset()}});
  }
}

// The second hop never goes on by older rules than those that sent it there.
void StateChecker::CheckRules(const Coming& coming, int version) {
  if (coming.arrival == nullptr || !exactly_once()) return;
  const std::vector<int>& published = expectation_.published;
  const auto sent_by =
      std::find(published.begin(), published.end(), expectation_.versions.at(coming.source));
  if (std::find(sent_by, published.end(), version) != published.end()) return;
  Violation(absl::StrFormat("event %d was sent on by rule set %d and went on by the older %d",
                            coming.event->id, *sent_by, version));
}

void StateChecker::CompareWithPlain(const Lines& lines, PlainTask* plain, size_t hop,
                                    const Coming& coming, int version) {
  Lines by_plain = plain->Apply(*coming.event, version,
                                coming.arrival == nullptr ? nullptr : &coming.arrival->goes_on);
  std::sort(by_plain.begin(), by_plain.end());
  if (lines == by_plain) return;
  Lines differing;
  std::set_symmetric_difference(lines.begin(), lines.end(), by_plain.begin(), by_plain.end(),
                                std::back_inserter(differing));
  Violation(absl::StrFormat(
      "event %d (%d/%d of hop %d): the router and plain words differ about %s", coming.event->id,
      coming.event->partition, coming.offset(), hop, differing[0]));
}

void StateChecker::CheckPartition(size_t hop, int32_t partition, const std::vector<Coming>& all) {
  const FoundStates& states = hops_[hop].found;
  const Versions& versions =
      hops_[hop].rekeyed == nullptr ? expectation_.versions : expectation_.rekeyed_versions;
  UndisturbedTask undisturbed;
  PlainTask plain;
  // From where a state was rebuilt by other rules: what it is of, and what goes on from there.
  const auto rebuilding = expectation_.rebuilt.find(partition);
  const Rebuilt* const rebuilt =
      hop == 0 && rebuilding != expectation_.rebuilt.end() ? &rebuilding->second : nullptr;
  UndisturbedTask undisturbed_rebuilt;
  PlainTask plain_rebuilt;
  std::set<int> versions_so_far;
  std::set<int64_t> offsets;  // that a state may be at
  for (const Coming& coming : all) {
    const auto version = versions.find({partition, coming.offset()});
    if (version == versions.end()) {
      return Violation(absl::StrFormat("nothing was noted for event %d (%d/%d of hop %d)",
                                       coming.event->id, partition, coming.offset(), hop));
    }
    CheckRules(coming, version->second);
    const auto apply = [&](UndisturbedTask* task, PlainTask* by_words, int by_version) {
      Lines applied;
      if (coming.event->poison == Poison::kNone) {
        applied = task->Apply(coming, by_version);
        CompareWithPlain(applied, by_words, hop, coming, by_version);
      } else {
        task->PassOver(coming, by_version);
        by_words->PassOver(by_version);
      }
      return applied;
    };
    const bool is_after = rebuilt != nullptr && coming.offset() >= rebuilt->from;
    const bool is_silent = is_after && coming.offset() < rebuilt->to;
    Lines lines;
    if (!is_after || is_silent) lines = apply(&undisturbed, &plain, version->second);
    if (rebuilt != nullptr) {
      Lines by_others = apply(&undisturbed_rebuilt, &plain_rebuilt,
                              is_silent ? rebuilt->version : version->second);
      if (is_after && !is_silent) lines = std::move(by_others);
    }
    UndisturbedTask& kept = is_after ? undisturbed_rebuilt : undisturbed;
    versions_so_far.insert(version->second);
    if (coming.arrival == nullptr && versions_so_far.size() == 1) {
      undisputed_.insert(coming.source);
    }
    Expect(hop, coming, version->second, lines);
    offsets.insert(coming.offset() + 1);
    if (!CheckFound(states, partition, coming.offset() + 1, kept.Dump())) return;
  }
  const auto found = states.find(partition);
  if (found == states.end()) return;
  for (const support::FoundState& one : found->second) {
    if (!offsets.contains(one.applied_offset)) {
      Violation(absl::StrFormat("%s of partition %d is at %d, where no event ends", one.where,
                                partition, one.applied_offset));
    }
  }
}

void StateChecker::CheckSource(size_t hop) {
  std::map<int32_t, std::vector<Coming>> coming;
  for (const auto& [place, event] : *expectation_.events) {
    coming[place.first].push_back({place, &event});
  }
  for (const auto& [partition, all] : coming) CheckPartition(hop, partition, all);
}

// Each record of the internal topic comes to this hop, and is itself what some hop led to.
void StateChecker::CheckRekeyed(size_t hop) {
  Lines wrong;
  const auto arrivals = ReadArrivals(*hops_[hop].rekeyed, *expectation_.events, &wrong);
  for (std::string& text : wrong) Violation(std::move(text));
  for (size_t partition = 0; partition < arrivals.size(); ++partition) {
    const auto number = static_cast<int32_t>(partition);
    std::vector<Coming> coming;
    for (const Arrival& arrival : arrivals[partition]) {
      coming.push_back({arrival.source, &arrival.event, &arrival});
      records_[arrival.source].push_back({.line = arrival.line,
                                          .topic = kRekeyTopic,
                                          .place = {number, arrival.event.record.offset}});
    }
    CheckPartition(hop, number, coming);
  }
}

Lines StateChecker::Run() {
  for (size_t hop = 0; hop < hops_.size() && violations_.empty(); ++hop) {
    if (hops_[hop].rekeyed == nullptr) {
      CheckSource(hop);
    } else {
      CheckRekeyed(hop);
    }
  }
  for (const auto& [place, event] : *expectation_.events) {
    if (violations_.empty()) CheckRecords(place);
  }
  if (exactly_once()) CheckOrder();
  return std::move(violations_);
}

}  // namespace

std::string DumpState(state::TaskState& state) { return support::Dump(state, AllSteps()); }

std::vector<std::string> CheckStates(const Expectation& expectation, StateRecords records,
                                     const std::vector<HopStates>& hops) {
  return StateChecker(expectation, std::move(records), hops).Run();
}

}  // namespace turnout::simulation
