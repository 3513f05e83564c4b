// RuleShelf: the teams of a path's rule files, kept compiled, and read again where a file changed.
//
// Look compares what the file system says of each file (links followed) with what it said before
// and reads only those that differ. A file that became bad, unreadable, or the second one of a team
// is refused and keeps the teams that it had: one team's mistake moves nobody, not even itself. A
// file that is gone takes its teams with it. What was there first keeps its team.
//
// A directory that can't be listed, or lists no rule file at all, keeps all teams: a lost mount
// looks just like that. A file that changes while it is read is read again at the next Look.
//
// Cost: a stat a file, and for those that changed what reading and compiling takes.
// Errors: none; what is refused is said by refused().
// Threads: one; reads the file system.
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "router/rule_file.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {

class RuleShelf {
 public:
  RuleShelf(std::string path, router::RuleLimits limits);

  // True when teams() or refused() are others than before. `now` is the file system's time.
  bool Look(absl::Time now);

  // Sorted by team, each once. A team that did not change is the same object.
  const std::vector<router::Team>& teams() const { return teams_; }
  const std::vector<RefusedFile>& refused() const { return refused_; }

 private:
  // What tells one state of a file from another without reading it.
  struct Identity {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = -1;  // no file
    timespec modified = {};
    timespec changed = {};

    bool operator==(const Identity& other) const;
  };
  struct File {
    Identity identity;
    // It is new, could not be read, or may have changed again without a trace: the clock of the
    // file system is coarse.
    bool look_again = true;
    uint64_t text_hash = 0;
    // The newest reading: teams, or why not.
    std::vector<router::Team> read;
    std::vector<router::Problem> problems;
    std::vector<router::Team> accepted;  // what it stands for
  };
  using Files = std::map<std::string, File>;  // by path

  static Identity IdentityOf(const std::string& path);
  bool Forget(const RuleFileList& list);
  bool Read(const std::string& path, absl::Time now, File* file);
  void Join(std::vector<RefusedFile> refused);

  const std::string path_;
  const router::RuleLimits limits_;
  Files files_;
  std::vector<RefusedFile> listed_refused_;  // of the last Look
  std::vector<router::Team> teams_;
  std::vector<RefusedFile> refused_;
};

}  // namespace turnout::runtime
