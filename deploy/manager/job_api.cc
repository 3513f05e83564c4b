// Calls about replays and redrives.
//
// Who may: an editor of the rule's team; of all teams for what is of none, or goes to a topic that
// the team may not write. With `second_person` it waits for an approver of these, as a change does.
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "deploy/manager/api.h"
#include "deploy/manager/json_writer.h"
#include "router/destination_template.h"
#include "runtime/exit_status.h"
#include "runtime/log.h"

namespace turnout::manager {
namespace {

constexpr int kBySignal = 128;
// Brokers forget a group's offsets after 7 days without a commit (offsets.retention.minutes), and
// with them how far a replay has come: then it would send all of it once more.
constexpr absl::Duration kResumeWithin = absl::Hours(5 * 24);

HttpAnswer NoPlace(const Call& call) {
  return ErrorAnswer(404, absl::StrFormat("no pipeline is named for jobs of %s: set `services.%s."
                                          "pipeline` in the manager's config",
                                          call.service, call.service));
}

// Whether the team's rules may send there by themselves.
bool MayWrite(const Parts& parts, const ItemContent& rules, const std::string& topic) {
  std::vector<router::Problem> ignored;
  const auto file = router::ReadRuleFile("-", rules.text, parts.limits, &ignored);
  if (!file) return false;
  for (const std::string& glob : file->allowed_destinations) {
    if (router::GlobMatches(glob, topic)) return true;
  }
  return false;
}

// What the job takes rights over, as if these were changed. NotFound: there is no such team.
absl::StatusOr<std::vector<ItemId>> TouchedBy(const Parts& parts, const std::string& service,
                                              const JobWish& wish) {
  const ItemId all = {.service = service, .kind = ItemKind::kConfig, .name = std::string(kAll)};
  if (wish.rule.empty()) return std::vector{all};
  const ItemId rules = {.service = service, .kind = ItemKind::kRules, .name = wish.team()};
  if (wish.kind == JobKind::kRedrive) return std::vector{rules};
  const absl::StatusOr<std::optional<Item>> item = parts.store->Get(rules);
  if (!item.ok()) return item.status();
  if (!item->has_value()) {
    return absl::NotFoundError(
        absl::StrFormat("%s has no rules of a team %s", service, rules.name));
  }
  if (wish.to_topic.empty() || MayWrite(parts, (*item)->content, wish.to_topic)) {
    return std::vector{rules};
  }
  return std::vector{rules, all};
}

// `{number}` of the path.
absl::StatusOr<Job> PathJob(const Parts& parts, const Call& call) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(call.id, &number) || number < 1) {
    return absl::InvalidArgumentError("the path's number is to be one from 1 on");
  }
  if (parts.jobs != nullptr) return parts.jobs->Find(call.service, number);
  return absl::NotFoundError(absl::StrFormat("%s has no job %d", call.service, number));
}

HttpAnswer CountAnswer(const QuestionResult& result, bool needs_approval) {
  std::optional<JobReport> report;
  for (const absl::string_view line : absl::StrSplit(result.out, '\n', absl::SkipEmpty())) {
    report = ReadJobReport({line.data(), line.size()});
  }
  if (!report || report->state != "counted") {
    return ErrorAnswer(503, "the command has not said how much it is: see the manager's log");
  }
  return JsonAnswer(200, JsonObject()
                             .Number("total", report->total)
                             .Number("left", report->counts["left"])
                             .Text("range", report->range)
                             .Flag("needs_approval", needs_approval)
                             .Done());
}

HttpAnswer Said(Parts& parts, const Call& call, const absl::StatusOr<Job>& job) {
  if (!job.ok()) return ErrorAnswer(job.status());
  parts.runner->Wake();
  Audit(
      parts, call,
      {.item = absl::StrFormat("%s/jobs/%d", job->service, job->number),
       .outcome = job->state == JobState::kProposed ? "proposed" : "done",
       .status = 200,
       .detail = absl::StrFormat("%s of %s: %s", KindName(job->wish.kind),
                                 job->wish.rule.empty() ? "all teams" : job->wish.rule, job->why)});
  return JsonAnswer(200, ToJson(*job));
}

