#include "runtime/live_rules.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "connectors/steady_clock.h"
#include "runtime/log.h"
#include "runtime/rules_page.h"
#include "runtime/status_json.h"

namespace turnout::runtime {
LiveRules::LiveRules(LiveRulesOptions options, LiveRulesParts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      shelf_(options_.limits),
      history_(options_.history_directory, OriginName(parts_.origin->status())),
      started_(parts_.clock->Now()) {}

absl::Status LiveRules::Start() {
  OpenHistory();
  const bool is_held = HoldKept();
  if (options_.is_remote) {
    Tell();
    return absl::OkStatus();
  }
  TakeFromOrigin();
  if (shelf_.teams().empty()) {
    const std::string problems = FormatRefused(shelf_.refused());
    return absl::InvalidArgumentError(
        problems.empty() ? absl::StrCat("rules: ", parts_.origin->status().name,
                                        " holds no team's rules (add some)")
                         : std::string(absl::StripTrailingAsciiWhitespace(problems)));
  }
  if (is_held && shelf_.is_held() && !history_.rollback().has_value()) TakeFromDisk();
  parts_.control->Take(shelf_.teams(), shelf_.refused());
  has_rules_ = true;
  Tell();
  return absl::OkStatus();
}

// What is damaged is told and not used: it would be rules that nobody wrote.
void LiveRules::OpenHistory() {
  const absl::Status opened = history_.Open();
  if (absl::IsDataLoss(opened)) {
    DiskFailed(opened);
    history_.Clear().IgnoreError();
  } else if (!opened.ok() && !absl::IsNotFound(opened)) {
    DiskFailed(opened);
  }
}

// True when the shelf stands for what was in force at the last stop.
bool LiveRules::HoldKept() {
  if (history_.versions().empty()) return false;
  const std::optional<RuleRollback>& rollback = history_.rollback();
  std::vector<RefusedFile> refused;
  auto teams = history_.Teams(history_.last_in_force(), options_.limits, &refused);
  if (!teams.ok()) {
    DiskFailed(teams.status());
    history_.Clear().IgnoreError();
    return false;
  }
  if (!refused.empty()) {
    LogWarning("rules_kept", absl::StrCat("of the rules kept on disk some are refused by now:\n",
                                          FormatRefused(refused)));
  }
  shelf_.Hold(*std::move(teams), rollback.has_value() ? rollback->files : "");
  return true;
}

// True when teams or what is refused are others.
bool LiveRules::TakeFromOrigin() {
  std::optional<RuleFiles> files = parts_.origin->Take(parts_.clock->TimeOfDay());
  if (!files.has_value()) return false;
  const bool is_first = !has_rules_;
  const bool is_changed = shelf_.Take(*std::move(files));
  if (history_.rollback().has_value() && !shelf_.is_held()) {
    EndRollback("there is another version of them");
  }
  if (is_from_disk_ && !shelf_.version().empty()) {
    is_from_disk_ = false;
    LogInfo("rules_origin",
            absl::StrCat("the rules come from ", PlainOriginName(parts_.origin->status()),
                         " again, no longer from disk"));
  }
  return is_changed || is_first;
}

// The origin is away, or what it has is of no use: what was kept takes effect.
void LiveRules::TakeFromDisk() {
  const RuleOriginStatus origin = parts_.origin->status();
  is_from_disk_ = true;
  const KeptVersion& version = history_.versions().back();
  const std::string why = !origin.problem.empty()     ? origin.problem
                          : !shelf_.refused().empty() ? FormatRefused(shelf_.refused())
                                                      : "it does not answer";
  LogWarning(
      "rules_from_disk",
      absl::StrFormat("the rules are those kept on disk, %s of %s, not those of %s: %s",
                      version.rule_set, Timestamp(version.published), PlainOriginName(origin), why),
      {{"rule_set", version.rule_set}});
}

bool LiveRules::Look() {
  bool is_changed = DoWhatWasAsked();
  is_changed = TakeFromOrigin() || is_changed;
  if (has_rules_) {
    if (is_changed) parts_.control->Take(shelf_.teams(), shelf_.refused());
    return is_changed;
  }
  const RuleOriginStatus origin = parts_.origin->status();
  const bool is_away = !origin.problem.empty() || parts_.clock->Now() - started_ >= kPatience;
  if (!is_changed && !(is_away && shelf_.is_held())) {
    TellWaiting(origin);
    return false;
  }
  if (shelf_.is_held() && !history_.rollback().has_value()) TakeFromDisk();
  has_rules_ = true;
  parts_.control->Take(shelf_.teams(), shelf_.refused());
  return true;
}

void LiveRules::TellWaiting(const RuleOriginStatus& origin) {
  const std::string why = absl::StrCat("no rules yet from ", PlainOriginName(origin),
                                       origin.problem.empty() ? "" : ": ", origin.problem);
  if (!parts_.board->SetWaitingFor({why})) return;
  LogWarning("waiting", absl::StrCat("not started yet: ", why), {{"reason", why}});
}

void LiveRules::Settle() {
  KeepWhatIsInForce();
  Report(Tell());
}

void LiveRules::KeepWhatIsInForce() {
  const uint64_t version = parts_.feed->version();
  if (version == kept_feed_version_) return;
  kept_feed_version_ = version;
  if (shelf_.is_held()) return;  // it is kept already
  const auto rules = parts_.feed->Current();
  const absl::Status kept = history_.Add(*rules, {.rule_set = rules->hash(),
                                                  .files = shelf_.version(),
                                                  .origin_version = parts_.origin->status().version,
                                                  .published = parts_.clock->Now()});
  if (kept.ok()) {
    disk_problem_.clear();
  } else {
    DiskFailed(kept);
  }
}

void LiveRules::DiskFailed(const absl::Status& why) {
  const std::string problem(why.message());
  if (problem == disk_problem_) return;
  disk_problem_ = problem;
  LogWarning("rules_kept",
             absl::StrCat(absl::IsDataLoss(why)
                              ? "the rules kept on disk are not used and removed: "
                              : "the rules can't be kept on disk, for a start without their "
                                "origin: ",
                          problem));
}

LiveRulesStatus LiveRules::Tell() {
  LiveRulesStatus status{.origin = parts_.origin->status(),
                         .is_from_disk = is_from_disk_,
                         .disk_problem = disk_problem_,
                         .rollback = history_.rollback(),
                         .versions = history_.versions(),
                         .refused = shelf_.refused()};
  if (parts_.reporter != nullptr) status.reports = parts_.reporter->status();
  parts_.metrics->OnLiveRules(status);
  parts_.board->SetLiveRules(status);
  return status;
}

void LiveRules::Report(const LiveRulesStatus& status) {
  if (parts_.reporter == nullptr || !has_rules_ || !status.origin.has_answered) return;
  const RulesStatus rules = parts_.board->rules();
  const bool is_judged = !parts_.control->teams_stand_aside() || !rules.aside.empty();
  if (!is_judged) return;
  std::string report = RuleReportJson(options_.instance, options_.group, rules, status);
  if (report != reported_) parts_.reporter->Tell(reported_ = std::move(report));
}

absl::StatusOr<std::string> LiveRules::RollBack(const std::string& to) { return Ask({.to = to}); }

absl::Status LiveRules::Resume() { return Ask({.resumes = true}).status(); }

absl::StatusOr<std::string> LiveRules::Ask(Request request) {
  const auto asked = std::make_shared<Request>(std::move(request));
  {
    absl::MutexLock lock(&mu_);
    if (request_ != nullptr) {
      return absl::UnavailableError("another rollback is under way (ask again in a second)");
    }
    request_ = asked;
  }
  parts_.wake();
  absl::MutexLock lock(&mu_);
  const auto is_answered = [&] { return asked->answer.has_value(); };
  const bool has_answer =
      connectors::AwaitSteadily(&mu_, absl::Condition(&is_answered), kAnswerWait);
  if (has_answer) return *asked->answer;
  return absl::UnavailableError(
      "it will be done, but the brokers that are asked first do not answer (see /v1/rules)");
}

bool LiveRules::DoWhatWasAsked() {
  std::shared_ptr<Request> asked;
  {
    absl::MutexLock lock(&mu_);
    asked = request_;
  }
  if (asked == nullptr) return false;
  absl::StatusOr<std::string> answer = "";
  if (!asked->resumes) {
    answer = DoRollBack(asked->to);
  } else if (absl::Status resumed = DoResume(); !resumed.ok()) {
    answer = resumed;
  }
  absl::MutexLock lock(&mu_);
  asked->answer = answer;
  request_ = nullptr;
  return answer.ok();
}

absl::StatusOr<std::string> LiveRules::DoRollBack(const std::string& to) {
  const auto current = parts_.feed->Current();
  if (current == nullptr) {
    return absl::FailedPreconditionError(
        "no rule set is in force yet: there is nothing to go back from");
  }
  const std::vector<KeptVersion>& versions = history_.versions();
  std::string rule_set = to;
  if (to.empty()) {
    const KeptVersion* const before = history_.Before(current->hash());
    if (before == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("no rule set from before ", current->hash(), " is kept here"));
    }
    rule_set = before->rule_set;
  }
  const bool is_kept = std::any_of(versions.begin(), versions.end(), [&](const KeptVersion& one) {
    return one.rule_set == rule_set;
  });
  if (!is_kept) {
    return absl::NotFoundError(absl::StrFormat(
        "the rule set %s is not kept here (see `versions` of /v1/rules)", rule_set));
  }
  std::vector<RefusedFile> refused;
  auto teams = history_.Teams(rule_set, options_.limits, &refused);
  if (!teams.ok()) return teams.status();
  if (!refused.empty()) return absl::InvalidArgumentError(FormatRefused(refused));
  const std::string files = shelf_.version().empty() ? versions.back().files : shelf_.version();
  absl::Status kept = history_.SetRollback(RuleRollback{
      .to = rule_set, .from = current->hash(), .files = files, .at = parts_.clock->Now()});
  if (!kept.ok()) return kept;
  shelf_.Hold(*std::move(teams), files);
  LogWarning("rules_rolled_back",
             absl::StrFormat("somebody asked for it: the rules go back from %s to %s, until there "
                             "is another version of them",
                             current->hash(), rule_set),
             {{"from", current->hash()}, {"to", rule_set}});
  return rule_set;
}

absl::Status LiveRules::DoResume() {
  if (!history_.rollback().has_value()) {
    return absl::FailedPreconditionError(
        "the rules are those of their origin: there is nothing to resume");
  }
  if (shelf_.version().empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(PlainOriginName(parts_.origin->status()),
                     " has not answered since the start: nobody knows what it has"));
  }
  shelf_.LetGo();
  EndRollback("somebody asked for it");
  return absl::OkStatus();
}

void LiveRules::EndRollback(const std::string& why) {
  LogInfo("rules_resumed",
          absl::StrCat("the rules are those of their origin again, no longer ",
                       history_.rollback()->to, ": ", why),
          {{"from", history_.rollback()->to}});
  if (absl::Status kept = history_.SetRollback(std::nullopt); !kept.ok()) DiskFailed(kept);
}

}  // namespace turnout::runtime
