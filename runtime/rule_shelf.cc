#include "runtime/rule_shelf.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "router/content_hash.h"

namespace turnout::runtime {
namespace {

using router::Problem;
using router::Team;

uint64_t HashOf(std::string_view text) {
  router::ContentHash hash;
  hash.Add(text);
  return hash.Value();
}

}  // namespace

RuleShelf::RuleShelf(router::RuleLimits limits) : limits_(limits) {}

bool RuleShelf::Take(RuleFiles now) {
  bool changed = Forget(now);
  for (auto& [name, text] : now.files) changed = Read(name, std::move(text)) || changed;
  if (now.is_complete) version_ = VersionOfFiles();
  if (!changed && FormatRefused(now.refused) == FormatRefused(listed_refused_)) return false;
  listed_refused_ = std::move(now.refused);
  is_held_ = is_held_ && (!now.is_complete || version_ == held_version_);
  const std::vector<Team> teams = teams_;
  const std::string refused = FormatRefused(refused_);
  Join();
  return teams != teams_ || refused != FormatRefused(refused_);
}

void RuleShelf::Hold(std::vector<Team> teams, std::string version) {
  for (auto& [name, file] : files_) file.accepted.clear();
  for (const Team& team : teams) files_[team->source->file_name].accepted.push_back(team);
  teams_ = std::move(teams);
  is_held_ = true;
  held_version_ = std::move(version);
}

void RuleShelf::LetGo() {
  is_held_ = false;
  Join();
}

// Files that are gone; true when there are some.
bool RuleShelf::Forget(const RuleFiles& now) {
  if (!now.is_complete) return false;
  const auto is_there = [&](const std::string& name) {
    return now.files.contains(name) ||
           std::any_of(now.refused.begin(), now.refused.end(),
                       [&](const RefusedFile& refused) { return refused.file == name; });
  };
  return std::erase_if(files_, [&](const auto& file) { return !is_there(file.first); }) > 0;
}

// True when the file reads otherwise than before.
bool RuleShelf::Read(const std::string& name, RuleText now) {
  File& file = files_[name];
  if (!now.text.has_value() && now.problems.empty()) return false;
  if (now.text.has_value()) {
    const uint64_t text_hash = HashOf(*now.text);
    if (file.is_compiled && text_hash == file.text_hash) return false;
    file.text_hash = text_hash;
  }
  file.is_read = true;
  file.is_compiled = now.text.has_value();
  file.read.clear();
  if (now.text.has_value()) file.read = CompileRules(name, *now.text, limits_, &now.problems);
  file.problems = std::move(now.problems);
  return true;
}

// Who stands for which teams, anew from all that was read.
void RuleShelf::Join() {
  // Those that keep a team go first.
  absl::flat_hash_map<std::string, const std::string*> files_by_team;
  for (const auto& [name, file] : files_) {
    absl::flat_hash_set<absl::string_view> read;
    for (const Team& team : file.read) read.insert(team->team);
    for (const Team& team : file.accepted) {
      const bool keeps = !file.is_read || !file.problems.empty() || read.contains(team->team);
      if (keeps) files_by_team[team->team] = &name;
    }
  }
  std::vector<Team> teams;
  refused_ = listed_refused_;
  for (auto& [name, file] : files_) {
    std::vector<Problem> problems = file.problems;
    for (const Team& team : file.read) {
      const auto first = files_by_team.find(team->team);
      if (first == files_by_team.end() || first->second == &name) continue;
      problems.push_back(TeamElsewhere(team->team, *first->second));
    }
    if (!problems.empty()) {
      refused_.push_back({name, std::move(problems)});
    } else if (file.is_read && !is_held_) {
      file.accepted = file.read;
    }
    for (const Team& team : file.accepted) {
      const auto [first, is_free] = files_by_team.try_emplace(team->team, &name);
      if (is_free || first->second == &name) teams.push_back(team);
    }
  }
  if (is_held_) return;
  std::sort(teams.begin(), teams.end(),
            [](const Team& a, const Team& b) { return a->team < b->team; });
  teams_ = std::move(teams);
}

// Of a text that can't be had now, the one before counts: that is no other version.
std::string RuleShelf::VersionOfFiles() const {
  router::ContentHash hash;
  for (const auto& [name, file] : files_) {
    hash.Add(name);
    hash.AddNumber(file.text_hash);
  }
  return absl::StrFormat("%016x", hash.Value());
}

}  // namespace turnout::runtime
