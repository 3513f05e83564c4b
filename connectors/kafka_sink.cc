#include "connectors/kafka_sink.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "connectors/delivery_failures.h"
#include "connectors/id_takeover.h"
#include "connectors/kafka_errors.h"
#include "connectors/kafka_handle.h"
#include "connectors/kafka_offsets.h"
#include "connectors/memberless_group.h"
#include "connectors/steady_clock.h"
#include "connectors/transactional_ids.h"

namespace turnout::connectors {
namespace {

constexpr int kFailureReportsMs = 200;  // for delivery reports that say why a transaction failed
constexpr int kQueueFullPollMs = 10;

struct TopicHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const {
    return absl::Hash<absl::string_view>()(absl::string_view(text.data(), text.size()));
  }
};
struct Topic {
  rd_kafka_topic_t* handle = nullptr;
  int64_t unanswered = 0;  // records that no delivery report has come for
};
// Of stable addresses: a record's report comes with its topic's.
using Topics = absl::flat_hash_map<std::string, std::unique_ptr<Topic>, TopicHash, std::equal_to<>>;

class KafkaSink final : public Sink {
 public:
  explicit KafkaSink(const KafkaSinkOptions& options)
      : options_(options),
        exactly_once_(options.delivery == Delivery::kExactlyOnce),
        doing_(exactly_once_ ? "producer " + options.transactional_id : "producer"),
        failures_(doing_) {
    TakeOverOtherIds();
  }
  ~KafkaSink() override { DropClient(); }

  absl::Status Make();

  absl::Status Open() override;
  absl::Status Begin() override;
  absl::Status Produce(const OutputRecord& record) override;
  absl::Status Commit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) override;
  absl::Status Abort() override;
  std::vector<DestinationFailure> FailuresOfTransaction() override;
  void Close(absl::Duration timeout) override;

 private:
  enum class State {
    kNone,        // no client
    kFresh,       // made, or Open hasn't finished
    kTakingOver,  // the producer is open, the other ids are not ours yet
    kReady,       // between transactions
    kOpen,        // in a transaction
    kCommitting,  // in Commit, which answered Unavailable
    kReopening,   // in Abort, which answered Unavailable: a fresh producer is being opened
  };

  bool IsBeingOpened() const { return state_ == State::kFresh || state_ == State::kReopening; }
  void TakeOverOtherIds();
  absl::Status TakeOver();
  absl::Status OpenProducer();

  static void OnDelivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque);
  void OnError(int code, const std::string& reason);

  Topic* FindTopic(std::string_view topic);
  absl::Status Add(Topic* topic, const OutputRecord& record);
  absl::Status ProduceFailed(rd_kafka_error_t* error, std::string_view topic);
  absl::Status CommitTransaction(absl::Span<const SourceOffset> offsets,
                                 const GroupMetadata& group);
  absl::Status SendOffsets(absl::Span<const SourceOffset> offsets, const GroupMetadata& group);
  absl::Status AwaitDeliveries();
  absl::Status BlameWhoTakesNothing();
  bool IsOutOfPatience() const {
    return SteadyNow() - waits_since_ >= absl::Milliseconds(options_.destination_patience_ms);
  }
  absl::Status CommitDeliveries();
  absl::Status Reopen();
  // The table's InvalidArgument is no outcome of a sink: it ends the producer. To a call that timed
  // out is added what was last heard of the brokers.
  absl::Status Sorted(absl::Status status) const;
  // A client of old certificates may wait in vain for brokers that would let fresh ones in: then it
  // is to be opened anew, which settles what became of the transaction.
  absl::Status Outdated(absl::Status status) const;
  void AbandonTransaction(int timeout_ms);
  void DropClient();

  const KafkaSinkOptions options_;
  const bool exactly_once_;
  const std::string doing_;

  std::unique_ptr<KafkaHandle> client_;
  Topics topics_;
  std::vector<IdTakeover> takeovers_;  // still to be done before it is open
  State state_ = State::kNone;
  bool offsets_sent_ = false;   // in this transaction
  bool offsets_taken_ = false;  // there were some, and the brokers have them
  uint64_t assumed_ = 0;       // records of this transaction that no broker has acknowledged itself
  uint64_t acknowledged_ = 0;  // records of it that one has
  absl::Time waits_since_ = absl::InfiniteFuture();  // for what it has not acknowledged
  std::string broker_reason_;                        // since the last success

  DeliveryFailures failures_;  // of this transaction
};

