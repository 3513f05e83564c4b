// DeliveryFailures: which destinations are to blame for records of a transaction that were not
// delivered, and how many records those were.
//
// Internal to connectors/. Reports come from delivery reports, from librdkafka's log and from its
// calls; a destination is listed once, with the largest of its records that was refused. Codes are
// rd_kafka_resp_err_t. What says nothing of the destination is counted only: records that waited
// for brokers that are away, and a first time-out, which may be this process's own standing still.
//
// Threads: any; librdkafka's log lines come on its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "connectors/sink.h"

namespace turnout::connectors {

class DeliveryFailures {
 public:
  // `doing` begins the messages: "producer tx".
  explicit DeliveryFailures(std::string doing) : doing_(std::move(doing)) {}

  // A transaction begins: nothing has failed in it.
  void Begin() ABSL_LOCKS_EXCLUDED(mu_);
  // The same; the transaction before was that of `before`.
  void BeginAfter(const DeliveryFailures& before) ABSL_LOCKS_EXCLUDED(mu_);

  // No broker can be reached: time-outs in this transaction are nobody's fault.
  void OnBrokersDown() ABSL_LOCKS_EXCLUDED(mu_);
  bool are_brokers_down() const ABSL_LOCKS_EXCLUDED(mu_);

  // `record_bytes`: key and value of the record that failed; 0 where that is not known.
  void Add(int code, std::string_view topic, int64_t record_bytes = 0) ABSL_LOCKS_EXCLUDED(mu_);

  // The topic takes no records in time while others do.
  void AddSlow(std::string_view topic, std::string reason) ABSL_LOCKS_EXCLUDED(mu_);

  // A line of librdkafka's log, the only place where it says which topic may not be added to a
  // transaction. Any other line is passed over.
  void AddLogLine(std::string_view facility, std::string_view text) ABSL_LOCKS_EXCLUDED(mu_);

  uint64_t records() const ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<DestinationFailure> destinations() const ABSL_LOCKS_EXCLUDED(mu_);
  bool blames_any() const ABSL_LOCKS_EXCLUDED(mu_);

  // Aborted, with the first destination and why.
  absl::Status ToStatus() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const std::string doing_;
  mutable absl::Mutex mu_;
  std::vector<DestinationFailure> destinations_ ABSL_GUARDED_BY(mu_);
  uint64_t records_ ABSL_GUARDED_BY(mu_) = 0;
  bool brokers_down_ ABSL_GUARDED_BY(mu_) = false;
  // Topics whose records timed out in this transaction, and in the one before.
  absl::flat_hash_set<std::string> timed_out_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_set<std::string> timed_out_before_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::connectors
