// RuleControl: decides which rule set is in force. It takes the teams' rules as the files have
// them, asks the pre-flight which of them may take effect, publishes those as one rule set, and
// looks again after the others until they are well.
//
// Where outputs can be parked, a team that has no rules in force takes effect although destinations
// of it are missing or forbidden: while it stood aside its events would pass by unrouted, and they
// are lost to it. So a router that starts while one is ill routes as those that run already.
//
// A team once in force stays so: what its destinations do later is the workers' to see. Where its
// rules change, those from before stay in force until the pre-flight has let the new ones pass;
// where they are gone, they go with the next Look. Before any team could take effect nothing is
// published, since workers would consume events for nobody.
//
// Errors: Unavailable - no broker answered: look again.
// Threads: one thread calls Take and Look; batch_bytes_max may be read on any.
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
#include "runtime/rule_loader.h"
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
  RuleControl(PreflightOptions options, router::StateSettings settings, RuleControlParts parts);

  // From now on outputs for destinations that are missing or forbidden can be parked.
  void UseParking() { may_park_ = true; }

  // All teams that there are now, each once; Look acts on it.
  void Take(const std::vector<router::Team>& teams, const std::vector<RefusedFile>& refused);

  // One pre-flight of the teams that aren't in force as they are. Tells the board, the metrics and
  // the log what changed, and publishes when teams came in, changed or went.
  absl::Status Look();
  // Instead of a Look, where it was known before that no broker answers. Returns `why`.
  absl::Status NoAnswer(absl::Status why);

  // Whether somebody has made the re-key topic by now, where no rule needs it (`turnout dlq
  // redrive` puts events back by it), and how many partitions the source has. Where no broker
  // answers, what was known stays.
  void LookAtTopics();

  // True once a rule set was published: workers may run.
  bool ready() const { return ready_; }
  // Whether matches go through the re-key topic, or may have gone there by rules from before.
  bool rekeys() const { return rekeys_ || has_rekey_topic_; }
  bool teams_stand_aside() const { return !waiting_.empty(); }
  // Smallest known batch limit of the destinations in force; 0: none is known.
  int64_t batch_bytes_max() const { return batch_bytes_max_.load(std::memory_order_relaxed); }

 private:
  std::vector<router::Team>::iterator FindInForce(const std::string& team);
  void LetPark(PreflightDecision* decision);
  void TellRefused(const std::vector<RefusedFile>& refused);
  void TellAside(std::vector<TeamAside> aside);
  void TellWaitingFor(std::vector<std::string> reasons);
  void TellRekeyCaution(std::string caution);
  void LetIn(router::Team team, const std::vector<TeamAside>& before);
  void PublishIfChanged();

  const PreflightOptions options_;
  const router::StateSettings settings_;
  const RuleControlParts parts_;
  std::vector<router::Team> in_force_;  // sorted by team
  bool is_published_ = true;            // in_force_, as it is
  std::vector<router::Team> waiting_;   // for their destinations, or for the next Look
  std::vector<TeamAside> aside_;        // why, as last told
  RulesStatus status_;
  bool may_park_ = false;
  bool ready_ = false;
  bool rekeys_ = false;           // the rules in force
  std::string rekey_caution_;     // as last told
  bool has_rekey_topic_ = false;  // when the first ones came into force, or later
  std::atomic<int64_t> batch_bytes_max_{0};
};

}  // namespace turnout::runtime
