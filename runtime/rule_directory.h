// RuleDirectory: rule files of the file system: one, or those of a directory.
//
// Take compares what the file system says of each file (links followed, so that the swap of a
// mounted ConfigMap is seen) with what it said before, and reads only those that differ. Files that
// change while they are read are read again, so that a swap is taken whole: all files of before it
// or all of after it, but for names that the swap brings: a kubelet makes the links of a
// ConfigMap's new keys after it, so a Take in between has what old names say now, and the next one
// the new names. A rule that moves to a file of a new name may be away until then.
//
// A directory that can't be listed, or lists no rule file at all, is not complete: a lost mount
// looks just like that.
//
// Cost: a stat a file, two when any has changed, and for those that changed what reading takes.
// Errors: none; what can't be read is among what Take answers.
// Threads: Take on one, status on any; reads the file system.
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "router/rule_file.h"
#include "runtime/rule_origin.h"

namespace turnout::runtime {

class RuleDirectory : public RuleOrigin {
 public:
  RuleDirectory(std::string path, router::RuleLimits limits);

  // `now` is the file system's time.
  std::optional<RuleFiles> Take(absl::Time now) override;
  RuleOriginStatus status() const override;

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
  };

  static Identity IdentityOf(const std::string& path);
  bool Look(absl::Time now, RuleFiles* taken);
  bool IsStill(const RuleFiles& taken) const;
  bool Forget(const RuleFiles& now);
  std::optional<RuleText> Read(const std::string& path, absl::Time now, File* file);
  void Tell(const RuleFiles& now, absl::Time at, bool is_changed);

  const std::string path_;
  const router::RuleLimits limits_;
  std::map<std::string, File> files_;  // by path
  std::string listed_refused_;         // of the last Take
  mutable absl::Mutex mu_;
  RuleOriginStatus status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::runtime
