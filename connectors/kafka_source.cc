#include "connectors/kafka_source.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "connectors/consumer_settings.h"
#include "connectors/kafka_errors.h"
#include "connectors/kafka_handle.h"
#include "connectors/kafka_offsets.h"
#include "connectors/message_batch.h"
#include "connectors/partition_positions.h"
#include "connectors/pending_assignment.h"
#include "connectors/steady_clock.h"
#include "connectors/unreadable_batches.h"

namespace turnout::connectors {
namespace {

// Messages taken from librdkafka under one lock. Larger brings nothing more, and the batch that
// crosses poll_bytes_max is held back in memory.
constexpr size_t kTakeMax = 1'000;
constexpr absl::Duration kCheckAfter = absl::Milliseconds(500);
constexpr absl::Duration kCheckTimeout = absl::Milliseconds(500);
// When nothing has come for so long, a broker is asked whether it is still there.
constexpr absl::Duration kIdleCheckAfter = absl::Seconds(3);
constexpr int kSeekTimeoutMs = 2'000;
constexpr int kBeginTimeoutMs = 1'000;
// ListOffsets' name for the beginning of the log.
constexpr int64_t kEarliestTimestamp = -2;
constexpr absl::Duration kRejoinLeaveTimeout = absl::Milliseconds(1'000);

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(duration), 0, 3'600'000));
}

class KafkaSource final : public Source {
 public:
  explicit KafkaSource(const KafkaSourceOptions& options)
      : options_(options), doing_("source topic " + options.topic), pending_(options.topic) {}
  ~KafkaSource() override { DropClient(); }

  absl::Status Start();

  absl::StatusOr<absl::Span<const Event>> Poll(absl::Duration max_wait,
                                               AssignmentListener& listener) override;
  absl::StatusOr<absl::Span<const Event>> TakeMore() override;
  absl::Status Rewind(absl::Span<const SourceOffset> to) override;
  absl::Status Hold(absl::Span<const int32_t> partitions) override;
  absl::StatusOr<int64_t> BeginOffset(int32_t partition) override;
  absl::Status Commit(absl::Span<const SourceOffset> offsets) override;
  GroupMetadata group_metadata() const override;
  int64_t EndOffset(int32_t partition) const override;
  std::string waits_for() const override { return pending_.WaitsFor(); }
  absl::Status Rejoin(AssignmentListener& listener) override;
  void Close(AssignmentListener& listener, absl::Duration timeout) override;

 private:
  // What the rebalance callback saw, to be dealt with after the call in which it came.
  struct Rebalance {
    bool assign = false;
    bool lost = false;
    PartitionList partitions;
  };

  static void OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                          rd_kafka_topic_partition_list_t* partitions, void* opaque);
  void OnError(int code, const std::string& reason);

  int64_t StartOfReading() const;
  absl::Status Subscribe();
  void LeaveGroup(AssignmentListener& listener, absl::Duration timeout);
  void DropClient();
  void LoseAll(AssignmentListener& listener);
  absl::Status Renew(AssignmentListener& listener);

  // Each Poll, in this order.
  absl::Status TakeFirst(absl::Duration max_wait);
  absl::Status FillUp();
  absl::Status Keep(rd_kafka_message_t* message);
  absl::Status ServeRebalances(AssignmentListener& listener);
  absl::Status ActivatePending(AssignmentListener& listener);

  void SetPaused(absl::Span<const int32_t> partitions, bool paused);
  void Revoke(Rebalance rebalance, AssignmentListener& listener);
  bool IsKept(const rd_kafka_message_t& message);
  absl::Status SkipUnreadable();
  bool IsSkipped(int32_t partition) const;
  void ForgetSkipped(absl::Span<const int32_t> partitions);
  void EraseSkipped(absl::Span<const int32_t> partitions);
  absl::Status CheckProblem();
  void Reachable(bool reachable, const std::string& reason);

  const KafkaSourceOptions options_;
  const std::string doing_;

  std::unique_ptr<KafkaHandle> client_;
  KafkaQueue queue_;
  KafkaTopic topic_;

  PartitionPositions positions_;       // ours
  std::vector<Rebalance> rebalances_;  // seen, not yet dealt with
  PendingAssignment pending_;
  bool ever_assigned_ = false;  // to this client
  bool stop_wait_ = false;      // the rebalance callback may end the wait it came in

  MessageBatch messages_;  // taken
  UnreadableBatches unreadable_;
  std::vector<SourceOffset> skipped_;  // what is to be sought for them

  absl::Status problem_;  // the topic may not be used; looked at again now and then
  // The group may not be used: told once by librdkafka, which goes on asking for itself; until it
  // assigns something.
  absl::Status group_problem_;
  absl::Time check_after_ = absl::InfinitePast();
  absl::Time idle_check_after_ = absl::InfinitePast();
  std::optional<bool> reachable_;
  std::string broker_reason_;
};

