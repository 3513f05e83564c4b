// RuleControl: decides which rule set is in force. It takes the teams' rule files as loaded, asks
// the pre-flight which of them may take effect, publishes those as one rule set, and looks again
// after the others until they are well.
//
// A team once in force stays so: what its destinations do later is the workers' to see. While no
// team at all could take effect nothing is published, since workers would consume events for
// nobody.
//
// Errors: Unavailable - no broker answered: look again.
// Threads: one thread calls Look; batch_bytes_max may be read on any.
// Lifetime: everything that is borrowed outlives it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/clock.h"
#include "runtime/metrics.h"
#include "runtime/preflight.h"
#include "runtime/rule_feed.h"
#include "runtime/status_board.h"

namespace turnout::runtime {

struct RuleControlParts {
  connectors::TopicAdmin* admin = nullptr;
  Clock* clock = nullptr;
  RuleFeed* feed = nullptr;
  StatusBoard* board = nullptr;
  Metrics* metrics = nullptr;
};

class RuleControl {
 public:
  RuleControl(PreflightOptions options, std::vector<router::Team> teams,
              std::vector<RefusedRules> refused, RuleControlParts parts);

  // One pre-flight of the teams that aren't in force. Tells the board, the metrics and the log what
  // changed, and publishes when teams came in.
  absl::Status Look();

  // True once a rule set was published: workers may run.
  bool ready() const { return ready_; }
  bool teams_stand_aside() const { return !waiting_.empty(); }
  // Smallest known batch limit of the destinations in force; 0: none is known.
  int64_t batch_bytes_max() const { return batch_bytes_max_.load(std::memory_order_relaxed); }

 private:
  void TellAside(const std::vector<TeamAside>& aside);
  void TellWaitingFor(std::vector<std::string> reasons);
  void Publish();

  const PreflightOptions options_;
  const RuleControlParts parts_;
  const std::vector<RefusedRules> refused_;
  std::vector<router::Team> in_force_;
  std::vector<router::Team> waiting_;      // for their destinations
  std::vector<TeamAside> aside_;           // why, as last told
  RulesStatus status_;
  bool ready_ = false;
  std::atomic<int64_t> batch_bytes_max_{0};
};

}  // namespace turnout::runtime
