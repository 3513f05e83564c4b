// One team is onboarded.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "deploy/manager/item_json.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/onboarding_calls.h"
#include "deploy/manager/onboarding_files.h"
#include "deploy/manager/onboarding_looks.h"
#include "deploy/manager/onboarding_objects.h"
#include "deploy/manager/onboarding_records.h"
#include "deploy/manager/onboarding_sample.h"
#include "deploy/manager/onboarding_trial.h"
#include "deploy/manager/onboarding_work.h"
#include "deploy/manager/publish.h"

namespace turnout::manager {
namespace {

bool HasState(const std::vector<OnboardingStep>& steps, StepState state) {
  return std::any_of(steps.begin(), steps.end(),
                     [state](const OnboardingStep& step) { return step.state == state; });
}

// One team, from the look at what there is to the answer.
class Onboarding {
 public:
  Onboarding(Parts& parts, const Call& call, const OnboardingRequest& request,
             const OnboardingPlace& place)
      : parts_(parts), call_(call), request_(request), place_(place) {}

  HttpAnswer Run() {
    if (std::optional<HttpAnswer> refusal = Check()) return *std::move(refusal);
    if (std::optional<HttpAnswer> refusal = Plan()) return *std::move(refusal);
    if (request_.is_dry_run) return Answer(200, "planned");
    if (HasState(steps_, StepState::kBlocked)) return Blocked();
    if (!HasState(steps_, StepState::kMake)) return Answer(200, "unchanged");
    if (std::optional<HttpAnswer> refusal = Record()) return *std::move(refusal);
    for (OnboardingStep& step : steps_) {
      if (step.state != StepState::kMake || step.kind == StepKind::kFile) continue;
      if (std::optional<HttpAnswer> failure = Make(step)) return *std::move(failure);
      step.state = StepState::kThere;
      step.note = "made";
    }
    if (std::optional<HttpAnswer> failure = CommitFiles()) return *std::move(failure);
    Audit(parts_, call_,
          {.item = absl::StrFormat("%s/onboarding/%s", request_.service, request_.team),
           .outcome = "done",
           .status = 201,
           .detail = absl::StrFormat("record %d: %s", record_, request_.why)});
    return Answer(201, "made");
  }

 private:
  std::optional<HttpAnswer> Check();
  std::optional<HttpAnswer> Plan();
  std::optional<HttpAnswer> Record();
  std::optional<HttpAnswer> Make(const OnboardingStep& step);
  std::optional<HttpAnswer> CommitFiles();
  HttpAnswer Failed(int status, const std::string& what) const;
  absl::StatusOr<std::optional<std::string>> RulesThere() const;
  HttpAnswer Answer(int status, std::string_view outcome) const;
  HttpAnswer Blocked() const;

