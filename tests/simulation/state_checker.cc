#include "tests/simulation/state_checker.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/router.h"
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

// One partition, undisturbed.
class UndisturbedTask {
 public:
  // The lines of the next event.
  Lines Apply(const SimEvent& event, int version);
  // As of the events so far.
  std::string Dump() { return DumpState(state_); }

 private:
  void Use(int version);

  int version_ = -1;
  support::MemoryState state_{0};
  router::TaskSteps steps_{&state_};
  std::unique_ptr<router::Router> router_;
};

void UndisturbedTask::Use(int version) {
  if (version == version_) return;
  version_ = version;
  router_ = std::make_unique<router::Router>(RuleSetOf(version));
  steps_.Forget();
  state_.Retain(RuleSetOf(version)->steps()).IgnoreError();
}

Lines UndisturbedTask::Apply(const SimEvent& event, int version) {
  const support::MemoryRecord& record = event.record;
  Use(version);
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  for (const auto& [name, value] : record.headers) headers.emplace_back(name, *value);
  const auto view = [](const std::optional<std::string>& bytes) {
    return bytes ? std::string_view(*bytes) : std::string_view();
  };
  const router::Routes& routes = router_->Route({.value = view(record.value),
                                                 .key = view(record.key),
                                                 .topic = kSourceTopic,
                                                 .partition = event.partition,
                                                 .timestamp_ms = record.timestamp_ms,
                                                 .headers = headers},
                                                &steps_);
  Lines lines;
  const auto is_ours = [](std::string_view rules) { return rules.starts_with(kStateTeam); };
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
  state_.Commit(record.offset + 1, router_->rules().hash()).IgnoreError();
  std::sort(lines.begin(), lines.end());
  return lines;
}

class StateChecker {
 public:
  StateChecker(const Expectation& expectation, const StateRecords& records,
               const FoundStates& found)
      : expectation_(expectation), records_(records), found_(found) {}

  Lines Run();

 private:
  void CheckPartition(int32_t partition);
  void CheckOutputs(const SimEvent& event, int version, bool had_others, const Lines& lines);
  bool CheckFound(int32_t partition, int64_t offset, const std::string& dump);
  bool exactly_once() const {
    return expectation_.once && expectation_.delivery == Delivery::kExactlyOnce;
  }
  void Violation(std::string text) {
    if (violations_.size() < kViolationsMax) violations_.push_back(std::move(text));
  }

  const Expectation& expectation_;
  const StateRecords& records_;
  const FoundStates& found_;
  Lines violations_;
};

// `had_others`: other rule sets were in force before.
void StateChecker::CheckOutputs(const SimEvent& event, int version, bool had_others,
                                const Lines& lines) {
  Lines got;
  std::vector<const StateRecord*> others;
  const auto found = records_.find({event.partition, event.record.offset});
  if (found != records_.end()) {
    for (const StateRecord& record : found->second) {
      // A batch that was redone may have led to other outputs by other rules.
      if (exactly_once() || record.version == version) got.push_back(record.line);
    }
  }
  std::sort(got.begin(), got.end());
  const auto where = [&] {
    return absl::StrFormat("event %d (%d/%d), rule set %d", event.id, event.partition,
                           event.record.offset, version);
  };
  if (exactly_once()) {
    Lines extra, missing;
    std::set_difference(got.begin(), got.end(), lines.begin(), lines.end(),
                        std::back_inserter(extra));
    std::set_difference(lines.begin(), lines.end(), got.begin(), got.end(),
                        std::back_inserter(missing));
    if (!extra.empty()) Violation(absl::StrFormat("%s led to %s", where(), extra[0]));
    if (!missing.empty()) Violation(absl::StrFormat("%s did not lead to %s", where(), missing[0]));
    return;
  }
  for (const std::string& line : lines) {
    if (std::binary_search(got.begin(), got.end(), line)) continue;
    Violation(absl::StrFormat("%s did not lead to %s", where(), line));
  }
  // What was tried before, and came to nothing but its outputs, may have had another history: by
  // these rules all the way where others went before.
  if (!expectation_.once || had_others) return;
  for (const std::string& line : got) {
    if (std::binary_search(lines.begin(), lines.end(), line)) continue;
    Violation(absl::StrFormat("%s led to %s", where(), line));
  }
}

// Every state that is at this offset. Answers whether it was right.
bool StateChecker::CheckFound(int32_t partition, int64_t offset, const std::string& dump) {
  const auto found = found_.find(partition);
  if (found == found_.end()) return true;
  for (const support::FoundState& one : found->second) {
    if (one.applied_offset != offset || one.dump == dump) continue;
    Violation(absl::StrFormat("%s of partition %d is, at %d,\n%sand should be\n%s", one.where,
                              partition, offset, one.dump, dump));
    return false;
  }
  return true;
}

void StateChecker::CheckPartition(int32_t partition) {
  UndisturbedTask undisturbed;
  PlainTask plain;
  std::set<int> versions;
  std::set<int64_t> offsets;  // that a state may be at
  auto event = expectation_.events->lower_bound({partition, 0});
  for (; event != expectation_.events->end() && event->first.first == partition; ++event) {
    const auto version = expectation_.versions.find(event->first);
    if (version == expectation_.versions.end()) {
      return Violation(absl::StrFormat("nothing was noted for event %d (%d/%d)", event->second.id,
                                       partition, event->first.second));
    }
    const Lines lines = undisturbed.Apply(event->second, version->second);
    Lines by_plain = plain.Apply(event->second, version->second);
    std::sort(by_plain.begin(), by_plain.end());
    if (lines != by_plain) {
      Lines differing;
      std::set_symmetric_difference(lines.begin(), lines.end(), by_plain.begin(), by_plain.end(),
                                    std::back_inserter(differing));
      Violation(absl::StrFormat("event %d (%d/%d): the router and plain words differ about %s",
                                event->second.id, partition, event->first.second, differing[0]));
    }
    versions.insert(version->second);
    CheckOutputs(event->second, version->second, versions.size() > 1, lines);
    offsets.insert(event->first.second + 1);
    if (!CheckFound(partition, event->first.second + 1, undisturbed.Dump())) return;
  }
  const auto found = found_.find(partition);
  if (found == found_.end()) return;
  for (const support::FoundState& one : found->second) {
    if (!offsets.contains(one.applied_offset)) {
      Violation(absl::StrFormat("%s of partition %d is at %d, where no event ends", one.where,
                                partition, one.applied_offset));
    }
  }
}

Lines StateChecker::Run() {
  std::set<int32_t> partitions;
  for (const auto& [place, event] : *expectation_.events) partitions.insert(place.first);
  for (const int32_t partition : partitions) CheckPartition(partition);
  return std::move(violations_);
}

}  // namespace

std::string DumpState(state::TaskState& state) { return support::Dump(state, AllSteps()); }

std::vector<std::string> CheckStates(const Expectation& expectation, const StateRecords& records,
                                     const FoundStates& found) {
  return StateChecker(expectation, records, found).Run();
}

}  // namespace turnout::simulation
