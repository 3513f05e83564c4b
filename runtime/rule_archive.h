// RuleArchive: rule sets by their hash, kept in the checkpoint store before they take effect, so
// that whoever takes a partition over can replay with the rules of the time.
//
// What is kept is what a replay needs: the settings, and the text of every file with a team whose
// rules keep state; texts are named by their SHA-256 and shared by rule sets. A rule set without
// state is an empty one here: replayed, it makes a state forget. In the scope of all teams every
// file's text is kept, under its whole name: RuleHistory's use.
//
// Format 2: `PREFIX/rules/HASH`, a line of JSON and its seal (state/sealed_text.h):
//   {"format": 2, "rule_set": "HASH", "settings": {...}, "kept_steps": ["16 hex digits", ...],
//    "files": [{"name": "fraud.yaml", "sha256": "...", "teams": ["fraud"]}, ...]}
// and `PREFIX/rules/texts/SHA-256`, a file as it was. Format 1, which had neither the hash nor the
// seal, is read too.
//
// Errors: NotFound for a hash that is not there, DataLoss for one that is damaged (both mean that
//   the rules are lost), else those of CheckpointStore.
// Threads: any; blocks, so not for a worker.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "router/rule_set.h"
#include "runtime/task_recovery.h"
#include "state/checkpoint_store.h"

namespace turnout::runtime {

// A file of a rule set, and the teams that the rule set has of it.
struct KeptText {
  std::string name;
  std::string text;
  std::vector<std::string> teams;
};

class RuleArchive : public KeptRules {
 public:
  enum class Scope { kTeamsWithState, kAllTeams };

  // `store` is borrowed.
  RuleArchive(state::CheckpointStore* store, std::string prefix,
              Scope scope = Scope::kTeamsWithState);

  absl::Status Keep(const router::RuleSet& rules) override;
  absl::StatusOr<std::shared_ptr<const router::RuleSet>> Find(const std::string& hash) override;
  absl::StatusOr<router::StateSettings> FindSettings(const std::string& hash) override;
  // The texts as they were, of a rule set in the scope of all teams.
  absl::StatusOr<std::vector<KeptText>> FindTexts(const std::string& hash);
  // Removes other rule sets, and texts that none of these has: where nobody else refers to any.
  absl::Status RemoveAllBut(const std::vector<std::string>& hashes);

 private:
  absl::StatusOr<std::shared_ptr<const router::RuleSet>> Read(const std::string& hash);

  state::CheckpointStore* const store_;
  const std::string prefix_;
  const Scope scope_;
  absl::Mutex mu_;
  absl::flat_hash_set<std::string> texts_kept_ ABSL_GUARDED_BY(mu_);  // by SHA-256
  // Replays of many partitions want the same few.
  std::map<std::string, std::weak_ptr<const router::RuleSet>> found_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::runtime
