#include "tests/support/memory_sink.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "connectors/transactional_ids.h"

namespace turnout::support {
namespace {

using connectors::DestinationFailure;
using connectors::GroupMetadata;
using connectors::OutputRecord;
using connectors::SourceOffset;

constexpr FaultSet kRequestFaults = {
    Fault::kCrashBefore,        Fault::kCrashAfter,       Fault::kPause,
    Fault::kUnavailableBefore,  Fault::kUnavailableAfter, Fault::kAborted,
    Fault::kFailedPrecondition, Fault::kInternal};
// What only touches the client's memory can't lose an answer.
constexpr FaultSet kLocalFaults = {
    Fault::kCrashBefore, Fault::kCrashAfter,         Fault::kPause,   Fault::kUnavailableBefore,
    Fault::kAborted,     Fault::kFailedPrecondition, Fault::kInternal};
constexpr FaultSet kOpenFaults = {
    Fault::kCrashBefore,       Fault::kCrashAfter,       Fault::kPause,
    Fault::kUnavailableBefore, Fault::kUnavailableAfter, Fault::kFailedPrecondition,
    Fault::kInternal};
constexpr FaultSet kCloseFaults = {Fault::kCrashBefore, Fault::kCrashAfter, Fault::kPause};

}  // namespace

MemorySink::MemorySink(MemorySinkOptions options, MemoryLog* log, FaultPoints* points,
                       SimulatedProcess* process)
    : options_(std::move(options)), log_(log), points_(points), process_(process) {
  std::vector<std::string> ids = connectors::TransactionalIdsOf(options_.transactional_id);
  if (!options_.overlaps) ids.resize(1);
  for (std::string& id : ids) sessions_.push_back({.id = std::move(id)});
}

void MemorySink::Session::Forget() {
  on_broker = offsets_sent = false;
  records.clear();
  sent = 0;
  aborted = absl::OkStatus();
  failures.clear();
}

void MemorySink::Forget() {
  for (Session& session : sessions_) session.Forget();
  open_ = ending_ = nullptr;
}

absl::Status MemorySink::ConditionOf(const Session& session) const {
  return condition_.ok() ? session.aborted : condition_;
}

absl::Status MemorySink::Remember(Session& session, const absl::Status& status) {
  if (status.ok() || absl::IsUnavailable(status)) return status;
  if (absl::IsAborted(status)) {
    session.aborted = status;
    failures_ = session.failures;
  } else {
    condition_ = status;
  }
  return status;
}

absl::Status MemorySink::Open() {
  FaultedCall call(points_, process_, "open", kOpenFaults);
  Forget();
  condition_ = absl::FailedPreconditionError("the sink has not been opened");
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  if (transactional()) {
    for (Session& session : sessions_) {
      const bool is_first = &session == &sessions_.front();
      if (!is_first && options_.fences_first_only && session.producer.id < 0) {
        session.id = absl::StrCat(session.id, "-", log_->random().Below(1'000'000));
      }
      const auto producer = log_->transactions().Init(session.id, options_.transaction_timeout);
      if (!producer.ok()) return call.After(producer.status());
      session.producer = *producer;
    }
  }
  const absl::Status answer = call.After(absl::OkStatus());
  if (answer.ok()) condition_ = absl::OkStatus();
  return answer;
}

absl::Status MemorySink::Begin() {
  FaultedCall call(points_, process_, "begin", kLocalFaults);
  if (!condition_.ok()) return condition_;
  if (open_ != nullptr) return absl::InternalError("a transaction is open already");
  Session& session = sessions_[turn_];
  if (&session == ending_) return absl::InternalError("the id's last transaction is ending");
  const absl::Status refused = call.Before();
  if (absl::IsUnavailable(refused)) return refused;
  session.Forget();
  open_ = &session;
  turn_ = (turn_ + 1) % sessions_.size();
  if (!refused.ok()) return Remember(session, refused);
  return call.After(absl::OkStatus());
}

absl::Status MemorySink::Produce(const OutputRecord& record) {
  FaultedCall call(points_, process_, absl::StrCat("produce to ", std::string(record.topic)),
                   kLocalFaults);
  if (open_ == nullptr) return absl::InternalError("no transaction is open");
  if (absl::Status condition = ConditionOf(*open_); !condition.ok()) return condition;
  if (absl::Status refused = call.Before(); !refused.ok()) return Remember(*open_, refused);
  open_->records.emplace_back(std::string(record.topic), CopyRecord(record));
  // A client sends when it likes, once all of the transaction before is there; what comes of it is
  // told by the next call.
  const bool may_send = ending_ == nullptr || ending_->sent == ending_->records.size();
  if (may_send && log_->random().OneIn(2)) Flush(*open_).IgnoreError();
  return call.After(absl::OkStatus());
}

absl::Status MemorySink::Flush(Session& session) {
  for (; session.sent < session.records.size(); ++session.sent) {
    const auto& [topic, record] = session.records[session.sent];
    const absl::Status sent = Send(session, topic, record);
    if (absl::IsUnavailable(sent)) return sent;
    if (!sent.ok() && !absl::IsAborted(sent)) return Remember(session, sent);
    if (!sent.ok()) Remember(session, sent).IgnoreError();  // others go out all the same
  }
  return ConditionOf(session);
}

absl::Status MemorySink::Send(Session& session, const std::string& name,
                              const MemoryRecord& record) {
  MemoryTopic* const topic = log_->FindTopic(name);
  DestinationFailure failure{.topic = name};
  if (topic == nullptr) {
    failure.kind = DestinationFailure::Kind::kMissing;
    failure.reason = "UNKNOWN_TOPIC_OR_PARTITION";
  } else if (topic->forbidden) {
    failure.kind = DestinationFailure::Kind::kForbidden;
    failure.reason = "TOPIC_AUTHORIZATION_FAILED";
  } else if (BatchBytes(record) > topic->batch_bytes_max) {
    failure.kind = DestinationFailure::Kind::kRecordTooLarge;
    failure.reason = "MESSAGE_TOO_LARGE";
    failure.record_bytes = static_cast<int64_t>(record.value.value_or("").size());
  } else {
    const int32_t chosen = ChoosePartition(*topic, record, log_->random());
    MemoryPartition* const partition = topic->partitions[chosen].get();
    if (!transactional()) {
      partition->Append(record);
      return absl::OkStatus();
    }
    const absl::Status added = log_->transactions().AddPartition(
        session.id, session.producer, absl::StrFormat("%s/%d", name, chosen), partition);
    if (!added.ok()) return added;
    session.on_broker = true;
    partition->AppendInTransaction(session.producer.id, record);
    return absl::OkStatus();
  }
  session.failures.push_back(failure);
  return absl::AbortedError(absl::StrFormat("'%s' refused a record (%s)", name, failure.reason));
}

// A part of what Commit does, as far as it gets.
void MemorySink::StartCommit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) {
  FaultedCall call(points_, process_, "start a commit", kCloseFaults);
  call.Before().IgnoreError();
  ending_ = std::exchange(open_, nullptr);
  if (log_->random().OneIn(2) && Flush(*ending_).ok() && log_->random().OneIn(2)) {
    ending_->offsets_sent = SendOffsets(*ending_, offsets, group).ok();
  }
  call.After(absl::OkStatus()).IgnoreError();
}