absl::Status KafkaSource::Start() {
  KafkaHandleSetup setup;
  setup.role = KafkaRole::kConsumer;
  setup.client = options_.client;
  setup.owner = this;
  setup.on_error = [this](int code, const std::string& reason) { OnError(code, reason); };
  setup.prepare = [](rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_rebalance_cb(conf, &KafkaSource::OnRebalance);
  };
  setup.defaults = SourceConsumerDefaults(options_);
  setup.settings = SourceConsumerSettings(options_);
  absl::StatusOr<std::unique_ptr<KafkaHandle>> client = KafkaHandle::Make(std::move(setup));
  if (!client.ok()) return client.status();
  client_ = *std::move(client);
  const absl::Status format = CheckGroupMetadataFormat(client_->get());
  if (!format.ok()) return format;
  rd_kafka_poll_set_consumer(client_->get());
  queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
  idle_check_after_ = SteadyNow() + kIdleCheckAfter;
  topic_.reset(rd_kafka_topic_new(client_->get(), options_.topic.c_str(), nullptr));
  if (topic_ == nullptr) return StatusOfKafkaCode(rd_kafka_last_error(), doing_);
  return Subscribe();
}

absl::Status KafkaSource::Subscribe() {
  PartitionList topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), options_.topic.c_str(), RD_KAFKA_PARTITION_UA);
  return StatusOfKafkaCode(rd_kafka_subscribe(client_->get(), topics.get()), doing_);
}

// Only notes what happened: the listener is called when librdkafka's call has returned, which is
// also when it is known which of the events just taken are no longer ours. librdkafka goes on
// delivering a partition until it is unassigned, and asks for nothing else before that.
void KafkaSource::OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t code,
                              rd_kafka_topic_partition_list_t* partitions, void* opaque) {
  auto* self = static_cast<KafkaSource*>(KafkaHandle::Owner(opaque));
  Rebalance rebalance;
  rebalance.assign = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  rebalance.lost = rd_kafka_assignment_lost(client) != 0;
  rebalance.partitions.reset(rd_kafka_topic_partition_list_copy(partitions));
  if (rebalance.assign) self->ever_assigned_ = true;
  self->rebalances_.push_back(std::move(rebalance));
  // Never while taking a batch: librdkafka 2.0.2 then drops the message after the callback.
  if (self->stop_wait_) rd_kafka_yield(client);
}

void KafkaSource::OnError(int code, const std::string& reason) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      if (broker_reason_.empty()) broker_reason_ = reason;
      Reachable(false, broker_reason_);
      break;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      broker_reason_ = std::string(StatusOfKafkaCode(code, "brokers", reason).message());
      break;
    default:
      break;
  }
}

void KafkaSource::Reachable(bool reachable, const std::string& reason) {
  if (reachable_ == reachable) return;
  reachable_ = reachable;
  if (reachable) broker_reason_.clear();
  if (options_.client.events.on_brokers) options_.client.events.on_brokers(reachable, reason);
}