// Of a job that there is: who may end it, or have it go on.
std::optional<HttpAnswer> RefuseUnlessTheirs(const Parts& parts, const Call& call, const Job& job,
                                             bool is_owner_enough) {
  if (is_owner_enough && job.by == call.principal.name) return std::nullopt;
  const auto touched = TouchedBy(parts, call.service, job.wish);
  if (!touched.ok()) return ErrorAnswer(touched.status());
  if (MayApprove(call.principal, call.settings, call.service, *touched) ||
      RightToChange(call.principal, call.settings, call.service, *touched) == ChangeRight::kDone) {
    return std::nullopt;
  }
  return ErrorAnswer(403, absl::StrFormat("job %d is for who may start it", job.number));
}

}  // namespace

std::vector<std::string> WordsOfJob(const Parts& parts, const Job& job) {
  const auto place = parts.job_places.find(job.service);
  // Its service is no longer in the config: a program that says so, by its exit status.
  if (place == parts.job_places.end()) return {"/proc/self/exe", "dlq", "--no-pipeline"};
  return job.state == JobState::kCounting ? CountingWords(place->second, job)
                                          : RunningWords(place->second, job);
}

void AuditJob(Parts& parts, const Job& job, bool begins) {
  AuditEntry entry = {.by = job.by,
                      .action = begins ? "job_begins" : "job_ends",
                      .service = job.service,
                      .item = absl::StrFormat("%s/jobs/%d", job.service, job.number),
                      .outcome = begins ? "done" : std::string(StateName(job.state)),
                      .detail = absl::StrFormat("%s of %s, %d of %d done", KindName(job.wish.kind),
                                                job.wish.rule, job.total - job.left, job.total)};
  if (!job.error.empty()) absl::StrAppend(&entry.detail, ": ", job.error);
  const absl::Status written = parts.audit->Append(entry, absl::Now());
  if (!written.ok()) runtime::LogError("audit_failed", written.ToString());
}

std::optional<HttpAnswer> AskKafka(Parts& parts, const Call& call, std::vector<std::string> words,
                                   std::function<HttpAnswer(const QuestionResult& result)> answer) {
  const auto on_answer = [&parts, number = call.number,
                          answer = std::move(answer)](const QuestionResult& result) {
    const int status = result.exit.status;
    if (status == 0) return parts.give(number, answer(result));
    if (status > kBySignal) {
      return parts.give(number, ErrorAnswer(503,
                                            "that takes too long or is too much for an "
                                            "answer: narrow it, by a rule or a time"));
    }
    parts.give(number, ErrorAnswer(status == runtime::kExitRefused ? 400 : 503, result.exit.error));
  };
  if (parts.runner->Ask(std::move(words), on_answer)) return std::nullopt;
  HttpAnswer busy = ErrorAnswer(429, "Kafka is asked as much at once as may be: ask again soon");
  busy.headers.emplace_back("Retry-After", "1");
  return busy;
}

