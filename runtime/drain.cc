#include "runtime/drain.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/record_headers.h"

namespace turnout::runtime {
namespace {

// A topic may go by the time that its broker took the records in, by another clock.
constexpr int64_t kClocksDifferMsMax = 10 * 60 * 1000;

}  // namespace

void Drain::Reset() {
  members_.clear();
  sent_to_.clear();
  lost_unless_aborted_ = 0;
  parking_->DropTails();
  StopReading();
}

void Drain::Committed() {
  lost_ += std::exchange(lost_unless_aborted_, 0);
  const auto is_over = [this](const auto& one) { return CommittedLane(one.first) == nullptr; };
  std::erase_if(sent_to_, is_over);
  std::erase_if(trials_, is_over);
}

void Drain::Refused(std::string_view topic) {
  if (tries_max_ == 0) return;
  for (const auto& [key, destination] : sent_to_) {
    if (destination == topic) trials_[key].is_refused = true;
  }
}

const state::ParkingLane* Drain::CommittedLane(const LaneKey& key) const {
  Task* const task = tasks_->Find(key.partition);
  return task == nullptr ? nullptr : task->note.parked.Find(key.lane);
}

void Drain::StopReading() {
  batch_ = {};
  if (std::exchange(partition_, -1) >= 0) reader_->Stop();
}

std::vector<BulkheadStatus> Drain::Bulkheads() const {
  std::map<std::string, BulkheadStatus> by_name;
  destinations_->EachUnwell([&](const std::string& topic, const Bulkhead& bulkhead) {
    by_name[topic] = {.state = BulkheadStateName(bulkhead.state),
                      .why = EjectionName(bulkhead.why),
                      .reason = bulkhead.reason,
                      .since = bulkhead.since};
  });
  const std::string trouble = members_.empty() ? "" : reader_->trouble();
  for (const auto& [partition, task] : tasks_->all()) {
    for (const state::ParkingLane& lane : task->parked.lanes()) {
      const LaneKey key = {partition, lane.id};
      const auto blocked = blocked_.find(key);
      const bool is_blocked = blocked != blocked_.end();
      // Several wait in a shared lane, all for the one that its next record is for.
      BulkheadStatus& status =
          by_name[is_blocked && lane.is_shared() ? blocked->second.destination : lane.name];
      if (status.state.empty()) status.state = BulkheadStateName(BulkheadState::kDraining);
      if (status.why.empty() && is_blocked && !blocked->second.team.empty()) {
        status.why = kErrorOverLimit;
      }
      if (members_.contains(key)) status.trouble = trouble;
      status.waiting += lane.waiting();
    }
  }
  std::vector<BulkheadStatus> bulkheads;
  for (auto& [name, status] : by_name) {
    status.destination = name;
    bulkheads.push_back(std::move(status));
  }
  return bulkheads;
}

bool Drain::IsParked(std::string_view destination) const {
  for (const auto& [partition, task] : tasks_->all()) {
    if (task->parked.LaneOf(destination) != nullptr) return true;
  }
  return false;
}

state::ParkingLane* Drain::LaneAt(const LaneKey& key, Task** task) const {
  *task = tasks_->Find(key.partition);
  if (*task == nullptr || (*task)->phase != TaskPhase::kLive) return nullptr;
  return (*task)->parked.Find(key.lane);
}

// Whose destination a shared lane waits for is seen when its next record is.
bool Drain::IsOpen(const LaneKey& key, const state::ParkingLane& lane) {
  if (const auto blocked = blocked_.find(key); blocked != blocked_.end()) {
    const Block& block = blocked->second;
    if (!destinations_->IsOpen(block.destination)) return false;
    if (!block.team.empty() && !budgets_->HasHalf(block.team)) return false;
    blocked_.erase(blocked);
  }
  return lane.is_shared() || destinations_->IsOpen(lane.name);
}

Drain::Candidates Drain::FindCandidates() {
  Candidates candidates;
  for (const auto& [partition, task] : tasks_->all()) {
    if (task->phase != TaskPhase::kLive) continue;
    for (const state::ParkingLane& lane : task->parked.lanes()) {
      const LaneKey key = {partition, lane.id};
      if (IsOpen(key, lane)) candidates[key] = {lane.partition, lane.offset};
    }
  }
  return candidates;
}

void Drain::Follow(const Candidates& candidates) {
  std::erase_if(members_, [&](const auto& member) {
    const bool is_over = !candidates.contains(member.first);
    if (is_over) parking_->DropTail(member.first);
    return is_over;
  });
  int32_t lowest = -1;
  bool has_new = false;
  for (const auto& [key, candidate] : candidates) {
    if (candidate.partition == partition_ && !members_.contains(key)) has_new = true;
    if (lowest < 0 || candidate.partition < lowest) lowest = candidate.partition;
  }
  if (members_.empty() && lowest < 0) {
    StopReading();
  } else if (has_new && MayGoBack()) {
    Seek(candidates, partition_);
  } else if (members_.empty() && !has_new) {
    Seek(candidates, lowest);
  }
}

bool Drain::MayGoBack() const {
  return members_.empty() || sent_ >= passed_over_ || (batch_.empty() && reader_->is_at_end());
}

void Drain::Seek(const Candidates& candidates, int32_t partition) {
  int64_t offset = -1;
  int64_t since_ms = -1;
  const auto lower = [](int64_t value, int64_t* lowest) {
    *lowest = *lowest < 0 ? value : std::min(*lowest, value);
  };
  for (const auto& [key, candidate] : candidates) {
    if (candidate.partition != partition) continue;
    const state::ParkingLane* const committed = CommittedLane(key);
    members_[key].tail = committed == nullptr ? 0 : committed->tail;
    parking_->KeepTail(key);
    if (candidate.offset >= 0) lower(candidate.offset, &offset);
    if (candidate.offset < 0) lower(std::max<int64_t>(key.lane - kClocksDifferMsMax, 0), &since_ms);
  }
  partition_ = partition;
  is_from_start_ = false;
  Read(offset, since_ms);
}

void Drain::Read(int64_t offset, int64_t since_ms) {
  batch_ = {};
  sent_ = passed_over_ = 0;
  reader_->Seek(partition_, offset, since_ms);
}

const KeptRecord* Drain::NextInTail(const LaneKey& key) const {
  Task* task = nullptr;
  const state::ParkingLane* const lane = LaneAt(key, &task);
  return lane == nullptr ? nullptr : parking_->InTail(key, lane->tail, lane->head);
}

bool Drain::FindNext() {
  for (int passed_over = 0; !members_.empty() && passed_over < kPassedOverMax; ++passed_over) {
    if (batch_.empty()) batch_ = reader_->Take();
    if (batch_.empty()) return false;
    if (DecodeParked(batch_.front(), group_, &next_)) {
      const LaneKey key = {next_.place.partition, next_.place.lane};
      Task* task = nullptr;
      const state::ParkingLane* const lane = members_.contains(key) ? LaneAt(key, &task) : nullptr;
      if (lane != nullptr && next_.place.number >= lane->head) {
        // What is missing before it may lie before where the reading began.
        if (next_.place.number == lane->head || is_from_start_) return true;
        is_from_start_ = true;
        Read(/*offset=*/0, /*since_ms=*/-1);
        continue;
      }
    }
    ++passed_over_;
    batch_.remove_prefix(1);
  }
  return false;
}

bool Drain::IsInTail() const {
  return std::any_of(members_.begin(), members_.end(),
                     [this](const auto& member) { return NextInTail(member.first) != nullptr; });
}

// Where a lane's records are may be known wrongly where it is known by the clocks of others: what
// is not found is looked for in all of the log.
bool Drain::IsGone() {
  if (members_.empty() || !batch_.empty() || !reader_->is_at_end()) return false;
  const bool is_missed = std::any_of(members_.begin(), members_.end(), [this](const auto& one) {
    Task* task = nullptr;
    const state::ParkingLane* const lane = LaneAt(one.first, &task);
    return lane != nullptr && lane->head < one.second.tail;
  });
  if (!is_missed || is_from_start_) return is_missed;
  is_from_start_ = true;
  Read(/*offset=*/0, /*since_ms=*/-1);
  return false;
}

bool Drain::IsReady() {
  const auto& all = tasks_->all();
  const bool is_parked = std::any_of(all.begin(), all.end(),
                                     [](const auto& one) { return !one.second->parked.empty(); });
  if (!is_parked && partition_ < 0) return false;
  Follow(FindCandidates());
  return FindNext() || IsInTail() || IsGone();
}

// The lane is through up to `head`.
void Drain::Took(const LaneKey& key, Task* task, state::ParkingLane* lane, int64_t head) {
  lane->head = head;
  parking_->Drained(key, lane->tail, lane->head);
  if (lane->head < lane->tail) return;
  task->parked.Close(key.lane);
  members_.erase(key);
  parking_->DropTail(key);
}

absl::Status Drain::PassOverGone(absl::FunctionRef<absl::Status(Task* task)> touch) {
  for (const auto& [key, member] : std::map<LaneKey, Member>(members_)) {
    Task* task = nullptr;
    state::ParkingLane* const lane = LaneAt(key, &task);
    if (lane == nullptr || lane->head >= member.tail) continue;
    if (absl::Status touched = touch(task); !touched.ok()) return touched;
    lost_unless_aborted_ += member.tail - lane->head;
    Took(key, task, lane, member.tail);
  }
  return absl::OkStatus();
}

// `next_`, or that it is given up.
absl::Status Drain::Deliver(const LaneKey& key) {
  const auto found = trials_.find(key);
  if (found == trials_.end()) return dispatcher_->Deliver(next_);
  Trial& trial = found->second;
  const int64_t number = next_.place.number;
  if (std::exchange(trial.is_refused, false)) {
    const bool was_alone = trial.number >= 0;  // else one of many
    trial.times = trial.number == number ? trial.times + 1 : int64_t{was_alone};
    trial.number = number;
    trial.until = std::max(trial.until, number + kDrainRecordsMax);
  }
  if (trial.number == number && trial.times >= tries_max_) {
    return dispatcher_->GiveUpParked(
        next_, absl::StrFormat("tried %d times alone, and refused by its brokers", tries_max_),
        clock_->TimeOfDay());
  }
  if (number >= trial.until) trials_.erase(found);
  return dispatcher_->Deliver(next_);
}

// `next_`, which is its lane's. False: its destination is not well any more, or its team has had
// what it may have.
absl::StatusOr<bool> Drain::SendNext(const LaneKey& key,
                                     absl::FunctionRef<absl::Status(Task* task)> touch) {
  Task* task = nullptr;
  state::ParkingLane* const lane = LaneAt(key, &task);
  const std::string_view team = TeamOf(next_.rule_ids);
  const bool has_budget = budgets_->HasAny(team);
  if (!has_budget || !destinations_->IsOpen(next_.output.topic)) {
    blocked_[key] = {std::string(next_.output.topic), std::string(has_budget ? "" : team)};
    members_.erase(key);
    parking_->DropTail(key);
    return false;
  }
  if (absl::Status touched = touch(task); !touched.ok()) return touched;
  sent_to_[key].assign(next_.output.topic);
  if (absl::Status sent = Deliver(key); !sent.ok()) return sent;
  ++sent_;
  lost_unless_aborted_ += next_.place.number - lane->head;
  Took(key, task, lane, next_.place.number + 1);
  return true;
}

absl::Status Drain::Run(absl::FunctionRef<absl::Status(Task* task)> touch) {
  size_t bytes = 0;
  int records = 0;
  bool is_trial = false;  // what is tried alone is the last
  const auto may_go_on = [&] {
    return !is_trial && records < kDrainRecordsMax && bytes < kDrainBytesMax;
  };
  while (may_go_on() && FindNext()) {
    const LaneKey key = {next_.place.partition, next_.place.lane};
    const int64_t behind = batch_.front().offset + 1;
    bytes += next_.output.value.size();
    ++records;
    is_trial = trials_.contains(key);
    const absl::StatusOr<bool> sent = SendNext(key, touch);
    if (!sent.ok()) return sent.status();
    Task* task = nullptr;
    if (state::ParkingLane* const lane = LaneAt(key, &task); *sent && lane != nullptr) {
      lane->offset = behind;
    }
    batch_.remove_prefix(1);
  }
  // What has been read is behind what was parked last, or not there yet.
  for (const auto& [key, member] : std::map<LaneKey, Member>(members_)) {
    while (may_go_on() && members_.contains(key)) {
      const KeptRecord* const kept = NextInTail(key);
      if (kept == nullptr || !DecodeParked(kept->View(&headers_), group_, &next_)) break;
      bytes += kept->bytes();
      ++records;
      is_trial = trials_.contains(key);
      const absl::StatusOr<bool> sent = SendNext(key, touch);
      if (!sent.ok()) return sent.status();
    }
  }
  return records == 0 && IsGone() ? PassOverGone(touch) : absl::OkStatus();
}

}  // namespace turnout::runtime