absl::StatusOr<absl::Span<const Event>> KafkaSource::Poll(absl::Duration max_wait,
                                                          AssignmentListener& listener) {
  if (client_ == nullptr) {
    const absl::Status status = Start();
    if (!status.ok()) return status;
  }
  messages_.ReleaseReturned();
  if (client_->is_outdated()) {
    const absl::Status renewed = Renew(listener);
    if (!renewed.ok()) return renewed;
  }
  absl::Status status = ActivatePending(listener);
  if (status.ok())
    status = TakeFirst(pending_.empty() ? max_wait
                                        : std::min(max_wait, PendingAssignment::ask_again_after()));
  if (status.ok()) status = FillUp();
  if (status.ok()) status = SkipUnreadable();
  // Whatever else went wrong, a partition that was taken away must not be kept.
  const absl::Status served = ServeRebalances(listener);
  if (!served.ok()) return served;
  if (!status.ok()) return status;
  if (messages_.empty()) {
    status = CheckProblem();
    if (!status.ok()) return status;
  }
  const absl::Span<const Event> events = messages_.Return(
      static_cast<size_t>(std::max(1, options_.poll_events_max)), options_.poll_bytes_max);
  if (!events.empty()) {
    Reachable(true, "events arrive");
    idle_check_after_ = SteadyNow() + kIdleCheckAfter;
  }
  return events;
}

// A rebalance that comes meanwhile is noted, and dealt with by Poll.
absl::StatusOr<absl::Span<const Event>> KafkaSource::TakeMore() {
  if (client_ == nullptr || !pending_.empty() || !rebalances_.empty()) {
    return absl::Span<const Event>();
  }
  messages_.ReleaseReturned();
  absl::Status status = TakeFirst(absl::ZeroDuration());
  if (status.ok()) status = FillUp();
  if (status.ok()) status = SkipUnreadable();
  if (!status.ok()) return status;
  return messages_.Return(static_cast<size_t>(std::max(1, options_.poll_events_max)),
                          options_.poll_bytes_max);
}

absl::Status KafkaSource::TakeFirst(absl::Duration max_wait) {
  if (!messages_.empty()) max_wait = absl::ZeroDuration();
  const absl::Time deadline = SteadyNow() + max_wait;
  while (true) {
    stop_wait_ = true;
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client_->get(), Milliseconds(max_wait));
    stop_wait_ = false;
    if (message == nullptr) return absl::OkStatus();
    const bool waiting = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    const absl::Status status = Keep(message);
    if (!waiting || !messages_.empty() || !skipped_.empty()) return status;
    max_wait = deadline - SteadyNow();
  }
}

absl::Status KafkaSource::FillUp() {
  if (messages_.empty()) return absl::OkStatus();
  const auto events_max = static_cast<size_t>(std::max(1, options_.poll_events_max));
  while (messages_.size() < events_max && messages_.bytes() < options_.poll_bytes_max) {
    rd_kafka_message_t* taken[kTakeMax];
    const size_t wanted = std::min(kTakeMax, events_max - messages_.size());
    const ssize_t count = rd_kafka_consume_batch_queue(queue_.get(), 0, taken, wanted);
    absl::Status status;
    for (ssize_t i = 0; i < count; ++i) status.Update(Keep(taken[i]));
    if (!status.ok()) return status;
    if (count < static_cast<ssize_t>(wanted)) break;
  }
  return absl::OkStatus();
}

// A batch that librdkafka can't unpack (it is damaged, or becomes too large) would be tried for
// ever. So after some tries it comes as an event that says so, and reading goes on behind it.
// False: the message is none to keep.
bool KafkaSource::IsKept(const rd_kafka_message_t& message) {
  const int32_t partition = message.partition;
  UnreadableBatches::Step step;
  if (message.err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION) {
    int64_t low = -1;
    int64_t high = -1;
    rd_kafka_get_watermark_offsets(client_->get(), options_.topic.c_str(), partition, &low, &high);
    step = unreadable_.Refuse(partition, message.offset, positions_.Next(partition, message.offset),
                              high,
                              std::string(static_cast<const char*>(message.payload), message.len));
  } else {
    step = unreadable_.Come(partition);
  }
  if (step.offset >= 0) skipped_.push_back({partition, step.offset, {}});
  // It stands for all of them, so that what is committed next is behind them.
  if (step.kind == UnreadableBatches::Step::Kind::kEnded &&
      positions_.Take(partition, step.end - 1)) {
    messages_.AddUnreadable(
        partition, step.end - 1,
        absl::StrFormat(
            "offsets %d to %d of partition %d: %s (a batch is also refused that becomes "
            "larger than limits.unpacked_bytes_max, with zstd than "
            "kafka.receive.message.max.bytes)",
            step.first, step.end - 1, partition, step.why));
  }
  return step.offset < 0 && message.err != RD_KAFKA_RESP_ERR__BAD_COMPRESSION;
}

