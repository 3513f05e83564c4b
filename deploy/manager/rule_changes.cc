#include "deploy/manager/rule_changes.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "router/content_hash.h"
#include "router/enrich_spec.h"
#include "router/pattern_cover.h"
#include "router/shape_plan.h"
#include "router/step.h"

namespace turnout::manager {
namespace {

using router::Rule;
using router::RuleFile;

constexpr std::string_view kMatch = "match";
constexpr std::string_view kNotation = "notation";

uint64_t StepsHash(const Rule& rule) {
  router::ContentHash hash;
  for (const router::Step& step : rule.steps) router::HashStep(step, &hash);
  return hash.Value();
}

std::string_view ShapeText(const Rule& rule) {
  return rule.shape == nullptr ? std::string_view() : std::string_view(rule.shape->text);
}

std::set<std::string> Destinations(const Rule& rule) {
  std::set<std::string> texts;
  for (const router::DestinationTemplate& destination : rule.to) texts.insert(destination.text);
  return texts;
}

bool IsConstant(const Rule& rule) {
  return std::all_of(rule.to.begin(), rule.to.end(),
                     [](const auto& destination) { return destination.is_constant(); });
}

std::set<std::string> Globs(const RuleFile& file) {
  return {file.allowed_destinations.begin(), file.allowed_destinations.end()};
}

// All that differs but the match.
std::vector<std::string> OtherParts(const Rule& before, const Rule& after, bool globs_differ) {
  std::vector<std::string> parts;
  if (before.steps.size() != after.steps.size() || StepsHash(before) != StepsHash(after)) {
    parts.emplace_back("steps");
  }
  if (router::EnrichText(before.enrich) != router::EnrichText(after.enrich)) {
    parts.emplace_back("enrich");
  }
  if (ShapeText(before) != ShapeText(after)) parts.emplace_back("shape");
  if (Destinations(before) != Destinations(after)) parts.emplace_back("to");
  if (before.key_field != after.key_field) parts.emplace_back("key");
  if (before.rollout.share != after.rollout.share ||
      before.rollout.is_shadow != after.rollout.is_shadow) {
    parts.emplace_back("rollout");
  }
  // What a destination with a field in it comes to is held against them.
  if (globs_differ && !IsConstant(after)) parts.emplace_back("destinations");
  return parts;
}

std::optional<RuleChange> Compare(const Rule& before, const Rule& after, bool globs_differ) {
  RuleChange change{.parts = OtherParts(before, after, globs_differ)};
  if (before.match_hash == after.match_hash) {
    if (change.parts.empty()) return std::nullopt;
    return change;
  }
  const bool is_alone = change.parts.empty();
  const bool keeps_all = router::Covers(after.match, before.match);
  const bool adds_none = router::Covers(before.match, after.match);
  change.parts.emplace(change.parts.begin(), keeps_all && adds_none ? kNotation : kMatch);
  if (is_alone && keeps_all != adds_none) {
    change.effect = keeps_all ? RuleEffect::kWidened : RuleEffect::kNarrowed;
  }
  return change;
}

}  // namespace

std::vector<RuleChange> CompareRules(const RuleFile* before, const RuleFile* after) {
  static const std::vector<Rule>* const none = new std::vector<Rule>;
  const std::vector<Rule>& old_rules = before == nullptr ? *none : before->rules;
  const std::vector<Rule>& new_rules = after == nullptr ? *none : after->rules;
  const bool globs_differ =
      before != nullptr && after != nullptr && Globs(*before) != Globs(*after);
  std::vector<RuleChange> changes;
  const auto add = [&](const RuleFile& file, const Rule& rule, RuleChange change) {
    change.rule = file.team + "/" + rule.name;
    changes.push_back(std::move(change));
  };
  auto old_rule = old_rules.begin();
  auto new_rule = new_rules.begin();
  while (old_rule != old_rules.end() || new_rule != new_rules.end()) {
    const bool is_old = new_rule == new_rules.end() ||
                        (old_rule != old_rules.end() && old_rule->name <= new_rule->name);
    const bool is_new = old_rule == old_rules.end() ||
                        (new_rule != new_rules.end() && new_rule->name <= old_rule->name);
    if (!is_new) {
      add(*before, *old_rule, {.effect = RuleEffect::kRemoved});
    } else if (!is_old) {
      add(*after, *new_rule, {.effect = RuleEffect::kAdded});
    } else if (auto change = Compare(*old_rule, *new_rule, globs_differ)) {
      add(*after, *new_rule, *std::move(change));
    }
    if (is_old) ++old_rule;
    if (is_new) ++new_rule;
  }
  return changes;
}

}  // namespace turnout::manager
