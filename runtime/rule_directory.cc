#include "runtime/rule_directory.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace turnout::runtime {
namespace {

// Two changes of a file within so much may bear the same time.
constexpr absl::Duration kClockTick = absl::Milliseconds(100);

// Files that are written all the time are taken as they were seen.
constexpr int kLooksMax = 5;

bool SameTime(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Why what lies there can't be had; empty where it can, however bad it is.
std::string ProblemOf(const RuleFiles& files) {
  if (files.is_complete) return "";
  if (!files.refused.empty()) {
    return FormatProblem(files.refused[0].file, files.refused[0].problems[0]);
  }
  for (const auto& [name, file] : files.files) {
    if (!file.problems.empty()) return FormatProblem(name, file.problems.front());
  }
  return "";
}

}  // namespace

RuleDirectory::RuleDirectory(std::string path, router::RuleLimits limits)
    : path_(std::move(path)), limits_(limits) {
  status_.kind = "directory";
  status_.name = path_;
}

bool RuleDirectory::Identity::operator==(const Identity& other) const {
  return device == other.device && inode == other.inode && size == other.size &&
         SameTime(modified, other.modified) && SameTime(changed, other.changed);
}

RuleDirectory::Identity RuleDirectory::IdentityOf(const std::string& path) {
  struct stat facts = {};
  if (stat(path.c_str(), &facts) != 0) return {};
  return {facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtim, facts.st_ctim};
}

std::optional<RuleFiles> RuleDirectory::Take(absl::Time now) {
  RuleFiles taken;
  bool is_changed = false;
  for (int look = 1; look <= kLooksMax; ++look) {
    const bool is_other = Look(now, &taken);
    is_changed = is_changed || is_other;
    if (!is_other || IsStill(taken)) break;
  }
  Tell(taken, now, is_changed);
  if (!is_changed) return std::nullopt;
  return taken;
}

// Takes what is there now; what did not change since the look before stays in `taken`. Whether
// anything did.
bool RuleDirectory::Look(absl::Time now, RuleFiles* taken) {
  RuleFileList list = ListRuleFiles(path_);
  RuleFiles next{.refused = std::move(list.refused), .is_complete = list.is_complete};
  bool is_changed = false;
  for (const std::string& path : list.files) {
    std::optional<RuleText> read = Read(path, now, &files_[path]);
    is_changed = is_changed || read.has_value();
    next.files[path] = read.has_value() ? *std::move(read) : std::move(taken->files[path]);
  }
  *taken = std::move(next);
  is_changed = Forget(*taken) || is_changed;
  std::string refused = FormatRefused(taken->refused);
  is_changed = refused != listed_refused_ || is_changed;
  listed_refused_ = std::move(refused);
  return is_changed;
}

// All files are still as they were taken, so that they all were so at one moment.
bool RuleDirectory::IsStill(const RuleFiles& taken) const {
  return std::all_of(taken.files.begin(), taken.files.end(), [this](const auto& file) {
    return IdentityOf(file.first) == files_.at(file.first).identity;
  });
}

RuleOriginStatus RuleDirectory::status() const {
  absl::MutexLock lock(&mu_);
  return status_;
}

// Files that are gone; true when there are some.
bool RuleDirectory::Forget(const RuleFiles& now) {
  if (!now.is_complete) return false;
  return std::erase_if(files_, [&](const auto& file) { return !now.files.contains(file.first); }) >
         0;
}

// Nullopt when it is as it was, as far as can be said.
std::optional<RuleText> RuleDirectory::Read(const std::string& path, absl::Time now, File* file) {
  const Identity identity = IdentityOf(path);
  if (identity == file->identity && !file->look_again) return std::nullopt;
  RuleText read;
  read.text = ReadRuleText(path, limits_, &read.problems);
  if (!(IdentityOf(path) == identity)) {
    file->look_again = true;
    return std::nullopt;
  }
  const absl::Duration age = absl::AbsDuration(now - absl::TimeFromTimespec(identity.modified));
  file->look_again = !read.text.has_value() || age < kClockTick;
  file->identity = identity;
  return read;
}

void RuleDirectory::Tell(const RuleFiles& now, absl::Time at, bool is_changed) {
  absl::MutexLock lock(&mu_);
  status_.has_answered = true;
  if (is_changed) status_.last_change = at;
  status_.problem = ProblemOf(now);
}

}  // namespace turnout::runtime