// Behind what can't be unpacked. Until then, what comes of that partition is the same error again.
absl::Status KafkaSource::SkipUnreadable() {
  if (skipped_.empty()) return absl::OkStatus();
  const PartitionList list = MakePartitionList(client_->get(), options_.topic, skipped_);
  const absl::Status status = TakeKafkaError(
      client_->get(), rd_kafka_seek_partitions(client_->get(), list.get(), kSeekTimeoutMs),
      doing_ + ": going on behind what can't be unpacked");
  if (!status.ok()) return status;
  std::vector<int32_t> sought;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = list->elems[i];
    // Refused only while librdkafka is starting or stopping the partition: then the next time.
    if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR) sought.push_back(one.partition);
  }
  EraseSkipped(sought);
  return absl::OkStatus();
}

// They are sought anew, or not ours any more.
void KafkaSource::ForgetSkipped(absl::Span<const int32_t> partitions) {
  for (const int32_t partition : partitions) unreadable_.Forget(partition);
  EraseSkipped(partitions);
}

void KafkaSource::EraseSkipped(absl::Span<const int32_t> partitions) {
  skipped_.erase(std::remove_if(skipped_.begin(), skipped_.end(),
                                [partitions](const SourceOffset& offset) {
                                  return std::find(partitions.begin(), partitions.end(),
                                                   offset.partition) != partitions.end();
                                }),
                 skipped_.end());
}

bool KafkaSource::IsSkipped(int32_t partition) const {
  return std::any_of(skipped_.begin(), skipped_.end(), [partition](const SourceOffset& offset) {
    return offset.partition == partition;
  });
}

// Takes over a message; one that is an error is sorted instead.
absl::Status KafkaSource::Keep(rd_kafka_message_t* message) {
  if (!skipped_.empty() && IsSkipped(message->partition)) {
    rd_kafka_message_destroy(message);
    return absl::OkStatus();
  }
  const bool is_read = message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
                       message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
                       message->err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION;
  if (is_read && !IsKept(*message)) {
    rd_kafka_message_destroy(message);
    return absl::OkStatus();
  }
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (positions_.Take(message->partition, message->offset)) {
      messages_.Add(message);
    } else {
      rd_kafka_message_destroy(message);
    }
    return absl::OkStatus();
  }
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {  // once each time the end is reached
    positions_.ReachEnd(message->partition, message->offset);
    rd_kafka_message_destroy(message);
    return absl::OkStatus();
  }
  const rd_kafka_resp_err_t code = message->err;
  const char* text = rd_kafka_message_errstr(message);
  absl::Status status = StatusOfKafkaCode(code, doing_, text == nullptr ? "" : text);
  rd_kafka_message_destroy(message);
  switch (code) {
    case RD_KAFKA_RESP_ERR__FATAL:
      return FatalKafkaError(client_->get(), doing_);
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      return status;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
      return absl::OkStatus();  // the partitions are lost, which comes as a rebalance of its own
    default:
      // Remembered until it is cured; everything else librdkafka tries again by itself.
      if (absl::IsInvalidArgument(status)) {
        (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ? group_problem_ : problem_) = status;
      }
      return absl::OkStatus();
  }
}

absl::Status KafkaSource::ServeRebalances(AssignmentListener& listener) {
  std::vector<Rebalance> seen = std::exchange(rebalances_, {});
  for (Rebalance& rebalance : seen) {
    if (rebalance.assign) {
      problem_ = group_problem_ = absl::OkStatus();
      pending_.Begin(std::move(rebalance.partitions));
    } else {
      Revoke(std::move(rebalance), listener);
    }
  }
  return ActivatePending(listener);
}

