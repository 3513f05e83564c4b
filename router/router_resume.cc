#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "router/router_impl.h"

namespace turnout::router {
namespace {

// The next of "team/a,team/b", taken away.
std::string_view TakeRuleId(std::string_view* rule_ids) {
  const size_t end = std::min(rule_ids->find(','), rule_ids->size());
  const std::string_view id = rule_ids->substr(0, end);
  rule_ids->remove_prefix(std::min(end + 1, rule_ids->size()));
  return id;
}

}  // namespace

std::optional<RuleIndex> Router::Impl::FindRule(std::string_view rule_id) const {
  const std::vector<RuleInfo>& infos = rules->rules();
  const auto found = std::lower_bound(
      infos.begin(), infos.end(), rule_id,
      [](const RuleInfo& info, std::string_view sought) { return info.id < sought; });
  if (found == infos.end() || found->id != rule_id) return std::nullopt;
  return static_cast<RuleIndex>(found - infos.begin());
}

std::optional<uint32_t> Router::Impl::FindStep(RuleIndex rule, state::StepId step, bool is_shadow) {
  for (uint32_t i = plan.rules[rule].steps_begin; i < plan.rules[rule + 1].steps_begin; ++i) {
    if (plan.steps[i].id == step) return i;
  }
  routes.lacks_steps = true;
  (is_shadow ? shadow_rejections : rejections)
      .push_back({.rule = rule,
                  .reason = "the rule has changed since the event was sent on for one of its "
                            "steps, and has that step no more",
                  .step = step});
  return std::nullopt;
}

void Router::Impl::ContinueRule(state::StepId step, std::string_view rule_id, bool is_shadow,
                                const Event& event) {
  const std::optional<RuleIndex> rule = FindRule(rule_id);
  if (!rule) {
    routes.lacks_steps = true;
    if (!is_shadow) gone.push_back({rule_id, step});
    return;
  }
  const std::optional<uint32_t> at = FindStep(*rule, step, is_shadow);
  if (at) RouteRule(*rule, *at, plan.steps[*at].key_field, event);
}

const Routes& Router::Continue(const Event& event, absl::Span<const state::StepId> steps,
                               std::string_view rule_ids, bool is_shadow, TaskSteps* task) {
  Impl& impl = *impl_;
  impl.routes.state_error = impl.Read(event, task);
  impl.routes.matched = {};
  for (const state::StepId step : steps) {
    if (!impl.routes.state_error.ok()) break;
    impl.ContinueRule(step, TakeRuleId(&rule_ids), is_shadow, event);
  }
  return impl.Finish();
}

bool Router::Impl::IsAtSource(RuleIndex rule, uint32_t step) const {
  if (plan.partition_field == RoutePlan::kAnyKey) return true;
  const auto begin = plan.steps.begin() + plan.rules[rule].steps_begin;
  return std::all_of(begin, plan.steps.begin() + step + 1, [this](const StepPlan& one) {
    return one.kind == StepKind::kSample || one.key_field == plan.partition_field;
  });
}

bool Router::Impl::IsWanted(const RoutePlan::Target& target) {
  Slot ignored;
  return target.destination.text == only || ResolveName(target, &ignored) == only;
}

void Router::Impl::RejectElsewhere(RuleIndex rule, std::string_view destination) {
  rejections.push_back({rule,
                        "the rule does not send it to that destination any more; `turnout replay` "
                        "can send the rule's events to those that it has now",
                        destination});
}

// Rules that ask nothing of the payload have had the event.
void Router::Impl::RedriveAnew(const Event& event) {
  rules->matcher().MatchRecord(event, scratch.get());
  const std::vector<RuleIndex> had(scratch->matches().begin(), scratch->matches().end());
  routes.payload_error = rules->matcher().Match(event, scratch.get());
  for (const RuleIndex rule : scratch->matches()) {
    if (std::find(had.begin(), had.end(), rule) != had.end()) continue;
    RouteRule(rule, plan.rules[rule].steps_begin, kNowhere, event);
  }
}

void Router::Impl::SendAsItIs(RuleIndex rule, std::string_view destination, const Event& event) {
  for (uint32_t i = plan.rules[rule].begin; i < plan.rules[rule + 1].begin; ++i) {
    const RoutePlan::Target& target = plan.targets[plan.target_ids[i]];
    if (target.destination.text != destination) continue;
    return SendFeature(target, {.key = event.key, .value = event.value}, rule, event);
  }
  RejectElsewhere(rule, destination);
}

void Router::Impl::RedriveBehindSteps(RuleIndex rule, const Redriven& from, const Event& event) {
  // It stays where it can be put back from.
  if (!IsSent(rule, from.is_record ? event.key : ShareKey(rule, event))) {
    rejections.push_back({.rule = rule,
                          .reason = "the rule is in shadow now, or its `rollout` leaves the event "
                                    "out; it can be put back when the rule sends it again"});
    return;
  }
  if (from.is_record) return SendAsItIs(rule, from.destination, event);
  const auto begin = plan.steps.begin() + plan.rules[rule].steps_begin;
  const auto end = plan.steps.begin() + plan.rules[rule + 1].steps_begin;
  const auto is_aggregate = [](const StepPlan& one) { return one.kind == StepKind::kAggregate; };
  if (std::any_of(begin, end, is_aggregate)) {
    rejections.push_back(
        {.rule = rule, .reason = "the rule sends feature records now, not the event itself"});
    return;
  }
  only = from.destination;
  SendMatch(rule, event);
}

void Router::Impl::RedriveRule(std::string_view rule_id, state::StepId step, const Redriven& from,
                               const Event& event) {
  const std::optional<RuleIndex> rule = FindRule(rule_id);
  if (!rule) return gone.push_back({rule_id, step, from.destination, from.is_record});
  if (step != kNoStep) {
    const std::optional<uint32_t> at = FindStep(*rule, step, false);
    if (at) RouteRule(*rule, *at, kNowhere, event);
    return;
  }
  const size_t rejected = rejections.size();
  RedriveBehindSteps(*rule, from, event);
  // It lacks no more than it did.
  for (size_t i = rejected; i < rejections.size(); ++i) {
    if (IsNull(rejections[i].destination)) rejections[i].destination = from.destination;
    rejections[i].is_record = from.is_record;
  }
}

const Routes& Router::Redrive(const Event& event, const Redriven& redriven) {
  Impl& impl = *impl_;
  impl.Start();
  impl.feature = {};
  impl.routes.matched = {};
  if (redriven.rule_ids.empty()) {
    impl.RedriveAnew(event);
    return impl.Finish();
  }
  impl.routes.payload_error = impl.rules->matcher().Match(event, impl.scratch.get());
  std::string_view rule_ids = redriven.rule_ids;
  for (size_t i = 0; !rule_ids.empty(); ++i) {
    const std::string_view id = TakeRuleId(&rule_ids);
    const state::StepId step = i < redriven.steps.size() ? redriven.steps[i] : kNoStep;
    impl.RedriveRule(id, step, redriven, event);
  }
  // What can't be read is a rule's business here only where it needs it: that rule has said so.
  impl.routes.payload_error = absl::OkStatus();
  return impl.Finish();
}

}  // namespace turnout::router