absl::Status KafkaSink::Make() {
  KafkaHandleSetup setup;
  setup.role = KafkaRole::kProducer;
  setup.client = options_.client;
  setup.owner = this;
  setup.prepare = [](rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_dr_msg_cb(conf, &KafkaSink::OnDelivery);
  };
  setup.on_error = [this](int code, const std::string& reason) { OnError(code, reason); };
  setup.on_log_line = [this](const std::string& facility, const std::string& text) {
    failures_.AddLogLine(facility, text);
  };
  setup.defaults = {
      // Commit flushes, and a partition's first records wait for its place in the transaction
      // anyway: lingering would only add to that.
      {"linger.ms", "0"},
      // The broker refuses the offsets while it ends the transaction before (a few milliseconds);
      // librdkafka would come again after 100.
      {"retry.backoff.ms", "10"},
      {"topic.metadata.propagation.max.ms", "2000"},
      {"queue.buffering.max.messages", "1000000"},
      {"reconnect.backoff.max.ms", "2000"},
      // How long adding the offsets waits for a broker that went away at that moment, which is the
      // one call that librdkafka doesn't bound itself.
      {"socket.timeout.ms",
       absl::StrFormat("%d", std::min(3'000, options_.transaction_timeout_ms))},
  };
  int64_t batch_bytes = std::min<int64_t>(1'000'000, options_.batch_bytes_max);
  for (const auto& [name, value] : options_.client.properties) {
    int64_t wanted = 0;
    if (name == "batch.size" && absl::SimpleAtoi(value, &wanted)) {
      batch_bytes = std::min(wanted, options_.batch_bytes_max);
    }
  }
  setup.settings = {
      {"enable.idempotence", "true"},
      {"partitioner", "murmur2_random"},
      // With reports of failures only, librdkafka's flush wakes up every 10 ms instead of at once.
      {"delivery.report.only.error", "false"},
      {"allow.auto.create.topics", "false"},
      {"message.max.bytes", absl::StrFormat("%d", options_.record_bytes_max)},
      // A larger batch than a topic's max.message.bytes would be refused whole.
      {"batch.size", absl::StrFormat("%d", std::max<int64_t>(1, batch_bytes))},
      {"message.timeout.ms", absl::StrFormat("%d", options_.transaction_timeout_ms)},
  };
  if (exactly_once_) {
    setup.settings.emplace_back("transactional.id", options_.transactional_id);
    setup.settings.emplace_back("transaction.timeout.ms",
                                absl::StrFormat("%d", options_.transaction_timeout_ms));
  }
  absl::StatusOr<std::unique_ptr<KafkaHandle>> client = KafkaHandle::Make(std::move(setup));
  if (!client.ok()) return client.status();
  client_ = *std::move(client);
  state_ = State::kFresh;
  return absl::OkStatus();
}

void KafkaSink::OnError(int code, const std::string& reason) {
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    failures_.OnBrokersDown();
  } else {
    broker_reason_ = std::string(StatusOfKafkaCode(code, "last", reason).message());
  }
}

absl::Status KafkaSink::Open() {
  if (state_ != State::kTakingOver) {
    if (!IsBeingOpened()) TakeOverOtherIds();
    const absl::Status opened = OpenProducer();
    if (!opened.ok()) return opened;
  }
  const absl::Status taken = TakeOver();
  state_ = taken.ok()                   ? State::kReady
           : absl::IsUnavailable(taken) ? State::kTakingOver
                                        : State::kNone;
  return taken;
}

// All begin before the first is waited for: each takes some round trips to brokers.
absl::Status KafkaSink::TakeOver() {
  constexpr int kBeginMs = 1;
  for (const int wait_ms : {kBeginMs, options_.call_timeout_ms}) {
    for (auto one = takeovers_.begin(); one != takeovers_.end();) {
      const absl::Status status = Sorted(one->Work(options_, wait_ms));
      const bool is_begun = absl::IsUnavailable(status) && wait_ms == kBeginMs;
      if (!status.ok() && !is_begun) return status;
      one = status.ok() ? takeovers_.erase(one) : one + 1;
    }
  }
  return absl::OkStatus();
}

// Those under which a batch sink of this name would have produced.
void KafkaSink::TakeOverOtherIds() {
  takeovers_.clear();
  if (!exactly_once_) return;
  for (std::string& id : TransactionalIdsOf(options_.transactional_id)) {
    if (id != options_.transactional_id) takeovers_.emplace_back(std::move(id));
  }
}

absl::Status KafkaSink::OpenProducer() {
  if (!IsBeingOpened() || client_ == nullptr || client_->is_outdated()) {
    DropClient();
    const absl::Status made = Make();
    if (!made.ok()) return made;
  }
  if (exactly_once_) {
    // Goes on where an earlier call left off.
    const absl::Status status = TakeKafkaError(
        client_->get(), rd_kafka_init_transactions(client_->get(), options_.call_timeout_ms),
        doing_ + ": starting");
    rd_kafka_poll(client_->get(), 0);
    if (!status.ok() && !absl::IsUnavailable(status)) state_ = State::kNone;
    if (!status.ok()) return Sorted(status);
  }
  state_ = State::kReady;
  broker_reason_.clear();
  return absl::OkStatus();
}

absl::Status KafkaSink::Begin() {
  if (state_ != State::kReady) {
    return absl::InternalError(doing_ + ": Begin before Open, or in a transaction");
  }
  if (client_->is_outdated()) {
    DropClient();
    const absl::Status renewed = Reopen();
    if (!renewed.ok()) return renewed;
  }
  failures_.Begin();
  offsets_sent_ = offsets_taken_ = false;
  assumed_ = acknowledged_ = 0;
  waits_since_ = absl::InfiniteFuture();
  if (exactly_once_) {
    const absl::Status status =
        Sorted(TakeKafkaError(client_->get(), rd_kafka_begin_transaction(client_->get()),
                              doing_ + ": beginning a transaction"));
    if (!status.ok()) return status;
  }
  state_ = State::kOpen;
  return absl::OkStatus();
}

Topic* KafkaSink::FindTopic(std::string_view topic) {
  const auto found = topics_.find(topic);
  if (found != topics_.end()) return found->second.get();
  std::string name(topic);
  rd_kafka_topic_t* const made = rd_kafka_topic_new(client_->get(), name.c_str(), nullptr);
  if (made == nullptr) return nullptr;
  const auto added = topics_.emplace(std::move(name), std::make_unique<Topic>(Topic{made}));
  return added.first->second.get();
}

absl::Status KafkaSink::Produce(const OutputRecord& record) {
  if (state_ != State::kOpen) {
    return absl::InternalError(doing_ + ": Produce outside of a transaction");
  }
  Topic* const topic = FindTopic(record.topic);
  if (topic == nullptr) {
    failures_.Add(RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, record.topic);
    return failures_.ToStatus();
  }
  return Add(topic, record);
}

absl::Status KafkaSink::Add(Topic* topic, const OutputRecord& record) {
  rd_kafka_vu_t fields[8];
  size_t count = 0;
  const auto next = [&fields, &count](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
    fields[count].vtype = type;
    return fields[count++];
  };
  next(RD_KAFKA_VTYPE_RKT).u.rkt = topic->handle;
  next(RD_KAFKA_VTYPE_OPAQUE).u.ptr = topic;
  next(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
  next(RD_KAFKA_VTYPE_TIMESTAMP).u.i64 = record.timestamp_ms;
  next(RD_KAFKA_VTYPE_PARTITION).u.i32 =
      record.partition < 0 ? RD_KAFKA_PARTITION_UA : record.partition;
  auto& value = next(RD_KAFKA_VTYPE_VALUE).u.mem;
  value.ptr = const_cast<char*>(record.value.data());
  value.size = record.value.size();
  auto& key = next(RD_KAFKA_VTYPE_KEY).u.mem;
  key.ptr = const_cast<char*>(record.key.data());
  key.size = record.key.size();
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, content] : record.headers) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), content.data(),
                          static_cast<ssize_t>(content.size()));
    }
    next(RD_KAFKA_VTYPE_HEADERS).u.headers = headers;
  }
  const absl::Time deadline = SteadyNow() + absl::Milliseconds(options_.call_timeout_ms);
  rd_kafka_error_t* error = rd_kafka_produceva(client_->get(), fields, count);
  while (error != nullptr && rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__QUEUE_FULL &&
         SteadyNow() < deadline) {
    rd_kafka_error_destroy(error);
    rd_kafka_poll(client_->get(), kQueueFullPollMs);
    error = rd_kafka_produceva(client_->get(), fields, count);
  }
  if (error == nullptr) {  // the headers are librdkafka's now
    ++topic->unanswered;
    return absl::OkStatus();
  }
  if (headers != nullptr) rd_kafka_headers_destroy(headers);
  return ProduceFailed(error, record.topic);
}

