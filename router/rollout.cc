#include "router/rollout.h"

#include "router/content_hash.h"

namespace turnout::router {

RolloutPlan PlanRollout(const Rollout& rollout, std::string_view team, std::string_view rule) {
  RolloutPlan plan{.share = rollout.share, .is_shadow = rollout.is_shadow};
  for (const std::string_view text : {team, std::string_view("/"), rule, std::string_view(" ")}) {
    plan.hash = AddToTextHash(plan.hash, text);
  }
  return plan;
}

void HashRollout(const Rollout& rollout, ContentHash* hash) {
  if (rollout.is_full()) return;
  hash->Add("rollout");
  hash->AddNumber(rollout.share);
  hash->AddNumber(rollout.is_shadow ? 1 : 0);
}

}  // namespace turnout::router
