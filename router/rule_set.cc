#include "router/rule_set.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/content_hash.h"
#include "router/route_plan.h"

namespace turnout::router {
namespace {

// Changes when the same rule files come to mean something else.
constexpr std::string_view kHashFormat = "turnout rule set 5";

std::string HashOf(const std::vector<Team>& teams, const StateSettings& settings,
                   const std::vector<state::StepId>& kept_steps) {
  ContentHash hash;
  hash.Add(kHashFormat);
  for (const Team& team : teams) hash.AddNumber(team->content_hash);
  hash.Add(settings.partitioned_by);
  hash.Add(settings.time_field);
  hash.AddNumber(static_cast<uint64_t>(settings.lateness_ms));
  hash.AddNumber(static_cast<uint64_t>(settings.ahead_ms_max));
  hash.AddNumber(static_cast<uint64_t>(settings.rule_state_bytes_max));
  // Without it, as before there was one.
  if (settings.team_state_bytes_max != kNoStateLimit) {
    hash.AddNumber(static_cast<uint64_t>(settings.team_state_bytes_max));
  }
  if (settings.cloud_events) hash.Add("cloud events");
  for (const state::StepId step : kept_steps) hash.AddNumber(step);
  return absl::StrFormat("%016x", hash.Value());
}

void Sort(std::vector<state::StepId>* steps) {
  std::sort(steps->begin(), steps->end());
  steps->erase(std::unique(steps->begin(), steps->end()), steps->end());
}

std::vector<state::StepId> AllSteps(const std::vector<Team>& teams,
                                    std::vector<state::StepId> steps) {
  for (const Team& team : teams) AppendSteps(*team, &steps);
  std::erase(steps, kAllSteps);
  Sort(&steps);
  return steps;
}

std::vector<state::StepId> StepsAt(StepPlace place, const std::vector<Team>& teams,
                                   const StateSettings& settings,
                                   std::vector<state::StepId> steps) {
  for (const Team& team : teams) {
    for (const Rule& rule : team->rules) {
      for (const auto& [step, at] : PlacesOfSteps(rule, settings.partitioned_by)) {
        if (at == place) steps.push_back(step);
      }
    }
  }
  std::erase(steps, kAllSteps);
  Sort(&steps);
  return steps;
}

// Orders teams as their rules' ids "team/name" are ordered: `/` comes after `-` and `.`, so that is
// not the order of the team names alone.
bool IsBefore(const Team& a, const Team& b) {
  const std::string& first = a->team;
  const std::string& second = b->team;
  const size_t common = std::min(first.size(), second.size());
  const int order = first.compare(0, common, second, 0, common);
  if (order != 0) return order < 0;
  if (first.size() == second.size()) return false;
  return first.size() < second.size() ? '/' < second[common] : first[common] < '/';
}

// Ids of all rules in one text, and where each begins.
class IdTexts {
 public:
  IdTexts(size_t rules, size_t bytes) {
    infos_.reserve(rules);
    text_ = std::make_unique<char[]>(bytes);
    end_ = text_.get();
  }
  static size_t BytesOf(const RuleFile& team) {
    size_t bytes = (team.team.size() + 1) * team.rules.size();
    for (const Rule& rule : team.rules) bytes += rule.name.size();
    return bytes;
  }
  void Add(std::string_view team, std::string_view name) {
    char* const begin = end_;
    end_ = std::copy(team.begin(), team.end(), end_);
    *end_++ = '/';
    end_ = std::copy(name.begin(), name.end(), end_);
    infos_.push_back(
        {{begin, static_cast<size_t>(end_ - begin)}, static_cast<uint32_t>(team.size())});
  }
  const std::vector<RuleInfo>& infos() const { return infos_; }

