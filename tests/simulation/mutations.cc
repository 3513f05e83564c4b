#include "tests/simulation/mutations.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "state/commit_note.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/state_mutations.h"

namespace turnout::simulation {
namespace {

using connectors::AssignmentListener;
using connectors::Event;
using connectors::GroupMetadata;
using connectors::OutputRecord;
using connectors::SourceOffset;

std::vector<SourceOffset> Shift(Mutation mutation, absl::Span<const SourceOffset> offsets) {
  std::vector<SourceOffset> shifted(offsets.begin(), offsets.end());
  for (SourceOffset& offset : shifted) {
    if (mutation == Mutation::kOffsetsOneTooFar) ++offset.offset;
    if (mutation == Mutation::kOffsetsOneTooNear) --offset.offset;
    auto note = state::DecodeCommitNote(offset.note);
    if (!note.ok() || note->rule_sets.empty()) continue;
    auto& rule_sets = note->rule_sets;
    if (mutation == Mutation::kNoteForgotten)
      rule_sets.erase(rule_sets.begin(), rule_sets.end() - 1);
    if (mutation == Mutation::kRuleChangeNotNoted) rule_sets.resize(1);
    if (mutation == Mutation::kStateStartForgotten) note->state_start.reset();
    if (mutation == Mutation::kTimelinesForgotten) note->timelines.clear();
    if (mutation == Mutation::kLedgerForgotten) note->parked = {};
    if (mutation == Mutation::kRestoreNotNoted) note->restored.clear();
    for (const state::ParkingLane& lane : note->parked.lanes()) {
      if (mutation == Mutation::kDrainNotNoted) note->parked.Find(lane.id)->head = 0;
    }
    offset.note = state::EncodeCommitNote(*note);
  }
  return shifted;
}

class BuggySink : public connectors::Sink {
 public:
  BuggySink(Mutation mutation, std::unique_ptr<connectors::Sink> sink, connectors::Source* source,
            BuggyKeeper* keeper, support::MemoryLog* log)
      : mutation_(mutation), sink_(std::move(sink)), source_(source), keeper_(keeper), log_(log) {}

  absl::Status Open() override {
    outputs_committed_ = false;
    return sink_->Open();
  }
  absl::Status Begin() override {
    outputs_committed_ = false;
    return sink_->Begin();
  }
  absl::Status Produce(const OutputRecord& record) override;
  absl::Status Commit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) override;
  absl::Status Abort() override { return sink_->Abort(); }
  std::vector<connectors::DestinationFailure> FailuresOfTransaction() override {
    return sink_->FailuresOfTransaction();
  }
  void Close(absl::Duration timeout) override { sink_->Close(timeout); }

 private:
  const Mutation mutation_;
  const std::unique_ptr<connectors::Sink> sink_;
  connectors::Source* const source_;
  BuggyKeeper* const keeper_;
  support::MemoryLog* const log_;
  bool outputs_committed_ = false;
};

absl::Status BuggySink::Produce(const OutputRecord& record) {
  if (record.topic == kParkingTopic && mutation_ == Mutation::kParkedAnywhere) {
    OutputRecord changed = record;
    changed.partition = -1;
    return sink_->Produce(changed);
  }
  if (record.topic == kParkingTopic && mutation_ == Mutation::kParkedApart) {
    log_->Append(kParkingTopic, support::CopyRecord(record));
    return absl::OkStatus();
  }
  if (record.topic != kRekeyTopic) return sink_->Produce(record);
  if (mutation_ == Mutation::kRekeyedApart) {
    log_->Append(kRekeyTopic, support::CopyRecord(record));
    return absl::OkStatus();
  }
  OutputRecord changed = record;
  std::vector<connectors::Header> headers(record.headers.begin(), record.headers.end());
  changed.headers = headers;
  std::string_view& own_key = headers.back().second;
  if (mutation_ == Mutation::kRekeyedByOwnKey) changed.key = own_key;
  if (mutation_ == Mutation::kRekeyedKeyLost) own_key = {};
  return sink_->Produce(changed);
}

absl::Status BuggySink::Commit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) {
  if (mutation_ == Mutation::kOffsetsCommittedApart) {
    if (!outputs_committed_) {
      if (absl::Status status = sink_->Commit({}, group); !status.ok()) return status;
      outputs_committed_ = true;
    }
    return source_->Commit(offsets);
  }
  if (mutation_ == Mutation::kGenerationIgnored) {
    return sink_->Commit(offsets, {.group_id = group.group_id});
  }
  const std::vector<SourceOffset> shifted = Shift(mutation_, offsets);
  if (keeper_ != nullptr) keeper_->BeforeCommit(shifted);
  return sink_->Commit(shifted, group);
}

