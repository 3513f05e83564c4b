// RouterConditions: how a router is, in plain words: each condition's message says what is wrong
// and what to do.
//
//   Ready              as many pods as there should be take events
//   Progressing        something is under way that ends by itself
//   Degraded           some pod, team or destination is not served
//   ConfigAccepted     the pipeline's config is good; else pods run on as they were
//   RulesAccepted      every route's rules are good
//   Paused, Drained    as spec.paused and spec.drain ask for
//   UpgradeRolledBack  the last upgrade was gone back from
//   Autoscaled         only with spec.autoscaling
//   Replayed           only with spec.replay
//   Deletable          only while it is being deleted
//
// Threads: pure function.
#pragma once

#include <vector>

#include "deploy/controller/conditions.h"
#include "deploy/controller/situation.h"

namespace turnout::controller {

std::vector<Condition> RouterConditions(const Situation& situation);

// Whether a person should hear of it.
bool IsBad(const Condition& condition);

}  // namespace turnout::controller
