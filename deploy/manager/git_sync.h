// GitSync: has a branch of a Git repository and the store hold the same items, both ways.
//
// What was done here becomes a commit each, by who did it, and is pushed. What others have pushed
// is checked as an import and as a publication are, and done as one change, by `git:NAME <EMAIL>`,
// or refused as a whole until it is mended there. Both at once: theirs is done first, and ours
// comes again on top of it; where both have changed an item, and not alike, nothing is done to
// either side until they are alike, in the manager or in the repository.
//
// Nothing is lost or doubled by a crash: what is to be pushed follows from the store alone, from a
// commit and the number of the last change that is in it. Commits are made of changes, with their
// times, so that those that were pushed just before a crash are known again by their names; a
// change that came from a commit names it.
//
// One manager alone may follow a branch: of two that share a place both would push, so that
// ManagerOptions refuses `git` together with `shared`.
//
// Errors: none end it; how it stands is in its status, in the log where that changes, in metrics.
// Threads: its own, between Start and Stop; Wake and status: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "deploy/manager/git_options.h"
#include "deploy/manager/git_repository.h"

namespace turnout::manager {

struct Parts;

inline constexpr size_t kGitCommitsMax = 500;    // in a push
inline constexpr size_t kGitConflictsMax = 100;  // that are shown

enum class GitState { kStarting, kFollowing, kAway, kRefused, kConflict };
std::string_view GitStateName(GitState state);

struct GitConflict {
  std::string path;
  std::string ours;  // the file as each side has it; empty: none
  std::string theirs;
};

struct GitStatus {
  GitState state = GitState::kStarting;
  std::string commit;     // the newest that both have
  std::string theirs;     // the newest there is
  int64_t change = 0;     // the newest one of the store that it speaks of
  int64_t pending = 0;    // changes that are not pushed yet
  int64_t oldest_ms = 0;  // when the first of them was made
  std::string error;
  std::map<std::string, std::string> reports;  // JSON by service, of what was refused
  std::vector<GitConflict> conflicts;
};

class GitSync {
 public:
  // `parts` outlives it. `directory` is for its clone.
  GitSync(GitOptions options, std::string directory, Parts* parts);
  ~GitSync() { Stop(); }

  void Start();
  void Stop();
  void Wake();  // there is a change to be pushed

  GitStatus status() const;
  bool covers(std::string_view service) const;
  const GitOptions& options() const { return options_; }

 private:
  // A commit, and the last change that is in it; later ones may be, as FromGit says.
  struct Base {
    std::string commit;
    int64_t number = 0;
  };
  // What is to be pushed on top of a base.
  struct Pending {
    Base base;
    FileTree tree;  // of the base
    std::vector<GitCommit> commits;
    std::vector<int64_t> numbers;  // of their changes
    FileTree ours;                 // the tree of the last one
    std::vector<std::string> names;
    int64_t newest = 0;  // as of which the store was looked at
    int64_t oldest_ms = 0;
    bool is_all = true;
  };

  // True: there is more to do at once.
  absl::StatusOr<bool> Step();
  absl::StatusOr<bool> Begin(const std::string& theirs);
  absl::StatusOr<Pending> Collect();
  absl::StatusOr<bool> Push(const Pending& pending);
  absl::StatusOr<bool> Take(const Pending& pending, const std::string& theirs);
  // The items' edits as one change, where the store is still as of `newest` (or that is negative).
  absl::Status Apply(const FileTree& tree, const std::vector<std::string>& paths, bool is_whole,
                     const std::string& theirs, const std::string& since, int64_t newest);
  absl::Status Check(const std::vector<Edit>& edits);
  absl::Status Save(Base base);
  absl::StatusOr<std::optional<Base>> Load() const;
  absl::StatusOr<FileTree> TreeOf(const std::string& commit);
  absl::StatusOr<std::vector<Item>> Items() const;
  void Tell(GitState state, std::string error);

  const GitOptions options_;
  const std::string directory_;
  Parts* const parts_;
  std::atomic<bool> is_stopped_{false};
  std::optional<GitRepository> repository_;
  std::optional<Base> base_;
  std::map<std::string, std::string> reports_;
  std::vector<GitConflict> conflicts_;
  // What was refused last: it is not judged again until either side has changed.
  std::pair<std::string, int64_t> refused_ = {"", -1};
  absl::Status refused_as_;
  mutable absl::Mutex mu_;
  bool is_awake_ ABSL_GUARDED_BY(mu_) = false;
  GitStatus status_ ABSL_GUARDED_BY(mu_);
  int64_t seen_ ABSL_GUARDED_BY(mu_) = 0;  // as of the last look at the store
  std::thread thread_;
};

std::string GitToJson(const GitSync& git, const std::string& service);

}  // namespace turnout::manager
