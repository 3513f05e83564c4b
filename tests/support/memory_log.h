// MemoryLog: Kafka in memory, as far as exactly-once depends on it: topics, a transaction
// coordinator, consumer groups. MemorySource, MemorySink and MemoryTopicAdmin are its clients.
//
// Time comes from a SimulatedClock and chance from a seed, so that a run can be repeated to the
// byte. It shares no code with connectors/: what both get wrong they must get wrong independently.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tests/support/fault_points.h"
#include "tests/support/memory_group.h"
#include "tests/support/memory_partition.h"
#include "tests/support/memory_transactions.h"
#include "tests/support/seeded_random.h"
#include "tests/support/simulated_clock.h"

namespace turnout::support {

struct MemoryLogOptions {
  uint64_t seed = 1;
  absl::Duration marker_delay_max = absl::Milliseconds(20);
  MemoryGroupOptions group;
};

struct MemoryTopic {
  std::string name;
  bool forbidden = false;              // nobody may write it
  int64_t batch_bytes_max = 1'048'588;
  std::vector<std::unique_ptr<MemoryPartition>> partitions;
};

class MemoryLog {
 public:
  MemoryLog(MemoryLogOptions options, SimulatedClock* clock);
  ~MemoryLog();

  // A topic that exists is left as it is.
  MemoryTopic* CreateTopic(const std::string& name, int32_t partitions,
                           int64_t batch_bytes_max = 1'048'588);
  MemoryTopic* FindTopic(std::string_view name);  // null: no such topic
  const std::map<std::string, std::unique_ptr<MemoryTopic>>& topics() const { return topics_; }

  // Produces as an ordinary producer does, to the partition of the key.
  int32_t Append(const std::string& topic, MemoryRecord record);

  // The group that reads this topic; made when it is first asked for. The topic exists.
  MemoryGroup* Group(const std::string& id, const std::string& topic);
  MemoryTransactions& transactions() { return transactions_; }
  SeededRandom& random() { return random_; }
  SimulatedClock& clock() { return *clock_; }

  // What time alone brings about.
  void Settle();

 private:
  const MemoryLogOptions options_;
  SimulatedClock* const clock_;
  SeededRandom random_;
  std::map<std::string, std::unique_ptr<MemoryTopic>> topics_;
  std::map<std::string, std::unique_ptr<MemoryGroup>> groups_;
  MemoryTransactions transactions_;
};

// The partition that a Java client would choose; any where there is no key.
int32_t ChoosePartition(const MemoryTopic& topic, const MemoryRecord& record, SeededRandom& random);

}  // namespace turnout::support