absl::Status KafkaSink::ProduceFailed(rd_kafka_error_t* error, std::string_view topic) {
  const int code = rd_kafka_error_code(error);
  absl::Status status =
      TakeKafkaError(client_->get(), error, absl::StrFormat("%s: topic %s", doing_, topic));
  if (code == RD_KAFKA_RESP_ERR__STATE && !absl::IsInternal(FatalKafkaError(client_->get(), ""))) {
    // The transaction has failed already; delivery reports say why.
    rd_kafka_flush(client_->get(), kFailureReportsMs);
    if (failures_.blames_any()) return failures_.ToStatus();
    return absl::AbortedError(status.message());
  }
  if (absl::IsInvalidArgument(status) || absl::IsAborted(status)) {
    failures_.Add(code, topic);
    return failures_.ToStatus();
  }
  return Sorted(status);
}

absl::Status KafkaSink::Commit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group) {
  if (state_ != State::kOpen && state_ != State::kCommitting) {
    return absl::InternalError(doing_ + ": Commit outside of a transaction");
  }
  absl::Status status = exactly_once_ ? CommitTransaction(offsets, group) : CommitDeliveries();
  if (status.ok()) {
    state_ = State::kReady;
    broker_reason_.clear();
    return status;
  }
  status = Outdated(Sorted(status));
  if (absl::IsUnavailable(status)) state_ = State::kCommitting;
  if (absl::IsAborted(status)) {
    state_ = State::kOpen;
    // What was purged reports at once; what caused it has reported before.
    rd_kafka_flush(client_->get(), kFailureReportsMs);
    if (failures_.blames_any()) return failures_.ToStatus();
  }
  return status;
}

