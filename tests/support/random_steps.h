// RandomSteps: rules with steps that remember, and the events of a task to try them on, from a
// seed: few keys, times that jump, come late, lie ahead or are none, fields that are missing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "router/router.h"
#include "router/rule_set.h"
#include "router/state_settings.h"
#include "tests/support/plain_steps.h"

namespace turnout::support {

struct StepCase {
  std::string rules_text;  // JSON lines
  router::StateSettings settings;
  std::shared_ptr<const router::RuleSet> rule_set;
  std::vector<PlainRule> plain_rules;
  std::vector<PlainEvent> events;
};

StepCase RandomStepCase(uint64_t seed);

// These rules, JSON lines of one team, each of which matches every event of topic `in`; no events
// yet.
StepCase StepCaseOf(std::string rules_text, router::StateSettings settings);

// What the router answered, in PlainSteps' lines.
std::vector<std::string> LinesOf(const router::Routes& routes, const router::RuleSet& rules,
                                 const std::string& payload);

}  // namespace turnout::support
