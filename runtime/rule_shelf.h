// RuleShelf: the teams of an origin's rule files, kept compiled, and compiled again where a text
// changed.
//
// A file that became bad, unreadable, or the second one of a team is refused and keeps the teams
// that it had: one team's mistake moves nobody, not even itself. A file that is gone takes its
// teams with it; where the origin can't say whether it is gone, it stays. What was there first
// keeps its team.
//
// Hold sets what the files stand for from elsewhere: what this replica's disk has kept while the
// origin is away, or what was gone back to. Those teams stay until the origin has another version,
// and for a file that is refused then, after that too.
//
// Cost: a hash of each text that is handed over, and for those that changed what compiling takes.
// Errors: none; what is refused is said by refused().
// Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "router/rule_file.h"
#include "runtime/rule_loader.h"
#include "runtime/rule_origin.h"

namespace turnout::runtime {

class RuleShelf {
 public:
  explicit RuleShelf(router::RuleLimits limits);

  // True when teams() or refused() are others than before.
  bool Take(RuleFiles files);

  // `teams` with the files they are of, until a Take brings another version than this one (empty:
  // any). They are sorted by team.
  void Hold(std::vector<router::Team> teams, std::string version);
  // What the files hold, after all.
  void LetGo();
  bool is_held() const { return is_held_; }

  // Sorted by team, each once. A team that did not change is the same object.
  const std::vector<router::Team>& teams() const { return teams_; }
  const std::vector<RefusedFile>& refused() const { return refused_; }
  // Tells one version of all names and texts from another; empty before there was a complete one.
  const std::string& version() const { return version_; }

 private:
  struct File {
    bool is_read = false;      // false: it is only known what it stood for
    bool is_compiled = false;  // the newest reading is of the text of this hash; else it had none
    uint64_t text_hash = 0;
    // The newest reading: teams, or why not.
    std::vector<router::Team> read;
    std::vector<router::Problem> problems;
    std::vector<router::Team> accepted;  // what it stands for
  };

  bool Forget(const RuleFiles& now);
  bool Read(const std::string& name, RuleText now);
  void Join();
  std::string VersionOfFiles() const;

  const router::RuleLimits limits_;
  std::map<std::string, File> files_;        // by name
  std::vector<RefusedFile> listed_refused_;  // of the last Take
  std::vector<router::Team> teams_;
  std::vector<RefusedFile> refused_;
  std::string version_;
  bool is_held_ = false;
  std::string held_version_;
};

}  // namespace turnout::runtime