// Tells of partitions as if what their local stores have seen were all that is committed.
class BuggyListener : public AssignmentListener {
 public:
  BuggyListener(AssignmentListener* listener, const BuggyKeeper* keeper)
      : listener_(listener), keeper_(keeper) {}

  void OnAssigned(absl::Span<const SourceOffset> committed) override {
    std::vector<SourceOffset> told(committed.begin(), committed.end());
    for (SourceOffset& one : told) {
      const int64_t local = keeper_->LocalOffset(one.partition);
      if (local >= 0) one.offset = std::min(one.offset, local);
    }
    listener_->OnAssigned(told);
  }
  void OnRevoked(absl::Span<const int32_t> partitions) override {
    listener_->OnRevoked(partitions);
  }
  void OnLost(absl::Span<const int32_t> partitions) override { listener_->OnLost(partitions); }

 private:
  AssignmentListener* const listener_;
  const BuggyKeeper* const keeper_;
};

class BuggySource : public connectors::Source {
 public:
  BuggySource(Mutation mutation, std::unique_ptr<connectors::Source> source,
              const BuggyKeeper* keeper)
      : mutation_(mutation), source_(std::move(source)), keeper_(keeper) {}

  absl::StatusOr<absl::Span<const Event>> Poll(absl::Duration max_wait,
                                               AssignmentListener& listener) override {
    if (mutation_ != Mutation::kReplaySpeaks) return source_->Poll(max_wait, listener);
    BuggyListener buggy(&listener, keeper_);
    return source_->Poll(max_wait, buggy);
  }
  absl::StatusOr<absl::Span<const Event>> TakeMore() override { return source_->TakeMore(); }
  absl::Status Rewind(absl::Span<const SourceOffset> to) override {
    return mutation_ == Mutation::kRewindForgotten ? absl::OkStatus() : source_->Rewind(to);
  }
  absl::Status Hold(absl::Span<const int32_t> partitions) override {
    return source_->Hold(partitions);
  }
  absl::StatusOr<int64_t> BeginOffset(int32_t partition) override {
    return source_->BeginOffset(partition);
  }
  absl::Status Commit(absl::Span<const SourceOffset> offsets) override {
    return source_->Commit(Shift(mutation_, offsets));
  }
  GroupMetadata group_metadata() const override { return source_->group_metadata(); }
  int64_t EndOffset(int32_t partition) const override { return source_->EndOffset(partition); }
  absl::Status Rejoin(AssignmentListener& listener) override { return source_->Rejoin(listener); }
  void Close(AssignmentListener& listener, absl::Duration timeout) override {
    source_->Close(listener, timeout);
  }

 private:
  const Mutation mutation_;
  const std::unique_ptr<connectors::Source> source_;
  const BuggyKeeper* const keeper_;
};

}  // namespace

