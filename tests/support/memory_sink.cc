#include "tests/support/memory_sink.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace turnout::support {
namespace {

using connectors::DestinationFailure;
using connectors::GroupMetadata;
using connectors::OutputRecord;
using connectors::SourceOffset;

constexpr FaultSet kRequestFaults = {Fault::kCrashBefore,        Fault::kCrashAfter,
                                     Fault::kPause,              Fault::kUnavailableBefore,
                                     Fault::kUnavailableAfter,   Fault::kAborted,
                                     Fault::kFailedPrecondition, Fault::kInternal};
// What only touches the client's memory can't lose an answer.
constexpr FaultSet kLocalFaults = {Fault::kCrashBefore,        Fault::kCrashAfter,
                                   Fault::kPause,              Fault::kUnavailableBefore,
                                   Fault::kAborted,            Fault::kFailedPrecondition,
                                   Fault::kInternal};
constexpr FaultSet kOpenFaults = {Fault::kCrashBefore,       Fault::kCrashAfter,
                                  Fault::kPause,             Fault::kUnavailableBefore,
                                  Fault::kUnavailableAfter,  Fault::kFailedPrecondition,
                                  Fault::kInternal};
constexpr FaultSet kCloseFaults = {Fault::kCrashBefore, Fault::kCrashAfter, Fault::kPause};

}  // namespace

MemorySink::MemorySink(MemorySinkOptions options, MemoryLog* log, FaultPoints* points,
                       SimulatedProcess* process)
    : options_(std::move(options)), log_(log), points_(points), process_(process) {}

void MemorySink::Forget() {
  open_ = on_broker_ = offsets_sent_ = false;
  records_.clear();
  sent_ = 0;
}

// Keeps what makes the transaction or the producer useless.
absl::Status MemorySink::Remember(const absl::Status& status) {
  if (!status.ok() && !absl::IsUnavailable(status)) condition_ = status;
  return status;
}

absl::Status MemorySink::Open() {
  FaultedCall call(points_, process_, "open", kOpenFaults);
  Forget();
  condition_ = absl::FailedPreconditionError("the sink has not been opened");
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  if (transactional()) {
    const auto producer =
        log_->transactions().Init(options_.transactional_id, options_.transaction_timeout);
    if (!producer.ok()) return call.After(producer.status());
    producer_ = *producer;
  }
  const absl::Status answer = call.After(absl::OkStatus());
  if (answer.ok()) condition_ = absl::OkStatus();
  return answer;
}

absl::Status MemorySink::Begin() {
  FaultedCall call(points_, process_, "begin", kLocalFaults);
  if (!condition_.ok()) return condition_;
  if (open_) return absl::InternalError("a transaction is open already");
  if (absl::Status refused = call.Before(); !refused.ok()) return Remember(refused);
  Forget();
  failures_.clear();
  open_ = true;
  return call.After(absl::OkStatus());
}

absl::Status MemorySink::Produce(const OutputRecord& record) {
  FaultedCall call(points_, process_, absl::StrCat("produce to ", std::string(record.topic)),
                   kLocalFaults);
  if (!condition_.ok()) return condition_;
  if (!open_) return absl::InternalError("no transaction is open");
  if (absl::Status refused = call.Before(); !refused.ok()) return Remember(refused);
  records_.emplace_back(std::string(record.topic), CopyRecord(record));
  // A client sends when it likes; what comes of it is told by the next call.
  if (log_->random().OneIn(2)) Flush().IgnoreError();
  return call.After(absl::OkStatus());
}

absl::Status MemorySink::Flush() {
  for (; sent_ < records_.size(); ++sent_) {
    const auto& [topic, record] = records_[sent_];
    const absl::Status sent = Send(topic, record);
    if (absl::IsUnavailable(sent)) return sent;
    if (!sent.ok() && !absl::IsAborted(sent)) return Remember(sent);
    if (!sent.ok()) Remember(sent).IgnoreError();  // others go out all the same
  }
  return condition_;
}

absl::Status MemorySink::Send(const std::string& name, const MemoryRecord& record) {
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
        options_.transactional_id, producer_, absl::StrFormat("%s/%d", name, chosen), partition);
    if (!added.ok()) return added;
    on_broker_ = true;
    partition->AppendInTransaction(producer_.id, record);
    return absl::OkStatus();
  }
  failures_.push_back(failure);
  return absl::AbortedError(absl::StrFormat("'%s' refused a record (%s)", name, failure.reason));
}

absl::Status MemorySink::Commit(absl::Span<const SourceOffset> offsets,
                                const GroupMetadata& group) {
  if (!condition_.ok()) return condition_;
  if (!open_) return absl::InternalError("no transaction is open");
  {
    FaultedCall call(points_, process_, "commit: the last records", kRequestFaults);
    if (absl::Status refused = call.Before(); !refused.ok()) return Remember(refused);
    if (absl::Status sent = call.After(Flush()); !sent.ok()) return sent;
  }
  if (!transactional()) {
    Forget();
    return absl::OkStatus();
  }
  if (!offsets_sent_ && !offsets.empty()) {
    FaultedCall call(points_, process_, "commit: the offsets", kRequestFaults);
    if (absl::Status refused = call.Before(); !refused.ok()) return Remember(refused);
    if (absl::Status sent = call.After(Remember(SendOffsets(offsets, group))); !sent.ok()) {
      return sent;
    }
    offsets_sent_ = true;
  }
  FaultedCall call(points_, process_, "commit: the end", kRequestFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return Remember(refused);
  if (absl::Status ended = call.After(End(/*commit=*/true)); !ended.ok()) return ended;
  Forget();
  return absl::OkStatus();
}

absl::Status MemorySink::SendOffsets(absl::Span<const SourceOffset> offsets,
                                     const GroupMetadata& metadata) {
  MemoryGroup* const group = log_->Group(metadata.group_id, options_.source_topic);
  const absl::Status added = log_->transactions().AddGroup(options_.transactional_id, producer_,
                                                           metadata.group_id, group);
  if (!added.ok()) return added;
  on_broker_ = true;
  return group->CommitInTransaction(producer_.id, offsets, metadata);
}

absl::Status MemorySink::End(bool commit) {
  if (!on_broker_) return absl::OkStatus();
  return Remember(log_->transactions().End(options_.transactional_id, producer_, commit));
}

absl::Status MemorySink::Abort() {
  if (!condition_.ok() && !absl::IsAborted(condition_)) return condition_;
  FaultedCall call(points_, process_, "abort", kOpenFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return Remember(refused);
  const absl::Status ended = call.After(transactional() ? End(/*commit=*/false) : absl::OkStatus());
  if (!ended.ok()) return ended;
  Forget();
  condition_ = absl::OkStatus();
  return absl::OkStatus();
}

std::vector<DestinationFailure> MemorySink::FailuresOfTransaction() { return failures_; }

void MemorySink::Close(absl::Duration /*timeout*/) {
  FaultedCall call(points_, process_, "close", kCloseFaults);
  call.Before().IgnoreError();
  if (open_ && transactional() && (condition_.ok() || absl::IsAborted(condition_))) {
    End(/*commit=*/false).IgnoreError();
  }
  Forget();
  condition_ = absl::FailedPreconditionError("the sink is closed");
  call.After(absl::OkStatus()).IgnoreError();
}

}  // namespace turnout::support
