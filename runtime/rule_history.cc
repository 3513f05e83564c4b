#include "runtime/rule_history.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "runtime/path_name.h"
#include "state/files.h"
#include "state/sealed_text.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr size_t kVersionsBytesMax = 1 << 20;
constexpr char kVersionsFile[] = "/versions";

absl::Status Damaged(const std::string& directory, absl::string_view what) {
  return absl::DataLossError(
      absl::StrFormat("%s%s is damaged: %s", directory, kVersionsFile, what));
}

Json JsonOf(const KeptVersion& version) {
  return {{"rule_set", version.rule_set},
          {"files", version.files},
          {"origin_version", version.origin_version},
          {"published_ms", absl::ToUnixMillis(version.published)}};
}

Json JsonOf(const RuleRollback& rollback) {
  return {{"to", rollback.to},
          {"from", rollback.from},
          {"files", rollback.files},
          {"at_ms", absl::ToUnixMillis(rollback.at)}};
}

KeptVersion VersionOf(const Json& json) {
  return {.rule_set = json.at("rule_set").get<std::string>(),
          .files = json.at("files").get<std::string>(),
          .origin_version = json.at("origin_version").get<std::string>(),
          .published = absl::FromUnixMillis(json.at("published_ms").get<int64_t>())};
}

RuleRollback RollbackOf(const Json& json) {
  return {.to = json.at("to").get<std::string>(),
          .from = json.at("from").get<std::string>(),
          .files = json.at("files").get<std::string>(),
          .at = absl::FromUnixMillis(json.at("at_ms").get<int64_t>())};
}

}  // namespace

std::string RuleHistoriesDirectory(const std::string& state_dir, const std::string& group) {
  return state_dir + "/rules/" + PathName(group);
}

std::string RuleHistoryDirectory(const std::string& state_dir, const std::string& group,
                                 const std::string& instance) {
  return RuleHistoriesDirectory(state_dir, group) + "/" + PathName(instance);
}

RuleHistory::RuleHistory(std::string directory, std::string origin)
    : directory_(std::move(directory)),
      origin_(std::move(origin)),
      store_(directory_),
      archive_(&store_, "kept", RuleArchive::Scope::kAllTeams) {}

absl::Status RuleHistory::Open() {
  versions_.clear();
  rollback_.reset();
  const auto text = state::ReadFile(directory_ + kVersionsFile, kVersionsBytesMax);
  if (!text.ok()) return text.status();
  const absl::StatusOr<std::string_view> lines = state::OpenSealed(*text);
  if (!lines.ok()) return Damaged(directory_, lines.status().message());
  try {  // nlohmann's accessors throw; what they refuse is damage
    const Json json = Json::parse(*lines);
    if (json.at("format") != kFormat) return Damaged(directory_, "its format is another version's");
    if (const auto origin = json.at("origin").get<std::string>(); origin != origin_) {
      return absl::NotFoundError(absl::StrFormat("%s holds rules of %s", directory_, origin));
    }
    for (const Json& version : json.at("versions")) versions_.push_back(VersionOf(version));
    if (!json.at("rollback").is_null()) rollback_ = RollbackOf(json.at("rollback"));
  } catch (const Json::exception& error) {
    versions_.clear();
    return Damaged(directory_, error.what());
  }
  return absl::OkStatus();
}

absl::Status RuleHistory::Add(const router::RuleSet& rules, KeptVersion version) {
  if (absl::Status made = state::MakeDirectory(directory_); !made.ok()) return made;
  if (absl::Status kept = archive_.Keep(rules); !kept.ok()) return kept;
  std::erase_if(versions_,
                [&](const KeptVersion& old) { return old.rule_set == version.rule_set; });
  versions_.push_back(std::move(version));
  if (versions_.size() > kVersionsMax) versions_.erase(versions_.begin());
  if (absl::Status written = Write(); !written.ok()) return written;
  std::vector<std::string> kept;
  for (const KeptVersion& one : versions_) kept.push_back(one.rule_set);
  return archive_.RemoveAllBut(kept);
}

absl::Status RuleHistory::SetRollback(std::optional<RuleRollback> rollback) {
  // What was gone back to was in force until now.
  if (rollback_.has_value() && !rollback.has_value()) MoveToEnd(rollback_->to);
  rollback_ = std::move(rollback);
  if (absl::Status made = state::MakeDirectory(directory_); !made.ok()) return made;
  return Write();
}

absl::StatusOr<std::vector<router::Team>> RuleHistory::Teams(const std::string& rule_set,
                                                             const router::RuleLimits& limits,
                                                             std::vector<RefusedFile>* refused) {
  const absl::StatusOr<std::vector<KeptText>> files = archive_.FindTexts(rule_set);
  if (!files.ok()) return files.status();
  std::vector<router::Team> teams;
  for (const KeptText& file : *files) {
    std::vector<router::Problem> problems;
    for (router::Team& team : CompileRules(file.name, file.text, limits, &problems)) {
      const bool is_of_it =
          std::find(file.teams.begin(), file.teams.end(), team->team) != file.teams.end();
      if (is_of_it) teams.push_back(std::move(team));
    }
    if (!problems.empty()) refused->push_back({file.name, std::move(problems)});
  }
  std::sort(teams.begin(), teams.end(),
            [](const router::Team& a, const router::Team& b) { return a->team < b->team; });
  return teams;
}

absl::Status RuleHistory::Clear() {
  versions_.clear();
  rollback_.reset();
  return state::RemoveAll(directory_);
}

const KeptVersion* RuleHistory::Before(const std::string& rule_set) const {
  const auto at = std::find_if(versions_.begin(), versions_.end(),
                               [&](const KeptVersion& one) { return one.rule_set == rule_set; });
  // One that was never kept came after all that were.
  return at == versions_.begin() ? nullptr : &*std::prev(at);
}

void RuleHistory::MoveToEnd(const std::string& rule_set) {
  const auto at = std::find_if(versions_.begin(), versions_.end(),
                               [&](const KeptVersion& one) { return one.rule_set == rule_set; });
  if (at != versions_.end()) std::rotate(at, at + 1, versions_.end());
}

absl::Status RuleHistory::Write() {
  Json versions = Json::array();
  for (const KeptVersion& version : versions_) versions.push_back(JsonOf(version));
  const Json json = {{"format", kFormat},
                     {"origin", origin_},
                     {"versions", std::move(versions)},
                     {"rollback", rollback_.has_value() ? JsonOf(*rollback_) : Json()}};
  const std::string path = directory_ + kVersionsFile;
  const std::string unfinished = path + std::string(state::kUnfinishedSuffix);
  absl::Status written = state::WriteFile(unfinished, state::SealText(json.dump() + "\n"));
  if (!written.ok()) return written;
  return state::Rename(unfinished, path);
}

}  // namespace turnout::runtime
