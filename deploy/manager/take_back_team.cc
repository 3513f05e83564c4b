// What was made for a team is taken back, and nothing else.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/onboarding_calls.h"
#include "deploy/manager/onboarding_records.h"
#include "deploy/manager/onboarding_work.h"
#include "deploy/manager/publish.h"

namespace turnout::manager {
namespace {

// The steps of a team that are to be undone, the last made first.
std::vector<OnboardingStep> ToUndo(const StepsMade& made) {
  std::vector<OnboardingStep> steps;
  for (const StepKind kind : {StepKind::kFile, StepKind::kObject, StepKind::kRules,
                              StepKind::kQuota, StepKind::kAcl, StepKind::kTopic}) {
    for (const auto& [id, step] : made) {
      if (step.kind != kind || step.stays) continue;
      steps.push_back(step);
      steps.back().state = StepState::kThere;
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

// One team's, from the look at what was made to the answer.
class Undoing {
 public:
  Undoing(Parts& parts, const Call& call, const OnboardingPlace& place)
      : parts_(parts), call_(call), place_(place), is_dry_run_(QueryFlag(call, "dry_run")) {}

  HttpAnswer Run();

 private:
  // What lies in a repository goes first, by a commit. The rest is for another call, once that is
  // applied: routers still write to the topics. Nullopt: nothing lies there any more.
  std::optional<HttpAnswer> UndoFiles();
  std::optional<HttpAnswer> Undo(OnboardingWork& work, OnboardingStep* step);
  HttpAnswer Answer(int status, std::string_view outcome, std::string_view git = "") const {
    JsonObject json;
    json.Text("outcome", outcome).Json("steps", StepsJson(steps_));
    if (!git.empty()) json.Json("git", git);
    return JsonAnswer(status, json.Done());
  }
  void Tell(const std::string& detail) {
    Audit(parts_, call_,
          {.item = absl::StrFormat("%s/onboarding/%s", call_.service, call_.name),
           .outcome = "done",
           .status = 200,
           .detail = detail});
  }

  Parts& parts_;
  const Call& call_;
  const OnboardingPlace& place_;
  const bool is_dry_run_;
  std::vector<OnboardingStep> steps_;
};

HttpAnswer Undoing::Run() {
  absl::StatusOr<Onboarded> onboarded = parts_.onboarding->Of(call_.service, call_.name);
  if (!onboarded.ok()) return ErrorAnswer(onboarded.status());
  if (onboarded->records.empty()) {
    return ErrorAnswer(404, absl::StrFormat("team %s of %s was not onboarded here, or that is "
                                            "undone already",
                                            call_.name, call_.service));
  }
  auto work = OnboardingWork::Open(place_.policy, place_.pipeline);
  if (!work.ok()) return PlatformAnswer(work.status());
  steps_ = ToUndo(onboarded->made());
  if (std::optional<HttpAnswer> answer = UndoFiles()) return *std::move(answer);
  if (!call_.query.contains("records")) {
    if (std::optional<HttpAnswer> refusal = RefuseRecords(**work, steps_)) return *refusal;
  }
  if (is_dry_run_) return Answer(200, "planned");
  for (OnboardingStep& step : steps_) {
    if (std::optional<HttpAnswer> refusal = Undo(**work, &step)) return *refusal;
  }
  OnboardingRecord record{
      .by = call_.principal.name, .at_ms = absl::ToUnixMillis(absl::Now()), .is_undone = true};
  const auto number =
      parts_.onboarding->Add(call_.service, call_.name, onboarded->last, std::move(record));
  if (!number.ok()) return ErrorAnswer(number.status());
  Tell(absl::StrFormat("undone as record %d", *number));
  return Answer(200, "undone");
}

std::optional<HttpAnswer> Undoing::Undo(OnboardingWork& work, OnboardingStep* step) {
  if (step->kind == StepKind::kRules) {
    if (std::optional<HttpAnswer> refusal = UndoRules(parts_, call_, *step)) return refusal;
  } else if (step->kind != StepKind::kFile) {
    if (const absl::Status undone = work.Undo(*step); !undone.ok()) return PlatformAnswer(undone);
  }
  step->state = StepState::kMake;
  step->note = "undone";
  return std::nullopt;
}

std::optional<HttpAnswer> Undoing::UndoFiles() {
  const std::vector<std::string> files = FileNames(steps_);
  if (files.empty()) return std::nullopt;
  if (place_.policy.git.repository.empty()) {
    return ErrorAnswer(409, absl::StrCat(files[0],
                                         " was committed to a repository: set `onboarding.git` to "
                                         "have it undone"));
  }
  auto git = OnboardingGit::Open(place_.policy, call_.service, parts_.onboarding_clones,
                                 &parts_.is_ending);
  if (!git.ok()) return PlatformAnswer(git.status());
  const absl::StatusOr<FileTree> tree = git->Look();
  if (!tree.ok()) return PlatformAnswer(tree.status());
  FileEdits edits;
  for (const std::string& file : files) {
    if (tree->contains(file)) edits[file] = std::nullopt;
  }
  if (edits.empty()) return std::nullopt;
  std::string commit;
  if (!is_dry_run_) {
    const auto made =
        git->Commit(edits, {.by = call_.principal.name,
                            .message = CommitMessage("Take back", call_, call_.name, ""),
                            .at_s = absl::ToUnixSeconds(absl::Now())});
    if (!made.ok()) return PlatformAnswer(made.status());
    commit = *made;
    Tell(absl::StrCat("its files went with commit ", commit));
  }
  for (OnboardingStep& step : steps_) {
    if (step.kind != StepKind::kFile) {
      step.note = "goes when this is asked for again, once the commit is applied";
    } else {
      step.state = is_dry_run_ ? StepState::kThere : StepState::kMake;
      step.note = is_dry_run_ ? "goes with a commit" : "gone with the commit";
    }
  }
  return Answer(is_dry_run_ ? 200 : 202, is_dry_run_ ? "planned" : "committed",
                GitJson(*git, commit, files));
}

}  // namespace

HttpAnswer TakeBackTeam(Parts& parts, const Call& call, const OnboardingPlace& place) {
  return Undoing(parts, call, place).Run();
}

}  // namespace turnout::manager