// The offsets go out first: they and the records, which librdkafka is sending already, don't wait
// for each other. The commit waits for both. While brokers are in trouble the records go first:
// waiting for them can be bounded and resumed. Later that the offsets are taken tells whose trouble
// it is.
absl::Status KafkaSink::CommitTransaction(absl::Span<const SourceOffset> offsets,
                                          const GroupMetadata& group) {
  if (state_ == State::kOpen && failures_.blames_any()) return failures_.ToStatus();
  if (!offsets_sent_ && !broker_reason_.empty() && !IsOutOfPatience()) {
    const absl::Status status = AwaitDeliveries();
    if (!status.ok()) return status;
  }
  if (!offsets_sent_ && !offsets.empty()) {
    const absl::Status status = SendOffsets(offsets, group);
    if (!status.ok()) return status;
    offsets_taken_ = true;
  }
  offsets_sent_ = true;
  const absl::Status delivered = AwaitDeliveries();
  // Sent again, the offsets tell whether the transaction has failed meanwhile.
  if (absl::IsUnavailable(delivered)) offsets_sent_ = offsets_taken_ = false;
  if (!delivered.ok()) return delivered;
  return TakeKafkaError(client_->get(),
                        rd_kafka_commit_transaction(client_->get(), options_.call_timeout_ms),
                        doing_ + ": committing");
}