absl::Status MemorySink::Commit(absl::Span<const SourceOffset> offsets,
                                const GroupMetadata& group) {
  Session* const committed = ending_ != nullptr ? ending_ : open_;
  if (committed == nullptr) return absl::InternalError("no transaction is open");
  Session& session = *committed;
  if (absl::Status condition = ConditionOf(session); !condition.ok()) {
    return Remember(session, condition);
  }
  {
    FaultedCall call(points_, process_, "commit: the last records", kRequestFaults);
    if (absl::Status refused = call.Before(); !refused.ok()) return Remember(session, refused);
    if (absl::Status sent = call.After(Flush(session)); !sent.ok()) return Remember(session, sent);
  }
  if (transactional()) {
    if (!session.offsets_sent && !offsets.empty()) {
      FaultedCall call(points_, process_, "commit: the offsets", kRequestFaults);
      if (absl::Status refused = call.Before(); !refused.ok()) return Remember(session, refused);
      const absl::Status sent = SendOffsets(session, offsets, group);
      if (absl::Status told = call.After(Remember(session, sent)); !told.ok()) return told;
      session.offsets_sent = true;
    }
    if (options_.next_ends_first && ending_ != nullptr && open_ != nullptr) {
      if (Flush(*open_).ok()) End(*open_, /*commit=*/true).IgnoreError();
    }
    FaultedCall call(points_, process_, "commit: the end", kRequestFaults);
    if (absl::Status refused = call.Before(); !refused.ok()) return Remember(session, refused);
    const absl::Status ended = End(session, /*commit=*/true);
    if (absl::Status told = call.After(Remember(session, ended)); !told.ok()) return told;
  }
  session.Forget();
  (ending_ != nullptr ? ending_ : open_) = nullptr;
  return absl::OkStatus();
}

absl::Status MemorySink::SendOffsets(Session& session, absl::Span<const SourceOffset> offsets,
                                     const GroupMetadata& metadata) {
  MemoryGroup* const group = log_->Group(metadata.group_id, options_.source_topic);
  const absl::Status added =
      log_->transactions().AddGroup(session.id, session.producer, metadata.group_id, group);
  if (!added.ok()) return added;
  session.on_broker = true;
  return group->CommitInTransaction(session.producer.id, offsets, metadata);
}

absl::Status MemorySink::End(Session& session, bool commit) {
  if (!session.on_broker) return absl::OkStatus();
  return log_->transactions().End(session.id, session.producer, commit);
}

absl::Status MemorySink::Abort() {
  if (!condition_.ok()) return condition_;
  FaultedCall call(points_, process_, "abort", kOpenFaults);
  Session* const first = ending_ != nullptr ? ending_ : open_;
  if (first == nullptr) return absl::OkStatus();
  if (absl::Status refused = call.Before(); !refused.ok()) return Remember(*first, refused);
  absl::Status ended;
  for (Session* session : {ending_, open_}) {
    if (session == nullptr || !transactional()) continue;
    const bool is_spared = options_.abort_spares_next && session == open_ && ending_ != nullptr;
    if (is_spared) Flush(*session).IgnoreError();
    ended.Update(Remember(*session, End(*session, /*commit=*/is_spared)));
  }
  if (absl::Status told = call.After(ended); !told.ok()) return told;
  Forget();
  return absl::OkStatus();
}

std::vector<DestinationFailure> MemorySink::FailuresOfTransaction() { return failures_; }

void MemorySink::Close(absl::Duration /*timeout*/) {
  FaultedCall call(points_, process_, "close", kCloseFaults);
  call.Before().IgnoreError();
  for (Session* session : {ending_, open_}) {
    if (session == nullptr || !transactional() || !condition_.ok()) continue;
    End(*session, /*commit=*/false).IgnoreError();
  }
  Forget();
  condition_ = absl::FailedPreconditionError("the sink is closed");
  call.After(absl::OkStatus()).IgnoreError();
}

}  // namespace turnout::support
