#include "runtime/caution.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace turnout::runtime {
namespace {

using connectors::Event;

constexpr int64_t kTriesOfGivingUp = 2;

}  // namespace

void Caution::Assign(int32_t partition, int64_t offset, const state::CommitNote& note) {
  if (tries_max_ == 0) return;
  Trial trial = {.at = offset};
  if (note.trying) {
    trial.some_until = offset + kReach;
    if (note.trying->events > 0) trial.alone_until = offset + kSomeEvents;
    if (note.trying->events == 1) trial.times = note.trying->times;
  }
  trials_[partition] = std::move(trial);
}

const Caution::Trial* Caution::Find(int32_t partition) const {
  const auto found = trials_.find(partition);
  return found == trials_.end() ? nullptr : &found->second;
}

const Caution::Trial* Caution::FindFor(const Event& event) const {
  const Trial* const trial = Find(event.partition);
  return trial == nullptr || event.offset < trial->at ? nullptr : trial;
}

bool Caution::IsCareful(const Event& event) const {
  const Trial* const trial = FindFor(event);
  return trial != nullptr && trial->is_careful();
}

size_t Caution::Admit(absl::Span<const Event> events) const {
  const Event& first = events.front();
  size_t count = 1;
  if (const Trial* const trial = FindFor(first); trial != nullptr && trial->is_careful()) {
    const auto most = static_cast<size_t>(trial->is_alone() ? 1 : kSomeEvents);
    const size_t end = std::min(most, events.size());
    while (count < end && events[count].partition == first.partition) ++count;
    return count;
  }
  while (count < events.size() && !IsCareful(events[count])) ++count;
  return count;
}

bool Caution::is_trying_with_care() const {
  return std::any_of(trials_.begin(), trials_.end(), [](const auto& one) {
    return one.second.is_careful() && one.second.noting == Noting::kDone;
  });
}

bool Caution::AdmitsAll(absl::Span<const Event> events) const {
  return !is_trying_with_care() && !IsCareful(events.front()) && Admit(events) == events.size() &&
         Unnoted(events).empty();
}

std::vector<int32_t> Caution::Unnoted(absl::Span<const Event> events) const {
  std::vector<int32_t> unnoted;
  for (const Event& event : events) {
    const Trial* const trial = FindFor(event);
    if (trial == nullptr || trial->noting == Noting::kDone) continue;
    if (std::find(unnoted.begin(), unnoted.end(), event.partition) != unnoted.end()) continue;
    unnoted.push_back(event.partition);
  }
  return unnoted;
}

std::vector<int32_t> Caution::NotedInVain() const {
  std::vector<int32_t> partitions;
  for (const auto& [partition, trial] : trials_) {
    if (trial.noting == Noting::kInVain) partitions.push_back(partition);
  }
  return partitions;
}

// In vain: what the trial would have been found in, had it not been noted.
std::optional<state::NotedTry> Caution::NoteOf(int32_t partition) const {
  const Trial& trial = trials_.at(partition);
  const bool in_vain = trial.noting == Noting::kInVain;
  if (!trial.is_careful()) return in_vain ? std::nullopt : std::make_optional(state::NotedTry{});
  if (!trial.is_alone()) return state::NotedTry{.events = in_vain ? 0 : kSomeEvents};
  const int64_t times = trial.times + (in_vain ? 0 : 1);
  if (times == 0) return state::NotedTry{.events = kSomeEvents};
  return state::NotedTry{.events = 1, .times = times};
}

void Caution::Noted(int32_t partition) {
  Trial& trial = trials_.at(partition);
  const bool in_vain = trial.noting == Noting::kInVain;
  trial.noting = in_vain ? Noting::kNotYet : Noting::kDone;
  if (!in_vain && trial.is_alone()) ++trial.times;
}

bool Caution::GivesUp(int32_t partition) const {
  const Trial* const trial = Find(partition);
  return trial != nullptr && trial->is_alone() && trial->times > tries_max_;
}

bool Caution::GivesUpBare(int32_t partition) const {
  return GivesUp(partition) && Find(partition)->times > tries_max_ + kTriesOfGivingUp;
}

std::string Caution::WhyGivenUp(int32_t partition) const {
  const std::string& why = Find(partition)->why;
  return absl::StrFormat(
      "tried %d times alone, and nothing could be committed: %s", tries_max_,
      why.empty() ? "the process ended, or its producer, each time (its log may say more)" : why);
}

void Caution::Passed(int32_t partition, int64_t offset) {
  const auto found = trials_.find(partition);
  if (found == trials_.end()) return;
  Trial& trial = found->second;
  trial.at = offset;
  trial.times = 0;
  trial.noting = Noting::kNotYet;
  trial.why.clear();
  if (!trial.is_careful()) trials_.erase(found);
}

void Caution::Blame(int32_t partition, int64_t first, int64_t end, std::string_view why) {
  if (tries_max_ == 0) return;
  Trial& trial = trials_[partition];
  trial.at = first;
  trial.why = std::string(why);
  trial.noting = Noting::kNotYet;
  if (trial.is_alone()) return;
  (first < trial.some_until ? trial.alone_until : trial.some_until) = end;
}

void Caution::Excuse(int32_t partition) {
  const auto found = trials_.find(partition);
  if (found == trials_.end() || found->second.noting != Noting::kDone) return;
  Trial& trial = found->second;
  if (trial.is_alone()) --trial.times;
  trial.noting = Noting::kInVain;
}

void Caution::ExcuseAll() {
  for (const auto& [partition, trial] : trials_) Excuse(partition);
}

}  // namespace turnout::runtime
