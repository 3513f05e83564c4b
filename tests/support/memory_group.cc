#include "tests/support/memory_group.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace turnout::support {

using connectors::GroupMetadata;
using connectors::SourceOffset;

MemoryGroup::MemoryGroup(std::string id, int32_t partitions, MemoryGroupOptions options,
                         SimulatedClock* clock)
    : id_(std::move(id)), partitions_(partitions), options_(options), clock_(clock) {}

std::string MemoryGroup::Join(const std::string& member, const SimulatedProcess* process,
                              const std::set<int32_t>& owned) {
  std::string name = member;
  if (members_.find(name) == members_.end()) {
    // Ids are never used twice, as a broker's are random.
    name = absl::StrFormat("%s-%d", process->name, next_member_++);
    members_[name].process = process;
  }
  if (!preparing_) Prepare();
  Member& joining = members_[name];
  joining.last_heartbeat = joining.last_poll = clock_->Now();
  joining.owned = owned;
  joining.joined = true;
  CompleteIfAllJoined();
  return name;
}

MemoryGroup::Standing MemoryGroup::Heartbeat(const std::string& member) {
  const auto found = members_.find(member);
  if (found == members_.end()) return Standing::kUnknown;
  Member& polling = found->second;
  polling.last_heartbeat = polling.last_poll = clock_->Now();
  if (preparing_) return polling.joined ? Standing::kWaiting : Standing::kMustJoin;
  return polling.synced_generation == generation_ ? Standing::kStable : Standing::kMustSync;
}

MemoryGroup::Assignment MemoryGroup::Sync(const std::string& member) {
  Member& syncing = members_.at(member);
  syncing.synced_generation = generation_;
  return {.generation = generation_, .partitions = syncing.assigned};
}

void MemoryGroup::Leave(const std::string& member) {
  if (members_.erase(member) == 0) return;
  if (!preparing_) Prepare();
  CompleteIfAllJoined();
}

void MemoryGroup::Prepare() {
  preparing_ = true;
  prepare_began_ = clock_->Now();
  for (auto& [name, member] : members_) member.joined = false;
}

void MemoryGroup::CompleteIfAllJoined() {
  if (!preparing_) return;
  for (const auto& [name, member] : members_) {
    if (!member.joined) return;
  }
  preparing_ = false;
  ++generation_;
  Assign();
}

// Everybody keeps what it owns up to its fair share; the rest goes round in order. What another
// member still owns is given to nobody in this round.
void MemoryGroup::Assign() {
  if (members_.empty()) return;
  std::map<int32_t, std::string> owner;
  for (const auto& [name, member] : members_) {
    for (const int32_t partition : member.owned) owner.try_emplace(partition, name);
  }
  const size_t count = static_cast<size_t>(partitions_);
  const size_t share = count / members_.size();
  size_t extras = count % members_.size();
  std::map<std::string, size_t> quota;
  for (const bool greedy : {true, false}) {  // who owns more than the share is asked first
    for (const auto& [name, member] : members_) {
      if (greedy != (member.owned.size() > share)) continue;
      quota[name] = share + (extras > 0 ? 1 : 0);
      if (extras > 0) --extras;
    }
  }
  std::set<int32_t> homeless;
  for (auto& [name, member] : members_) member.assigned.clear();
  for (int32_t partition = 0; partition < partitions_; ++partition) {
    const auto owned_by = owner.find(partition);
    std::set<int32_t>* const kept =
        owned_by == owner.end() ? nullptr : &members_[owned_by->second].assigned;
    if (kept != nullptr && kept->size() < quota[owned_by->second]) {
      kept->insert(partition);
    } else {
      homeless.insert(partition);
    }
  }
  for (auto& [name, member] : members_) {
    std::vector<int32_t> held_back;
    while (member.assigned.size() + held_back.size() < quota[name] && !homeless.empty()) {
      const int32_t partition = *homeless.begin();
      homeless.erase(homeless.begin());
      if (owner.count(partition) > 0) {
        held_back.push_back(partition);
      } else {
        member.assigned.insert(partition);
      }
    }
  }
}

void MemoryGroup::Settle() {
  const absl::Time now = clock_->Now();
  bool left = false;
  for (auto at = members_.begin(); at != members_.end();) {
    Member& member = at->second;
    const bool alive = !member.process->suspended && !member.process->dead;
    if (alive) member.last_heartbeat = now;
    const bool silent = now - member.last_heartbeat > options_.session_timeout;
    const bool idle = now - member.last_poll > options_.poll_interval_max;
    const bool late =
        preparing_ && !member.joined && now - prepare_began_ > options_.rebalance_timeout;
    if (silent || idle || late) {
      at = members_.erase(at);
      left = true;
    } else {
      ++at;
    }
  }
  if (left && !preparing_) Prepare();
  CompleteIfAllJoined();
}

