#include <algorithm>

#include "router/router_impl.h"

namespace turnout::router {

void Router::Impl::ContinueRule(state::StepId step, std::string_view rule_id, bool is_shadow,
                                const Event& event) {
  const std::vector<RuleInfo>& infos = rules->rules();
  const auto found = std::lower_bound(
      infos.begin(), infos.end(), rule_id,
      [](const RuleInfo& info, std::string_view sought) { return info.id < sought; });
  if (found == infos.end() || found->id != rule_id) {
    if (!is_shadow) gone.push_back(rule_id);
    routes.lacks_steps = true;
    return;
  }
  const auto rule = static_cast<RuleIndex>(found - infos.begin());
  for (uint32_t i = plan.rules[rule].steps_begin; i < plan.rules[rule + 1].steps_begin; ++i) {
    if (plan.steps[i].id == step) return RouteRule(rule, i, plan.steps[i].key_field, event);
  }
  routes.lacks_steps = true;
  (is_shadow ? shadow_rejections : rejections)
      .push_back({rule,
                  "the rule has changed since the event was re-keyed for one of its steps, and has "
                  "that step no more"});
}

const Routes& Router::Continue(const Event& event, absl::Span<const state::StepId> steps,
                               std::string_view rule_ids, bool is_shadow, TaskSteps* task) {
  Impl& impl = *impl_;
  impl.routes.state_error = impl.Read(event, task);
  impl.routes.matched = {};
  for (const state::StepId step : steps) {
    if (!impl.routes.state_error.ok()) break;
    const size_t end = std::min(rule_ids.find(','), rule_ids.size());
    impl.ContinueRule(step, rule_ids.substr(0, end), is_shadow, event);
    rule_ids.remove_prefix(std::min(end + 1, rule_ids.size()));
  }
  return impl.Finish();
}

}  // namespace turnout::router
