#include "runtime/replay_rule.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "router/destination_template.h"
#include "router/suggest.h"
#include "runtime/log.h"
#include "runtime/record_headers.h"
#include "runtime/remote_rules.h"
#include "runtime/rule_loader.h"
#include "runtime/rule_origins.h"

namespace turnout::runtime {
namespace {

// For an endpoint or a topic that rules come from.
constexpr absl::Duration kAnswerWithin = absl::Seconds(10);

absl::StatusOr<LoadedRules> TakeRules(const Config& config,
                                      const connectors::KafkaClientOptions& client) {
  if (!IsRemote(config)) return LoadRules({config.rules}, config.limits.rules);
  absl::StatusOr<RemoteRules> remote =
      TakeRemoteRules(config, client, kAnswerWithin, "name rule files with --set rules=PATH");
  if (!remote.ok()) return remote.status();
  for (const std::string& note : remote->notes) LogWarning("replay_rules", note);
  LoadedRules loaded;
  loaded.teams = std::move(remote->teams);
  return loaded;
}

absl::Status Unknown(const std::string& rule, const LoadedRules& loaded) {
  std::vector<std::string> ids;
  for (const router::Team& team : loaded.teams) {
    for (const router::Rule& one : team->rules) ids.push_back(team->team + "/" + one.name);
  }
  const std::vector<std::string_view> known(ids.begin(), ids.end());
  std::string why = absl::StrCat("there is no rule ", router::Quoted(rule),
                                 " in force: ", router::NearestNameCure(rule, known));
  const std::string refused = FormatRefused(loaded);
  if (!refused.empty()) absl::StrAppend(&why, "\nThese files are refused:\n", refused);
  return absl::InvalidArgumentError(why);
}

// The rule `id`, "team/name", without its team's others; null: there is none of that name.
router::Team RuleAlone(const std::vector<router::Team>& teams, std::string_view id,
                       const router::DestinationTemplate* to) {
  const std::string_view team_name = id.substr(0, id.find('/'));
  const auto team = std::find_if(teams.begin(), teams.end(),
                                 [&](const router::Team& one) { return one->team == team_name; });
  if (team == teams.end() || team_name.size() == id.size()) return nullptr;
  return router::OnlyRule(**team, id.substr(team_name.size() + 1), to);
}

absl::StatusOr<router::DestinationTemplate> ParseTopic(const std::string& topic) {
  const std::string_view fault = router::TopicNameFault(topic);
  if (!fault.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--to-topic ", router::Quoted(topic), " ", std::string(fault)));
  }
  return router::ParseDestinationTemplate(topic);
}

// A rule of which the matches are re-keyed.
absl::Status Rekeyed(const router::Rule& rule, const std::string& id, const Config& config) {
  const std::string& partitioned_by = config.time.partitioned_by;
  const auto step = std::find_if(rule.steps.begin(), rule.steps.end(), [&](const auto& one) {
    return one.keeps_state() && one.key_field != partitioned_by;
  });
  return absl::InvalidArgumentError(absl::StrCat(
      "the rule ", id, " has a step by ", step->key_field, ", and ",
      partitioned_by.empty() ? "source.partitioned_by is not set"
                             : absl::StrCat("the source is partitioned by ", partitioned_by),
      ": its matches go through ", config.rekey_topic,
      ", where they would change what live traffic remembers, so it can't be replayed (set "
      "source.partitioned_by, if ",
      step->key_field,
      " is what the source is partitioned by; else `turnout diff` shows what the rule would do)"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const router::RuleSet>> FindReplayRule(
    const Config& config, const connectors::KafkaClientOptions& client, const std::string& rule,
    const std::string& to_topic) {
  const absl::StatusOr<LoadedRules> taken = TakeRules(config, client);
  if (!taken.ok()) return taken.status();
  const LoadedRules& loaded = *taken;
  absl::StatusOr<router::DestinationTemplate> to;
  if (!to_topic.empty()) {
    to = ParseTopic(to_topic);
    if (!to.ok()) return to.status();
  }
  const router::Team only = RuleAlone(loaded.teams, rule, to_topic.empty() ? nullptr : &*to);
  if (only == nullptr) return Unknown(rule, loaded);
  if (router::Rekeys(*only, config.time)) {
    return Rekeyed(only->rules.front(), rule, config);
  }
  return router::RuleSet::Build({only}, config.time);
}

std::shared_ptr<const router::RuleSet> ReplayRuleOf(const ExplainedEvent& output,
                                                    const router::RuleSet& at_hand) {
  const std::string rule = output.Header(kRulesHeader).value_or("");
  const auto to = ParseTopic(output.Header(kDestinationHeader).value_or(output.topic));
  const std::array<const router::DestinationTemplate*, 2> topics = {nullptr,
                                                                    to.ok() ? &*to : nullptr};
  for (const router::DestinationTemplate* instead : topics) {
    const router::Team only = RuleAlone(at_hand.teams(), rule, instead);
    if (only == nullptr) return nullptr;
    auto alone = router::RuleSet::Build({only}, at_hand.settings());
    if (alone->hash() == output.Header(kRuleSetHeader)) return alone;
  }
  return nullptr;
}

}  // namespace turnout::runtime