absl::Status MemoryGroup::CheckMember(const GroupMetadata& metadata) const {
  const auto found = members_.find(metadata.member_id);
  if (found == members_.end()) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "'%s' is no member of group '%s' (UNKNOWN_MEMBER_ID)", metadata.member_id, id_));
  }
  if (metadata.generation != generation_) {
    return absl::FailedPreconditionError(
        absl::StrFormat("generation %d of group '%s' is over; this is %d (ILLEGAL_GENERATION)",
                        metadata.generation, id_, generation_));
  }
  return absl::OkStatus();
}

absl::Status MemoryGroup::CheckNotes(absl::Span<const SourceOffset> offsets) const {
  for (const SourceOffset& offset : offsets) {
    if (offset.note.size() > options_.note_bytes_max) {
      return absl::InternalError(
          absl::StrFormat("a note of %d bytes (OFFSET_METADATA_TOO_LARGE)", offset.note.size()));
    }
  }
  return absl::OkStatus();
}

absl::Status MemoryGroup::Commit(absl::Span<const SourceOffset> offsets,
                                 const GroupMetadata& metadata) {
  if (absl::Status status = CheckMember(metadata); !status.ok()) return status;
  if (absl::Status status = CheckNotes(offsets); !status.ok()) return status;
  for (const SourceOffset& offset : offsets) {
    Store({offset, next_sequence_++});
  }
  return absl::OkStatus();
}

void MemoryGroup::Store(const Stored& stored) {
  const int64_t before = CommittedOffset(stored.offset.partition);
  committed_[stored.offset.partition] = stored;
  if (on_committed_) on_committed_(before, stored.offset);
}

absl::Status MemoryGroup::CommitInTransaction(int64_t producer_id,
                                              absl::Span<const SourceOffset> offsets,
                                              const GroupMetadata& metadata) {
  const bool anonymous = metadata.member_id.empty() && metadata.generation < 0;
  if (!anonymous) {
    if (absl::Status status = CheckMember(metadata); !status.ok()) {
      return absl::AbortedError(status.message());
    }
  }
  if (absl::Status status = CheckNotes(offsets); !status.ok()) return status;
  for (const SourceOffset& offset : offsets) {
    pending_[producer_id][offset.partition] = {offset, next_sequence_++};
  }
  return absl::OkStatus();
}

void MemoryGroup::Resolve(int64_t producer_id, bool commit) {
  const auto found = pending_.find(producer_id);
  if (found == pending_.end()) return;
  for (const auto& [partition, stored] : found->second) {
    // Of two, the one that was appended later counts, whichever marker came first.
    if (commit && stored.sequence > committed_[partition].sequence) Store(stored);
  }
  pending_.erase(found);
}

absl::StatusOr<SourceOffset> MemoryGroup::Fetch(int32_t partition) const {
  for (const auto& [producer, offsets] : pending_) {
    if (options_.require_stable && offsets.count(partition) > 0) {
      return absl::UnavailableError(absl::StrFormat(
          "a transaction holds the offset of partition %d open (UNSTABLE_OFFSET_COMMIT)",
          partition));
    }
  }
  const auto found = committed_.find(partition);
  if (found == committed_.end() || found->second.sequence == 0) {
    return SourceOffset{.partition = partition};
  }
  return found->second.offset;
}

int64_t MemoryGroup::CommittedOffset(int32_t partition) const {
  const auto found = committed_.find(partition);
  return found == committed_.end() || found->second.sequence == 0 ? -1
                                                                  : found->second.offset.offset;
}

std::string MemoryGroup::Describe() const {
  std::string text = absl::StrFormat("group '%s' in generation %d%s", id_, generation_,
                                     preparing_ ? ", rebalancing" : "");
  for (const auto& [name, member] : members_) {
    absl::StrAppend(&text, "; ", name, " has [", absl::StrJoin(member.assigned, " "), "]",
                    preparing_ && !member.joined ? " and has not joined" : "");
  }
  for (const auto& [producer, offsets] : pending_) {
    absl::StrAppend(&text, "; producer ", producer, " has pending offsets");
  }
  return text;
}

}  // namespace turnout::support
