#include "runtime/drain.h"

#include <algorithm>
#include <utility>

#include "runtime/record_headers.h"

namespace turnout::runtime {
namespace {

// A topic may go by the time that its broker took the records in, by another clock.
constexpr int64_t kClocksDifferMsMax = 10 * 60 * 1000;

}  // namespace

void Drain::Reset() {
  members_.clear();
  parking_->DropTails();
  StopReading();
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
  for (const auto& [partition, task] : tasks_->all()) {
    for (const state::ParkingLane& lane : task->parked.lanes()) {
      BulkheadStatus& status = by_name[lane.name];
      const auto blocked = blocked_.find({partition, lane.id});
      const bool is_over = blocked != blocked_.end() && !blocked->second.team.empty();
      if (status.state.empty()) status.state = BulkheadStateName(BulkheadState::kDraining);
      if (status.why.empty() && is_over) status.why = kErrorOverLimit;
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

state::ParkingLane* Drain::LaneAt(const LaneKey& key, Task** task) {
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
  std::erase_if(members_, [&](const LaneKey& member) {
    const bool is_over = !candidates.contains(member);
    if (is_over) parking_->DropTail(member);
    return is_over;
  });
  int32_t lowest = -1;
  bool has_new = false;
  for (const auto& [key, candidate] : candidates) {
    if (candidate.partition == partition_ && !members_.contains(key)) has_new = true;
    if (lowest < 0 || candidate.partition < lowest) lowest = candidate.partition;
  }
  if (has_new) {
    Seek(candidates, partition_);
  } else if (members_.empty() && lowest >= 0) {
    Seek(candidates, lowest);
  } else if (members_.empty()) {
    StopReading();
  }
}

void Drain::Seek(const Candidates& candidates, int32_t partition) {
  int64_t offset = -1;
  int64_t since_ms = -1;
  const auto lower = [](int64_t value, int64_t* lowest) {
    *lowest = *lowest < 0 ? value : std::min(*lowest, value);
  };
  for (const auto& [key, candidate] : candidates) {
    if (candidate.partition != partition) continue;
    members_.insert(key);
    parking_->KeepTail(key);
    if (candidate.offset >= 0) lower(candidate.offset, &offset);
    if (candidate.offset < 0) lower(std::max<int64_t>(key.lane - kClocksDifferMsMax, 0), &since_ms);
  }
  batch_ = {};
  partition_ = partition;
  reader_->Seek(partition, offset, since_ms);
}

const KeptRecord* Drain::NextInTail(const LaneKey& key) {
  Task* task = nullptr;
  const state::ParkingLane* const lane = LaneAt(key, &task);
  return lane == nullptr ? nullptr : parking_->InTail(key, lane->tail, lane->head);
}

bool Drain::FindNext() {
  for (;;) {
    if (batch_.empty()) batch_ = reader_->Take();
    if (batch_.empty()) return false;
    if (DecodeParked(batch_.front(), group_, &next_)) {
      const LaneKey key = {next_.place.partition, next_.place.lane};
      Task* task = nullptr;
      const state::ParkingLane* const lane = members_.contains(key) ? LaneAt(key, &task) : nullptr;
      if (lane != nullptr && next_.place.number >= lane->head) return true;
    }
    batch_.remove_prefix(1);
  }
}

bool Drain::IsReady() {
  const auto& all = tasks_->all();
  const bool is_parked = std::any_of(all.begin(), all.end(),
                                     [](const auto& one) { return !one.second->parked.empty(); });
  if (!is_parked && partition_ < 0) return false;
  Follow(FindCandidates());
  if (members_.empty()) return false;
  return FindNext() || std::any_of(members_.begin(), members_.end(), [this](const LaneKey& key) {
           return NextInTail(key) != nullptr;
         });
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
  if (absl::Status sent = dispatcher_->Deliver(next_); !sent.ok()) return sent;
  lost_ += next_.place.number - lane->head;
  lane->head = next_.place.number + 1;
  parking_->Drained(key, lane->tail, lane->head);
  if (lane->head < lane->tail) return true;
  task->parked.Close(key.lane);
  members_.erase(key);
  parking_->DropTail(key);
  return true;
}

absl::Status Drain::Run(absl::FunctionRef<absl::Status(Task* task)> touch) {
  size_t bytes = 0;
  int records = 0;
  const auto may_go_on = [&] { return records < kDrainRecordsMax && bytes < kDrainBytesMax; };
  while (may_go_on() && FindNext()) {
    const LaneKey key = {next_.place.partition, next_.place.lane};
    const int64_t behind = batch_.front().offset + 1;
    bytes += next_.output.value.size();
    ++records;
    const absl::StatusOr<bool> sent = SendNext(key, touch);
    if (!sent.ok()) return sent.status();
    Task* task = nullptr;
    if (state::ParkingLane* const lane = LaneAt(key, &task); *sent && lane != nullptr) {
      lane->offset = behind;
    }
    batch_.remove_prefix(1);
  }
  // What has been read is behind what was parked last, or not there yet.
  for (const LaneKey& key : std::set<LaneKey>(members_)) {
    while (may_go_on() && members_.contains(key)) {
      const KeptRecord* const kept = NextInTail(key);
      if (kept == nullptr || !DecodeParked(kept->View(&headers_), group_, &next_)) break;
      bytes += kept->bytes();
      ++records;
      const absl::StatusOr<bool> sent = SendNext(key, touch);
      if (!sent.ok()) return sent.status();
    }
  }
  return absl::OkStatus();
}

}  // namespace turnout::runtime