  Parts& parts_;
  const Call& call_;
  const OnboardingRequest& request_;
  const OnboardingPlace& place_;
  router::Team team_;
  PublishReport report_;
  std::string samples_;
  std::vector<std::string> topics_;
  std::vector<OnboardingStep> steps_;
  Onboarded onboarded_;
  std::unique_ptr<OnboardingWork> work_;
  std::optional<OnboardingGit> git_;  // none: objects are applied
  std::string commit_;                // that has the team's files
  int64_t record_ = 0;
};

// What can be known of the request alone, by the code that routers read rules with.
std::optional<HttpAnswer> Onboarding::Check() {
  const std::string text = RuleFileOf(request_);
  const ItemId id{request_.service, ItemKind::kRules, request_.team};
  const absl::StatusOr<PublishReport> report = CheckPublish(
      {}, {{.id = id, .content = ItemContent{.text = text}}}, parts_.limits, parts_.state_settings);
  if (!report.ok()) return ErrorAnswer(report.status());
  report_ = *report;
  std::vector<router::Problem> problems;
  const std::optional<router::RuleFile> file =
      router::ReadRuleFile(RuleFileName(request_.team, text), text, parts_.limits, &problems);
  if (!report_.ok() || !file) {
    return JsonAnswer(422, JsonObject()
                               .Text("error", "the routers would not take it: see the report")
                               .Json("report", ReportToJson(report_))
                               .Done());
  }
  team_ = std::make_shared<const router::RuleFile>(*file);
  absl::StatusOr<std::vector<std::string>> topics = TopicsOf(request_, place_.policy, *file);
  if (!topics.ok()) return ErrorAnswer(topics.status());
  topics_ = *std::move(topics);
  return std::nullopt;
}

absl::StatusOr<std::optional<std::string>> Onboarding::RulesThere() const {
  const auto item = parts_.store->Get({request_.service, ItemKind::kRules, request_.team});
  if (!item.ok()) return item.status();
  if (!item->has_value()) return std::optional<std::string>();
  return std::optional<std::string>((*item)->content.text);
}

std::optional<HttpAnswer> Onboarding::Plan() {
  auto work = OnboardingWork::Open(place_.policy, place_.pipeline);
  if (!work.ok()) return PlatformAnswer(work.status());
  work_ = *std::move(work);
  if (absl::Status team = work_->CheckTeam(request_.team); !team.ok()) return ErrorAnswer(team);
  std::vector<OnboardingStep> objects = ObjectsOf(request_, place_.policy);
  if (!place_.policy.git.repository.empty()) {
    objects = FilesOf(objects, request_.team);
    auto git = OnboardingGit::Open(place_.policy, request_.service, parts_.onboarding_clones,
                                   &parts_.is_ending);
    if (!git.ok()) return PlatformAnswer(git.status());
    git_ = *std::move(git);
  }
  auto facts = work_->Look(request_.service, request_.team, topics_, objects);
  if (!facts.ok()) return PlatformAnswer(facts.status());
  auto rules = RulesThere();
  if (!rules.ok()) return ErrorAnswer(rules.status());
  facts->rules = *std::move(rules);
  if (git_.has_value()) {
    absl::StatusOr<FileTree> files = git_->Look();
    if (!files.ok()) return PlatformAnswer(files.status());
    facts->files = *std::move(files);
    const auto last = git_->LastOf(FileNames(objects));
    if (!last.ok()) return PlatformAnswer(last.status());
    commit_ = *last;
  }
  absl::StatusOr<Onboarded> onboarded = parts_.onboarding->Of(request_.service, request_.team);
  if (!onboarded.ok()) return ErrorAnswer(onboarded.status());
  onboarded_ = *std::move(onboarded);
  record_ = onboarded_.records.empty() ? 0 : onboarded_.last;
  steps_ = PlanOnboarding(request_, place_.policy, topics_, work_->group(), std::move(objects),
                          *facts, onboarded_.made());
  if (!request_.is_dry_run) return std::nullopt;
  const SampleAnswer sample = SampleFor(&parts_.pulses, request_.service, place_);
  samples_ = TryOnSample(sample.json, team_, parts_.state_settings);
  if (sample.events > 0 &&
      !Audit(parts_, call_,
             {.outcome = "done",
              .status = 200,
              .detail = absl::StrFormat("%d events were tried on", sample.events)})) {
    return ErrorAnswer(500, "events are not shown while the audit log can't be written");
  }
  return std::nullopt;
}

// Before anything is made: what is to be, unless an earlier one says so already.
std::optional<HttpAnswer> Onboarding::Record() {
  const StepsMade made = onboarded_.made();
  OnboardingRecord record{
      .by = call_.principal.name, .why = request_.why, .at_ms = absl::ToUnixMillis(absl::Now())};
  bool is_said = true;
  for (const OnboardingStep& step : steps_) {
    if (step.state != StepState::kMake) continue;
    record.steps.push_back(step);
    const auto found = made.find(step.id());
    is_said = is_said && found != made.end() && ToJson(found->second) == ToJson(step);
  }
  if (is_said) return std::nullopt;
  const absl::StatusOr<int64_t> number =
      parts_.onboarding->Add(request_.service, request_.team, onboarded_.last, std::move(record));
  if (!number.ok()) return ErrorAnswer(number.status());
  record_ = *number;
  return std::nullopt;
}

std::optional<HttpAnswer> Onboarding::Make(const OnboardingStep& step) {
  std::string what;
  int status = 503;
  if (step.kind == StepKind::kRules) {
    const ItemId id{request_.service, ItemKind::kRules, request_.team};
    const HttpAnswer answer =
        Publish(parts_, call_,
                {.edits = {{.id = id, .content = ItemContent{.text = step.text}}},
                 .why = absl::StrCat("onboarding: ", request_.why)});
    if (answer.status == 200) return std::nullopt;
    if (answer.status == 422 || answer.status == 409) return answer;
    status = answer.status == 403 ? 403 : 503;
    what = "the rules could not be published";
  } else {
    const absl::Status made = work_->Make(step);
    if (made.ok()) return std::nullopt;
    what = MessageOf(made);
    status = absl::IsAborted(made) ? 409 : 503;
  }
  return Failed(status, absl::StrCat(step.name, ": ", what));
}

HttpAnswer Onboarding::Failed(int status, const std::string& what) const {
  return JsonAnswer(
      status,
      JsonObject()
          .Text("error", absl::StrCat(what, " (ask for the same again: it goes on from there)"))
          .Json("steps", StepsJson(steps_))
          .Done());
}

// All files that are to be made, by one commit.
std::optional<HttpAnswer> Onboarding::CommitFiles() {
  FileEdits edits;
  for (const OnboardingStep& step : steps_) {
    if (step.kind == StepKind::kFile && step.state == StepState::kMake) {
      edits[step.name] = step.text;
    }
  }
  if (edits.empty()) return std::nullopt;
  const absl::StatusOr<std::string> commit =
      git_->Commit(edits, {.by = call_.principal.name,
                           .message = CommitMessage("Onboard", call_, request_.team, request_.why),
                           .at_s = absl::ToUnixSeconds(absl::Now())});
  if (!commit.ok()) {
    return Failed(absl::IsAborted(commit.status()) ? 409 : 503, MessageOf(commit.status()));
  }
  commit_ = *commit;
  for (OnboardingStep& step : steps_) {
    if (!edits.contains(step.name) || step.kind != StepKind::kFile) continue;
    step.state = StepState::kThere;
    step.note = "committed";
  }
  return std::nullopt;
}

HttpAnswer Onboarding::Answer(int status, std::string_view outcome) const {
  JsonObject json;
  json.Text("outcome", outcome)
      .Text("service", request_.service)
      .Text("team", request_.team)
      .Number("record", record_)
      .Json("steps", StepsJson(steps_))
      .Json("report", ReportToJson(report_))
      .Json("links", LinksJson(request_, place_.policy))
      .Json("commands",
            CommandsJson(request_, place_.policy, topics_, work_->brokers(),
                         ManagerAsked(*call_.request, parts_.sign_in->origin(), parts_.has_tls)));
  if (git_.has_value()) json.Json("git", GitJson(*git_, commit_, FileNames(steps_)));
  if (!samples_.empty()) json.Json("samples", samples_);
  return JsonAnswer(status, json.Done());
}

HttpAnswer Onboarding::Blocked() const {
  std::string what;
  for (const OnboardingStep& step : steps_) {
    if (step.state == StepState::kBlocked) what = absl::StrCat(step.name, ": ", step.note);
  }
  return JsonAnswer(409, JsonObject().Text("error", what).Json("steps", StepsJson(steps_)).Done());
}

}  // namespace

HttpAnswer OnboardTeam(Parts& parts, const Call& call, const OnboardingRequest& request,
                       const OnboardingPlace& place) {
  return Onboarding(parts, call, request, place).Run();
}

}  // namespace turnout::manager
