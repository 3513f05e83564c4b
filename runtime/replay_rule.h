// ReplayRule: the one rule that a replay is of, as a rule set of its own.
//
// Errors: InvalidArgument - there is no such rule, or it can't be replayed: says why and what to
// do. Threads: any; reads the rule files.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "router/rule_set.h"
#include "runtime/config.h"

namespace turnout::runtime {

// `rule` is "team/name" among the config's rule files; `to_topic`, unless it is empty, is where it
// sends instead.
absl::StatusOr<std::shared_ptr<const router::RuleSet>> FindReplayRule(const Config& config,
                                                                      const std::string& rule,
                                                                      const std::string& to_topic);

}  // namespace turnout::runtime
