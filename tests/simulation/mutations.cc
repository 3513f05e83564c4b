#include "tests/simulation/mutations.h"

#include <utility>
#include <vector>

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
  }
  return shifted;
}

class BuggySink : public connectors::Sink {
 public:
  BuggySink(Mutation mutation, std::unique_ptr<connectors::Sink> sink, connectors::Source* source)
      : mutation_(mutation), sink_(std::move(sink)), source_(source) {}

  absl::Status Open() override {
    outputs_committed_ = false;
    return sink_->Open();
  }
  absl::Status Begin() override {
    outputs_committed_ = false;
    return sink_->Begin();
  }
  absl::Status Produce(const OutputRecord& record) override { return sink_->Produce(record); }
  absl::Status Commit(absl::Span<const SourceOffset> offsets,
                      const GroupMetadata& group) override;
  absl::Status Abort() override { return sink_->Abort(); }
  std::vector<connectors::DestinationFailure> FailuresOfTransaction() override {
    return sink_->FailuresOfTransaction();
  }
  void Close(absl::Duration timeout) override { sink_->Close(timeout); }

 private:
  const Mutation mutation_;
  const std::unique_ptr<connectors::Sink> sink_;
  connectors::Source* const source_;
  bool outputs_committed_ = false;
};

absl::Status BuggySink::Commit(absl::Span<const SourceOffset> offsets,
                               const GroupMetadata& group) {
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
  return sink_->Commit(Shift(mutation_, offsets), group);
}

class BuggySource : public connectors::Source {
 public:
  BuggySource(Mutation mutation, std::unique_ptr<connectors::Source> source)
      : mutation_(mutation), source_(std::move(source)) {}

  absl::StatusOr<absl::Span<const Event>> Poll(absl::Duration max_wait,
                                               AssignmentListener& listener) override {
    return source_->Poll(max_wait, listener);
  }
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
  }
  return "?";
}

std::unique_ptr<connectors::Sink> MutateSink(Mutation mutation,
                                             std::unique_ptr<connectors::Sink> sink,
                                             connectors::Source* source) {
  switch (mutation) {
    case Mutation::kOffsetsCommittedApart:
    case Mutation::kGenerationIgnored:
    case Mutation::kOffsetsOneTooFar:
    case Mutation::kOffsetsOneTooNear:
      return std::make_unique<BuggySink>(mutation, std::move(sink), source);
    default:
      return sink;
  }
}

std::unique_ptr<connectors::Source> MutateSource(Mutation mutation,
                                                 std::unique_ptr<connectors::Source> source) {
  switch (mutation) {
    case Mutation::kRewindForgotten:
    case Mutation::kOffsetsOneTooFar:
    case Mutation::kOffsetsOneTooNear:
      return std::make_unique<BuggySource>(mutation, std::move(source));
    default:
      return source;
  }
}

}  // namespace turnout::simulation
