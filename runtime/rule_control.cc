#include "runtime/rule_control.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/rule_set.h"
#include "runtime/log.h"

namespace turnout::runtime {
namespace {

bool SameAside(const TeamAside& a, const TeamAside& b) {
  return a.team == b.team && a.topic == b.topic && a.reason == b.reason;
}

std::string Sentence(const TeamAside& aside) {
  return absl::StrCat("the rules of team ", aside.team, " stand aside: destination ", aside.topic,
                      " ", aside.reason, " (", aside.cure, ")");
}

}  // namespace

RuleControl::RuleControl(PreflightOptions options, std::vector<router::Team> teams,
                         std::vector<RefusedRules> refused, RuleControlParts parts)
    : options_(std::move(options)),
      parts_(parts),
      refused_(std::move(refused)),
      waiting_(std::move(teams)) {
  status_.refused = refused_;
  parts_.board->SetRules(status_);
  TellAside({});
}

absl::Status RuleControl::Look() {
  absl::StatusOr<PreflightDecision> decision =
      RunPreflight(options_, waiting_, parts_.admin, parts_.clock);
  if (!decision.ok()) {
    if (!ready_) {
      TellWaitingFor({absl::StrCat("no broker answers: ", decision.status().message())});
    }
    return decision.status();
  }
  TellAside(decision->aside);
  if (!ready_ && !decision->waiting_for.empty()) {
    TellWaitingFor(std::move(decision->waiting_for));
    return absl::OkStatus();
  }
  if (!ready_ && decision->in_force.empty()) {
    std::vector<std::string> reasons = {"no team's rules are in force"};
    for (const TeamAside& aside : aside_) reasons.push_back(Sentence(aside));
    TellWaitingFor(std::move(reasons));
    return absl::OkStatus();
  }
  const int64_t before = batch_bytes_max();
  if (decision->batch_bytes_max > 0 && (before == 0 || decision->batch_bytes_max < before)) {
    batch_bytes_max_.store(decision->batch_bytes_max, std::memory_order_relaxed);
  }
  if (decision->in_force.empty()) return absl::OkStatus();

  std::vector<router::Team> still_waiting;
  for (size_t i = 0, next = 0; i < waiting_.size(); ++i) {
    if (next < decision->in_force.size() && decision->in_force[next] == i) {
      ++next;
      if (ready_) {
        LogInfo("team_back",
                absl::StrCat("the rules of team ", waiting_[i]->team,
                             " take effect: its destinations are well"),
                {{"team", waiting_[i]->team}});
      }
      in_force_.push_back(std::move(waiting_[i]));
    } else {
      still_waiting.push_back(std::move(waiting_[i]));
    }
  }
  waiting_ = std::move(still_waiting);
  Publish();
  ready_ = true;
  TellWaitingFor({});
  return absl::OkStatus();
}

void RuleControl::TellAside(const std::vector<TeamAside>& aside) {
  for (const TeamAside& team : aside) {
    const bool told = std::any_of(aside_.begin(), aside_.end(),
                                  [&](const TeamAside& before) { return SameAside(before, team); });
    if (told) continue;
    LogWarning("team_aside", Sentence(team),
               {{"team", team.team}, {"destination", team.topic}, {"reason", team.reason}});
  }
  aside_ = aside;
  status_.aside = aside;
  parts_.board->SetRules(status_);
  std::vector<std::string> files;
  for (const RefusedRules& file : refused_) files.push_back(file.file);
  std::vector<std::string> teams;
  for (const TeamAside& team : aside) teams.push_back(team.team);
  parts_.metrics->OnTeams(files, teams);
}

void RuleControl::TellWaitingFor(std::vector<std::string> reasons) {
  if (!parts_.board->SetWaitingFor(reasons)) return;
  for (const std::string& reason : reasons) {
    LogWarning("waiting", absl::StrCat("not started yet: ", reason), {{"reason", reason}});
  }
}

void RuleControl::Publish() {
  std::shared_ptr<const router::RuleSet> rules = router::RuleSet::Build(in_force_);
  const absl::Time now = parts_.clock->Now();
  status_.hash = rules->hash();
  status_.published = now;
  status_.teams.clear();
  for (const router::Team& team : in_force_) {
    status_.teams.push_back({team->team, static_cast<int>(team->rules.size())});
  }
  parts_.metrics->OnRuleSet(*rules, now);
  parts_.board->SetRules(status_);
  LogInfo(
      "rules_published",
      absl::StrCat("rule set ", rules->hash(), " is in force; rules: ", rules->rules().size(),
                   ", teams: ", in_force_.size()),
      {{"rule_set", rules->hash()}, {"rules", rules->rules().size()}, {"teams", in_force_.size()}});
  parts_.feed->Publish(std::move(rules));
}

}  // namespace turnout::runtime