 private:
  std::vector<RuleInfo> infos_;
  std::unique_ptr<char[]> text_;
  char* end_ = nullptr;
};

// A team has a target for each destination and key, far fewer than rules.
std::vector<RuleSet::Destination> ConstantDestinations(const std::vector<Team>& teams,
                                                       const RoutePlan& plan) {
  std::map<std::string_view, std::vector<std::string>> writers;
  for (const RoutePlan::Target& target : plan.targets) {
    if (target.is_shadow || !target.destination.is_constant()) continue;
    std::vector<std::string>& names = writers[target.destination.text];
    const std::string& team = teams[target.team]->team;
    if (names.empty() || names.back() != team) names.push_back(team);
  }
  std::vector<RuleSet::Destination> destinations;
  destinations.reserve(writers.size());
  for (auto& [topic, names] : writers) {
    std::sort(names.begin(), names.end());
    destinations.push_back({std::string(topic), std::move(names)});
  }
  return destinations;
}

}  // namespace

struct RuleSet::Impl {
  std::string hash;
  StateSettings settings;
  std::vector<state::StepId> steps;
  std::array<std::vector<state::StepId>, kStepPlaces> steps_at;
  std::vector<state::StepId> kept_steps;
  std::vector<Team> teams;
  IdTexts ids;
  std::vector<Destination> destinations;
  RoutePlan plan;
  Matcher matcher;
};

RuleSet::RuleSet(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
RuleSet::~RuleSet() = default;

std::shared_ptr<const RuleSet> RuleSet::Build(std::vector<Team> teams, StateSettings settings,
                                              std::vector<state::StepId> kept_steps) {
  std::sort(teams.begin(), teams.end(), IsBefore);
  size_t rules = 0;
  size_t id_bytes = 0;
  for (const Team& team : teams) {
    rules += team->rules.size();
    id_bytes += IdTexts::BytesOf(*team);
  }
  IdTexts ids(rules, id_bytes);
  std::vector<Pattern> patterns;
  patterns.reserve(rules);
  RoutePlanBuilder builder(rules);
  for (const Team& team : teams) {
    builder.StartTeam(*team);
    for (const Rule& rule : team->rules) {
      ids.Add(team->team, rule.name);
      patterns.push_back(rule.match);
      builder.AddRule(rule);
    }
  }
  Sort(&kept_steps);
  std::string hash = HashOf(teams, settings, kept_steps);
  std::vector<state::StepId> steps = AllSteps(teams, kept_steps);
  std::array<std::vector<state::StepId>, kStepPlaces> steps_at = {
      StepsAt(StepPlace::kSource, teams, settings, kept_steps),
      StepsAt(StepPlace::kRekeyed, teams, settings, kept_steps)};
  if (!steps.empty() && !settings.time_field.empty()) builder.SetTimeField(settings.time_field);
  if (!steps.empty() && !settings.partitioned_by.empty()) {
    builder.SetPartitionField(settings.partitioned_by);
  }
  RoutePlan plan = builder.Finish();
  Matcher matcher(patterns, plan.fields, settings.cloud_events);
  std::vector<Destination> destinations = ConstantDestinations(teams, plan);
  auto impl = std::make_unique<const Impl>(
      Impl{std::move(hash), std::move(settings), std::move(steps), std::move(steps_at),
           std::move(kept_steps), std::move(teams), std::move(ids), std::move(destinations),
           std::move(plan), std::move(matcher)});
  return std::shared_ptr<const RuleSet>(new RuleSet(std::move(impl)));
}

const std::string& RuleSet::hash() const { return impl_->hash; }
const std::vector<RuleInfo>& RuleSet::rules() const { return impl_->ids.infos(); }
const std::vector<RuleSet::Destination>& RuleSet::destinations() const {
  return impl_->destinations;
}
bool RuleSet::rekeys() const {
  return std::any_of(impl_->teams.begin(), impl_->teams.end(),
                     [this](const Team& team) { return Rekeys(*team, impl_->settings); });
}
const std::vector<Team>& RuleSet::teams() const { return impl_->teams; }
bool RuleSet::keeps_all_steps() const {
  return !impl_->kept_steps.empty() && impl_->kept_steps.front() == kAllSteps;
}
absl::Span<const state::StepId> RuleSet::kept_steps() const { return impl_->kept_steps; }
const std::vector<std::string>& RuleSet::tables() const { return impl_->plan.tables; }
const StateSettings& RuleSet::settings() const { return impl_->settings; }
absl::Span<const state::StepId> RuleSet::steps() const { return impl_->steps; }
absl::Span<const state::StepId> RuleSet::steps_at(StepPlace place) const {
  return impl_->steps_at[static_cast<size_t>(place)];
}
void RuleSet::AddSizes(const TaskSteps& task, std::vector<StateSize>* by_rule) const {
  const int64_t watermark_ms = task.state().watermark_ms();
  const RoutePlan& plan = impl_->plan;
  for (size_t rule = 0; rule < by_rule->size(); ++rule) {
    for (uint32_t i = plan.rules[rule].steps_begin; i < plan.rules[rule + 1].steps_begin; ++i) {
      const StateMeter* const meter = task.FindMeter(plan.steps[i].id);
      if (meter != nullptr) (*by_rule)[rule].Add(meter->SizeAt(watermark_ms));
    }
  }
}
bool RuleSet::reads_payload() const { return matcher().reads_payload() || !plan().forms.empty(); }

const Matcher& RuleSet::matcher() const { return impl_->matcher; }
const RoutePlan& RuleSet::plan() const { return impl_->plan; }

}  // namespace turnout::router
