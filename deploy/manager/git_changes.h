// GitChanges: changes as commits, and commits as changes: the part of GitSync that is pure.
//
// Format: a commit that was made of a change ends in `Turnout-Change: NUMBER`; a change that was
//   made of commits is by `git:NAME <EMAIL>`, approved by `git`, and its reason ends in
//   `Git-Commit: NAME`.
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deploy/manager/change.h"
#include "deploy/manager/git_repository.h"
#include "deploy/manager/item_tree.h"

namespace turnout::manager {

inline constexpr std::string_view kGitApproves = "git";

// The commit that a change was made of; empty: it was made here.
std::string CommitOf(const Change& change);

ChangeRequest RequestOf(std::vector<Edit> edits, const GitAuthor& author, std::string_view commit);

// Whoever it is, as a commit names its author.
std::string CommitAuthor(const std::string& by);

// The change as a commit on top of `tree`, which becomes the tree behind it; `service` alone, or
// empty: all. Of a secret, nothing but whom it is bound to.
GitCommit CommitFor(const Change& change, std::string_view service, FileTree* tree);
bool Touches(const Change& change, std::string_view service);

// Paths that differ.
std::vector<std::string> Differing(const FileTree& a, const FileTree& b);

// The paths of `ours` and `theirs` that are of one item which is not alike at both ends.
std::vector<std::string> Conflicting(const std::vector<std::string>& ours, const FileTree& our_tree,
                                     const std::vector<std::string>& theirs,
                                     const FileTree& their_tree);

// Of the service alone; empty: of all.
FileTree TreeOfService(FileTree tree, std::string_view service);

}  // namespace turnout::manager
