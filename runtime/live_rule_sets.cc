#include "runtime/live_rule_sets.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "runtime/rule_loader.h"
#include "runtime/rule_origins.h"

namespace turnout::runtime {

LiveRuleSets::LiveRuleSets(const Config& config, std::string rule)
    : config_(config),
      team_(rule.substr(0, rule.find('/'))),
      name_(rule.substr(std::min(rule.size(), team_.size() + 1))) {
  std::error_code none;
  const std::string directory = RuleHistoriesDirectory(config.state_dir, config.group);
  for (const auto& replica : std::filesystem::directory_iterator(directory, none)) {
    histories_.push_back(std::make_unique<RuleHistory>(replica.path().string(), /*origin=*/""));
  }
}

RuleReach LiveRuleSets::ReachOf(const router::RuleSet& rules) const {
  for (const router::Team& team : rules.teams()) {
    if (team->team != team_) continue;
    for (const router::Rule& rule : team->rules) {
      if (rule.name != name_ || rule.rollout.is_shadow || rule.rollout.share == 0) continue;
      return rule.rollout.is_full() ? RuleReach::kAll : RuleReach::kShare;
    }
  }
  return RuleReach::kNothing;
}

void LiveRuleSets::LearnPresent() {
  if (IsRemote(config_)) return;  // who has them in force keeps them
  LoadedRules loaded = LoadRules({config_.rules}, config_.limits.rules);
  const auto now = router::RuleSet::Build(std::move(loaded.teams), config_.time);
  known_[now->hash()] = ReachOf(*now);
}

std::optional<RuleReach> LiveRuleSets::ReachIn(const std::string& hash) {
  if (known_.empty()) LearnPresent();
  if (const auto known = known_.find(hash); known != known_.end()) return known->second;
  for (const auto& history : histories_) {
    const auto kept = history->Find(hash);
    if (kept.ok()) return known_[hash] = ReachOf(**kept);
  }
  return std::nullopt;
}

}  // namespace turnout::runtime
