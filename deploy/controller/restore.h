// Restore: how far the wish of spec.restoreFrom has come.
//
// It is a part of the pods' config, so they get it as they get any other (upgrade.h), and each
// partition is restored once, where it is when its pod has it (state/restore_wish.h). A partition's
// pod says whether the wish is noted; once all have been, that stays so, whatever pods begin anew.
//
// What is kept: that it is done, in the router's status.
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "deploy/controller/pod_facts.h"
#include "deploy/controller/router_spec.h"
#include "deploy/controller/upgrade.h"

namespace turnout::controller {

struct RestoreFacts {
  std::string wish;  // its id
  int done = 0;      // partitions, as far as pods told of them
  int partitions = 0;
  bool is_done = false;
  std::string reason, message;  // of the condition `Restored`
};

// Why the wish can't be put into a config; empty: it can, or there is none.
std::string RestoreProblem(const RouterSpec::RestoreFrom& restore, absl::Time now);

// `before` is JSON as in status.restore. `replicas`: pods that there should be; not done before all
// of them answer.
RestoreFacts StepRestore(const RouterSpec::RestoreFrom& restore, std::string_view before,
                         const std::vector<PodFacts>& pods, int replicas,
                         const UpgradeState& upgrade);
std::string RestoreJson(const RestoreFacts& facts);

}  // namespace turnout::controller