// Starts the partitions that were assigned, once their committed offsets are known.
absl::Status KafkaSource::ActivatePending(AssignmentListener& listener) {
  rd_kafka_t* client = client_->get();
  const absl::StatusOr<PartitionList> partitions = pending_.Take(client, doing_);
  if (!partitions.ok()) return partitions.status();
  if (*partitions == nullptr) return absl::OkStatus();
  const std::vector<SourceOffset> committed = OffsetsOf(**partitions);
  for (int i = 0; i < (*partitions)->cnt; ++i) {
    rd_kafka_topic_partition_t& one = (*partitions)->elems[i];
    if (one.offset < 0) one.offset = StartOfReading();
  }
  const absl::Status assigned =
      TakeKafkaError(client, rd_kafka_incremental_assign(client, partitions->get()), doing_);
  if (!assigned.ok()) return assigned;
  for (const SourceOffset& offset : committed) positions_.Add(offset.partition, offset.offset);
  Reachable(true, "the group assigned partitions");
  listener.OnAssigned(committed);
  return absl::OkStatus();
}

void KafkaSource::Revoke(Rebalance rebalance, AssignmentListener& listener) {
  rd_kafka_t* client = client_->get();
  std::vector<int32_t> told;  // the listener has been told that they are ours
  for (int i = 0; i < rebalance.partitions->cnt; ++i) {
    const int32_t partition = rebalance.partitions->elems[i].partition;
    if (positions_.Has(partition)) told.push_back(partition);
    pending_.Remove(partition);
  }
  messages_.Drop(told);
  ForgetSkipped(told);
  if (!told.empty()) {
    if (rebalance.lost || rd_kafka_assignment_lost(client) != 0) {
      listener.OnLost(told);
    } else {
      listener.OnRevoked(told);
    }
  }
  for (const int32_t partition : told) {
    // librdkafka would still hold it if it came back.
    if (positions_.IsHeld(partition)) SetPaused({partition}, false);
    positions_.Remove(partition);
  }
  // Fails only when librdkafka has let go of them by itself.
  rd_kafka_error_t* error = rd_kafka_incremental_unassign(client, rebalance.partitions.get());
  if (error != nullptr) rd_kafka_error_destroy(error);
}

// Nothing came: says why, if a person or a broker is to blame. Asks a broker now and then, since
// librdkafka does not tell when a connection is made, nor always when the last one breaks (not
// while it rejoins a group after an outage), and looks for a missing topic only every
// topic.metadata.refresh.interval.ms.
absl::Status KafkaSource::CheckProblem() {
  const absl::Status fatal = FatalKafkaError(client_->get(), doing_);
  if (!fatal.ok()) return fatal;
  const bool down = reachable_ == false;
  const bool well = problem_.ok() && group_problem_.ok() && !down;
  if (well && SteadyNow() < idle_check_after_) return absl::OkStatus();
  if (SteadyNow() >= check_after_) {
    const rd_kafka_metadata_t* metadata = nullptr;
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(client_->get(), 0, topic_.get(), &metadata, Milliseconds(kCheckTimeout));
    check_after_ = SteadyNow() + kCheckAfter;
    idle_check_after_ = SteadyNow() + kIdleCheckAfter;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      OnError(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
              absl::StrFormat("no broker answers: %s", rd_kafka_err2str(code)));
    } else {
      Reachable(true, "a broker answered");
      if (!problem_.ok() && metadata->topic_cnt == 1 &&
          metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
          metadata->topics[0].partition_cnt > 0) {
        problem_ = Subscribe();  // again, which makes librdkafka look for the topic at once
      }
      rd_kafka_metadata_destroy(metadata);
    }
  }
  if (reachable_ == false) {
    return absl::UnavailableError(absl::StrFormat("%s: %s", doing_, broker_reason_));
  }
  return group_problem_.ok() ? problem_ : group_problem_;
}

int64_t KafkaSource::StartOfReading() const {
  return options_.start_at_earliest ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
}

