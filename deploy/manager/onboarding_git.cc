#include "deploy/manager/onboarding_git.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "deploy/manager/git_changes.h"
#include "deploy/manager/onboarding_files.h"
#include "state/sha256.h"

namespace turnout::manager {
namespace {

std::optional<std::string> At(const FileTree& tree, const std::string& file) {
  const auto found = tree.find(file);
  return found == tree.end() ? std::nullopt : std::optional<std::string>(found->second);
}

// What makes one tree of the other.
GitCommit Between(const FileTree& before, const FileTree& after) {
  GitCommit commit;
  for (const auto& [path, text] : before) {
    if (!after.contains(path)) commit.removed.push_back(path);
  }
  for (const auto& [path, text] : after) {
    if (At(before, path) != text) commit.written[path] = text;
  }
  return commit;
}

}  // namespace

OnboardingGit::OnboardingGit(GitRepository repository, GitOptions options, KubernetesPlace place)
    : repository_(std::move(repository)), options_(std::move(options)), place_(std::move(place)) {}

absl::StatusOr<OnboardingGit> OnboardingGit::Open(const OnboardingPolicy& policy,
                                                  const std::string& service,
                                                  const std::string& directory,
                                                  const std::atomic<bool>* stop) {
  GitOptions options = policy.git;
  absl::StrAppend(&options.path, "/", service);
  // Another repository or branch is another clone.
  const std::string clone = absl::StrCat(
      directory, "/",
      state::Sha256(absl::StrCat(options.repository, "\n", options.branch, "\n", options.path)));
  absl::StatusOr<GitRepository> repository = GitRepository::Open(clone, options, stop);
  if (!repository.ok()) return repository.status();
  return OnboardingGit(*std::move(repository), std::move(options), policy.kubernetes);
}

absl::StatusOr<FileTree> OnboardingGit::Look() {
  absl::StatusOr<std::string> newest = repository_.Fetch();
  if (!newest.ok()) return newest.status();
  absl::StatusOr<FileTree> tree = repository_.ReadTree(*newest);
  if (!tree.ok()) return tree;
  seen_ = *std::move(newest);
  tree_ = *tree;
  return tree;
}

absl::StatusOr<std::string> OnboardingGit::Commit(const FileEdits& edits,
                                                  const OnboardingCommit& what) {
  absl::Status pushed = absl::OkStatus();
  for (int i = 0; i < kOnboardingPushesMax; ++i) {
    FileTree after = tree_;
    for (const auto& [file, text] : edits) {
      if (text.has_value()) {
        after[file] = *text;
      } else {
        after.erase(file);
      }
    }
    for (auto& [file, text] : KustomizationsOf(after, place_)) after[file] = std::move(text);
    GitCommit commit = Between(tree_, after);
    if (commit.removed.empty() && commit.written.empty()) return std::string();
    commit.author = CommitAuthor(what.by);
    commit.message = what.message;
    commit.at_s = what.at_s;
    const absl::StatusOr<std::vector<std::string>> names =
        repository_.Commit(seen_, {std::move(commit)});
    if (!names.ok()) return names.status();
    pushed = repository_.Push(names->front());
    if (pushed.ok()) {
      seen_ = names->front();
      tree_ = std::move(after);
      return seen_;
    }
    if (!absl::IsAborted(pushed)) return pushed;
    const FileTree before = tree_;
    if (const auto tree = Look(); !tree.ok()) return tree.status();
    for (const auto& [file, text] : edits) {
      if (At(tree_, file) == At(before, file)) continue;
      return absl::AbortedError(
          absl::StrCat(InRepository(file), " of ", options_.repository,
                       " was changed by somebody else a moment ago: look at that, then ask again"));
    }
  }
  return absl::UnavailableError(pushed.message());
}

absl::StatusOr<std::string> OnboardingGit::LastOf(const std::vector<std::string>& files) {
  if (seen_.empty()) return std::string();
  std::vector<std::string> paths;
  for (const std::string& file : files) paths.push_back(InRepository(file));
  return repository_.LastOf(seen_, paths);
}

}  // namespace turnout::manager
