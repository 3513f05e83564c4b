// GitRepository: a branch of a Git repository, by the program `git`, in a bare clone of its own.
//
// No files are checked out: trees are read, and commits made, within the clone. It takes nothing of
// the machine's or anybody's Git config, and asks nobody for a password. A token is handed to git
// in its environment, never on a command line.
//
// Errors: Unavailable if the repository can't be reached, or won't let us in, with what git said;
//   Aborted from Push if the branch has something else meanwhile; InvalidArgument for a tree that
//   holds what no tree of items may; DataLoss for a clone that is damaged, with the cure.
// Threads: one. Lifetime: `stop` outlives it; once true, calls end soon.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "deploy/manager/git_options.h"
#include "deploy/manager/item_tree.h"
#include "deploy/manager/run_program.h"

namespace turnout::manager {

// A commit that is to be made: what it makes of its parent's tree.
struct GitCommit {
  std::string author;  // NAME <EMAIL>
  std::string message;
  int64_t at_s = 0;  // Unix time
  std::vector<std::string> removed;
  FileTree written;
};

struct GitAuthor {
  std::string who;       // NAME <EMAIL>
  std::string subjects;  // of all commits there are since another one, the newest first
};

class GitRepository {
 public:
  static absl::StatusOr<GitRepository> Open(std::string directory, const GitOptions& options,
                                            const std::atomic<bool>* stop);

  // The branch's newest commit, fetched; empty: there is no such branch.
  absl::StatusOr<std::string> Fetch();

  // The items' files at that commit, below `path`. README.md and the like, and names that begin
  // with a dot, are passed over. Empty for an empty commit.
  absl::StatusOr<FileTree> ReadTree(const std::string& commit);

  // Of `commit`, and what came to it since `since` (empty: from the beginning).
  absl::StatusOr<GitAuthor> AuthorOf(const std::string& commit, const std::string& since);

  // The newest commit, up to that one, that has changed one of these files of the repository;
  // empty: none.
  absl::StatusOr<std::string> LastOf(const std::string& commit,
                                     const std::vector<std::string>& files);

  // The newest commit that both have; empty: none.
  absl::StatusOr<std::string> CommonOf(const std::string& a, const std::string& b);

  // Makes them, each on top of the one before, the first on `parent` (empty: on nothing). The same
  // commits on the same parent have the same names.
  absl::StatusOr<std::vector<std::string>> Commit(const std::string& parent,
                                                  const std::vector<GitCommit>& commits);

  absl::Status Push(const std::string& commit);

 private:
  GitRepository(std::string directory, const GitOptions& options, const std::atomic<bool>* stop);
  absl::StatusOr<ProgramEnd> Git(std::vector<std::string> words, std::string_view input = {});
  // The same where anything but success is an error.
  absl::StatusOr<std::string> Done(std::vector<std::string> words, std::string_view input = {});
  absl::StatusOr<ProgramEnd> Remote(std::vector<std::string> words);

  std::string directory_;
  GitOptions options_;
  const std::atomic<bool>* stop_;
};

}  // namespace turnout::manager