absl::Status KafkaSource::Rewind(absl::Span<const SourceOffset> to) {
  if (client_ == nullptr) return absl::OkStatus();  // nothing is ours
  messages_.ReleaseReturned();
  std::vector<SourceOffset> targets;
  std::vector<int32_t> partitions;
  for (const SourceOffset& offset : to) {
    const std::optional<int64_t> target = positions_.SeekFor(offset.partition, offset.offset);
    if (!target) continue;
    targets.push_back({offset.partition, *target, {}});
    partitions.push_back(offset.partition);
  }
  if (targets.empty()) return absl::OkStatus();
  messages_.Drop(partitions);
  ForgetSkipped(partitions);
  std::vector<SourceOffset> seeks = targets;
  for (SourceOffset& seek : seeks) {
    if (seek.offset == PartitionPositions::kStart) seek.offset = StartOfReading();
  }
  const PartitionList list = MakePartitionList(client_->get(), options_.topic, seeks);
  absl::Status status = TakeKafkaError(
      client_->get(), rd_kafka_seek_partitions(client_->get(), list.get(), kSeekTimeoutMs),
      doing_ + ": rewinding");
  for (int i = 0; i < list->cnt && status.ok(); ++i) {
    // Refused only while librdkafka is starting or stopping the partition.
    if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      status = absl::UnavailableError(absl::StrFormat("%s: rewinding partition %d: %s", doing_,
                                                      list->elems[i].partition,
                                                      KafkaCodeText(list->elems[i].err)));
    }
  }
  if (!status.ok()) return status;
  for (const SourceOffset& target : targets) {
    // Not before: a partition that is resumed goes on from where it was sought last.
    if (positions_.IsHeld(target.partition)) SetPaused({target.partition}, false);
    positions_.Put(target.partition, target.offset);
  }
  return absl::OkStatus();
}

// Paused rather than unassigned: an unassign outside of a rebalance changes the state in which
// librdkafka takes part in the group, and a revocation would name a partition that it no longer
// knows as assigned.
absl::Status KafkaSource::Hold(absl::Span<const int32_t> partitions) {
  if (client_ == nullptr) return absl::OkStatus();  // nothing is ours
  messages_.ReleaseReturned();
  std::vector<int32_t> held;
  for (const int32_t partition : partitions) {
    if (positions_.Hold(partition)) held.push_back(partition);
  }
  messages_.Drop(held);
  ForgetSkipped(held);
  if (!held.empty()) SetPaused(held, true);
  return absl::OkStatus();
}

// Never fails for a partition that is assigned, which is what both are asked for; should it all the
// same, a held partition's events are still kept back, and one released late goes on with a Rewind.
void KafkaSource::SetPaused(absl::Span<const int32_t> partitions, bool paused) {
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const int32_t partition : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), options_.topic.c_str(), partition);
  }
  if (paused) {
    rd_kafka_pause_partitions(client_->get(), list.get());
  } else {
    rd_kafka_resume_partitions(client_->get(), list.get());
  }
}

