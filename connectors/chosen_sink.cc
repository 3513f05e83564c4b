#include "connectors/chosen_sink.h"

#include <utility>
#include <vector>

#include "connectors/batch_sink.h"
#include "connectors/cluster_client.h"
#include "connectors/kafka_sink.h"
#include "connectors/steady_clock.h"

namespace turnout::connectors {
namespace {

class ChosenSink final : public Sink {
 public:
  // `sink` is it, unless the brokers that `probe` reaches are too old for it.
  ChosenSink(const KafkaSinkOptions& options, std::unique_ptr<Sink> sink,
             std::unique_ptr<ClusterClient> probe, OnSinkChoice on_choice)
      : options_(options),
        on_choice_(std::move(on_choice)),
        sink_(std::move(sink)),
        probe_(std::move(probe)) {}

  absl::Status Open() override {
    const absl::Status chosen = Choose();
    return chosen.ok() ? sink_->Open() : chosen;
  }
  absl::Status Begin() override { return sink_->Begin(); }
  absl::Status Produce(const OutputRecord& record) override { return sink_->Produce(record); }
  bool may_overlap() const override { return sink_->may_overlap(); }
  void StartCommit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) override {
    sink_->StartCommit(offsets, group);
  }
  absl::Status Commit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) override {
    return sink_->Commit(offsets, group);
  }
  absl::Status Abort() override { return sink_->Abort(); }
  std::vector<DestinationFailure> FailuresOfTransaction() override {
    return sink_->FailuresOfTransaction();
  }
  void Close(absl::Duration timeout) override { sink_->Close(timeout); }

 private:
  absl::Status Choose();

  const KafkaSinkOptions options_;
  const OnSinkChoice on_choice_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<ClusterClient> probe_;  // null once it is chosen
};

absl::Status ChosenSink::Choose() {
  if (probe_ == nullptr) return absl::OkStatus();
  const absl::Time deadline = SteadyNow() + absl::Milliseconds(options_.call_timeout_ms);
  absl::Status reached = probe_->AnyBroker().status();
  while (absl::IsUnavailable(reached) && SteadyNow() < deadline) {
    probe_->Turn(deadline);
    reached = probe_->AnyBroker().status();
  }
  if (absl::IsUnavailable(reached)) return reached;
  if (reached.ok()) {
    on_choice_(SinkKind::kBatch, "the brokers speak what it needs");
  } else {
    absl::StatusOr<std::unique_ptr<Sink>> made = MakeKafkaSink(options_);
    if (!made.ok()) return absl::InternalError(made.status().message());
    sink_ = *std::move(made);
    on_choice_(SinkKind::kLibrdkafka, std::string(reached.message()));
  }
  probe_.reset();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> MakeChosenSink(const KafkaSinkOptions& options,
                                                     SinkKind wanted, OnSinkChoice on_choice) {
  std::string why = "the config says so";
  if (wanted == SinkKind::kBatch) {
    absl::StatusOr<std::unique_ptr<Sink>> batch = MakeBatchSink(options);
    if (batch.ok()) {
      absl::StatusOr<std::unique_ptr<ClusterClient>> probe = ClusterClient::Make(options.client);
      if (!probe.ok()) return probe.status();
      return std::make_unique<ChosenSink>(options, *std::move(batch), *std::move(probe),
                                          std::move(on_choice));
    }
    if (!absl::IsUnimplemented(batch.status())) return batch.status();
    why = std::string(batch.status().message());
  }
  on_choice(SinkKind::kLibrdkafka, why);
  return MakeKafkaSink(options);
}

}  // namespace turnout::connectors
