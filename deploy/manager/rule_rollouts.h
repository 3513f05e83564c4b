// RuleRollouts: a rule file's text with some of its rules rolled out step by step, every other byte
// of it left as it is.
//
// A rule that is new begins with the rollout that is asked for. One that is changed goes on as it
// was published, and what it becomes stands beside it as `NAME-next`, in shadow; rolled out in
// full, that takes its name and its place. To a share of keys only what is new can be sent: of a
// changed rule the other keys would have neither the one nor the other.
//
// What is written is read again and held against what was meant, so that no layout of a file
// makes it say something else.
//
// Errors: InvalidArgument with the rule and the cure: what can't be rolled out so; a layout that is
//   not rewritten.
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "router/rollout.h"
#include "router/rule_file.h"

namespace turnout::manager {

inline constexpr std::string_view kNextSuffix = "-next";

// `sent` with what it adds to `published`, or changes of it, rolled out so. What can't be read is
// returned as it is: publishing says why. `published` is empty where there is none.
absl::StatusOr<std::string> StageRules(std::string_view published, std::string_view sent,
                                       const router::Rollout& rollout,
                                       const router::RuleLimits& limits);

// `text` with the rule of that name rolled out so.
absl::StatusOr<std::string> RollOutRule(std::string_view text, std::string_view rule,
                                        const router::Rollout& rollout);

}  // namespace turnout::manager
