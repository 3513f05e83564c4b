#include "deploy/manager/onboarding_calls.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "deploy/manager/json_writer.h"

namespace turnout::manager {

HttpAnswer PlatformAnswer(const absl::Status& status) {
  if (absl::IsAborted(status)) return ErrorAnswer(409, MessageOf(status));
  return ErrorAnswer(503, MessageOf(status));
}

std::string StepsJson(const std::vector<OnboardingStep>& steps) {
  return JsonArray(steps, [](const OnboardingStep& step) { return ShownJson(step); });
}

std::string GitJson(const OnboardingGit& git, const std::string& commit,
                    const std::vector<std::string>& files) {
  return JsonObject()
      .Text("repository", git.options().repository)
      .Text("branch", git.options().branch)
      .Text("commit", commit)
      .Json("files", JsonArray(files,
                               [&git](const std::string& file) {
                                 return runtime::JsonString(git.InRepository(file));
                               }))
      .Done();
}

std::string CommitMessage(std::string_view what, const Call& call, std::string_view team,
                          const std::string& why) {
  std::string reason = why;
  std::replace(reason.begin(), reason.end(), '\0', ' ');
  return absl::StrFormat("%s %s of %s\n\n%s%sTurnout-Onboarding: %s/%s", what, team, call.service,
                         reason, reason.empty() ? "" : "\n\n", call.service, team);
}

std::vector<std::string> FileNames(const std::vector<OnboardingStep>& steps) {
  std::vector<std::string> files;
  for (const OnboardingStep& step : steps) {
    if (step.kind == StepKind::kFile) files.push_back(step.name);
  }
  return files;
}

}  // namespace turnout::manager
