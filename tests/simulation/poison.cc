#include "tests/simulation/poison.h"

#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/simulation/oracle.h"

namespace turnout::simulation {
namespace {

using connectors::DestinationFailure;
using connectors::GroupMetadata;
using connectors::OutputRecord;
using connectors::SourceOffset;

// -1: it is no event as it was.
int EventIdOf(const OutputRecord& record) {
  constexpr std::string_view kBefore = R"({"id": )";
  int id = -1;
  if (!record.value.starts_with(kBefore)) return id;
  const char* const end = record.value.data() + record.value.size();
  std::from_chars(record.value.data() + kBefore.size(), end, id);
  return id;
}

class PoisonedSink : public connectors::Sink {
 public:
  PoisonedSink(std::unique_ptr<connectors::Sink> sink, Poisons* poisons,
               support::SimulatedProcess* process)
      : sink_(std::move(sink)), poisons_(poisons), process_(process) {}

  absl::Status Open() override {
    open_ = ending_ = {};
    return sink_->Open();
  }
  absl::Status Begin() override {
    open_ = {};
    return sink_->Begin();
  }
  absl::Status Produce(const OutputRecord& record) override;
  bool may_overlap() const override { return sink_->may_overlap(); }
  void StartCommit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) override {
    End();
    sink_->StartCommit(offsets, group);
  }
  absl::Status Commit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) override;
  absl::Status Abort() override {
    open_ = ending_ = {};
    return sink_->Abort();
  }
  std::vector<DestinationFailure> FailuresOfTransaction() override {
    return std::exchange(is_refused_, false) ? refused_ : sink_->FailuresOfTransaction();
  }
  void Close(absl::Duration timeout) override { sink_->Close(timeout); }

 private:
  struct Transaction {
    bool is_ending = false;
    std::vector<DestinationFailure> refused;
  };

  void End() {
    ending_ = std::exchange(open_, {});
    ending_.is_ending = true;
  }

  const std::unique_ptr<connectors::Sink> sink_;
  Poisons* const poisons_;
  support::SimulatedProcess* const process_;
  Transaction open_;
  Transaction ending_;
  std::vector<DestinationFailure> refused_;  // of the last Commit that failed for that
  bool is_refused_ = false;
};

absl::Status PoisonedSink::Produce(const OutputRecord& record) {
  const auto poison = poisons_->by_event.find(EventIdOf(record));
  if (poison != poisons_->by_event.end() && record.topic != kDeadLetterTopic) {
    if (poison->second == Poison::kCrashes) {
      ++poisons_->struck;
      throw support::SimulatedCrash{process_};
    }
    open_.refused.push_back({.topic = std::string(record.topic),
                             .kind = DestinationFailure::Kind::kRecordRefused,
                             .reason = "INVALID_TIMESTAMP"});
  }
  return sink_->Produce(record);
}

absl::Status PoisonedSink::Commit(absl::Span<const SourceOffset> offsets,
                                  const GroupMetadata& group) {
  if (!ending_.is_ending) End();
  if (!ending_.refused.empty()) {
    ++poisons_->struck;
    refused_ = ending_.refused;
    is_refused_ = true;
    return absl::AbortedError("a record was refused");
  }
  absl::Status committed = sink_->Commit(offsets, group);
  if (committed.ok()) ending_ = {};
  return committed;
}

}  // namespace

std::unique_ptr<connectors::Sink> PoisonSink(std::unique_ptr<connectors::Sink> sink,
                                             Poisons* poisons, support::SimulatedProcess* process) {
  return std::make_unique<PoisonedSink>(std::move(sink), poisons, process);
}

}  // namespace turnout::simulation