absl::StatusOr<int64_t> KafkaSource::BeginOffset(int32_t partition) {
  const std::string doing = absl::StrFormat("%s: beginning of partition %d", doing_, partition);
  if (client_ == nullptr) return absl::UnavailableError(doing + ": not connected");
  // librdkafka's question by time, since its watermark query has no end while no broker is there.
  const PartitionList list =
      MakePartitionList(client_->get(), options_.topic, {{partition, kEarliestTimestamp, {}}});
  const rd_kafka_resp_err_t code =
      rd_kafka_offsets_for_times(client_->get(), list.get(), kBeginTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOfKafkaCode(code, doing);
  const rd_kafka_topic_partition_t& answer = list->elems[0];
  if (answer.err != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOfKafkaCode(answer.err, doing);
  if (answer.offset < 0) return absl::UnavailableError(doing + ": not known to the broker");
  return answer.offset;
}

absl::Status KafkaSource::Commit(absl::Span<const SourceOffset> offsets) {
  if (client_ == nullptr) {
    return absl::FailedPreconditionError(doing_ + ": committing: not a member of the group");
  }
  return CommitOffsets(client_->get(), options_.topic, offsets, doing_ + ": committing");
}

GroupMetadata KafkaSource::group_metadata() const {
  GroupMetadata none;
  none.group_id = options_.group_id;
  none.group_instance_id = options_.group_instance_id;
  if (client_ == nullptr) return none;
  GroupMetadata group = GroupMetadataOf(client_->get());
  return group.member_id.empty() ? none : group;
}

int64_t KafkaSource::EndOffset(int32_t partition) const {
  if (client_ == nullptr || !positions_.Has(partition)) return -1;
  int64_t low = -1;
  int64_t high = -1;
  const rd_kafka_resp_err_t code = rd_kafka_get_watermark_offsets(
      client_->get(), options_.topic.c_str(), partition, &low, &high);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) return -1;
  return positions_.EndOffset(partition, high);
}

void KafkaSource::LoseAll(AssignmentListener& listener) {
  const std::vector<int32_t> lost = positions_.All();
  positions_.Clear();
  if (!lost.empty()) listener.OnLost(lost);
}

// A new client rather than a new subscription: what ended the old membership (fencing, a fatal
// error) may have ended the client with it.
absl::Status KafkaSource::Rejoin(AssignmentListener& listener) {
  LoseAll(listener);
  if (client_ != nullptr) LeaveGroup(listener, kRejoinLeaveTimeout);
  DropClient();
  return Start();
}

// By fresh certificates, which librdkafka reads when a client is made: it leaves the group in good
// order and comes back as another member.
absl::Status KafkaSource::Renew(AssignmentListener& listener) {
  Close(listener, kRejoinLeaveTimeout + kEndTimeout);
  return Start();
}

// Serves the client's last rebalances until it has left.
void KafkaSource::LeaveGroup(AssignmentListener& listener, absl::Duration timeout) {
  messages_.ReleaseReturned();
  const absl::Time deadline = SteadyNow() + timeout;
  const KafkaQueue last(rd_kafka_queue_new(client_->get()));
  rd_kafka_error_t* error = rd_kafka_consumer_close_queue(client_->get(), last.get());
  if (error != nullptr) {
    rd_kafka_error_destroy(error);
    return;
  }
  pending_.Clear();
  while (rd_kafka_consumer_closed(client_->get()) == 0 && SteadyNow() < deadline) {
    // Not rd_kafka_queue_poll_callback: that asserts when there are messages.
    rd_kafka_message_t* unread[kTakeMax];
    const ssize_t count = rd_kafka_consume_batch_queue(last.get(), 10, unread, kTakeMax);
    for (ssize_t i = 0; i < count; ++i) rd_kafka_message_destroy(unread[i]);
    std::vector<Rebalance> seen = std::exchange(rebalances_, {});
    for (Rebalance& rebalance : seen) {
      if (!rebalance.assign) Revoke(std::move(rebalance), listener);
    }
  }
}

void KafkaSource::Close(AssignmentListener& listener, absl::Duration timeout) {
  if (client_ != nullptr) LeaveGroup(listener, std::max(timeout - kEndTimeout, timeout / 2));
  LoseAll(listener);  // those that could not be given up in time
  DropClient();
}

void KafkaSource::DropClient() {
  messages_.Clear();
  unreadable_.Clear();
  skipped_.clear();
  rebalances_.clear();
  pending_.Clear();
  positions_.Clear();
  problem_ = group_problem_ = absl::OkStatus();
  topic_.reset();
  queue_.reset();
  // librdkafka 2.0.2 ends the whole process when it destroys a member that has joined the group but
  // was never assigned anything, not even nothing: its assignor has no state yet, and asserts it.
  if (client_ != nullptr && !ever_assigned_) client_->Abandon();
  ever_assigned_ = false;
  client_.reset();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> MakeKafkaSource(const KafkaSourceOptions& options) {
  auto source = std::make_unique<KafkaSource>(options);
  const absl::Status status = source->Start();
  if (!status.ok()) return status;
  return source;
}

}  // namespace turnout::connectors