// OK once every record has an answer of its own. librdkafka takes a batch's acknowledgement for
// that of those before it, since a broker refuses a gap in a producer's sequence; but a broker that
// knows nothing of the producer yet takes its first batch at any number. A partition that finds its
// leader between two batches, as a new topic's may, refuses the one, takes the other, and the first
// one's records are gone: nothing shows it but that they have no offset.
absl::Status KafkaSink::AwaitDeliveries() {
  waits_since_ = std::min(waits_since_, SteadyNow());
  const int wait_ms = std::min(options_.call_timeout_ms, options_.destination_patience_ms);
  if (rd_kafka_flush(client_->get(), wait_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const absl::Status blamed = BlameWhoTakesNothing();
    if (!blamed.ok()) return blamed;
    return absl::UnavailableError(
        absl::StrFormat("%s: committing: %d records are not acknowledged yet", doing_,
                        rd_kafka_outq_len(client_->get())));
  }
  if (assumed_ == 0) return absl::OkStatus();
  return absl::AbortedError(absl::StrFormat(
      "%s: no broker has acknowledged %d records, only later ones of their partition", doing_,
      assumed_));
}

// A topic none of whose brokers answers must not hold up what goes to all others. Where nobody has
// taken anything it is not the topic that is unwell.
absl::Status KafkaSink::BlameWhoTakesNothing() {
  const bool others_are_taken = exactly_once_ ? offsets_taken_ : acknowledged_ > 0;
  if (!others_are_taken || failures_.are_brokers_down() || !IsOutOfPatience()) {
    return absl::OkStatus();
  }
  const auto waited_ms = absl::ToInt64Milliseconds(SteadyNow() - waits_since_);
  for (const auto& [name, topic] : topics_) {
    if (topic->unanswered == 0) continue;
    failures_.AddSlow(name,
                      absl::StrFormat("%d records are not acknowledged after %d ms, while the "
                                      "brokers take others",
                                      topic->unanswered, waited_ms));
  }
  return failures_.blames_any() ? failures_.ToStatus() : absl::OkStatus();
}

// Not resumable in librdkafka, but may be repeated: the same offsets again change nothing.
absl::Status KafkaSink::SendOffsets(absl::Span<const SourceOffset> offsets,
                                    const GroupMetadata& group) {
  if (!MayCommit(group)) {
    // The broker would take such offsets without asking who owns the partitions.
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: not a member of group %s", doing_, group.group_id));
  }
  const PartitionList list = MakePartitionList(client_->get(), options_.source_topic, offsets);
  const LibraryGroupMetadata metadata = MakeGroupMetadata(AsSent(group));
  rd_kafka_error_t* error = rd_kafka_send_offsets_to_transaction(
      client_->get(), list.get(), metadata.get(), options_.call_timeout_ms);
  return TakeKafkaError(client_->get(), error, doing_ + ": adding source offsets");
}

absl::Status KafkaSink::CommitDeliveries() {
  const absl::Status delivered = AwaitDeliveries();
  if (!delivered.ok()) return delivered;
  const absl::Status fatal = FatalKafkaError(client_->get(), doing_);
  if (!fatal.ok()) return fatal;
  const uint64_t failed = failures_.records();
  if (failed == 0) return absl::OkStatus();
  return absl::AbortedError(absl::StrFormat("%s: %d records were not delivered", doing_, failed));
}

absl::Status KafkaSink::Abort() {
  if (state_ == State::kReopening) return Reopen();
  if (state_ != State::kOpen) return absl::OkStatus();
  if (exactly_once_) {
    const absl::Status aborted = Sorted(TakeKafkaError(
        client_->get(), rd_kafka_abort_transaction(client_->get(), options_.call_timeout_ms),
        doing_ + ": aborting"));
    if (!aborted.ok()) return Outdated(aborted);
    state_ = State::kReady;
  }
  // At least once, what is on its way may still arrive.
  DropClient();
  return Reopen();
}

// Sequence numbers must not outlive an abort. A request that timed out may have come to the broker
// all the same: librdkafka 2.0.2 counts its records as never sent, gives their numbers to the next
// transaction's, and the broker, which knows them, acknowledges those without writing them (seen:
// seven records lost). Those that a broker refused are gone, so that it would refuse the next ones
// too. A fresh producer has an epoch of its own, and takes some milliseconds.
absl::Status KafkaSink::Reopen() {
  absl::Status status = OpenProducer();
  if (absl::IsUnavailable(status)) state_ = State::kReopening;
  return status;
}

std::vector<DestinationFailure> KafkaSink::FailuresOfTransaction() {
  return failures_.destinations();
}

void KafkaSink::OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto* self = static_cast<KafkaSink*>(KafkaHandle::Owner(opaque));
  --static_cast<Topic*>(message->_private)->unanswered;
  switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      ++(message->offset < 0 ? self->assumed_ : self->acknowledged_);
      return;
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
      return;
    default:
      self->failures_.Add(message->err, rd_kafka_topic_name(message->rkt),
                          static_cast<int64_t>(message->key_len + message->len));
  }
}

