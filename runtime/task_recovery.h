// RecoverTask: one partition's state and rules, as its commit note wants them: RecoverState with
// the archive of rule sets. What every StateKeeper does, on whatever thread it likes.
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

// `find_rules` answers NotFound or DataLoss for rule sets that are lost; `timeline` is one that
// nobody has had.
absl::StatusOr<RecoveredTask> RecoverTask(
    const RecoveryRequest& request, state::GapPolicy policy, std::string timeline,
    state::TaskHome& home,
    absl::FunctionRef<
        absl::StatusOr<std::shared_ptr<const router::RuleSet>>(const std::string& hash)>
        find_rules);

}  // namespace turnout::runtime
