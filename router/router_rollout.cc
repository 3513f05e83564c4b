#include <optional>
#include <utility>

#include "router/rollout.h"
#include "router/router_impl.h"

namespace turnout::router {

// Its steps see every match, so that what they remember has nothing of the share in it; what comes
// behind them is sent, would be sent, or is held back.
void Router::Impl::RouteInRollout(RuleIndex rule, uint32_t first_step, uint32_t local_key,
                                  const Event& event) {
  const RolloutPlan& rollout = plan.rollouts[plan.rules[rule].rollout];
  const size_t rejected = rejections.size();
  const bool passes = PassesSteps(rule, first_step, local_key);
  if (!passes && rejections.size() == rejected) return;
  if (!rollout.Takes(ShareKey(rule, event))) {
    held_back.push_back(rule);
    feature = {};
    rejections.resize(rejected);
    return;
  }
  if (!rollout.is_shadow) {
    if (passes) SendMatch(rule, event);
    return;
  }
  if (passes) ShadowMatch(rule, event);
  shadow_rejections.insert(shadow_rejections.end(), rejections.begin() + rejected,
                           rejections.end());
  rejections.resize(rejected);
}

bool Router::Impl::IsSent(RuleIndex rule, std::string_view key) const {
  const uint32_t rollout = plan.rules[rule].rollout;
  if (rollout == RoutePlan::kFullRollout) return true;
  return !plan.rollouts[rollout].is_shadow && plan.rollouts[rollout].Takes(key);
}

// The record's, whether or not there comes to be one; where there is none, the payload.
std::string_view Router::Impl::ShareKey(RuleIndex rule, const Event& event) const {
  if (!IsNull(feature.value)) return feature.key;
  const uint32_t key_field = plan.rules[rule].key_field;
  const std::string_view key =
      key_field == RoutePlan::kOwnKey ? event.key : scratch->Field(key_field);
  return IsNull(key) ? event.value : key;
}

void Router::Impl::ShadowMatch(RuleIndex rule, const Event& event) {
  const bool is_feature = !IsNull(feature.value);
  const std::optional<Record> record =
      is_feature ? std::exchange(feature, {}) : MakeRecord(rule, event);
  if (!record) return;
  for (uint32_t i = plan.rules[rule].begin; i < plan.rules[rule + 1].begin; ++i) {
    Slot slot;
    const std::string_view name = AllowedName(plan.targets[plan.target_ids[i]], &slot);
    if (IsNull(name)) {
      rejections.push_back({rule, slot.reason});
    } else {
      AddShadowed({.rule = rule,
                   .destination = name,
                   .key = record->key,
                   .value = record->value,
                   .content_type = record->content_type});
    }
  }
}

// Once, if two destinations of the rule came to the same topic.
void Router::Impl::AddShadowed(const Shadowed& record) {
  for (size_t i = shadowed.size(); i > 0 && shadowed[i - 1].rule == record.rule; --i) {
    const Shadowed& other = shadowed[i - 1];
    if (!other.window_end_ms && other.destination == record.destination) return;
  }
  shadowed.push_back(record);
}

bool Router::Impl::SendsWindow(const ClosedWindow& window) {
  const RoutePlan::RuleTargets& from = plan.rules[window.rule];
  if (from.rollout == RoutePlan::kFullRollout) return true;
  const RolloutPlan& rollout = plan.rollouts[from.rollout];
  if (!rollout.Takes(window.key)) {
    held_back.push_back(window.rule);
    return false;
  }
  if (!rollout.is_shadow) return true;
  for (uint32_t i = from.begin; i < plan.rules[window.rule + 1].begin; ++i) {
    shadowed.push_back({.rule = window.rule,
                        .destination = plan.targets[plan.target_ids[i]].destination.text,
                        .key = window.key,
                        .value = window.value,
                        .window_end_ms = window.end_ms});
  }
  return false;
}

}  // namespace turnout::router