std::optional<HttpAnswer> PostJob(Parts& parts, const Call& call) {
  std::string why;
  const absl::StatusOr<JobWish> wish = ReadJobWish(call.request->body, absl::Now(), &why);
  if (!wish.ok()) return ErrorAnswer(wish.status());
  const auto place = parts.job_places.find(call.service);
  if (place == parts.job_places.end()) return NoPlace(call);
  const auto touched = TouchedBy(parts, call.service, *wish);
  if (!touched.ok()) return ErrorAnswer(touched.status());
  const ChangeRight right = RightToChange(call.principal, call.settings, call.service, *touched);
  if (right == ChangeRight::kRefused) {
    return ErrorAnswer(403, touched->size() > 1
                                ? "a topic that the team may not write is for editors of all teams"
                                : "that is for editors of the rule's team, or of all teams");
  }
  const bool is_proposed = right == ChangeRight::kProposed;
  if (QueryFlag(call, "dry_run")) {
    const Job job = {.service = call.service, .name = "manager-dry-run", .wish = *wish};
    return AskKafka(parts, call, CountingWords(place->second, job),
                    [is_proposed](const QuestionResult& r) { return CountAnswer(r, is_proposed); });
  }
  Job job = {.service = call.service,
             .wish = *wish,
             .state = is_proposed ? JobState::kProposed : JobState::kQueued,
             .by = call.principal.name,
             .why = why};
  const absl::StatusOr<Job> added = parts.jobs->Add(std::move(job), absl::Now());
  if (absl::IsResourceExhausted(added.status())) {
    return ErrorAnswer(429, MessageOf(added.status()));
  }
  HttpAnswer answer = Said(parts, call, added);
  if (answer.status == 200) answer.status = is_proposed ? 202 : 201;
  return answer;
}

std::optional<HttpAnswer> ListJobs(Parts& parts, const Call& call) {
  const absl::StatusOr<int64_t> limit =
      QueryNumber(call, "limit", kListDefault, static_cast<int64_t>(kListMax));
  if (!limit.ok()) return ErrorAnswer(limit.status());
  std::vector<Job> found;
  if (parts.jobs != nullptr) found = parts.jobs->List(call.service, static_cast<size_t>(*limit));
  return JsonAnswer(200,
                    JsonObject()
                        .Flag("has_pipeline", parts.job_places.contains(call.service))
                        .Json("jobs", JsonArray(found, [](const Job& one) { return ToJson(one); }))
                        .Done());
}

std::optional<HttpAnswer> GetJob(Parts& parts, const Call& call) {
  const absl::StatusOr<Job> job = PathJob(parts, call);
  return job.ok() ? JsonAnswer(200, ToJson(*job)) : ErrorAnswer(job.status());
}

std::optional<HttpAnswer> ApproveJob(Parts& parts, const Call& call) {
  const absl::StatusOr<Job> job = PathJob(parts, call);
  if (!job.ok()) return ErrorAnswer(job.status());
  const auto touched = TouchedBy(parts, call.service, job->wish);
  if (!touched.ok()) return ErrorAnswer(touched.status());
  if (job->by == call.principal.name ||
      !MayApprove(call.principal, call.settings, call.service, *touched)) {
    return ErrorAnswer(403, "another person, who is an approver of all that it is about, is to");
  }
  return Said(parts, call, parts.jobs->Approve(call.service, job->number, call.principal.name));
}

std::optional<HttpAnswer> CancelJob(Parts& parts, const Call& call) {
  const absl::StatusOr<Job> job = PathJob(parts, call);
  if (!job.ok()) return ErrorAnswer(job.status());
  if (auto refusal = RefuseUnlessTheirs(parts, call, *job, /*is_owner_enough=*/true)) {
    return refusal;
  }
  return Said(parts, call,
              parts.jobs->Cancel(call.service, job->number, call.principal.name, absl::Now()));
}

std::optional<HttpAnswer> ResumeJob(Parts& parts, const Call& call) {
  const absl::StatusOr<Job> job = PathJob(parts, call);
  if (!job.ok()) return ErrorAnswer(job.status());
  if (auto refusal = RefuseUnlessTheirs(parts, call, *job, /*is_owner_enough=*/false)) {
    return refusal;
  }
  const absl::Duration since = absl::Now() - absl::FromUnixMillis(job->ended_ms);
  if (job->is_over() && job->wish.kind == JobKind::kReplay && since > kResumeWithin) {
    return ErrorAnswer(409,
                       "it ended more than five days ago: Kafka may have forgotten how far it "
                       "has come, so start another one");
  }
  return Said(parts, call, parts.jobs->Resume(call.service, job->number));
}

}  // namespace turnout::manager