absl::Status KafkaSink::Sorted(absl::Status status) const {
  if (absl::IsInvalidArgument(status)) return absl::InternalError(status.message());
  if (absl::IsUnavailable(status) && !broker_reason_.empty()) {
    return absl::UnavailableError(absl::StrFormat("%s; %s", status.message(), broker_reason_));
  }
  return status;
}

absl::Status KafkaSink::Outdated(absl::Status status) const {
  if (!absl::IsUnavailable(status) || !client_->is_outdated()) return status;
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s; certificates have changed: the producer is made anew", status.message()));
}

void KafkaSink::Close(absl::Duration timeout) {
  if (client_ == nullptr) return;
  const int timeout_ms =
      static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(timeout), 0, 60'000));
  if (exactly_once_) {
    AbandonTransaction(timeout_ms);
  } else {
    rd_kafka_flush(client_->get(), timeout_ms);
  }
  DropClient();
}

// Where it fails, the broker aborts by itself: at the transaction's time-out, or when the next
// producer of this id opens. It is tried whatever comes after, because librdkafka 2.0.2 ends the
// whole process when it destroys a producer that is about to add partitions to a transaction.
void KafkaSink::AbandonTransaction(int timeout_ms) {
  if (!exactly_once_ || state_ != State::kOpen) return;
  state_ = State::kNone;
  rd_kafka_error_t* error = rd_kafka_abort_transaction(client_->get(), timeout_ms);
  if (error != nullptr) rd_kafka_error_destroy(error);
}

void KafkaSink::DropClient() {
  AbandonTransaction(static_cast<int>(absl::ToInt64Milliseconds(kEndTimeout)));
  state_ = State::kNone;
  if (client_ == nullptr) return;
  rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                     RD_KAFKA_PURGE_F_NON_BLOCKING);
  for (const auto& [name, topic] : topics_) rd_kafka_topic_destroy(topic->handle);
  client_.reset();
  topics_.clear();  // reports of what was purged may have come until now
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> MakeKafkaSink(const KafkaSinkOptions& options) {
  if (options.delivery == Delivery::kExactlyOnce && options.transactional_id.empty()) {
    return absl::InvalidArgumentError("exactly-once delivery needs a transactional id");
  }
  if (options.delivery == Delivery::kExactlyOnce && options.source_topic.empty()) {
    return absl::InvalidArgumentError("exactly-once delivery needs the source's topic");
  }
  auto sink = std::make_unique<KafkaSink>(options);
  const absl::Status status = sink->Make();
  if (!status.ok()) return status;
  return sink;
}

}  // namespace turnout::connectors
