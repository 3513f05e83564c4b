// Onboarding: one call by which a team gets its part of a service's events, and one that takes it
// back.
//
// Who may: whoever may change the team's rules without a second person. What a team may have is the
// platform's (onboarding_policy.h). One is at work at a time; each leaves a record before it makes
// anything, so that what was cut short is gone on with by whoever asks for the same again.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "deploy/manager/api.h"
#include "deploy/manager/item_json.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/onboarding_objects.h"
#include "deploy/manager/onboarding_plan.h"
#include "deploy/manager/onboarding_records.h"
#include "deploy/manager/onboarding_request.h"
#include "deploy/manager/onboarding_trial.h"
#include "deploy/manager/onboarding_work.h"
#include "deploy/manager/publish.h"

namespace turnout::manager {
namespace {

constexpr char kBusy[] = "another team is being onboarded: ask again in a moment";

HttpAnswer TooBusy() {
  HttpAnswer answer = ErrorAnswer(429, kBusy);
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

HttpAnswer NoPolicy(const std::string& service) {
  return ErrorAnswer(404, absl::StrFormat("nothing says what teams of %s may have: set "
                                          "`services.%s.onboarding` in the manager's config",
                                          service, service));
}

// Kafka's and Kubernetes' refusals are the platform's to mend, not the caller's.
HttpAnswer PlatformAnswer(const absl::Status& status) {
  if (absl::IsAborted(status)) return ErrorAnswer(409, MessageOf(status));
  return ErrorAnswer(503, MessageOf(status));
}

std::string Steps(const std::vector<OnboardingStep>& steps) {
  return JsonArray(steps, [](const OnboardingStep& step) { return ShownJson(step); });
}

bool HasState(const std::vector<OnboardingStep>& steps, StepState state) {
  return std::any_of(steps.begin(), steps.end(),
                     [state](const OnboardingStep& step) { return step.state == state; });
}

// The call as one about that service, with what its settings say.
absl::StatusOr<Call> CallOf(const Parts& parts, const Call& call, const std::string& service) {
  Call inner = call;
  inner.service = service;
  absl::StatusOr<ServiceSettings> settings = SettingsOf(parts, service);
  if (!settings.ok()) return settings.status();
  inner.settings = *std::move(settings);
  return inner;
}

std::optional<HttpAnswer> RefuseUnlessTheirs(const Call& call, const std::string& team) {
  const ItemId rules{call.service, ItemKind::kRules, team};
  const bool is_person = call.principal.kind == PrincipalKind::kPerson;
  const ChangeRight right =
      RightToChange(call.principal, call.settings, call.service, std::vector{rules});
  if (is_person && right == ChangeRight::kDone) return std::nullopt;
  return ErrorAnswer(
      403, absl::StrFormat("%s may not onboard team %s of %s: that is for who may change the "
                           "team's rules without a second person",
                           call.principal.name, team, call.service));
}

// One team, from the look at what there is to the answer.
class Onboarding {
 public:
  Onboarding(Parts& parts, Call call, OnboardingRequest request, const OnboardingPlace& place)
      : parts_(parts), call_(std::move(call)), request_(std::move(request)), place_(place) {}

  HttpAnswer Run() {
    if (std::optional<HttpAnswer> refusal = Check()) return *std::move(refusal);
    if (std::optional<HttpAnswer> refusal = Plan()) return *std::move(refusal);
    if (request_.is_dry_run) return Answer(200, "planned");
    if (HasState(steps_, StepState::kBlocked)) return Blocked();
    if (!HasState(steps_, StepState::kMake)) return Answer(200, "unchanged");
    if (std::optional<HttpAnswer> refusal = Record()) return *std::move(refusal);
    for (OnboardingStep& step : steps_) {
      if (step.state != StepState::kMake) continue;
      if (std::optional<HttpAnswer> failure = Make(step)) return *std::move(failure);
      step.state = StepState::kThere;
      step.note = "made";
    }
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
  absl::StatusOr<std::optional<std::string>> RulesThere() const;
  std::string Links() const;
  HttpAnswer Answer(int status, std::string_view outcome) const;
  HttpAnswer Blocked() const;

  Parts& parts_;
  const Call call_;
  const OnboardingRequest request_;
  const OnboardingPlace& place_;
  router::Team team_;
  PublishReport report_;
  std::string samples_;
  std::vector<std::string> topics_;
  std::vector<OnboardingStep> steps_;
  Onboarded onboarded_;
  std::unique_ptr<OnboardingWork> work_;
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
  auto facts = work_->Look(request_.service, request_.team, topics_, objects);
  if (!facts.ok()) return PlatformAnswer(facts.status());
  auto rules = RulesThere();
  if (!rules.ok()) return ErrorAnswer(rules.status());
  facts->rules = *std::move(rules);
  absl::StatusOr<Onboarded> onboarded = parts_.onboarding->Of(request_.service, request_.team);
  if (!onboarded.ok()) return ErrorAnswer(onboarded.status());
  onboarded_ = *std::move(onboarded);
  record_ = onboarded_.records.empty() ? 0 : onboarded_.last;
  steps_ = PlanOnboarding(request_, place_.policy, topics_, work_->group(), std::move(objects),
                          *facts, onboarded_.made());
  if (!request_.is_dry_run) return std::nullopt;
  const SampleAnswer sample = parts_.pulses.Sample(request_.service, false, absl::Now());
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
  return JsonAnswer(
      status, JsonObject()
                  .Text("error", absl::StrCat(step.name, ": ", what,
                                              " (ask for the same again: it goes on from there)"))
                  .Json("steps", Steps(steps_))
                  .Done());
}

std::string Onboarding::Links() const {
  const auto link = [](std::string_view title, std::string_view url) {
    return JsonObject().Text("title", title).Text("url", url).Done();
  };
  std::vector<std::string> links;
  if (place_.policy.rules == RulesGo::kManager) {
    links.push_back(link("rules", absl::StrFormat("/#/%s/rules/%s", call_.service, request_.team)));
  }
  links.push_back(link("routers", absl::StrFormat("/#/%s/routers", call_.service)));
  for (const auto& [title, url] : place_.policy.links) {
    links.push_back(link(title, Filled(url, call_.service, request_.team)));
  }
  return JsonArray(links, [](const std::string& one) { return one; });
}

HttpAnswer Onboarding::Answer(int status, std::string_view outcome) const {
  JsonObject json;
  json.Text("outcome", outcome)
      .Text("service", request_.service)
      .Text("team", request_.team)
      .Number("record", record_)
      .Json("steps", Steps(steps_))
      .Json("report", ReportToJson(report_))
      .Json("links", Links());
  if (!samples_.empty()) json.Json("samples", samples_);
  return JsonAnswer(status, json.Done());
}

HttpAnswer Onboarding::Blocked() const {
  std::string what;
  for (const OnboardingStep& step : steps_) {
    if (step.state == StepState::kBlocked) what = absl::StrCat(step.name, ": ", step.note);
  }
  return JsonAnswer(409, JsonObject().Text("error", what).Json("steps", Steps(steps_)).Done());
}

// The steps of a team that are to be undone, the last made first.
std::vector<OnboardingStep> ToUndo(const StepsMade& made) {
  std::vector<OnboardingStep> steps;
  for (const StepKind kind :
       {StepKind::kObject, StepKind::kRules, StepKind::kQuota, StepKind::kAcl, StepKind::kTopic}) {
    for (const auto& [id, step] : made) {
      if (step.kind == kind && !step.stays) steps.push_back(step);
    }
  }
  return steps;
}

// Rules that somebody has changed since are theirs to take away.
std::optional<HttpAnswer> UndoRules(Parts& parts, const Call& call, const OnboardingStep& step) {
  const ItemId id{call.service, ItemKind::kRules, step.name};
  const auto item = parts.store->Get(id);
  if (!item.ok()) return ErrorAnswer(item.status());
  if (!item->has_value()) return std::nullopt;
  if ((*item)->content.text != step.text) {
    return ErrorAnswer(409, absl::StrFormat("team %s has changed its rules since: delete them "
                                            "first, then have the rest undone",
                                            step.name));
  }
  HttpAnswer answer =
      Publish(parts, call,
              {.edits = {{.id = id, .expected = (*item)->version}}, .why = "onboarding is undone"});
  if (answer.status == 200) return std::nullopt;
  if (answer.status == 202) {
    return ErrorAnswer(409, "a second person is to approve that the rules go: then ask again");
  }
  return answer;
}

// Topics that still have records, unless those may go too.
std::optional<HttpAnswer> RefuseRecords(OnboardingWork& work,
                                        const std::vector<OnboardingStep>& steps) {
  std::vector<std::string> topics;
  for (const OnboardingStep& step : steps) {
    if (step.kind == StepKind::kTopic) topics.push_back(step.name);
  }
  const auto records = work.RecordsOf(topics);
  if (!records.ok()) return PlatformAnswer(records.status());
  for (const auto& [topic, count] : *records) {
    if (count == 0) continue;
    return ErrorAnswer(409, absl::StrFormat("topic %s still has %d records: have them read, or "
                                            "deleted with it, by an admin, with ?records=delete",
                                            topic, count));
  }
  return std::nullopt;
}

HttpAnswer UndoAll(Parts& parts, const Call& call, const OnboardingPlace& place) {
  absl::StatusOr<Onboarded> onboarded = parts.onboarding->Of(call.service, call.name);
  if (!onboarded.ok()) return ErrorAnswer(onboarded.status());
  if (onboarded->records.empty()) {
    return ErrorAnswer(404, absl::StrFormat("team %s of %s was not onboarded here, or that is "
                                            "undone already",
                                            call.name, call.service));
  }
  auto work = OnboardingWork::Open(place.policy, place.pipeline);
  if (!work.ok()) return PlatformAnswer(work.status());
  std::vector<OnboardingStep> steps = ToUndo(onboarded->made());
  if (!call.query.contains("records")) {
    if (std::optional<HttpAnswer> refusal = RefuseRecords(**work, steps)) return *refusal;
  }
  if (QueryFlag(call, "dry_run")) {
    return JsonAnswer(200,
                      JsonObject().Text("outcome", "planned").Json("steps", Steps(steps)).Done());
  }
  for (OnboardingStep& step : steps) {
    if (step.kind == StepKind::kRules) {
      if (std::optional<HttpAnswer> refusal = UndoRules(parts, call, step)) return *refusal;
    } else if (const absl::Status undone = (*work)->Undo(step); !undone.ok()) {
      return PlatformAnswer(undone);
    }
    step.note = "undone";
  }
  OnboardingRecord record{
      .by = call.principal.name, .at_ms = absl::ToUnixMillis(absl::Now()), .is_undone = true};
  const auto number =
      parts.onboarding->Add(call.service, call.name, onboarded->last, std::move(record));
  if (!number.ok()) return ErrorAnswer(number.status());
  Audit(parts, call,
        {.item = absl::StrFormat("%s/onboarding/%s", call.service, call.name),
         .outcome = "done",
         .status = 200,
         .detail = absl::StrFormat("undone as record %d", *number)});
  return JsonAnswer(200, JsonObject().Text("outcome", "undone").Json("steps", Steps(steps)).Done());
}

std::string RecordJson(const OnboardingRecord& record) {
  return JsonObject()
      .Number("number", record.number)
      .Text("by", record.by)
      .Text("why", record.why)
      .Text("at", absl::FormatTime(kApiTimeFormat, absl::FromUnixMillis(record.at_ms),
                                   absl::UTCTimeZone()))
      .Json("steps", Steps(record.steps))
      .Done();
}

}  // namespace

std::optional<HttpAnswer> PostOnboard(Parts& parts, const Call& call) {
  absl::StatusOr<OnboardingRequest> request = ReadOnboardingRequest(call.request->body);
  if (!request.ok()) return ErrorAnswer(request.status());
  if (QueryFlag(call, "dry_run")) request->is_dry_run = true;
  absl::StatusOr<Call> inner = CallOf(parts, call, request->service);
  if (!inner.ok()) return ErrorAnswer(inner.status());
  if (auto refusal = RefuseUnlessTheirs(*inner, request->team)) return refusal;
  const auto place = parts.onboarding_places.find(request->service);
  if (place == parts.onboarding_places.end()) return NoPolicy(request->service);
  if (!parts.onboarding_mu.TryLock()) return TooBusy();
  HttpAnswer answer =
      Onboarding(parts, *std::move(inner), *std::move(request), place->second).Run();
  parts.onboarding_mu.Unlock();
  return answer;
}

std::optional<HttpAnswer> ListOnboarded(Parts& parts, const Call& call) {
  const auto place = parts.onboarding_places.find(call.service);
  if (place == parts.onboarding_places.end()) return NoPolicy(call.service);
  const auto teams = parts.onboarding->Teams(call.service);
  if (!teams.ok()) return ErrorAnswer(teams.status());
  const OnboardingPolicy& policy = place->second.policy;
  return JsonAnswer(200,
                    JsonObject()
                        .Json("teams", JsonTexts(*teams))
                        .Number("rate_max", policy.rate_max)
                        .Number("per_partition_rate", policy.per_partition_rate)
                        .Number("partitions_max", policy.partitions_max)
                        .Number("mean_bytes", policy.mean_bytes)
                        .Text("rules", policy.rules == RulesGo::kManager ? "manager" : "kubernetes")
                        .Done());
}

std::optional<HttpAnswer> GetOnboarded(Parts& parts, const Call& call) {
  if (!parts.onboarding_places.contains(call.service)) return NoPolicy(call.service);
  if (absl::Status team = CheckTeamName(call.name); !team.ok()) return ErrorAnswer(team);
  const auto onboarded = parts.onboarding->Of(call.service, call.name);
  if (!onboarded.ok()) return ErrorAnswer(onboarded.status());
  return JsonAnswer(200, JsonObject()
                             .Text("team", call.name)
                             .Json("records", JsonArray(onboarded->records, RecordJson))
                             .Done());
}

std::optional<HttpAnswer> DeleteOnboarded(Parts& parts, const Call& call) {
  if (absl::Status team = CheckTeamName(call.name); !team.ok()) return ErrorAnswer(team);
  if (auto refusal = RefuseUnlessTheirs(call, call.name)) return refusal;
  const auto records = call.query.find("records");
  if (records != call.query.end() && records->second != "delete") {
    return ErrorAnswer(400, "`records` is to be `delete`, or not there");
  }
  if (records != call.query.end() &&
      !HasRole(call.principal, call.settings, call.service, "", Role::kAdmin)) {
    return ErrorAnswer(403, "records are deleted by an admin of the service alone");
  }
  const auto place = parts.onboarding_places.find(call.service);
  if (place == parts.onboarding_places.end()) return NoPolicy(call.service);
  if (!parts.onboarding_mu.TryLock()) return TooBusy();
  HttpAnswer answer = UndoAll(parts, call, place->second);
  parts.onboarding_mu.Unlock();
  return answer;
}

}  // namespace turnout::manager
