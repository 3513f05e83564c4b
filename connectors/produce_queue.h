// ProduceQueue: a transaction's records on their way: in batches by partition, all batches for one
// leader in one request, until each is acknowledged.
//
// Internal to connectors/. A partition has at most one batch on its way, so that its records stay
// in order whatever fails; partitions don't wait for each other. A batch is sealed when it is first
// sent and sent again as it is until a leader takes it or refuses it for good. One that is too
// large as a whole goes in halves, so that only a record which is too large by itself is blamed.
// Sending begins when there is enough for a request, or when it is asked for (Flush).
//
//   Add -> open batch -> (full, or flushed) -> sealed, on its way -> acknowledged
//             ^                                   ^------- not yet, leader moved, lost
//             +------------ two halves, too large ---------+
//
// Errors: what ends the transaction is in `failures` (destinations) or in `broken()`.
// Lifetime: cluster and failures outlive the queue. Records are copied.
// Threads: one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "connectors/cluster_client.h"
#include "connectors/delivery_failures.h"
#include "connectors/partitioner.h"
#include "connectors/produce_protocol.h"
#include "connectors/record_batch.h"
#include "connectors/spare_batches.h"

namespace turnout::connectors {

struct ProduceSettings {
  std::string transactional_id;  // empty: no transactions
  size_t batch_bytes_max = 1'000'000;
  int64_t record_bytes_max = 64 << 20;
  absl::Duration delivery_timeout =
      absl::Seconds(60);  // of tries in vain; the topic is unwell then
  // ... while other partitions take records, and what a leader gives its followers: one that has
  // not answered after twice as long is silent.
  absl::Duration patience = absl::Seconds(3);
  Codec codec = Codec::kNone;
  int codec_level = -1;
  // Told of each answer with a throttle time.
  std::function<void(const std::string& broker, absl::Duration time)> on_throttle;
  // Shared by queues of one thread; null: the queue's own.
  std::shared_ptr<SpareBatches> spare_batches;
};

class ProduceQueue {
 public:
  // A request is as large as this, or one batch.
  static constexpr size_t kRequestBytesMax = 1 << 20;
  // What lies here at most before no more is to be added.
  static constexpr size_t kQueueBytesMax = 64 << 20;

  ProduceQueue(const ProduceSettings& settings, ClusterClient* cluster, DeliveryFailures* failures);

  // A transaction begins, or goes on with another epoch. Sequence numbers begin anew when the
  // producer is another one.
  void Begin(ProducerIdentity producer, bool partitions_add_themselves);

  // Copies the record. Unavailable within `timeout` while the topic can't be looked up; Aborted
  // when it can't be delivered, with the topic among the failures.
  absl::Status Add(const OutputRecord& record, absl::Duration timeout);

  // Everything there is goes out as soon as it can.
  void Flush() { flushing_ = true; }
  // Nothing goes out before Release: the records of the transaction before come first. A Begin
  // releases, too.
  void Hold() { is_held_ = true; }
  void Release() { is_held_ = false; }
  bool is_held() const { return is_held_; }
  // Enough to be sent without a Flush.
  bool has_enough() const { return unsent_bytes_ >= kRequestBytesMax; }
  // As much more than when it was tried to send that last, in vain, that it is worth another try.
  bool is_worth_a_try() const { return !is_held_ && unsent_bytes_ >= next_try_bytes_; }
  bool is_full() const { return queued_bytes_ > kQueueBytesMax; }
  // Takes answers, sends what can be sent.
  void Work(absl::Time now);
  // When Work has something to do that no broker's answer brings about.
  absl::Time due() const { return due_; }

  bool empty() const { return active_.empty(); }
  bool anything_sent() const { return anything_sent_; }
  bool on_its_way() const { return !requests_.empty(); }
  // What ended the producer, or the transaction without any destination's fault.
  const absl::Status& broken() const { return broken_; }
  size_t records_waiting() const;
  // Of records that wait: whose answer is late; else why the last batch that was not acknowledged
  // wasn't.
  std::string WhyWaiting(absl::Time now) const;

  // Partitions with records that the transaction's coordinator has not been told of. Nothing is
  // sent to them until it has.
  std::vector<TopicPartitions> PartitionsToAdd() const;
  void OnPartitionsAdded(absl::Span<const TopicPartitions> topics);
  // Whether a topic that is refused by this code may only not be known everywhere yet.
  bool IsJustMade(std::string_view topic, int code, absl::Time now);

