#include "connectors/batch_sink.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "connectors/cluster_client.h"
#include "connectors/delivery_failures.h"
#include "connectors/producer_session.h"
#include "connectors/transactional_ids.h"

namespace turnout::connectors {
namespace {

constexpr int64_t kBatchBytesMax = 1'000'000;

class BatchSink final : public Sink {
 public:
  // A session for each of `settings`.
  BatchSink(const KafkaSinkOptions& options, const std::vector<SessionSettings>& settings,
            std::unique_ptr<ClusterClient> cluster)
      : call_timeout_(absl::Milliseconds(options.call_timeout_ms)),
        doing_(settings.front().doing),
        failures_(doing_),
        cluster_(std::move(cluster)) {
    for (const SessionSettings& one : settings) {
      sessions_.push_back(std::make_unique<ProducerSession>(one, cluster_.get(), &failures_));
    }
  }

  absl::Status Open() override;
  absl::Status Begin() override;
  absl::Status Produce(const OutputRecord& record) override;
  absl::Status Commit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) override;
  absl::Status Abort() override;
  std::vector<DestinationFailure> FailuresOfTransaction() override {
    return failures_.destinations();
  }
  void Close(absl::Duration timeout) override;

 private:
  enum class State {
    kNone,        // to be opened
    kOpening,     // Open answered Unavailable
    kReady,       // between transactions
    kOpen,        // in a transaction
    kCommitting,  // in Commit, which answered Unavailable
    kAborting,    // in Abort, which answered Unavailable
  };

  absl::Time Deadline() const { return absl::Now() + call_timeout_; }
  // This transaction's, or the last one's.
  ProducerSession& session() { return *sessions_[turn_]; }
  // InvalidArgument is no outcome of a sink: it ends the producer.
  static absl::Status Sorted(absl::Status status);

  const absl::Duration call_timeout_;
  const std::string doing_;
  DeliveryFailures failures_;  // of this transaction
  const std::unique_ptr<ClusterClient> cluster_;
  std::vector<std::unique_ptr<ProducerSession>> sessions_;  // take turns
  size_t turn_ = 0;
  size_t opened_ = 0;  // of the sessions, while they are
  State state_ = State::kNone;
  bool was_open_ = false;
};

absl::Status BatchSink::Sorted(absl::Status status) {
  return absl::IsInvalidArgument(status) ? absl::InternalError(status.message()) : status;
}

// All of them, before anybody asks for offsets: no transaction of a ghost may end after that.
absl::Status BatchSink::Open() {
  if (state_ != State::kOpening) {
    if (was_open_) cluster_->Reconnect();
    for (const auto& session : sessions_) session->Reset();
    opened_ = 0;
  }
  const absl::Time deadline = Deadline();
  absl::Status status;
  while (opened_ < sessions_.size()) {
    status = Sorted(sessions_[opened_]->Open(deadline));
    if (!status.ok()) break;
    ++opened_;
  }
  state_ = status.ok()                   ? State::kReady
           : absl::IsUnavailable(status) ? State::kOpening
                                         : State::kNone;
  if (status.ok()) {
    was_open_ = true;
    turn_ = sessions_.size() - 1;
  }
  return status;
}

absl::Status BatchSink::Begin() {
  if (state_ != State::kReady) {
    return absl::InternalError(doing_ + ": Begin before Open, or in a transaction");
  }
  failures_.Begin();
  turn_ = (turn_ + 1) % sessions_.size();
  session().Begin();
  state_ = State::kOpen;
  return absl::OkStatus();
}

absl::Status BatchSink::Produce(const OutputRecord& record) {
  if (state_ != State::kOpen) {
    return absl::InternalError(doing_ + ": Produce outside of a transaction");
  }
  return Sorted(session().queue().Add(record, call_timeout_));
}

absl::Status BatchSink::Commit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) {
  if (state_ != State::kOpen && state_ != State::kCommitting) {
    return absl::InternalError(doing_ + ": Commit outside of a transaction");
  }
  absl::Status status = Sorted(session().Commit(offsets, group, Deadline()));
  if (status.ok()) state_ = State::kReady;
  if (absl::IsUnavailable(status)) state_ = State::kCommitting;
  if (absl::IsAborted(status)) state_ = State::kOpen;
  return status;
}

