#include "connectors/produce_queue.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_format.h"
#include "connectors/kafka_errors.h"
#include "connectors/protocol_errors.h"
#include "connectors/record_size.h"
#include "connectors/steady_clock.h"

namespace turnout::connectors {
namespace {

constexpr absl::Duration kBackoff = absl::Milliseconds(20);
// The broker writes the markers of the transaction before for some milliseconds.
constexpr absl::Duration kMarkersBackoff = absl::Milliseconds(1);
// A topic that has just been made is not known to all brokers at once.
constexpr absl::Duration kMissingPatience = absl::Seconds(2);
// A broker's answer that takes longer is worth a word.
constexpr absl::Duration kLate = absl::Milliseconds(500);
constexpr absl::Duration kLookUpWait = absl::Milliseconds(20);
// More of it before what could not go out, since all partitions wait for their leaders, is tried
// again.
constexpr size_t kTryAgainBytes = ProduceQueue::kRequestBytesMax / 8;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

int32_t SequenceAfter(int32_t sequence, int32_t records) {
  const int64_t next = int64_t{sequence} + records;
  constexpr int64_t kWrap = int64_t{std::numeric_limits<int32_t>::max()} + 1;
  return static_cast<int32_t>(next % kWrap);
}

}  // namespace

ProduceQueue::ProduceQueue(const ProduceSettings& settings, ClusterClient* cluster,
                           DeliveryFailures* failures)
    : settings_(settings),
      cluster_(cluster),
      failures_(failures),
      compressor_(settings.codec, settings.codec_level),
      spare_(settings.spare_batches != nullptr ? settings.spare_batches
                                               : std::make_shared<SpareBatches>()) {}

void ProduceQueue::Begin(ProducerIdentity producer, bool partitions_add_themselves) {
  producer_ = producer;
  partitions_add_themselves_ = partitions_add_themselves;
  flushing_ = false;
  is_held_ = false;
  anything_sent_ = false;
  unsent_bytes_ = 0;
  next_try_bytes_ = kRequestBytesMax;
  broken_ = absl::OkStatus();
  why_.clear();
  ++transaction_;
}

absl::Status ProduceQueue::CannotBeDelivered(int code, std::string_view topic,
                                             int64_t record_bytes) {
  failures_->Add(code, topic, record_bytes);
  return failures_->ToStatus();
}

absl::Status ProduceQueue::LookUp(Topic& topic, absl::Time now) {
  const ClusterClient::Topic* told = cluster_->FindTopic(topic.name);
  if (told == nullptr || now - told->told > ClusterClient::kTopicAgeMax) {
    cluster_->WantTopic(topic.name);
  }
  if (told == nullptr) {
    return absl::UnavailableError(
        absl::StrFormat("topic %s is being looked up; %s", topic.name, cluster_->trouble()));
  }
  if (told->error_code == kCodeNone && !told->leaders.empty()) {
    // Made anew, it may have fewer than before.
    topic.partition_count = static_cast<int32_t>(told->leaders.size());
    while (topic.partitions.size() < told->leaders.size()) {
      Partition& partition = topic.partitions.emplace_back();
      partition.topic = &topic;
      partition.index = static_cast<int32_t>(topic.partitions.size()) - 1;
    }
    topic.looked_up_in = transaction_;
    topic.missing_since = absl::InfiniteFuture();
    return absl::OkStatus();
  }
  const int code = told->error_code;
  const absl::Status why = StatusOfProtocolCode(code, "looking up topic " + topic.name);
  if (absl::IsUnavailable(why) || why.ok() || IsJustMade(topic, code, now)) {
    cluster_->WantTopic(topic.name);
    return absl::UnavailableError(why.message());
  }
  // The next record asks anew.
  cluster_->ForgetTopic(topic.name);
  return CannotBeDelivered(code, topic.name, 0);
}

ProduceQueue::Topic& ProduceQueue::TopicOf(std::string_view name) {
  std::unique_ptr<Topic>& topic = topics_[View(name)];
  if (topic == nullptr) {
    const uint64_t seed =
        absl::HashOf(View(name)) ^ static_cast<uint64_t>(absl::GetCurrentTimeNanos());
    topic = std::make_unique<Topic>(seed);
    topic->name = std::string(name);
    topic->batch_bytes_max = settings_.batch_bytes_max;
  }
  return *topic;
}

absl::Status ProduceQueue::Await(Topic& topic, absl::Time deadline) {
  for (;;) {
    const absl::Time now = SteadyNow();
    const absl::Status status = LookUp(topic, now);
    if (!absl::IsUnavailable(status) || now >= deadline) return status;
    cluster_->Turn(std::min(deadline, now + kLookUpWait));
    Work(SteadyNow());
  }
}

absl::StatusOr<int32_t> ProduceQueue::Choose(Topic& topic, const OutputRecord& record) {
  const int32_t count = topic.partition_count;
  if (record.partition < 0) {
    return record.key.data() == nullptr ? topic.sticky.Of(count)
                                        : PartitionOfKey(record.key, count);
  }
  if (record.partition < count) return record.partition;
  cluster_->WantTopic(topic.name);
  return absl::UnavailableError(absl::StrFormat("topic %s has %d partitions and no partition %d",
                                                topic.name, count, record.partition));
}

absl::Status ProduceQueue::Add(const OutputRecord& record, absl::Duration timeout) {
  if (!broken_.ok()) return broken_;
  const int64_t bytes = RecordBatchBytes(record);
  if (bytes > settings_.record_bytes_max) {
    return CannotBeDelivered(kCodeMessageTooLarge, record.topic,
                             static_cast<int64_t>(record.key.size() + record.value.size()));
  }
  Topic& topic = TopicOf(record.topic);
  if (topic.looked_up_in != transaction_) {
    const absl::Status status = Await(topic, SteadyNow() + timeout);
    if (!status.ok()) return status;
  }
  const absl::StatusOr<int32_t> index = Choose(topic, record);
  if (!index.ok()) return index.status();
  AddTo(topic.partitions[static_cast<size_t>(*index)], record, bytes);
  return absl::OkStatus();
}

void ProduceQueue::AddTo(Partition& partition, const OutputRecord& record, int64_t alone_bytes) {
  if (partition.batches.empty()) {
    active_.push_back(&partition);
    partition.failing_since = partition.passed_by_since = absl::InfiniteFuture();
  }
  const bool is_full =
      !partition.batches.empty() &&
      (partition.batches.back()->sealed() ||
       partition.batches.back()->BytesWith(alone_bytes) > partition.topic->batch_bytes_max);
  if (is_full) partition.topic->sticky.Next();
  if (is_full || partition.batches.empty()) {
    partition.batches.push_back(spare_->Take());
    queued_bytes_ += partition.batches.back()->encoded_bytes();
  }
  RecordBatch& batch = *partition.batches.back();
  const size_t before = batch.encoded_bytes();
  batch.Add(record);
  queued_bytes_ += batch.encoded_bytes() - before;
  unsent_bytes_ += batch.encoded_bytes() - before;
}

void ProduceQueue::Work(absl::Time now) {
  if (is_held_) return;
  TakeAnswers(now);
  GiveUpWhatIsLate(now);
  std::erase_if(active_, [](const Partition* partition) { return partition->batches.empty(); });
  due_ = absl::InfiniteFuture();
  for (const Request& request : requests_) {
    if (now < SilentFrom(request)) due_ = std::min(due_, SilentFrom(request));
  }
  if (broken_.ok() && (flushing_ || has_enough() || anything_sent_)) {
    SendReady(now);
  }
}

bool ProduceQueue::IsReady(const Partition& partition, absl::Time now) const {
  if (partition.on_its_way || now < partition.retry_at) return false;
  // What is not full yet waits for more, unless the transaction ends or there is much already.
  const bool may_wait = !flushing_ && !has_enough() && partition.batches.size() == 1 &&
                        !partition.batches.front()->sealed();
  if (may_wait) return false;
  return settings_.transactional_id.empty() || partitions_add_themselves_ ||
         partition.added_in == transaction_;
}

void ProduceQueue::SendReady(absl::Time now) {
  std::map<int32_t, std::vector<Partition*>> by_leader;
  for (Partition* partition : active_) {
    if (!partition->on_its_way && now < partition->retry_at) {
      due_ = std::min(due_, partition->retry_at);
    }
    if (!IsReady(*partition, now)) continue;
    const ClusterClient::Topic* told = cluster_->FindTopic(partition->topic->name);
    const auto index = static_cast<size_t>(partition->index);
    const int32_t leader =
        told != nullptr && index < told->leaders.size() ? told->leaders[index] : -1;
    if (leader >= 0) {
      by_leader[leader].push_back(partition);
    } else if (told != nullptr && BlamesDestination(told->error_code) &&
               !IsJustMade(*partition->topic, told->error_code, now)) {
      GiveUp(*partition, told->error_code);
    } else {
      cluster_->WantTopic(partition->topic->name);
      Again(*partition, "has no leader", kBackoff, now);
    }
  }
  for (auto& [leader, partitions] : by_leader) {
    std::sort(partitions.begin(), partitions.end(), [](const Partition* a, const Partition* b) {
      return std::pair(a->topic, a->index) < std::pair(b->topic, b->index);
    });
    SendTo(leader, partitions, now);
  }
  if (!by_leader.empty()) unsent_bytes_ = 0;
  next_try_bytes_ = std::max(kRequestBytesMax, unsent_bytes_ + kTryAgainBytes);
}

void ProduceQueue::SendTo(int32_t leader, absl::Span<Partition* const> partitions, absl::Time now) {
  while (!partitions.empty()) {
    const absl::StatusOr<BrokerConnection*> broker = cluster_->Broker(leader);
    if (!broker.ok()) {
      failures_->OnBrokersDown();
      for (Partition* partition : partitions) {
        cluster_->WantTopic(partition->topic->name);  // it may be led by another by now
        Again(*partition, std::string(broker.status().message()), kBackoff, now);
      }
      return;
    }
    BrokerConnection& connection = **broker;
    if (!settings_.transactional_id.empty() &&
        connection.versions().has_second_transactions() != partitions_add_themselves_) {
      broken_ = absl::InternalError("the brokers' transaction.version has changed");
      return;
    }
    Request request;
    std::vector<ProduceBatch> batches;
    size_t bytes = 0;
    while (!partitions.empty() && (bytes == 0 || bytes < kRequestBytesMax)) {
      Partition& partition = *partitions.front();
      partitions.remove_prefix(1);
      SealFirst(partition);
      const std::string_view batch = partition.batches.front()->bytes();
      bytes += batch.size();
      batches.push_back({partition.topic->name, partition.index, batch});
      partition.on_its_way = true;
      request.partitions.push_back(&partition);
    }
    RequestFrame frame = connection.Begin(Api::kProduce);
    const std::string& id = settings_.transactional_id;
    // A leader gives its followers so long; one partition's holds up all of the request.
    const auto acknowledge_ms = static_cast<int32_t>(absl::ToInt64Milliseconds(settings_.patience));
    WriteProduce(id.empty() ? std::string_view() : id, acknowledge_ms, batches, &frame);
    request.sent_at = now;
    request.ticket = {&connection, connection.Send(Api::kProduce, std::move(frame), now)};
    requests_.push_back(std::move(request));
    anything_sent_ = true;
  }
}

void ProduceQueue::SealFirst(Partition& partition) {
  RecordBatch& batch = *partition.batches.front();
  if (batch.sealed()) return;
  if (!(partition.producer == producer_)) {
    partition.producer = producer_;
    partition.next_sequence = 0;
  }
  batch.Seal(producer_, partition.next_sequence, !settings_.transactional_id.empty(), &compressor_);
  partition.next_sequence = SequenceAfter(partition.next_sequence, batch.records());
  partition.topic->sticky.Next();
}

void ProduceQueue::TakeAnswers(absl::Time now) {
  std::erase_if(requests_, [this, now](const Request& request) {
    const auto answer = request.ticket.connection->Take(request.ticket.request);
    if (answer) OnAnswer(request, *answer, now);
    return answer.has_value();
  });
}

void ProduceQueue::OnAnswer(const Request& request, const absl::StatusOr<Answer>& answer,
                            absl::Time now) {
  const absl::StatusOr<ProduceAnswer> produced =
      answer.ok() ? ReadProduce(answer->body()) : answer.status();
  const std::string failed_last = why_;
  for (Partition* partition : request.partitions) {
    partition->on_its_way = false;
    if (!produced.ok()) cluster_->WantTopic(partition->topic->name);
    // One that the answer leaves out is sent again.
    const auto why = produced.ok() ? "was not answered" : produced.status().message();
    partition->failing_since = std::min(partition->failing_since, request.sent_at);
    Again(*partition, std::string(why), kBackoff, now);
  }
  if (!produced.ok()) return;
  why_ = failed_last;
  if (produced->throttle_ms > 0) {
    const absl::Duration held = absl::Milliseconds(produced->throttle_ms);
    request.ticket.connection->HoldUntil(now + held);
    if (settings_.on_throttle) settings_.on_throttle(request.ticket.connection->name(), held);
  }
  size_t next = 0;  // answers come in the order of the request
  for (const ProduceAnswer::Partition& outcome : produced->partitions) {
    const auto is_meant = [&outcome](const Partition* partition) {
      return partition->index == outcome.index && partition->topic->name == outcome.topic;
    };
    if (next >= request.partitions.size() || !is_meant(request.partitions[next])) {
      const auto found =
          std::find_if(request.partitions.begin(), request.partitions.end(), is_meant);
      next = static_cast<size_t>(found - request.partitions.begin());
    }
    if (next < request.partitions.size()) OnOutcome(*request.partitions[next++], outcome, now);
  }
  if (taken_at_ != now) return;
  // The leader has been patient already, and these alone were not through.
  for (Partition* partition : request.partitions) {
    if (!std::exchange(partition->waited_out, false)) continue;
    partition->passed_by_since = std::min(partition->passed_by_since, now - settings_.patience);
  }
}

void ProduceQueue::OnOutcome(Partition& partition, const ProduceAnswer::Partition& outcome,
                             absl::Time now) {
  if (partition.batches.empty() || !partition.batches.front()->sealed()) return;  // told twice
  const int code = outcome.error_code;
  if (code == kCodeNone || code == kCodeDuplicateSequenceNumber) {
    DropFirst(partition);
    partition.retry_at = absl::InfinitePast();
    partition.failing_since = partition.passed_by_since = absl::InfiniteFuture();
    partition.topic->missing_since = absl::InfiniteFuture();
    partition.topic->has_taken = true;
    taken_at_ = now;
    return;
  }
  const ProtocolError& error = ProtocolErrorOf(code);
  if (error.look_up == LookUpAnew::kLeaders) cluster_->WantTopic(partition.topic->name);
  if (error.outcome == absl::StatusCode::kUnavailable || IsJustMade(*partition.topic, code, now)) {
    const bool markers = code == kCodeConcurrentTransactions;
    partition.waited_out = code == kCodeRequestTimedOut;
    return Again(partition, ProtocolErrorText(code), markers ? kMarkersBackoff : kBackoff, now);
  }
  const bool is_too_large = code == kCodeMessageTooLarge || code == kCodeRecordListTooLarge;
  if (is_too_large && partition.batches.front()->records() > 1) return SplitFirst(partition);
  if (BlamesDestination(code)) return GiveUp(partition, code);
  broken_ = StatusOfProtocolCode(code, "topic " + partition.topic->name,
                                 std::string(outcome.error_message));
}

// One that took records before, and that a broker has since said it doesn't know, is gone. Once it
// is given up it is for the whole transaction, whatever its other partitions say; when it is
// refused after that, it may have been made anew.
bool ProduceQueue::IsJustMade(Topic& topic, int code, absl::Time now) {
  if (code != kCodeUnknownTopicOrPartition || topic.given_up_in == transaction_) return false;
  const ClusterClient::Topic* const told = cluster_->FindTopic(topic.name);
  const bool is_gone = topic.has_taken && told != nullptr && told->error_code == code &&
                       told->told > topic.missing_since;
  topic.missing_since = std::min(topic.missing_since, now);
  if (!is_gone && now - topic.missing_since < kMissingPatience) return true;
  topic.missing_since = absl::InfiniteFuture();
  topic.given_up_in = transaction_;
  topic.has_taken = false;
  return false;
}

bool ProduceQueue::IsJustMade(std::string_view topic, int code, absl::Time now) {
  const auto found = topics_.find(View(topic));
  return found != topics_.end() && IsJustMade(*found->second, code, now);
}

void ProduceQueue::Again(Partition& partition, std::string why, absl::Duration backoff,
                         absl::Time now) {
  partition.failing_since = std::min(partition.failing_since, now);
  partition.retry_at = now + backoff;
  due_ = std::min(due_, partition.retry_at);
  why_ = absl::StrFormat("topic %s: %s", partition.topic->name, why);
  partition.why = std::move(why);
}

// The leader has taken nothing of it, and the batches after it are not sealed yet: the halves have
// its sequence numbers.
void ProduceQueue::SplitFirst(Partition& partition) {
  const std::unique_ptr<RecordBatch> whole = std::move(partition.batches.front());
  std::unique_ptr<RecordBatch> first = spare_->Take();
  std::unique_ptr<RecordBatch> second = spare_->Take();
  whole->SplitInto(first.get(), second.get());
  queued_bytes_ += first->encoded_bytes() + second->encoded_bytes() - whole->encoded_bytes();
  partition.topic->batch_bytes_max = std::max<size_t>(1, whole->encoded_bytes() / 2);
  partition.next_sequence = whole->base_sequence();
  partition.batches.front() = std::move(second);
  partition.batches.push_front(std::move(first));
  partition.retry_at = absl::InfinitePast();
}

// The batches after the one that was refused can't follow it either.
void ProduceQueue::GiveUp(Partition& partition, int code) {
  failures_->Add(code, partition.topic->name, partition.batches.front()->largest_record_bytes());
  // It may be made anew: the next record asks.
  if (code == kCodeUnknownTopicOrPartition) cluster_->ForgetTopic(partition.topic->name);
  while (!partition.batches.empty()) DropFirst(partition);
}

void ProduceQueue::DropFirst(Partition& partition) {
  std::unique_ptr<RecordBatch> batch = std::move(partition.batches.front());
  partition.batches.pop_front();
  queued_bytes_ -= batch->encoded_bytes();
  spare_->Keep(std::move(batch));
}

// A leader that is well answers once it has been patient with its followers.
absl::Time ProduceQueue::SilentFrom(const Request& request) const {
  return request.sent_at + 2 * settings_.patience;
}

// Where nobody takes anything it is not this leader that is unwell. Only where an abort fences what
// comes late: else its answer has to be waited for.
void ProduceQueue::GiveUpWhereLeadersAreSilent(absl::Time now) {
  if (settings_.transactional_id.empty() || !partitions_add_themselves_) return;
  std::erase_if(requests_, [this, now](const Request& request) {
    if (now < SilentFrom(request) || taken_at_ <= request.sent_at) return false;
    request.ticket.connection->Forget(request.ticket.request);
    for (Partition* partition : request.partitions) {
      partition->on_its_way = false;
      partition->why = absl::StrFormat("its leader, broker %s, does not answer",
                                       request.ticket.connection->name());
      GiveUpAsSlow(*partition);
    }
    return true;
  });
}

void ProduceQueue::GiveUpAsSlow(Partition& partition) {
  failures_->AddSlow(partition.topic->name,
                     absl::StrFormat("partition %d takes nothing, while others do: %s",
                                     partition.index, partition.why));
  while (!partition.batches.empty()) DropFirst(partition);
}

void ProduceQueue::GiveUpWhatIsLate(absl::Time now) {
  GiveUpWhereLeadersAreSilent(now);
  for (Partition* partition : active_) {
    if (partition->on_its_way || partition->batches.empty()) continue;
    // Where nobody takes anything it is not this one that is unwell.
    if (taken_at_ > partition->failing_since) {
      partition->passed_by_since = std::min(partition->passed_by_since, now);
    }
    if (now - partition->passed_by_since >= settings_.patience) {
      GiveUpAsSlow(*partition);
    } else if (now - partition->failing_since > settings_.delivery_timeout) {
      GiveUp(*partition, kCodeRecordTimedOut);
    }
  }
}

std::string ProduceQueue::WhyWaiting(absl::Time now) const {
  const auto oldest =
      std::min_element(requests_.begin(), requests_.end(),
                       [](const Request& a, const Request& b) { return a.sent_at < b.sent_at; });
  if (oldest == requests_.end() || now - oldest->sent_at < kLate) return why_;
  return absl::StrFormat("broker %s has not answered for %.1f s", oldest->ticket.connection->name(),
                         absl::ToDoubleSeconds(now - oldest->sent_at));
}

size_t ProduceQueue::records_waiting() const {
  size_t records = 0;
  for (const Partition* partition : active_) {
    for (const auto& batch : partition->batches) records += static_cast<size_t>(batch->records());
  }
  return records;
}

std::vector<TopicPartitions> ProduceQueue::PartitionsToAdd() const {
  std::map<std::string_view, std::vector<int32_t>> by_topic;
  for (const Partition* partition : active_) {
    if (partition->added_in != transaction_)
      by_topic[partition->topic->name].push_back(partition->index);
  }
  std::vector<TopicPartitions> topics;
  for (auto& [name, partitions] : by_topic) topics.push_back({name, std::move(partitions)});
  return topics;
}

void ProduceQueue::OnPartitionsAdded(absl::Span<const TopicPartitions> topics) {
  for (const TopicPartitions& added : topics) {
    const auto found = topics_.find(View(added.topic));
    if (found == topics_.end()) continue;
    found->second->missing_since = absl::InfiniteFuture();
    for (const int32_t index : added.partitions) {
      found->second->partitions[static_cast<size_t>(index)].added_in = transaction_;
    }
  }
}

void ProduceQueue::DropWaiting() {
  for (Partition* partition : active_) {
    while (partition->batches.size() > (partition->on_its_way ? 1u : 0u)) {
      queued_bytes_ -= partition->batches.back()->encoded_bytes();
      partition->batches.pop_back();
    }
  }
  std::erase_if(active_, [](const Partition* partition) { return partition->batches.empty(); });
  due_ = absl::InfiniteFuture();  // what is left waits for answers
}

void ProduceQueue::Settle(absl::Time now) {
  TakeAnswers(now);
  DropWaiting();
}

void ProduceQueue::DropAll() {
  for (const Request& request : requests_) {
    request.ticket.connection->Forget(request.ticket.request);
    for (Partition* partition : request.partitions) partition->on_its_way = false;
  }
  requests_.clear();
  DropWaiting();
}

}  // namespace turnout::connectors
