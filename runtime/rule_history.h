// RuleHistory: the last rule sets that were in force here, on this replica's own disk: for a start
// while their origin is away, and for going back to one.
//
// A rule set is kept as RuleArchive keeps it, texts and all; `versions` names the newest
// kVersionsMax of them, oldest first, and says whether one was gone back to. It is replaced as a
// whole. What it names no more is removed.
//
// Format of `versions`, a line of JSON and its seal (state/sealed_text.h):
//   {"format": 1, "origin": "http https://...", "versions": [{"rule_set": "HASH",
//    "files": "16 hex digits", "origin_version": "...", "published_ms": N}, ...],
//    "rollback": {"to": "HASH", "from": "HASH", "files": "...", "at_ms": N} or null}
//
// Errors: those of files. DataLoss: damaged, and not used; NotFound: there is none, or it is of
//   another origin.
// Threads: one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "router/rule_set.h"
#include "runtime/rule_archive.h"
#include "runtime/rule_loader.h"
#include "state/directory_checkpoint_store.h"

namespace turnout::runtime {

struct KeptVersion {
  std::string rule_set;        // its hash
  std::string files;           // RuleShelf's version of the files that it came from
  std::string origin_version;  // in the origin's words
  absl::Time published;
};

struct RuleRollback {
  std::string to;  // hashes
  std::string from;
  std::string files;  // the version that it holds against
  absl::Time at;
};

// Where a replica keeps its own, and the directory that all replicas with this state directory keep
// theirs in.
std::string RuleHistoryDirectory(const std::string& state_dir, const std::string& group,
                                 const std::string& instance);
std::string RuleHistoriesDirectory(const std::string& state_dir, const std::string& group);

class RuleHistory {
 public:
  static constexpr size_t kVersionsMax = 16;

  // Nothing is made before there is something to keep.
  RuleHistory(std::string directory, std::string origin);

  // What was kept; the ones before are forgotten where that fails.
  absl::Status Open();

  // It is in force by what its origin has.
  absl::Status Add(const router::RuleSet& rules, KeptVersion version);
  // It was gone back to one; nullopt: that is over.
  absl::Status SetRollback(std::optional<RuleRollback> rollback);

  // Its teams, compiled anew, sorted. What the limits refuse by now is left out, with its problems.
  absl::StatusOr<std::vector<router::Team>> Teams(const std::string& rule_set,
                                                  const router::RuleLimits& limits,
                                                  std::vector<RefusedFile>* refused);
  // One that is kept here, of whichever origin; needs no Open.
  absl::StatusOr<std::shared_ptr<const router::RuleSet>> Find(const std::string& rule_set) {
    return archive_.Find(rule_set);
  }
  // Forgets all, on disk too.
  absl::Status Clear();

  const std::vector<KeptVersion>& versions() const { return versions_; }  // the newest last
  const std::optional<RuleRollback>& rollback() const { return rollback_; }
  // The one that was in force at last, be it gone back to. There is one.
  const std::string& last_in_force() const {
    return rollback_.has_value() ? rollback_->to : versions_.back().rule_set;
  }
  // The one that was in force before that one; null: none is known.
  const KeptVersion* Before(const std::string& rule_set) const;

 private:
  absl::Status Write();
  void MoveToEnd(const std::string& rule_set);

  const std::string directory_;
  const std::string origin_;
  state::DirectoryCheckpointStore store_;
  RuleArchive archive_;
  std::vector<KeptVersion> versions_;
  std::optional<RuleRollback> rollback_;
};

}  // namespace turnout::runtime
