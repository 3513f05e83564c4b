// ProducerSession: one producer of the cluster, by its transactional id or without one: how it
// opens, and how its transactions end.
//
// Internal to connectors/. All there is of one transactional id is in its session; brokers and
// topics are the cluster's, so that several ids can take turns on the same connections.
//
//   Open -> Begin -> Produce ... -> StartCommit, Commit | Abort -> Begin ...
//
// With transactions of the second version (KIP-890) a commit is one round of produces, the source
// offsets beside them, and one EndTxn, which raises the epoch; with those of the first, partitions
// and offsets are added at the coordinator before, and an abort raises the epoch by InitProducerId,
// so that nothing late can be taken for a part of the next transaction.
//
// Errors: those of a Sink, and InvalidArgument where a person must act. Calls give up at their
//   deadline with Unavailable, and go on where they stood when they are called again.
// Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/cluster_client.h"
#include "connectors/coordinator_call.h"
#include "connectors/delivery_failures.h"
#include "connectors/produce_queue.h"
#include "connectors/record.h"
#include "connectors/steady_clock.h"

namespace turnout::connectors {

struct SessionSettings {
  ProduceSettings produce;
  std::string source_topic;  // of the offsets
  int32_t transaction_timeout_ms = 60'000;
  std::string doing;  // begins the messages: "producer tx"
};

class ProducerSession {
 public:
  ProducerSession(const SessionSettings& settings, ClusterClient* cluster,
                  DeliveryFailures* failures);

  // From the beginning: whatever was on its way is forgotten.
  void Reset();
  absl::Status Open(absl::Time deadline);
  void Begin();
  ProduceQueue& queue() { return queue_; }
  // Copies the record (ProduceQueue::Add) and sends what is enough for a request. Unavailable
  // within `timeout` while there is no room.
  absl::Status Produce(const OutputRecord& record, absl::Duration timeout);
  // From here on it ends, by and by, as the calls below are made.
  void StartCommit(absl::Span<const SourceOffset> offsets, const GroupMetadata& group);
  // Takes answers, sends what can be sent.
  void WorkOnCommit() { WorkCommit(SteadyNow()); }
  // What else there is to do while something is waited for; answers when it has to be done again.
  using Meanwhile = absl::FunctionRef<absl::Time(absl::Time now)>;
  absl::Status Commit(absl::Time deadline, Meanwhile meanwhile);
  // OK when all records of a commit that was started are acknowledged.
  absl::Status AwaitRecords(absl::Time deadline);
  absl::Status Abort(absl::Time deadline);

 private:
  enum class OffsetStage { kNone, kAdding, kCommitting, kDone };
  enum class AbortStage { kNone, kSettling, kEnding, kRaising };
  using Outcome = std::optional<absl::Status>;  // nothing while it goes on

  bool is_transactional() const { return !settings_.produce.transactional_id.empty(); }
  template <typename Work>
  absl::Status Until(absl::Time deadline, Work work);
  // Unavailable, with what is waited for.
  absl::Status StillWaiting() const;
  absl::Time Due() const;

  void BeginOpening(ProducerIdentity current);
  Outcome WorkOpening(absl::Time now);
  Outcome WorkCommit(absl::Time now);
  Outcome TryCommit(absl::Time now);
  Outcome WorkRecords(absl::Time now);
  Outcome WorkPartitions(absl::Time now);
  absl::StatusOr<int16_t> OnPartitions(const PartitionsAnswer& answer);
  Outcome WorkOffsets(absl::Time now);
  void BeginAddingOffsets();
  void BeginOffsets();
  Outcome WorkEnd(bool commit, absl::Time now);
  Outcome WorkAbort(absl::Time now);
  Outcome WorkEndOfAbort(absl::Time now);

  const SessionSettings settings_;
  ClusterClient* const cluster_;
  DeliveryFailures* const failures_;
  ProduceQueue queue_;
  CoordinatorCall open_call_;
  CoordinatorCall partitions_call_;
  CoordinatorCall offsets_call_;
  CoordinatorCall end_call_;

  ProducerIdentity producer_;
  bool second_transactions_ = true;
  bool coordinator_involved_ = false;  // partitions or offsets were sent to it in this transaction
  std::vector<SourceOffset> offsets_;  // of the commit
  GroupMetadata group_;
  Outcome committed_;  // how it ended
  std::vector<TopicPartitions> partitions_being_added_;
  OffsetStage offset_stage_ = OffsetStage::kNone;
  int16_t offset_code_ = 0;  // of the last answer
  AbortStage abort_stage_ = AbortStage::kNone;
};

}  // namespace turnout::connectors
