#include "tests/support/memory_source.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_format.h"

namespace turnout::support {
namespace {

using connectors::AssignmentListener;
using connectors::Event;
using connectors::GroupMetadata;
using connectors::SourceOffset;

constexpr FaultSet kCallFaults = {Fault::kCrashBefore,       Fault::kCrashAfter,
                                  Fault::kPause,             Fault::kUnavailableBefore,
                                  Fault::kUnavailableAfter,  Fault::kFailedPrecondition,
                                  Fault::kInternal};
constexpr FaultSet kQuestionFaults = {Fault::kCrashBefore, Fault::kCrashAfter, Fault::kPause,
                                      Fault::kUnavailableBefore};
// Holding asks no broker, so nothing can be in its way but the process's own end.
constexpr FaultSet kHoldFaults = {Fault::kCrashBefore, Fault::kCrashAfter, Fault::kPause};
constexpr FaultSet kLeaveFaults = {Fault::kCrashBefore, Fault::kCrashAfter, Fault::kPause};

std::string_view View(const std::optional<std::string>& bytes) {
  return bytes ? std::string_view(*bytes) : std::string_view();
}

}  // namespace

MemorySource::MemorySource(MemorySourceOptions options, MemoryLog* log, FaultPoints* points,
                           SimulatedProcess* process)
    : options_(std::move(options)), log_(log), points_(points), process_(process) {}

absl::StatusOr<absl::Span<const Event>> MemorySource::Poll(absl::Duration max_wait,
                                                           AssignmentListener& listener) {
  Drop();
  FaultedCall call(points_, process_, "poll", kCallFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) {
    if (absl::IsFailedPrecondition(refused)) group()->Leave(member_);
    return refused;
  }
  if (log_->FindTopic(options_.topic) == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the topic '%s' doesn't exist; create it", options_.topic));
  }
  FollowGroup(listener);
  const absl::Status started = Start(listener);
  std::map<int32_t, int64_t> positions = Fetch();
  if (taken_.empty()) {
    // Waiting is where a process spends its time, so it is where others change the group.
    log_->clock().Advance(max_wait);
    if (!started.ok()) return started;
  }
  if (absl::Status lost = call.After(absl::OkStatus()); !lost.ok()) {
    taken_.clear();
    return lost;
  }
  Advance(positions);
  Expose();
  return absl::MakeConstSpan(events_);
}

absl::StatusOr<absl::Span<const Event>> MemorySource::TakeMore() {
  Drop();
  FaultedCall call(points_, process_, "take more", kCallFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) {
    if (absl::IsFailedPrecondition(refused)) group()->Leave(member_);
    return refused;
  }
  const bool stands = log_->FindTopic(options_.topic) != nullptr &&
                      group()->Heartbeat(member_) == MemoryGroup::Standing::kStable &&
                      std::all_of(owned_.begin(), owned_.end(),
                                  [](const auto& owned) { return owned.second.started; });
  std::map<int32_t, int64_t> positions;
  if (stands) positions = Fetch();
  if (absl::Status lost = call.After(absl::OkStatus()); !lost.ok()) {
    Drop();
    return lost;
  }
  Advance(positions);
  Expose();
  return absl::MakeConstSpan(events_);
}

void MemorySource::Drop() {
  events_.clear();
  headers_.clear();
  taken_.clear();
}

void MemorySource::Advance(const std::map<int32_t, int64_t>& positions) {
  for (const auto& [partition, position] : positions) owned_[partition].position = position;
}

// Does what the group asks of its member: join, give up, take.
void MemorySource::FollowGroup(AssignmentListener& listener) {
  if (group()->Heartbeat(member_) == MemoryGroup::Standing::kUnknown) {
    LoseAll(listener);
    member_ = group()->Join("", process_, {});
  }
  if (group()->Heartbeat(member_) == MemoryGroup::Standing::kMustJoin) {
    group()->Join(member_, process_, OwnedPartitions());
  }
  if (group()->Heartbeat(member_) == MemoryGroup::Standing::kMustSync) TakeAssignment(listener);
}

void MemorySource::TakeAssignment(AssignmentListener& listener) {
  const MemoryGroup::Assignment assignment = group()->Sync(member_);
  generation_ = assignment.generation;
  std::vector<int32_t> revoked;
  bool gives_up = false;
  for (const auto& [partition, owned] : owned_) {
    if (assignment.partitions.count(partition) > 0) continue;
    gives_up = true;
    if (owned.started) revoked.push_back(partition);
  }
  if (!revoked.empty()) listener.OnRevoked(revoked);
  for (auto at = owned_.begin(); at != owned_.end();) {
    at = assignment.partitions.count(at->first) > 0 ? std::next(at) : owned_.erase(at);
  }
  for (const int32_t partition : assignment.partitions) owned_.try_emplace(partition);
  if (gives_up && group()->Heartbeat(member_) != MemoryGroup::Standing::kUnknown) {
    group()->Join(member_, process_, OwnedPartitions());
  }
}

// Asks where the new partitions are to be read from.
absl::Status MemorySource::Start(AssignmentListener& listener) {
  const bool all_started = std::all_of(owned_.begin(), owned_.end(),
                                       [](const auto& owned) { return owned.second.started; });
  if (all_started) return absl::OkStatus();
  FaultedCall call(points_, process_, "fetch committed offsets", kQuestionFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  std::vector<SourceOffset> starts;
  absl::Status unstable;
  for (auto& [partition, owned] : owned_) {
    if (owned.started) continue;
    const absl::StatusOr<SourceOffset> committed = group()->Fetch(partition);
    if (!committed.ok()) {
      unstable = committed.status();
      continue;
    }
    const MemoryPartition& log = *log_->FindTopic(options_.topic)->partitions[partition];
    owned.started = true;
    owned.start = committed->offset >= 0        ? committed->offset
                  : options_.start_at_earliest ? log.start_offset()
                                               : log.last_stable_offset();
    owned.position = owned.start;
    starts.push_back(*committed);
  }
  const absl::Status answered = call.After(unstable);
  if (!starts.empty()) listener.OnAssigned(starts);
  return answered;
}

// Takes a part of what can be read into taken_; returns the positions after it.
std::map<int32_t, int64_t> MemorySource::Fetch() {
  std::map<int32_t, int64_t> positions;
  std::vector<int32_t> readable;
  for (const auto& [partition, owned] : owned_) {
    if (!owned.started || owned.held) continue;
    readable.push_back(partition);
    positions[partition] = owned.position;
  }
  int64_t wanted = log_->random().Between(1, options_.poll_events_max);
  while (wanted > 0 && !readable.empty()) {
    const size_t chosen = static_cast<size_t>(log_->random().Below(readable.size()));
    const int32_t partition = readable[chosen];
    const MemoryPartition& log = *log_->FindTopic(options_.topic)->partitions[partition];
    end_offsets_[partition] = log.last_stable_offset();
    const MemoryRecord* record = log.Read(positions[partition]);
    if (record == nullptr) {
      readable.erase(readable.begin() + static_cast<std::ptrdiff_t>(chosen));
      continue;
    }
    taken_.emplace_back(partition, *record);
    positions[partition] = record->offset + 1;
    --wanted;
  }
  return positions;
}

void MemorySource::Expose() {
  for (const auto& [partition, record] : taken_) {
    auto& headers = headers_.emplace_back();
    for (const auto& [name, value] : record.headers) headers.emplace_back(name, View(value));
  }
  for (size_t i = 0; i < taken_.size(); ++i) {
    const auto& [partition, record] = taken_[i];
    events_.push_back({.partition = partition,
                       .offset = record.offset,
                       .timestamp_ms = record.timestamp_ms,
                       .key = View(record.key),
                       .value = View(record.value),
                       .headers = headers_[i]});
  }
}

absl::Status MemorySource::Rewind(absl::Span<const SourceOffset> to) {
  FaultedCall call(points_, process_, "rewind", kCallFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  for (const SourceOffset& target : to) {
    const auto owned = owned_.find(target.partition);
    if (owned == owned_.end() || !owned->second.started) continue;
    owned->second.position = target.offset >= 0 ? target.offset : owned->second.start;
    owned->second.held = false;
  }
  return call.After(absl::OkStatus());
}

absl::Status MemorySource::Hold(absl::Span<const int32_t> partitions) {
  FaultedCall call(points_, process_, "hold", kHoldFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  events_.clear();
  headers_.clear();
  taken_.clear();
  for (const int32_t partition : partitions) {
    const auto owned = owned_.find(partition);
    if (owned != owned_.end() && owned->second.started) owned->second.held = true;
  }
  return call.After(absl::OkStatus());
}

absl::StatusOr<int64_t> MemorySource::BeginOffset(int32_t partition) {
  FaultedCall call(points_, process_, "ask for the beginning", kQuestionFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  const int64_t begin = log_->FindTopic(options_.topic)->partitions.at(partition)->start_offset();
  if (absl::Status lost = call.After(absl::OkStatus()); !lost.ok()) return lost;
  return begin;
}

absl::Status MemorySource::Commit(absl::Span<const SourceOffset> offsets) {
  FaultedCall call(points_, process_, "commit offsets", kCallFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  return call.After(group()->Commit(offsets, group_metadata()));
}

GroupMetadata MemorySource::group_metadata() const {
  return {.group_id = options_.group_id, .generation = generation_, .member_id = member_};
}

int64_t MemorySource::EndOffset(int32_t partition) const {
  const auto found = end_offsets_.find(partition);
  return found == end_offsets_.end() ? -1 : found->second;
}

absl::Status MemorySource::Rejoin(AssignmentListener& listener) {
  FaultedCall call(points_, process_, "rejoin", kCallFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  LoseAll(listener);
  group()->Leave(member_);
  member_.clear();
  return call.After(absl::OkStatus());
}

void MemorySource::Close(AssignmentListener& listener, absl::Duration /*timeout*/) {
  FaultedCall call(points_, process_, "leave", kLeaveFaults);
  call.Before().IgnoreError();
  const std::vector<int32_t> started = StartedPartitions();
  if (!started.empty()) listener.OnRevoked(started);
  owned_.clear();
  group()->Leave(member_);
  member_.clear();
  call.After(absl::OkStatus()).IgnoreError();
}

void MemorySource::LoseAll(AssignmentListener& listener) {
  const std::vector<int32_t> started = StartedPartitions();
  owned_.clear();
  generation_ = -1;
  if (!started.empty()) listener.OnLost(started);
}

std::set<int32_t> MemorySource::OwnedPartitions() const {
  std::set<int32_t> partitions;
  for (const auto& [partition, owned] : owned_) partitions.insert(partition);
  return partitions;
}

std::vector<int32_t> MemorySource::StartedPartitions() const {
  std::vector<int32_t> partitions;
  for (const auto& [partition, owned] : owned_) {
    if (owned.started) partitions.push_back(partition);
  }
  return partitions;
}

}  // namespace turnout::support
