#include "connectors/producer_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "connectors/memberless_group.h"
#include "connectors/protocol_errors.h"
#include "connectors/steady_clock.h"

namespace turnout::connectors {
namespace {

constexpr int16_t kEndTxnRaisesEpoch = 5;

absl::StatusOr<int16_t> FirstCode(const absl::StatusOr<PartitionsAnswer>& answer) {
  if (!answer.ok()) return answer.status();
  return answer->failed.empty() ? int16_t{0} : answer->failed.front().error_code;
}

// A member that the group went on without loses its transaction, not its transactional id.
bool IsStaleMember(int code) {
  return code == kCodeIllegalGeneration || code == kCodeUnknownMemberId ||
         code == kCodeFencedMemberEpoch || code == kCodeStaleMemberEpoch;
}

}  // namespace

ProducerSession::ProducerSession(const SessionSettings& settings, ClusterClient* cluster,
                                 DeliveryFailures* failures)
    : settings_(settings),
      cluster_(cluster),
      failures_(failures),
      queue_(settings.produce, cluster, failures),
      open_call_(cluster, settings.doing),
      partitions_call_(cluster, settings.doing),
      offsets_call_(cluster, settings.doing),
      end_call_(cluster, settings.doing) {}

void ProducerSession::Reset() {
  queue_.DropAll();
  for (CoordinatorCall* call : {&open_call_, &partitions_call_, &offsets_call_, &end_call_}) {
    call->Drop();
  }
  abort_stage_ = AbortStage::kNone;
  BeginOpening({});
}

template <typename Work>
absl::Status ProducerSession::Until(absl::Time deadline, Work work) {
  for (;;) {
    const absl::Time now = SteadyNow();
    const Outcome outcome = work(now);
    if (outcome) return *outcome;
    if (now >= deadline) return StillWaiting();
    cluster_->Turn(std::min(deadline, Due()));
  }
}

absl::Time ProducerSession::Due() const {
  return std::min({queue_.due(), open_call_.due(), partitions_call_.due(), offsets_call_.due(),
                   end_call_.due()});
}

absl::Status ProducerSession::StillWaiting() const {
  std::string text = "no answer yet";
  if (const size_t records = queue_.records_waiting(); records > 0) {
    text = absl::StrFormat("%d records are not acknowledged yet", records);
    const std::string why = queue_.WhyWaiting(SteadyNow());
    if (!why.empty()) absl::StrAppendFormat(&text, " (%s)", why);
  }
  for (const CoordinatorCall* call : {&open_call_, &partitions_call_, &offsets_call_, &end_call_}) {
    if (call->begun() && !call->why().empty()) absl::StrAppendFormat(&text, "; %s", call->why());
  }
  if (!cluster_->trouble().empty()) absl::StrAppendFormat(&text, "; %s", cluster_->trouble());
  return absl::UnavailableError(absl::StrFormat("%s: %s", settings_.doing, text));
}

void ProducerSession::BeginOpening(ProducerIdentity current) {
  const std::string& id = settings_.produce.transactional_id;
  CoordinatorCall::Request request;
  request.api = Api::kInitProducerId;
  request.key = id;
  request.write = [this, current](int16_t, std::string* out) {
    WriteInitProducerId(settings_.produce.transactional_id, settings_.transaction_timeout_ms,
                        current, out);
  };
  request.read = [this](int16_t, std::string_view body) -> absl::StatusOr<int16_t> {
    const absl::StatusOr<ProducerAnswer> answer = ReadInitProducerId(body);
    if (!answer.ok()) return answer.status();
    if (answer->error_code == kCodeNone) producer_ = answer->producer;
    return answer->error_code;
  };
  open_call_.Begin(std::move(request));
}

ProducerSession::Outcome ProducerSession::WorkOpening(absl::Time now) {
  const Outcome outcome = open_call_.Work(now);
  if (outcome && outcome->ok()) second_transactions_ = open_call_.second_transactions();
  return outcome;
}

absl::Status ProducerSession::Open(absl::Time deadline) {
  return Until(deadline, [this](absl::Time now) { return WorkOpening(now); });
}

void ProducerSession::Begin() {
  coordinator_involved_ = false;
  offset_stage_ = OffsetStage::kNone;
  committed_.reset();
  partitions_being_added_.clear();
  queue_.Begin(producer_, second_transactions_);
  // Connections that were closed meanwhile are noticed before anything is sent on them.
  cluster_->Turn(absl::InfinitePast());
}

absl::Status ProducerSession::Produce(const OutputRecord& record, absl::Duration timeout) {
  if (queue_.is_full()) {
    const absl::Status room = Until(SteadyNow() + timeout, [this](absl::Time now) -> Outcome {
      const Outcome failed = WorkRecords(now);
      if (failed || queue_.is_full()) return failed;
      return absl::OkStatus();
    });
    if (!room.ok()) return room;
  }
  absl::Status added = queue_.Add(record, timeout);
  if (!added.ok() || !queue_.is_worth_a_try()) return added;
  cluster_->Turn(absl::InfinitePast());
  return WorkRecords(SteadyNow()).value_or(absl::OkStatus());
}

// Nothing unless they failed. Partitions are added before the commit too: what is more than the
// queue holds could not go out otherwise.
ProducerSession::Outcome ProducerSession::WorkRecords(absl::Time now) {
  queue_.Work(now);
  if (!queue_.broken().ok()) return queue_.broken();
  return is_transactional() ? WorkPartitions(now) : std::nullopt;
}

void ProducerSession::StartCommit(absl::Span<const SourceOffset> offsets,
                                  const GroupMetadata& group) {
  offsets_.assign(offsets.begin(), offsets.end());
  group_ = group;
  queue_.Release();
  queue_.Flush();
}

absl::Status ProducerSession::Commit(absl::Time deadline, Meanwhile meanwhile) {
  for (;;) {
    const absl::Time now = SteadyNow();
    const Outcome outcome = WorkCommit(now);
    const absl::Time due = meanwhile(now);
    if (outcome) return *outcome;
    if (now >= deadline) return StillWaiting();
    cluster_->Turn(std::min({deadline, due, Due()}));
  }
}

absl::Status ProducerSession::AwaitRecords(absl::Time deadline) {
  return Until(deadline, [this](absl::Time now) -> Outcome {
    const Outcome outcome = WorkCommit(now);
    if (outcome || !queue_.empty()) return outcome;
    return absl::OkStatus();
  });
}

ProducerSession::Outcome ProducerSession::WorkCommit(absl::Time now) {
  if (!committed_) committed_ = TryCommit(now);
  return committed_;
}

ProducerSession::Outcome ProducerSession::TryCommit(absl::Time now) {
  queue_.Work(now);
  if (!queue_.broken().ok()) return queue_.broken();
  if (failures_->records() > 0) {
    // Once all answers are there, all that are to blame are known.
    if (queue_.on_its_way()) return std::nullopt;
    return failures_->ToStatus();
  }
  if (!is_transactional()) return queue_.empty() ? Outcome(absl::OkStatus()) : std::nullopt;
  if (const Outcome failed = WorkPartitions(now)) return failed;
  if (const Outcome failed = WorkOffsets(now)) return failed;
  const bool offsets_done = offsets_.empty() || offset_stage_ == OffsetStage::kDone;
  if (!queue_.empty() || !offsets_done) return std::nullopt;
  return WorkEnd(/*commit=*/true, now);
}

// Nothing unless it failed.
ProducerSession::Outcome ProducerSession::WorkPartitions(absl::Time now) {
  if (second_transactions_) return std::nullopt;
  if (!partitions_call_.begun()) {
    partitions_being_added_ = queue_.PartitionsToAdd();
    if (partitions_being_added_.empty()) return std::nullopt;
    coordinator_involved_ = true;
    CoordinatorCall::Request request;
    request.api = Api::kAddPartitionsToTxn;
    request.key = settings_.produce.transactional_id;
    request.write = [this](int16_t, std::string* out) {
      WriteAddPartitionsToTxn(settings_.produce.transactional_id, producer_,
                              partitions_being_added_, out);
    };
    request.read = [this](int16_t, std::string_view body) -> absl::StatusOr<int16_t> {
      const absl::StatusOr<PartitionsAnswer> answer = ReadAddPartitionsToTxn(body);
      if (!answer.ok()) return answer.status();
      return OnPartitions(*answer);
    };
    partitions_call_.Begin(std::move(request));
  }
  const Outcome outcome = partitions_call_.Work(now);
  if (!outcome) return std::nullopt;
  if (failures_->records() > 0) return failures_->ToStatus();
  if (!outcome->ok()) return outcome;
  queue_.OnPartitionsAdded(partitions_being_added_);
  queue_.Work(now);
  return std::nullopt;
}

absl::StatusOr<int16_t> ProducerSession::OnPartitions(const PartitionsAnswer& answer) {
  const absl::Time now = SteadyNow();
  int16_t code = 0;
  std::string just_made;
  for (const PartitionError& failed : answer.failed) {
    if (queue_.IsJustMade(failed.topic, failed.error_code, now)) {
      just_made = failed.topic;
      continue;
    }
    if (BlamesDestination(failed.error_code)) failures_->Add(failed.error_code, failed.topic);
    // One that is refused lets the others be "not attempted".
    if (code == 0 || code == kCodeOperationNotAttempted) code = failed.error_code;
  }
  const bool others_are_fine = code == 0 || code == kCodeOperationNotAttempted;
  if (others_are_fine && !just_made.empty()) {
    return absl::UnavailableError(absl::StrFormat("topic %s: %s", just_made,
                                                  ProtocolErrorText(kCodeUnknownTopicOrPartition)));
  }
  return code;
}

void ProducerSession::BeginAddingOffsets() {
  CoordinatorCall::Request request;
  request.api = Api::kAddOffsetsToTxn;
  request.key = settings_.produce.transactional_id;
  request.write = [this](int16_t, std::string* out) {
    WriteAddOffsetsToTxn(settings_.produce.transactional_id, producer_, group_.group_id, out);
  };
  request.read = [](int16_t, std::string_view body) -> absl::StatusOr<int16_t> {
    const absl::StatusOr<ProducerAnswer> answer = ReadAddOffsetsToTxn(body);
    if (!answer.ok()) return answer.status();
    return answer->error_code;
  };
  offsets_call_.Begin(std::move(request));
  offset_stage_ = OffsetStage::kAdding;
}

void ProducerSession::BeginOffsets() {
  CoordinatorCall::Request request;
  request.api = Api::kTxnOffsetCommit;
  request.kind = CoordinatorKind::kGroup;
  request.key = group_.group_id;
  request.write = [this](int16_t, std::string* out) {
    WriteTxnOffsetCommit(settings_.produce.transactional_id, producer_, AsSent(group_),
                         settings_.source_topic, offsets_, out);
  };
  request.read = [this](int16_t, std::string_view body) -> absl::StatusOr<int16_t> {
    const absl::StatusOr<int16_t> code = FirstCode(ReadTxnOffsetCommit(body));
    if (code.ok()) offset_code_ = *code;
    return code;
  };
  offsets_call_.Begin(std::move(request));
  offset_stage_ = OffsetStage::kCommitting;
}

// Nothing unless they failed.
ProducerSession::Outcome ProducerSession::WorkOffsets(absl::Time now) {
  if (offsets_.empty() || offset_stage_ == OffsetStage::kDone) return std::nullopt;
  if (offset_stage_ == OffsetStage::kNone) {
    if (!MayCommit(group_)) {
      // The broker would take such offsets without asking who owns the partitions.
      return absl::FailedPreconditionError(
          absl::StrFormat("%s: not a member of group %s", settings_.doing, group_.group_id));
    }
    coordinator_involved_ = true;
    if (second_transactions_) {
      BeginOffsets();
    } else {
      BeginAddingOffsets();
    }
  }
  const Outcome outcome = offsets_call_.Work(now);
  if (!outcome) return std::nullopt;
  if (!outcome->ok()) {
    const bool stale = offset_stage_ == OffsetStage::kCommitting && IsStaleMember(offset_code_);
    offset_stage_ = OffsetStage::kNone;
    return stale ? absl::AbortedError(outcome->message()) : *outcome;
  }
  if (offset_stage_ == OffsetStage::kAdding) {
    BeginOffsets();
    return WorkOffsets(now);
  }
  offset_stage_ = OffsetStage::kDone;
  return std::nullopt;
}

ProducerSession::Outcome ProducerSession::WorkEnd(bool commit, absl::Time now) {
  if (!end_call_.begun()) {
    // The coordinator knows nothing of a transaction with nothing in it.
    if (!queue_.anything_sent() && !coordinator_involved_) return absl::OkStatus();
    CoordinatorCall::Request request;
    request.api = Api::kEndTxn;
    request.key = settings_.produce.transactional_id;
    request.write = [this, commit, producer = producer_](int16_t, std::string* out) {
      WriteEndTxn(settings_.produce.transactional_id, producer, commit, out);
    };
    request.read = [this](int16_t version, std::string_view body) -> absl::StatusOr<int16_t> {
      const absl::StatusOr<ProducerAnswer> answer = ReadEndTxn(version, body);
      if (!answer.ok()) return answer.status();
      const bool raised = version >= kEndTxnRaisesEpoch && answer->producer.id >= 0;
      if (answer->error_code == kCodeNone && raised) producer_ = answer->producer;
      return answer->error_code;
    };
    end_call_.Begin(std::move(request));
  }
  return end_call_.Work(now);
}

absl::Status ProducerSession::Abort(absl::Time deadline) {
  if (abort_stage_ == AbortStage::kNone) {
    for (CoordinatorCall* call : {&partitions_call_, &offsets_call_, &end_call_}) call->Drop();
    // What is late is fenced by the epoch that the end raises. Where it doesn't, nothing may be
    // late.
    const bool fences = is_transactional() && second_transactions_;
    if (fences) queue_.DropAll();
    abort_stage_ = fences ? AbortStage::kEnding : AbortStage::kSettling;
  }
  const absl::Status status = Until(deadline, [this](absl::Time now) { return WorkAbort(now); });
  if (!absl::IsUnavailable(status)) abort_stage_ = AbortStage::kNone;
  // Nothing is left that could be aborted.
  return absl::IsAborted(status) ? absl::InternalError(status.message()) : status;
}

ProducerSession::Outcome ProducerSession::WorkAbort(absl::Time now) {
  if (abort_stage_ == AbortStage::kSettling) {
    queue_.Settle(now);
    if (queue_.on_its_way()) return std::nullopt;
    abort_stage_ = is_transactional() ? AbortStage::kEnding : AbortStage::kRaising;
    if (!is_transactional()) BeginOpening({});
  }
  if (abort_stage_ == AbortStage::kEnding) return WorkEndOfAbort(now);
  return WorkOpening(now);
}

ProducerSession::Outcome ProducerSession::WorkEndOfAbort(absl::Time now) {
  const bool begun = queue_.anything_sent() || coordinator_involved_;
  const Outcome ended = WorkEnd(/*commit=*/false, now);
  if (!ended || !begun) return ended;
  if (ended->ok() && second_transactions_) return ended;
  // Also when there was no transaction to be ended: then what was sent did not reach it.
  if (!ended->ok() && !absl::IsAborted(*ended) && !absl::IsInternal(*ended)) return ended;
  BeginOpening(producer_);
  abort_stage_ = AbortStage::kRaising;
  return WorkOpening(now);
}

}  // namespace turnout::connectors
