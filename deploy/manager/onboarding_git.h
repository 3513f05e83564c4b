// OnboardingGit: a service's teams as files of a branch (onboarding_files.h): read, and changed by
// one commit a request, pushed before anybody is told of it.
//
// The branch is looked at anew each time. Where somebody else has pushed meanwhile, the commit is
// made again on top of theirs, unless they have changed a file that it changes.
//
// Errors: those of git_repository.h; Aborted: somebody has changed the same files, so look again.
// Threads: one. Lifetime: `stop` outlives it; once true, calls end soon.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "deploy/manager/git_repository.h"
#include "deploy/manager/onboarding_policy.h"

namespace turnout::manager {

inline constexpr int kOnboardingPushesMax = 5;  // while others push

// Files as they are to be; nullopt: gone.
using FileEdits = std::map<std::string, std::optional<std::string>>;

struct OnboardingCommit {
  std::string by;
  std::string message;
  int64_t at_s = 0;  // Unix time
};

class OnboardingGit {
 public:
  // `directory` is for clones, one a service.
  static absl::StatusOr<OnboardingGit> Open(const OnboardingPolicy& policy,
                                            const std::string& service,
                                            const std::string& directory,
                                            const std::atomic<bool>* stop);

  // The branch as it is now.
  absl::StatusOr<FileTree> Look();

  // Of what Look saw. The commit's name; empty: the files are so already.
  absl::StatusOr<std::string> Commit(const FileEdits& edits, const OnboardingCommit& what);

  // The newest commit, of those that Look or Commit has seen, that has changed one of these files.
  absl::StatusOr<std::string> LastOf(const std::vector<std::string>& files);

  // As somebody finds it in the repository.
  std::string InRepository(const std::string& file) const { return options_.path + "/" + file; }
  const GitOptions& options() const { return options_; }

 private:
  OnboardingGit(GitRepository repository, GitOptions options, KubernetesPlace place);

  GitRepository repository_;
  GitOptions options_;
  KubernetesPlace place_;
  std::string seen_;  // commit; empty: there is no such branch
  FileTree tree_;     // of it
};

}  // namespace turnout::manager
