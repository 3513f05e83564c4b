// RuleTrial: what a rule set makes of events, without a pipeline: nothing is sent.
//
// What its steps remember is kept as in a pipeline, a state a partition, from the first event on.
// Matches that would be re-keyed go on at once, in one state that stands for all partitions of the
// re-key topic. No table is at hand: matches that ask one are parked.
//
// Errors: those of a state; nothing else. Units: an event is applied once, in the order of its
//   partition.
// Threads: one. Lifetime: `resources` outlives it.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "connectors/record.h"
#include "router/router.h"
#include "router/rule_set.h"
#include "router/task_steps.h"
#include "runtime/event_format.h"
#include "state/state_resources.h"
#include "state/task_state.h"

namespace turnout::runtime {

// Stand for topics where an event goes that can't go to its destination.
inline constexpr std::string_view kToDeadLetters = "(dead letters)";
inline constexpr std::string_view kToParking = "(parking)";

// One record of one rule.
struct TrialOutput {
  std::string_view rule;    // "team/name"; the rule set's
  std::string destination;  // or one of the names above
  uint64_t content = 0;     // hash of record key and value

  auto operator<=>(const TrialOutput&) const = default;
};

class RuleTrial {
 public:
  // States lie in `directory`, which is made if a step needs one.
  // `schemas` may be null: values are JSON.
  RuleTrial(std::shared_ptr<const router::RuleSet> rules, std::string directory,
            state::StateResources* resources, SchemaRegistry* schemas = nullptr);
  ~RuleTrial();

  // What comes of the event, sorted.
  absl::Status Apply(const connectors::Event& event, std::string_view topic,
                     std::vector<TrialOutput>* outputs);

  // Whether the last event could not be read.
  bool is_unreadable() const { return is_unreadable_; }
  // The last event's payload, as JSON where it was read as such; views the event, or this.
  std::string_view payload() const { return payload_; }
  const router::RuleSet& rules() const { return *rules_; }

 private:
  struct Task {
    std::unique_ptr<state::TaskState> state;
    std::unique_ptr<router::TaskSteps> steps;
  };
  // Matches on their way to where their next step's key lives.
  struct Hop {
    bool is_shadow = false;
    std::string rule_ids;
    std::vector<state::StepId> steps;
  };

  absl::Status Find(int32_t partition, router::TaskSteps** steps);
  absl::Status Take(const router::Routes& routes, std::vector<TrialOutput>* outputs);
  absl::Status CommitIfMuch();

  const std::shared_ptr<const router::RuleSet> rules_;
  const std::string directory_;
  state::StateResources* const resources_;
  router::Router router_;
  std::map<int32_t, Task> tasks_;
  std::vector<Hop> hops_;
  EventFormat format_;
  std::string_view payload_;
  bool is_unreadable_ = false;
  int64_t applied_ = 0;  // events
};

}  // namespace turnout::runtime
