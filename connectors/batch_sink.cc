#include "connectors/batch_sink.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "connectors/client_security.h"
#include "connectors/cluster_client.h"
#include "connectors/delivery_failures.h"
#include "connectors/producer_session.h"
#include "connectors/steady_clock.h"
#include "connectors/transactional_ids.h"

namespace turnout::connectors {
namespace {

constexpr int64_t kBatchBytesMax = 1'000'000;

class BatchSink final : public Sink {
 public:
  // A session for each of `settings`; with more than one, transactions overlap.
  BatchSink(const KafkaSinkOptions& options, const std::vector<SessionSettings>& settings,
            std::unique_ptr<ClusterClient> cluster)
      : call_timeout_(absl::Milliseconds(options.call_timeout_ms)),
        doing_(settings.front().doing),
        cluster_(std::move(cluster)) {
    for (const SessionSettings& one : settings) {
      sides_.push_back(std::make_unique<Side>(one, cluster_.get()));
    }
  }

  absl::Status Open() override;
  absl::Status Begin() override;
  absl::Status Produce(const OutputRecord& record) override;
  bool may_overlap() const override { return sides_.size() > 1; }
  void StartCommit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) override;
  absl::Status Commit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) override;
  absl::Status Abort() override;
  std::vector<DestinationFailure> FailuresOfTransaction() override {
    return sides_[aborted_]->failures.destinations();
  }
  void Close(absl::Duration timeout) override;

 private:
  enum class State {
    kNone,     // to be opened
    kOpening,  // Open answered Unavailable
    kReady,
  };

  // A transactional id, or none.
  struct Side {
    Side(const SessionSettings& settings, ClusterClient* cluster)
        : failures(settings.doing), session(settings, cluster, &failures) {}
    DeliveryFailures failures;  // of its transaction
    ProducerSession session;
  };

  absl::Time Deadline() const { return SteadyNow() + call_timeout_; }
  // InvalidArgument is no outcome of a sink: it ends the producer.
  static absl::Status Sorted(absl::Status status);
  absl::Status Outcome(const Side& side, absl::Status status);
  absl::Status MakeWay();
  absl::Time WorkOnNext(absl::Time now);
  absl::Status AbortAll(absl::Time deadline);

  const absl::Duration call_timeout_;
  const std::string doing_;
  const std::unique_ptr<ClusterClient> cluster_;
  std::vector<std::unique_ptr<Side>> sides_;  // take turns
  size_t turn_ = 0;                           // whose the last transaction is
  size_t opened_ = 0;                         // of the sides, while they are
  size_t aborted_ = 0;                        // which answered Aborted last
  State state_ = State::kNone;
  Side* open_ = nullptr;    // takes records
  Side* ending_ = nullptr;  // its commit was started
  int until_work_ = 0;      // records until the one that ends is looked after
  bool was_open_ = false;
};

absl::Status BatchSink::Sorted(absl::Status status) {
  return absl::IsInvalidArgument(status) ? absl::InternalError(status.message()) : status;
}

absl::Status BatchSink::Outcome(const Side& side, absl::Status status) {
  if (absl::IsAborted(status)) {
    const auto is_it = [&side](const std::unique_ptr<Side>& one) { return one.get() == &side; };
    aborted_ =
        static_cast<size_t>(std::find_if(sides_.begin(), sides_.end(), is_it) - sides_.begin());
  }
  return Sorted(std::move(status));
}

// All of them, before anybody asks for offsets: no transaction of a ghost may end after that.
absl::Status BatchSink::Open() {
  if (state_ != State::kOpening) {
    if (was_open_) cluster_->Reconnect();
    for (const auto& side : sides_) side->session.Reset();
    open_ = ending_ = nullptr;
    opened_ = 0;
  }
  const absl::Time deadline = Deadline();
  absl::Status status;
  while (opened_ < sides_.size()) {
    status = Sorted(sides_[opened_]->session.Open(deadline));
    if (!status.ok()) break;
    ++opened_;
  }
  state_ = status.ok()                   ? State::kReady
           : absl::IsUnavailable(status) ? State::kOpening
                                         : State::kNone;
  if (status.ok()) {
    was_open_ = true;
    turn_ = sides_.size() - 1;
  }
  return status;
}

absl::Status BatchSink::Begin() {
  const DeliveryFailures& before = sides_[turn_]->failures;
  const size_t next = (turn_ + 1) % sides_.size();
  if (state_ != State::kReady || open_ != nullptr || sides_[next].get() == ending_) {
    return absl::InternalError(doing_ + ": Begin before Open, or in a transaction");
  }
  turn_ = next;
  if (ending_ == nullptr) aborted_ = turn_;  // none has yet
  open_ = sides_[turn_].get();
  if (&open_->failures == &before) {
    open_->failures.Begin();
  } else {
    open_->failures.BeginAfter(before);
  }
  open_->session.Begin();
  if (ending_ != nullptr) open_->session.queue().Hold();
  return absl::OkStatus();
}