  // Forgets what is not on its way yet, or everything. Settle takes answers and sends nothing.
  void DropWaiting();
  void Settle(absl::Time now);
  void DropAll();

 private:
  struct Topic;
  struct Partition {
    Topic* topic = nullptr;
    int32_t index = 0;
    std::deque<std::unique_ptr<RecordBatch>> batches;
    bool on_its_way = false;    // the first of them
    uint64_t added_in = 0;      // the transaction in which the coordinator was told of it last
    ProducerIdentity producer;  // whose sequence numbers these are
    int32_t next_sequence = 0;
    absl::Time retry_at = absl::InfinitePast();
    absl::Time failing_since = absl::InfiniteFuture();    // its first batch was sent, in vain
    absl::Time passed_by_since = absl::InfiniteFuture();  // others take records, it doesn't
    bool waited_out = false;  // its followers were too slow, by its leader's last answer
    std::string why;          // it failed last
  };
  struct Topic {
    explicit Topic(uint64_t seed) : sticky(seed) {}
    std::string name;
    std::deque<Partition> partitions;  // never fewer: batches and requests point to them
    int32_t partition_count = 0;       // as told last
    StickyPartition sticky;
    uint64_t looked_up_in = 0;  // transaction
    size_t batch_bytes_max = 0;
    absl::Time missing_since = absl::InfiniteFuture();
    uint64_t given_up_in = 0;  // transaction in which it was missing for too long
    bool has_taken = false;    // a record, since it was missing last
  };
  struct Request {
    Ticket ticket;
    absl::Time sent_at;
    std::vector<Partition*> partitions;
  };

  Topic& TopicOf(std::string_view name);
  absl::Status Await(Topic& topic, absl::Time deadline);
  absl::Status LookUp(Topic& topic, absl::Time now);
  absl::Status CannotBeDelivered(int code, std::string_view topic, int64_t record_bytes);
  absl::StatusOr<int32_t> Choose(Topic& topic, const OutputRecord& record);
  void AddTo(Partition& partition, const OutputRecord& record, int64_t alone_bytes);
  bool IsReady(const Partition& partition, absl::Time now) const;
  void SendReady(absl::Time now);
  void SendTo(int32_t leader, absl::Span<Partition* const> partitions, absl::Time now);
  void SealFirst(Partition& partition);
  void TakeAnswers(absl::Time now);
  void OnAnswer(const Request& request, const absl::StatusOr<Answer>& answer, absl::Time now);
  void OnOutcome(Partition& partition, const ProduceAnswer::Partition& outcome, absl::Time now);
  void Again(Partition& partition, std::string why, absl::Duration backoff, absl::Time now);
  bool IsJustMade(Topic& topic, int code, absl::Time now);
  void SplitFirst(Partition& partition);
  void GiveUp(Partition& partition, int code);
  void DropFirst(Partition& partition);
  void GiveUpWhatIsLate(absl::Time now);
  void GiveUpWhereLeadersAreSilent(absl::Time now);
  void GiveUpAsSlow(Partition& partition);
  absl::Time SilentFrom(const Request& request) const;

  const ProduceSettings settings_;
  ClusterClient* const cluster_;
  DeliveryFailures* const failures_;
  Compressor compressor_;
  ProducerIdentity producer_;
  bool partitions_add_themselves_ = true;
  uint64_t transaction_ = 0;  // counted

  absl::flat_hash_map<std::string, std::unique_ptr<Topic>> topics_;
  std::vector<Partition*> active_;  // with batches
  std::vector<Request> requests_;   // on their way
  const std::shared_ptr<SpareBatches> spare_;
  size_t queued_bytes_ = 0;  // in all batches
  size_t unsent_bytes_ = 0;  // since something was sent
  size_t next_try_bytes_ = kRequestBytesMax;
  bool flushing_ = false;
  bool is_held_ = false;
  bool anything_sent_ = false;
  absl::Status broken_;
  std::string why_;
  absl::Time due_ = absl::InfiniteFuture();
  absl::Time taken_at_ = absl::InfinitePast();  // the last batch that was acknowledged
};

}  // namespace turnout::connectors
