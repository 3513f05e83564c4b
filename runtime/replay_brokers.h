// ReplayBrokers: what a replay asks of the brokers beside its source and its sink: which topics
// there are, where its range lies, how far it has come.
//
// Brokers that don't answer are asked again for half a minute, then it is Unavailable.
//
// Errors: InvalidArgument - a person must act: a topic is missing or forbidden, the range is not
//   there; all of it is named.
// Threads: one. Lifetime: what is borrowed outlives it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/group_offsets.h"
#include "connectors/topic_admin.h"
#include "connectors/topic_range_reader.h"
#include "router/rule_set.h"
#include "runtime/clock.h"
#include "runtime/command_client.h"
#include "runtime/config.h"
#include "runtime/live_join.h"
#include "runtime/topic_range.h"

namespace turnout::runtime {

// What a replay calls its own.
struct ReplayNames {
  std::string job;
  std::string group;             // how far it has come; nobody joins it
  std::string transactional_id;  // no router has it
  std::string directory;         // of what its steps remember
};

class ReplayBrokers {
 public:
  // All are borrowed.
  ReplayBrokers(const Config* config, const ReplayNames* names, Clock* clock,
                const std::atomic<bool>* stopping)
      : config_(config), names_(names), clock_(clock), stopping_(stopping) {}

  // Makes the clients; talks to nobody yet.
  absl::Status Connect();

  // All topics that the rules need are there and may be used; what is missing is created, where the
  // config says so.
  absl::Status CheckTopics(const std::shared_ptr<const router::RuleSet>& rules);

  // The source alone, before its range is asked for; CheckTopics does it too.
  absl::Status FindSource();

  // The range of each partition, as topic_range.h has it. Where it ends at `live`, that is waited
  // for, as long as it takes: Cancelled when a stop is asked for meanwhile.
  absl::StatusOr<connectors::OffsetRanges> FindRange(const RangeBound& from, const RangeBound& to,
                                                     ReachInRuleSet reach_in);
  // Whether live traffic took over where these ranges end, as far as that is known by now:
  // FailedPrecondition, with what to do, where it did later.
  absl::Status CheckLiveJoin(const connectors::OffsetRanges& ranges, ReachInRuleSet reach_in);

  // Of all partitions of the source.
  absl::StatusOr<std::vector<connectors::SourceOffset>> Committed();
  absl::Status SetCommitted(const std::vector<connectors::SourceOffset>& offsets);

  // Calls it until it answers anything else than Unavailable, or half a minute is over.
  absl::Status Patiently(absl::FunctionRef<absl::Status()> call) const;

  connectors::KafkaClientOptions Client(const std::string& name) const;
  connectors::TopicAdmin* admin() const { return admin_.get(); }
  // Smallest known batch limit of the destinations; 0: none is known.
  int64_t batch_bytes_max() const { return batch_bytes_max_; }

 private:
  absl::StatusOr<LiveJoin> LookAtLive(ReachInRuleSet reach_in);
  absl::StatusOr<std::map<int32_t, int64_t>> WaitForLive(ReachInRuleSet reach_in);

  const Config* const config_;
  const ReplayNames* const names_;
  Clock* const clock_;
  const std::atomic<bool>* const stopping_;
  CommandClient client_;  // outlives the others
  std::unique_ptr<connectors::TopicAdmin> admin_;
  std::unique_ptr<connectors::TopicRangeReader> reader_;
  std::unique_ptr<connectors::GroupOffsets> offsets_;
  std::unique_ptr<connectors::GroupOffsets> live_offsets_;
  connectors::TopicDescription source_;
  int64_t batch_bytes_max_ = 0;
};

}  // namespace turnout::runtime
