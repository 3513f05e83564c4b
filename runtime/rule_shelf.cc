#include "runtime/rule_shelf.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "router/content_hash.h"

namespace turnout::runtime {
namespace {

using router::Problem;
using router::Team;

// Two changes of a file within so much may bear the same time.
constexpr absl::Duration kClockTick = absl::Milliseconds(100);

bool SameTime(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

uint64_t HashOf(std::string_view text) {
  router::ContentHash hash;
  hash.Add(text);
  return hash.Value();
}

}  // namespace

RuleShelf::RuleShelf(std::string path, router::RuleLimits limits)
    : path_(std::move(path)), limits_(limits) {}

bool RuleShelf::Identity::operator==(const Identity& other) const {
  return device == other.device && inode == other.inode && size == other.size &&
         SameTime(modified, other.modified) && SameTime(changed, other.changed);
}

RuleShelf::Identity RuleShelf::IdentityOf(const std::string& path) {
  struct stat facts = {};
  if (stat(path.c_str(), &facts) != 0) return {};
  return {facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtim, facts.st_ctim};
}

bool RuleShelf::Look(absl::Time now) {
  RuleFileList list = ListRuleFiles(path_);
  bool changed = Forget(list);
  for (const std::string& path : list.files) changed = Read(path, now, &files_[path]) || changed;
  if (!changed && FormatRefused(list.refused) == FormatRefused(listed_refused_)) return false;
  listed_refused_ = list.refused;
  const std::vector<Team> teams = std::move(teams_);
  const std::string refused = FormatRefused(refused_);
  Join(std::move(list.refused));
  return teams != teams_ || refused != FormatRefused(refused_);
}

// Files that are gone; true when there are some.
bool RuleShelf::Forget(const RuleFileList& list) {
  if (!list.is_complete) return false;
  const auto is_listed = [&](const std::string& path) {
    return std::binary_search(list.files.begin(), list.files.end(), path) ||
           std::any_of(list.refused.begin(), list.refused.end(),
                       [&](const RefusedFile& refused) { return refused.file == path; });
  };
  return std::erase_if(files_, [&](const auto& file) { return !is_listed(file.first); }) > 0;
}

// True when the file reads otherwise than before.
bool RuleShelf::Read(const std::string& path, absl::Time now, File* file) {
  const Identity identity = IdentityOf(path);
  if (identity == file->identity && !file->look_again) return false;
  std::vector<Problem> problems;
  const std::optional<std::string> text = ReadRuleText(path, limits_, &problems);
  if (!(IdentityOf(path) == identity)) {
    file->look_again = true;
    return false;
  }
  const absl::Duration age = absl::AbsDuration(now - absl::TimeFromTimespec(identity.modified));
  file->look_again = !text.has_value() || age < kClockTick;
  file->identity = identity;
  const uint64_t text_hash = text.has_value() ? HashOf(*text) : 0;
  const bool known = !file->read.empty() || !file->problems.empty();
  if (text.has_value() && known && text_hash == file->text_hash) return false;
  file->text_hash = text_hash;
  file->read.clear();
  if (text.has_value()) file->read = CompileRules(path, *text, limits_, &problems);
  file->problems = std::move(problems);
  return true;
}

// Who stands for which teams, anew from all that was read.
void RuleShelf::Join(std::vector<RefusedFile> refused) {
  // Those that keep a team go first.
  absl::flat_hash_map<std::string, const std::string*> files_by_team;
  for (const auto& [path, file] : files_) {
    absl::flat_hash_set<absl::string_view> read;
    for (const Team& team : file.read) read.insert(team->team);
    for (const Team& team : file.accepted) {
      const bool keeps = !file.problems.empty() || read.contains(team->team);
      if (keeps) files_by_team[team->team] = &path;
    }
  }
  teams_.clear();
  for (auto& [path, file] : files_) {
    std::vector<Problem> problems = file.problems;
    for (const Team& team : file.read) {
      const auto first = files_by_team.find(team->team);
      if (first == files_by_team.end() || first->second == &path) continue;
      problems.push_back(TeamElsewhere(team->team, *first->second));
    }
    if (problems.empty()) {
      file.accepted = file.read;
    } else {
      refused.push_back({path, std::move(problems)});
    }
    for (const Team& team : file.accepted) {
      const auto [first, is_free] = files_by_team.try_emplace(team->team, &path);
      if (is_free || first->second == &path) teams_.push_back(team);
    }
  }
  std::sort(teams_.begin(), teams_.end(),
            [](const Team& a, const Team& b) { return a->team < b->team; });
  refused_ = std::move(refused);
}

}  // namespace turnout::runtime
