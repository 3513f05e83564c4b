// RecoverTask: one partition's state and rules, as its commit note wants them: RecoverState with
// the archive of rule sets. What every StateKeeper does, on whatever thread it likes.
//
// One thing it adds to the plan: where `source.partitioned_by` is another than when the state was
// written, steps that now keep their state on the other side of the re-key topic would begin empty.
// That is a refusal (`state elsewhere`), or with GapPolicy::kGoOn an alert, that names their rules.
//
// Errors: what another try may cure. Threads: blocks.
#pragma once

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "runtime/state_keeper.h"
#include "state/task_home.h"

namespace turnout::runtime {

// Rule sets by their hashes. NotFound or DataLoss: they are lost.
class KeptRules {
 public:
  virtual ~KeptRules() = default;
  virtual absl::StatusOr<std::shared_ptr<const router::RuleSet>> Find(const std::string& hash) = 0;
  // Of the rule set, without reading its rules.
  virtual absl::StatusOr<router::StateSettings> FindSettings(const std::string& hash) = 0;
  // Every later owner finds it.
  virtual absl::Status Keep(const router::RuleSet& rules) = 0;
};

// `timeline` is one that nobody has had.
absl::StatusOr<RecoveredTask> RecoverTask(const RecoveryRequest& request, state::GapPolicy policy,
                                          std::string timeline, state::TaskHome& home,
                                          KeptRules& kept_rules);

}  // namespace turnout::runtime