std::string_view MutationName(Mutation mutation) {
  switch (mutation) {
    case Mutation::kNone:
      return "None";
    case Mutation::kOffsetsCommittedApart:
      return "OffsetsCommittedApart";
    case Mutation::kRewindForgotten:
      return "RewindForgotten";
    case Mutation::kGhostNotFenced:
      return "GhostNotFenced";
    case Mutation::kOffsetsOneTooFar:
      return "OffsetsOneTooFar";
    case Mutation::kOffsetsOneTooNear:
      return "OffsetsOneTooNear";
    case Mutation::kGenerationIgnored:
      return "GenerationIgnored";
    case Mutation::kUnstableOffsetsRead:
      return "UnstableOffsetsRead";
    case Mutation::kStateBeforeLog:
      return "StateBeforeLog";
    case Mutation::kRollbackForgotten:
      return "RollbackForgotten";
    case Mutation::kStateOneTooFar:
      return "StateOneTooFar";
    case Mutation::kStateOneTooNear:
      return "StateOneTooNear";
    case Mutation::kReplaySpeaks:
      return "ReplaySpeaks";
    case Mutation::kReplaySkipped:
      return "ReplaySkipped";
    case Mutation::kReplayOneTooFar:
      return "ReplayOneTooFar";
    case Mutation::kReplayWithNewestRules:
      return "ReplayWithNewestRules";
    case Mutation::kRetainForgottenInReplay:
      return "RetainForgottenInReplay";
    case Mutation::kNoteForgotten:
      return "NoteForgotten";
    case Mutation::kRuleChangeNotNoted:
      return "RuleChangeNotNoted";
    case Mutation::kStateStartForgotten:
      return "StateStartForgotten";
    case Mutation::kWatermarkFromClock:
      return "WatermarkFromClock";
    case Mutation::kCheckpointAhead:
      return "CheckpointAhead";
    case Mutation::kBaseAhead:
      return "BaseAhead";
    case Mutation::kTimelinesForgotten:
      return "TimelinesForgotten";
    case Mutation::kDamagedBegunEmpty:
      return "DamagedBegunEmpty";
    case Mutation::kRestoreOfAnyTime:
      return "RestoreOfAnyTime";
    case Mutation::kRestoreNotNoted:
      return "RestoreNotNoted";
    case Mutation::kRestoreGoesOn:
      return "RestoreGoesOn";
    case Mutation::kRekeyedByOwnKey:
      return "RekeyedByOwnKey";
    case Mutation::kRekeyedApart:
      return "RekeyedApart";
    case Mutation::kRekeyedSkipped:
      return "RekeyedSkipped";
    case Mutation::kRekeyedByOlderRules:
      return "RekeyedByOlderRules";
    case Mutation::kRekeyedKeyLost:
      return "RekeyedKeyLost";
    case Mutation::kHopsShareAnId:
      return "HopsShareAnId";
    case Mutation::kSealForgotten:
      return "SealForgotten";
    case Mutation::kSecondIdNotFenced:
      return "SecondIdNotFenced";
    case Mutation::kNextOutlivesAbort:
      return "NextOutlivesAbort";
    case Mutation::kNextEndsFirst:
      return "NextEndsFirst";
    case Mutation::kLedgerForgotten:
      return "LedgerForgotten";
    case Mutation::kDrainNotNoted:
      return "DrainNotNoted";
    case Mutation::kDrainSkipsOne:
      return "DrainSkipsOne";
    case Mutation::kParkedAnywhere:
      return "ParkedAnywhere";
    case Mutation::kParkedApart:
      return "ParkedApart";
  }
  return "?";
}

std::unique_ptr<connectors::Sink> MutateSink(Mutation mutation,
                                             std::unique_ptr<connectors::Sink> sink,
                                             connectors::Source* source, BuggyKeeper* keeper,
                                             support::MemoryLog* log) {
  switch (mutation) {
    case Mutation::kOffsetsCommittedApart:
    case Mutation::kGenerationIgnored:
    case Mutation::kOffsetsOneTooFar:
    case Mutation::kOffsetsOneTooNear:
    case Mutation::kNoteForgotten:
    case Mutation::kRuleChangeNotNoted:
    case Mutation::kStateStartForgotten:
    case Mutation::kTimelinesForgotten:
    case Mutation::kStateBeforeLog:
    case Mutation::kCheckpointAhead:
    case Mutation::kRekeyedByOwnKey:
    case Mutation::kRekeyedApart:
    case Mutation::kRekeyedKeyLost:
    case Mutation::kLedgerForgotten:
    case Mutation::kDrainNotNoted:
    case Mutation::kParkedAnywhere:
    case Mutation::kParkedApart:
    case Mutation::kRestoreNotNoted:
      return std::make_unique<BuggySink>(mutation, std::move(sink), source, keeper, log);
    default:
      return sink;
  }
}

std::unique_ptr<connectors::Source> MutateSource(Mutation mutation,
                                                 std::unique_ptr<connectors::Source> source,
                                                 const BuggyKeeper* keeper) {
  switch (mutation) {
    case Mutation::kRewindForgotten:
    case Mutation::kOffsetsOneTooFar:
    case Mutation::kOffsetsOneTooNear:
    case Mutation::kReplaySpeaks:
      return std::make_unique<BuggySource>(mutation, std::move(source), keeper);
    default:
      return source;
  }
}

}  // namespace turnout::simulation
