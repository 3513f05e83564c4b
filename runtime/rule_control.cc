#include "runtime/rule_control.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/moved_rules.h"
#include "router/rule_set.h"
#include "runtime/log.h"

namespace turnout::runtime {
namespace {

bool SameAside(const TeamAside& a, const TeamAside& b) {
  return a.team == b.team && a.topic == b.topic && a.reason == b.reason &&
         a.previous_in_force == b.previous_in_force;
}

std::string Sentence(const TeamAside& aside) {
  const std::string why =
      absl::StrCat("destination ", aside.topic, " ", aside.reason, " (", aside.cure, ")");
  if (!aside.previous_in_force) {
    return absl::StrCat("the rules of team ", aside.team, " stand aside: ", why);
  }
  return absl::StrCat("the changed rules of team ", aside.team,
                      " stand aside, those from before stay in force: ", why);
}

// A rule got a step of another key before one that remembers, or lost it.
void TellMoved(const router::RuleSet& before, const router::RuleSet& now) {
  for (const std::string& rule : router::RulesThatMove(before, now)) {
    LogWarning("rule_state_moved",
               absl::StrCat("a step of the rule ", rule,
                            " keeps its state in other partitions now, since its matches are "
                            "re-keyed before it or are no more: it begins empty there"),
               {{"rule", rule}});
  }
}

bool Contains(const std::vector<std::string>& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

void AppendRollouts(const router::RuleFile& team, std::vector<RuleRollout>* rollouts) {
  for (const router::Rule& rule : team.rules) {
    if (rule.rollout.is_full()) continue;
    rollouts->push_back({absl::StrCat(team.team, "/", rule.name),
                         router::PercentOf(rule.rollout.share), rule.rollout.is_shadow});
  }
}

}  // namespace

RuleControl::RuleControl(PreflightOptions options, router::StateSettings settings,
                         RuleControlParts parts)
    : options_(std::move(options)), settings_(std::move(settings)), parts_(parts) {}

void RuleControl::Take(const std::vector<router::Team>& teams,
                       const std::vector<RefusedFile>& refused) {
  std::vector<router::Team> in_force;
  // What the rules of a team that stood aside remembered is kept for as long as it has a file.
  const bool has_lost_one =
      std::any_of(waiting_.begin(), waiting_.end(), [&](const router::Team& waiting) {
        return std::none_of(teams.begin(), teams.end(),
                            [&](const router::Team& team) { return team->team == waiting->team; });
      });
  if (has_lost_one) is_published_ = false;
  waiting_.clear();
  for (const router::Team& team : teams) {
    const auto old = FindInForce(team->team);
    if (old != in_force_.end() && (*old)->content_hash == team->content_hash) {
      in_force.push_back(team);
    } else {
      if (old != in_force_.end()) in_force.push_back(*old);
      waiting_.push_back(team);
    }
  }
  std::sort(in_force.begin(), in_force.end(),
            [](const router::Team& a, const router::Team& b) { return a->team < b->team; });
  in_force_.swap(in_force);
  for (const router::Team& team : in_force) {
    if (FindInForce(team->team) != in_force_.end()) continue;
    LogInfo("team_removed", absl::StrCat("the rules of team ", team->team, " are no more"),
            {{"team", team->team}});
    is_published_ = false;
  }
  // Nobody's file any more: what its rules remembered is nobody's either.
  if (refused.empty() && !status_.refused.empty()) is_published_ = false;
  TellRefused(refused);
  std::vector<TeamAside> aside;
  for (const TeamAside& team : aside_) {
    const bool waits =
        std::any_of(waiting_.begin(), waiting_.end(),
                    [&](const router::Team& waiting) { return waiting->team == team.team; });
    if (waits) aside.push_back(team);
  }
  TellAside(std::move(aside));
}

absl::Status RuleControl::Look() {
  if (ready_ && waiting_.empty()) {
    PublishIfChanged();
    return absl::OkStatus();
  }
  absl::StatusOr<PreflightDecision> decision =
      RunPreflight(options_, waiting_, parts_.admin, parts_.clock);
  if (!decision.ok()) return NoAnswer(decision.status());
  parts_.board->SetSourcePartitions(decision->source_partitions);
  if (may_park_) LetPark(&*decision);
  std::vector<router::Team> still_waiting;
  std::vector<router::Team> let_in;
  for (size_t i = 0, next = 0; i < waiting_.size(); ++i) {
    const bool passes = next < decision->in_force.size() && decision->in_force[next] == i;
    if (passes) ++next;
    (passes ? let_in : still_waiting).push_back(waiting_[i]);
  }
  TellRekeyCaution(std::move(decision->rekey_caution));
  const std::vector<TeamAside> before = aside_;
  TellAside(std::move(decision->aside));
  if (!ready_ && !decision->waiting_for.empty()) {
    TellWaitingFor(std::move(decision->waiting_for));
    return absl::OkStatus();
  }
  if (!ready_ && let_in.empty()) {
    std::vector<std::string> reasons = {"no team's rules are in force"};
    for (const TeamAside& aside : aside_) reasons.push_back(Sentence(aside));
    TellWaitingFor(std::move(reasons));
    return absl::OkStatus();
  }
  const int64_t batch_before = batch_bytes_max();
  if (decision->batch_bytes_max > 0 &&
      (batch_before == 0 || decision->batch_bytes_max < batch_before)) {
    batch_bytes_max_.store(decision->batch_bytes_max, std::memory_order_relaxed);
  }
  if (!ready_) has_rekey_topic_ = decision->has_rekey_topic;
  waiting_ = std::move(still_waiting);
  for (router::Team& team : let_in) LetIn(std::move(team), before);
  PublishIfChanged();
  ready_ = true;
  TellWaitingFor({});
  return absl::OkStatus();
}

absl::Status RuleControl::NoAnswer(absl::Status why) {
  if (ready_) {
    PublishIfChanged();
  } else {
    TellWaitingFor({absl::StrCat("no broker answers: ", why.message())});
  }
  return why;
}

// Those that have no rules from before, and nothing that waiting for a topic doesn't cure.
void RuleControl::LetPark(PreflightDecision* decision) {
  std::vector<size_t> in_force;
  for (size_t i = 0; i < waiting_.size(); ++i) {
    const std::string& team = waiting_[i]->team;
    const auto may_wait = [&](const TeamAside& aside) {
      return aside.team != team || aside.can_wait;
    };
    const bool passes = std::binary_search(decision->in_force.begin(), decision->in_force.end(), i);
    const bool is_let_in = FindInForce(team) == in_force_.end() &&
                           std::all_of(decision->aside.begin(), decision->aside.end(), may_wait);
    if (!passes && !is_let_in) continue;
    in_force.push_back(i);
    std::erase_if(decision->aside, [&](const TeamAside& aside) { return aside.team == team; });
  }
  decision->in_force = std::move(in_force);
}

std::vector<router::Team>::iterator RuleControl::FindInForce(const std::string& team) {
  const auto found = std::lower_bound(
      in_force_.begin(), in_force_.end(), team,
      [](const router::Team& known, const std::string& name) { return known->team < name; });
  return found != in_force_.end() && (*found)->team == team ? found : in_force_.end();
}

// `before` says who stood aside until now.
void RuleControl::LetIn(router::Team team, const std::vector<TeamAside>& before) {
  const auto old = FindInForce(team->team);
  if (ready_) {
    const bool stood_aside = std::any_of(before.begin(), before.end(), [&](const TeamAside& aside) {
      return aside.team == team->team;
    });
    const char* const name = stood_aside              ? "team_back"
                             : old == in_force_.end() ? "team_added"
                                                      : "team_changed";
    const char* const why = stood_aside              ? "its destinations are well"
                            : old == in_force_.end() ? "they are new"
                                                     : "they were changed";
    LogInfo(name, absl::StrCat("the rules of team ", team->team, " take effect: ", why),
            {{"team", team->team}, {"rules", team->rules.size()}});
  }
  is_published_ = false;
  if (old != in_force_.end()) {
    *old = std::move(team);
    return;
  }
  const auto place = std::lower_bound(
      in_force_.begin(), in_force_.end(), team,
      [](const router::Team& a, const router::Team& b) { return a->team < b->team; });
  in_force_.insert(place, std::move(team));
}

void RuleControl::TellRefused(const std::vector<RefusedFile>& refused) {
  std::vector<RefusedRules> told;
  for (const RefusedFile& file : refused) {
    const auto before =
        std::find_if(status_.refused.begin(), status_.refused.end(),
                     [&](const RefusedRules& known) { return known.file == file.file; });
    RefusedRules& now = told.emplace_back();
    now.file = file.file;
    for (const router::Problem& problem : file.problems) {
      now.problems.push_back(FormatProblem(file.file, problem));
      if (before != status_.refused.end() && Contains(before->problems, now.problems.back())) {
        continue;
      }
      LogError("rules_refused", now.problems.back(), {{"file", file.file}});
    }
  }
  for (const RefusedRules& before : status_.refused) {
    const bool is_refused =
        std::any_of(refused.begin(), refused.end(),
                    [&](const RefusedFile& file) { return file.file == before.file; });
    if (is_refused) continue;
    LogInfo("rules_mended", absl::StrCat("the rule file ", before.file, " is refused no more"),
            {{"file", before.file}});
  }
  status_.refused = std::move(told);
}

void RuleControl::TellAside(std::vector<TeamAside> aside) {
  for (TeamAside& team : aside) {
    team.previous_in_force = FindInForce(team.team) != in_force_.end();
    const bool told = std::any_of(aside_.begin(), aside_.end(),
                                  [&](const TeamAside& before) { return SameAside(before, team); });
    if (told) continue;
    LogWarning("team_aside", Sentence(team),
               {{"team", team.team}, {"destination", team.topic}, {"reason", team.reason}});
  }
  aside_ = std::move(aside);
  status_.aside = aside_;
  parts_.board->SetRules(status_);
  std::vector<std::string> files;
  for (const RefusedRules& file : status_.refused) files.push_back(file.file);
  std::vector<std::string> teams;
  for (const TeamAside& team : aside_) teams.push_back(team.team);
  parts_.metrics->OnTeams(files, teams);
}

void RuleControl::TellWaitingFor(std::vector<std::string> reasons) {
  if (!parts_.board->SetWaitingFor(reasons)) return;
  for (const std::string& reason : reasons) {
    LogWarning("waiting", absl::StrCat("not started yet: ", reason), {{"reason", reason}});
  }
}

void RuleControl::LookAtTopics() {
  std::vector<std::string> topics = {options_.source_topic};
  if (!options_.rekey_topic.empty()) topics.push_back(options_.rekey_topic);
  const auto described =
      parts_.admin->Describe(topics, /*may_write=*/false, options_.describe_timeout);
  if (!described.ok()) return;
  parts_.board->SetSourcePartitions(described->front().partitions);
  using State = connectors::TopicDescription::State;
  if (topics.size() > 1) has_rekey_topic_ |= described->back().state != State::kMissing;
}

void RuleControl::TellRekeyCaution(std::string caution) {
  if (caution == rekey_caution_) return;
  rekey_caution_ = std::move(caution);
  if (!rekey_caution_.empty()) LogWarning("rekey_topic", rekey_caution_);
}

void RuleControl::PublishIfChanged() {
  if (is_published_) return;
  const absl::Time begun = parts_.clock->Now();
  // Whoever stands aside keeps what its rules remember.
  std::vector<state::StepId> kept_steps;
  for (const router::Team& team : waiting_) router::AppendSteps(*team, &kept_steps);
  // A file that can't be read may be of a team whose rules remember.
  if (!status_.refused.empty()) kept_steps.push_back(router::kAllSteps);
  std::shared_ptr<const router::RuleSet> rules =
      router::RuleSet::Build(in_force_, settings_, std::move(kept_steps));
  is_published_ = true;
  if (rules->hash() == status_.hash) return;
  const absl::Time now = parts_.clock->Now();
  status_.hash = rules->hash();
  status_.published = now;
  status_.teams.clear();
  status_.rollouts.clear();
  for (const router::Team& team : in_force_) {
    status_.teams.push_back({team->team, static_cast<int>(team->rules.size()), team->content_hash});
    AppendRollouts(*team, &status_.rollouts);
  }
  parts_.metrics->OnRuleSet(*rules, now);
  parts_.board->SetRules(status_);
  LogInfo("rules_published",
          absl::StrCat("rule set ", rules->hash(), " is in force; rules: ", rules->rules().size(),
                       ", teams: ", in_force_.size()),
          {{"rule_set", rules->hash()},
           {"rules", rules->rules().size()},
           {"teams", in_force_.size()},
           {"build_ms", absl::ToInt64Milliseconds(now - begun)}});
  if (const auto before = parts_.feed->Current()) TellMoved(*before, *rules);
  rekeys_ = rules->rekeys();
  parts_.feed->Publish(std::move(rules));
}

}  // namespace turnout::runtime