absl::Status BatchSink::Abort() {
  if (state_ != State::kOpen && state_ != State::kAborting) return absl::OkStatus();
  absl::Status status = Sorted(session().Abort(Deadline()));
  state_ = status.ok()                   ? State::kReady
           : absl::IsUnavailable(status) ? State::kAborting
                                         : State::kNone;
  return status;
}

// Where it fails, the broker aborts by itself: at the transaction's time-out, or when the next
// producer of this id opens.
void BatchSink::Close(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  if (state_ == State::kOpen || state_ == State::kAborting) {
    session().Abort(deadline).IgnoreError();
  }
  state_ = State::kNone;
  cluster_->Reconnect();
}

absl::Status ReadProperty(const KafkaProperty& property, SessionSettings& settings) {
  const auto& [name, value] = property;
  ProduceSettings& produce = settings.produce;
  int64_t number = 0;
  if (name == "compression.type" || name == "compression.codec") {
    const absl::StatusOr<Codec> codec = CodecOf(value);
    if (!codec.ok()) return codec.status();
    produce.codec = *codec;
  } else if (name == "compression.level" && absl::SimpleAtoi(value, &number)) {
    produce.codec_level = static_cast<int>(number);
  } else if (name == "batch.size" && absl::SimpleAtoi(value, &number) && number > 0) {
    produce.batch_bytes_max = std::min(produce.batch_bytes_max, static_cast<size_t>(number));
  }
  return absl::OkStatus();
}

// One for each session.
absl::StatusOr<std::vector<SessionSettings>> SettingsOf(const KafkaSinkOptions& options) {
  SessionSettings settings;
  settings.doing = "producer";
  settings.source_topic = options.source_topic;
  settings.transaction_timeout_ms = options.transaction_timeout_ms;
  settings.produce.batch_bytes_max =
      static_cast<size_t>(std::clamp<int64_t>(options.batch_bytes_max, 1, kBatchBytesMax));
  settings.produce.record_bytes_max = options.record_bytes_max;
  settings.produce.delivery_timeout = absl::Milliseconds(options.transaction_timeout_ms);
  for (const KafkaProperty& property : options.client.properties) {
    const absl::Status status = ReadProperty(property, settings);
    if (!status.ok()) return status;
  }
  if (options.delivery == Delivery::kAtLeastOnce) return std::vector<SessionSettings>{settings};
  std::vector<SessionSettings> taking_turns;
  for (const std::string& id : TransactionalIdsOf(options.transactional_id)) {
    settings.doing = "producer " + id;
    settings.produce.transactional_id = id;
    taking_turns.push_back(settings);
  }
  return taking_turns;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> MakeBatchSink(const KafkaSinkOptions& options) {
  if (options.delivery == Delivery::kExactlyOnce && options.transactional_id.empty()) {
    return absl::InvalidArgumentError("exactly-once delivery needs a transactional id");
  }
  if (options.delivery == Delivery::kExactlyOnce && options.source_topic.empty()) {
    return absl::InvalidArgumentError("exactly-once delivery needs the source's topic");
  }
  const absl::StatusOr<std::vector<SessionSettings>> settings = SettingsOf(options);
  if (!settings.ok()) return settings.status();
  absl::StatusOr<std::unique_ptr<ClusterClient>> cluster = ClusterClient::Make(options.client);
  if (!cluster.ok()) return cluster.status();
  return std::make_unique<BatchSink>(options, *settings, *std::move(cluster));
}

}  // namespace turnout::connectors
