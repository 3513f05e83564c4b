// MemoryTransactions: the transaction coordinator: who owns a transactional id, what its open
// transaction has touched, and the markers that end it.
//
//   empty --(a partition or a group is added)--> ongoing --(end)--> ending --(markers)--> empty
//
// The end of a transaction is decided, and answered, before its markers have reached the
// partitions; each lands after a delay of its own, as in Kafka. Until the last one has, the id
// can't go on.
//
// Errors: FailedPrecondition for an epoch that has been fenced. Unavailable while markers are under
//   way (CONCURRENT_TRANSACTIONS). Internal for what no client of right mind asks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/support/memory_group.h"
#include "tests/support/memory_partition.h"
#include "tests/support/seeded_random.h"
#include "tests/support/simulated_clock.h"

namespace turnout::support {

// A producer as the brokers know it.
struct ProducerEpoch {
  int64_t id = -1;
  int32_t epoch = -1;
};

class MemoryTransactions {
 public:
  MemoryTransactions(absl::Duration marker_delay_max, SeededRandom* random, SimulatedClock* clock)
      : marker_delay_max_(marker_delay_max), random_(random), clock_(clock) {}

  // Takes ownership of the id: fences its owner and aborts what that one left open; Unavailable
  // until that is done.
  absl::StatusOr<ProducerEpoch> Init(const std::string& transactional_id, absl::Duration timeout);

  // Makes these part of the transaction, which they begin. Once is enough; twice does no harm.
  absl::Status AddPartition(const std::string& transactional_id, ProducerEpoch producer,
                            const std::string& name, MemoryPartition* partition);
  absl::Status AddGroup(const std::string& transactional_id, ProducerEpoch producer,
                        const std::string& name, MemoryGroup* group);

  // Asking for the same end again is answered OK.
  absl::Status End(const std::string& transactional_id, ProducerEpoch producer, bool commit);

  // Aborts what has timed out and lets the markers land that are due.
  void Settle();

  bool idle() const;
  std::string Describe() const;

 private:
  enum class State { kEmpty, kOngoing, kCommitting, kAborting };
  struct Marker {
    absl::Time due;
    std::function<void(bool commit)> write;
  };
  struct Transaction {
    ProducerEpoch producer;
    absl::Duration timeout;
    State state = State::kEmpty;
    bool last_committed = false;
    absl::Time began;
    std::map<std::string, std::function<void(bool commit)>> touched;  // by name, so in one order
    std::vector<Marker> markers;
  };

  absl::StatusOr<Transaction*> Find(const std::string& transactional_id, ProducerEpoch producer);
  absl::Status Touch(const std::string& transactional_id, ProducerEpoch producer,
                     const std::string& name, std::function<void(bool commit)> write);
  void BeginEnd(Transaction& transaction, bool commit);

  const absl::Duration marker_delay_max_;
  SeededRandom* const random_;
  SimulatedClock* const clock_;
  int64_t next_producer_id_ = 1;
  std::map<std::string, Transaction> transactions_;
};

}  // namespace turnout::support