absl::Status BatchSink::Produce(const OutputRecord& record) {
  if (open_ == nullptr) return absl::InternalError(doing_ + ": Produce outside of a transaction");
  constexpr int kRecordsBetween = 32;
  if (ending_ != nullptr && --until_work_ <= 0) {
    until_work_ = kRecordsBetween;
    cluster_->Turn(absl::InfinitePast());
    ending_->session.WorkOnCommit();
  }
  ProduceQueue& queue = open_->session.queue();
  if (queue.is_held() && queue.has_enough()) {
    if (absl::Status status = MakeWay(); !status.ok()) return status;
  }
  absl::Status added = open_->session.Produce(record, call_timeout_);
  return added.ok() ? added : Outcome(*open_, std::move(added));
}

// Records of the next transaction go out when the brokers have all of the one before: whatever is
// sent again of that one would come after them.
absl::Status BatchSink::MakeWay() {
  if (ending_ != nullptr) {
    absl::Status there = Outcome(*ending_, ending_->session.AwaitRecords(Deadline()));
    if (!there.ok()) return there;
  }
  open_->session.queue().Release();
  return absl::OkStatus();
}

absl::Time BatchSink::WorkOnNext(absl::Time now) {
  if (open_ == nullptr) return absl::InfiniteFuture();
  ProduceQueue& queue = open_->session.queue();
  if (queue.is_held()) {
    if (!ending_->session.queue().empty()) return absl::InfiniteFuture();
    queue.Release();
    queue.Flush();
  }
  queue.Work(now);
  return queue.due();
}

void BatchSink::StartCommit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) {
  if (open_ == nullptr || ending_ != nullptr) return;  // Commit says so
  ending_ = std::exchange(open_, nullptr);
  ending_->session.StartCommit(offsets, group);
  ending_->session.WorkOnCommit();
  cluster_->Turn(absl::InfinitePast());
}

absl::Status BatchSink::Commit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) {
  if (ending_ == nullptr) StartCommit(offsets, group);
  if (ending_ == nullptr) {
    return absl::InternalError(doing_ + ": Commit outside of a transaction");
  }
  absl::Status status = Outcome(
      *ending_,
      ending_->session.Commit(Deadline(), [this](absl::Time now) { return WorkOnNext(now); }));
  if (status.ok()) {
    ending_ = nullptr;
    if (open_ != nullptr && open_->session.queue().is_held()) {
      open_->session.queue().Release();
    }
  }
  return status;
}

absl::Status BatchSink::Abort() {
  if (state_ != State::kReady) return absl::OkStatus();
  absl::Status status = AbortAll(Deadline());
  if (!status.ok() && !absl::IsUnavailable(status)) state_ = State::kNone;
  return status;
}

absl::Status BatchSink::AbortAll(absl::Time deadline) {
  for (Side** const side : {&ending_, &open_}) {
    if (*side == nullptr) continue;
    absl::Status status = Sorted((*side)->session.Abort(deadline));
    if (!status.ok()) return status;
    *side = nullptr;
  }
  return absl::OkStatus();
}

// Where it fails, the broker aborts by itself: at the transaction's time-out, or when the next
// producer of this id opens.
void BatchSink::Close(absl::Duration timeout) {
  if (state_ == State::kReady) AbortAll(SteadyNow() + timeout).IgnoreError();
  state_ = State::kNone;
  open_ = ending_ = nullptr;
  cluster_->Reconnect();
}

// Properties of other things than security that only librdkafka has; see client_security.
constexpr const char* kOnlyLibrdkafka[] = {"broker.address.family", "plugin.library.paths"};

absl::Status ReadProperty(const KafkaProperty& property, SessionSettings& settings) {
  const auto& [name, value] = property;
  if (absl::c_linear_search(kOnlyLibrdkafka, name)) return OnlyLibrdkafkaHonours(name);
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
  settings.produce.on_throttle = options.client.events.on_throttle;
  settings.produce.patience = absl::Milliseconds(options.destination_patience_ms);
  for (const KafkaProperty& property : options.client.properties) {
    const absl::Status status = ReadProperty(property, settings);
    if (!status.ok()) return status;
  }
  if (options.delivery == Delivery::kAtLeastOnce) return std::vector<SessionSettings>{settings};
  settings.produce.spare_batches = std::make_shared<SpareBatches>();
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
