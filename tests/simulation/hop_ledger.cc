#include "tests/simulation/hop_ledger.h"

#include <algorithm>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "state/commit_note.h"
#include "tests/simulation/oracle.h"

namespace turnout::simulation {

void Watch(HopLedger& hop) {
  hop.group->SetOnCommitted([&hop](int64_t before, const connectors::SourceOffset& now) {
    hop.commits[now.partition].push_back(now);
    const auto note = state::DecodeCommitNote(now.note);
    if (!note.ok()) return;
    for (int64_t offset = std::max<int64_t>(before, 0); offset < now.offset; ++offset) {
      for (const state::RuleSetSince& since : note->rule_sets) {
        if (since.offset <= offset) hop.versions[{now.partition, offset}] = VersionOf(since.hash);
      }
    }
  });
}

std::string WhatIsNotAtRest(const HopLedger& hop) {
  for (size_t i = 0; i < hop.topic->partitions.size(); ++i) {
    const support::MemoryPartition& log = *hop.topic->partitions[i];
    const int64_t committed = hop.group->CommittedOffset(static_cast<int32_t>(i));
    if (log.Read(committed) == nullptr) continue;
    return absl::StrFormat("partition %d of %s is committed up to %d and ends at %d", i,
                           hop.topic->name, committed, log.end_offset());
  }
  return hop.group->has_pending_offsets() ? "offsets are pending" : "";
}

std::string WhatIsNotRestored(const HopLedger& hop, const std::optional<state::RestoreWish>& wish) {
  if (!wish) return "";
  for (const auto& [partition, commits] : hop.commits) {
    const auto note = state::DecodeCommitNote(commits.back().note);
    if (note.ok() && note->HasFulfilled(wish->id())) continue;
    return absl::StrFormat("partition %d of %s is not restored", partition, hop.topic->name);
  }
  return "";
}

std::map<int32_t, Restored> FindRestored(const HopLedger& hop, const std::string& wish) {
  std::map<int32_t, Restored> all;
  for (const auto& [partition, commits] : hop.commits) {
    const auto first = state::DecodeCommitNote(commits.front().note);
    if (first.ok() && first->HasFulfilled(wish)) continue;  // nothing was committed before
    Restored* restored = nullptr;
    std::string timeline;
    for (size_t i = 1; i < commits.size(); ++i) {
      const auto note = state::DecodeCommitNote(commits[i].note);
      if (!note.ok() || !note->HasFulfilled(wish)) continue;
      if (restored != nullptr) {
        const bool is_forgotten =
            note->timelines.empty() || note->timelines.front().offset > restored->from;
        if (is_forgotten || note->WentThrough(timeline, restored->to)) continue;
        restored->problem = absl::StrFormat("partition %d of %s was restored again: %s", partition,
                                            hop.topic->name, commits[i].note);
        continue;
      }
      if (note->timelines.empty()) break;  // there was no state
      restored = &all[partition];
      timeline = note->timelines.back().id;
      restored->from = note->timelines.back().offset;
      restored->to = commits[i - 1].offset;
      if (restored->from == restored->to) continue;
      const auto before = state::DecodeCommitNote(commits[i - 1].note);
      for (const state::RuleSetSince& since : note->rule_sets) {
        if (since.offset <= restored->from) restored->rules = since.hash;
      }
      restored->by_other_rules = before.ok() && before->rule_sets != note->rule_sets;
    }
  }
  return all;
}

bool StatesAreUpToDate(const HopLedger& hop, const Routers& routers) {
  std::set<int32_t> held;
  for (const std::unique_ptr<SimulatedRouter>& router : routers) {
    const support::MemoryStateKeeper* const keeper =
        router == nullptr ? nullptr : router->keeper(hop.hop);
    if (keeper == nullptr) continue;
    if (!keeper->is_settled()) return false;
    for (const auto& [partition, state] : keeper->states()) {
      if (state->point().applied_offset != hop.group->CommittedOffset(partition)) return false;
      held.insert(partition);
    }
  }
  return std::all_of(hop.commits.begin(), hop.commits.end(), [&](const auto& commits) {
    const auto note = state::DecodeCommitNote(commits.second.back().note);
    return !note.ok() || !note->state_start || held.contains(commits.first);
  });
}

FoundStates HeldStates(const HopLedger& hop, const Routers& routers) {
  FoundStates found;
  for (const std::unique_ptr<SimulatedRouter>& router : routers) {
    const support::MemoryStateKeeper* const keeper =
        router == nullptr ? nullptr : router->keeper(hop.hop);
    if (keeper == nullptr) continue;
    for (const auto& [partition, state] : keeper->states()) {
      const state::StatePoint& point = state->point();
      if (point.applied_offset == point.start_offset) continue;
      found[partition].push_back(
          {.where = absl::StrCat("what router ", router->ordinal(), " holds"),
           .applied_offset = point.applied_offset,
           .timeline = point.timeline,
           .dump = DumpState(*state)});
    }
  }
  return found;
}

void LeaveOutOtherHistories(const HopLedger& hop, FoundStates* found) {
  for (auto& [partition, states] : *found) {
    const auto commits = hop.commits.find(partition);
    if (commits == hop.commits.end() || commits->second.empty()) continue;
    const auto note = state::DecodeCommitNote(commits->second.back().note);
    std::erase_if(states, [&](const support::FoundState& one) {
      return !note.ok() || note->timelines.empty() ||
             !note->WentThrough(one.timeline, one.applied_offset);
    });
  }
}

std::vector<std::string> CheckHandOvers(const HopLedger& hop, const FoundStates& found) {
  std::vector<std::string> violations;
  for (const auto& [partition, states] : found) {
    const int64_t committed = hop.group->CommittedOffset(partition);
    if (hop.states->WasPublished(partition, committed)) continue;
    violations.push_back(
        absl::StrFormat("partition %d of %s was handed over at %d without a checkpoint there",
                        partition, hop.topic->name, committed));
  }
  return violations;
}

}  // namespace turnout::simulation
