#include "runtime/rule_archive.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "runtime/rule_loader.h"
#include "state/sealed_text.h"
#include "state/sha256.h"

namespace turnout::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 2;
constexpr int kFormatWithoutSeal = 1;
constexpr size_t kSetBytesMax = size_t{64} << 20;
constexpr size_t kTextBytesMax = size_t{256} << 20;

absl::Status Damaged(const std::string& hash, std::string_view what) {
  return absl::DataLossError(absl::StrFormat("the kept rule set %s is damaged: %s", hash, what));
}

// What was accepted once is accepted again, whatever the limits are by now.
router::RuleLimits NoLimits() {
  router::RuleLimits limits;
  constexpr int kMany = 1 << 30;
  limits.rules_per_team_max = limits.destinations_per_rule_max = limits.destination_globs_max =
      limits.file_bytes_max = limits.steps_max = kMany;
  limits.team_pattern_cost_max = std::numeric_limits<int64_t>::max();
  router::PatternLimits& pattern = limits.pattern;
  pattern.fields_max = pattern.branches_max = pattern.values_max = pattern.wildcards_max =
      pattern.pattern_bytes_max = pattern.ignore_case_bytes_max = pattern.regexes_max =
          pattern.regex_bytes_max = kMany;
  limits.shape.shape_operations_max = limits.shape.shape_text_bytes_max = kMany;
  return limits;
}

Json SettingsJson(const router::StateSettings& settings) {
  return {{"partitioned_by", settings.partitioned_by},
          {"time_field", settings.time_field},
          {"lateness_ms", settings.lateness_ms},
          {"ahead_ms_max", settings.ahead_ms_max},
          {"rule_state_bytes_max", settings.rule_state_bytes_max},
          {"team_state_bytes_max", settings.team_state_bytes_max},
          {"cloud_events", settings.cloud_events}};
}

router::StateSettings SettingsOf(const Json& json) {
  router::StateSettings settings;
  settings.partitioned_by = json.at("partitioned_by").get<std::string>();
  settings.time_field = json.at("time_field").get<std::string>();
  settings.lateness_ms = json.at("lateness_ms").get<int64_t>();
  settings.ahead_ms_max = json.at("ahead_ms_max").get<int64_t>();
  // Without it when there was no such limit.
  settings.rule_state_bytes_max =
      json.value("rule_state_bytes_max", std::numeric_limits<int64_t>::max());
  settings.team_state_bytes_max = json.value("team_state_bytes_max", router::kNoStateLimit);
  settings.cloud_events = json.value("cloud_events", false);
  return settings;
}

// One rule set, as it is written.
struct KeptFile {
  std::string name;
  std::string sha256;
  std::vector<std::string> teams;
};
struct KeptSet {
  router::StateSettings settings;
  std::vector<state::StepId> kept_steps;
  std::vector<KeptFile> files;
};

// The JSON of a set, once it is known to be what was written; of format 1 nothing says so.
absl::StatusOr<Json> OpenSet(const std::string& hash, const std::string& text) {
  const absl::StatusOr<std::string_view> sealed = state::OpenSealed(text);
  Json json = Json::parse(sealed.ok() ? *sealed : std::string_view(text), nullptr,
                          /*allow_exceptions=*/false);
  if (!json.is_object()) return Damaged(hash, "neither its digest nor its JSON can be read");
  const int64_t format = json.value("format", int64_t{0});
  if (format != (sealed.ok() ? kFormat : kFormatWithoutSeal)) {
    return Damaged(hash, "its format is another version's");
  }
  // Under another name it would be taken for rules that it does not hold.
  if (sealed.ok() && json.value("rule_set", "") != hash) {
    return Damaged(hash, "it says that it is another one");
  }
  return json;
}

absl::StatusOr<KeptSet> ReadSet(state::CheckpointStore& store, const std::string& prefix,
                                const std::string& hash) {
  const absl::StatusOr<std::string> text = store.Read(prefix + "/rules/" + hash, kSetBytesMax);
  if (!text.ok()) return text.status();
  KeptSet kept;
  try {  // nlohmann's accessors throw; what they refuse is damage
    const absl::StatusOr<Json> opened = OpenSet(hash, *text);
    if (!opened.ok()) return opened.status();
    const Json& json = *opened;
    kept.settings = SettingsOf(json.at("settings"));
    for (const Json& step : json.at("kept_steps")) {
      uint64_t id = 0;
      if (!absl::SimpleHexAtoi(step.get<std::string>(), &id)) return Damaged(hash, "a step's id");
      kept.kept_steps.push_back(id);
    }
    for (const Json& file : json.at("files")) {
      kept.files.push_back({file.at("name").get<std::string>(),
                            file.at("sha256").get<std::string>(),
                            file.at("teams").get<std::vector<std::string>>()});
    }
  } catch (const Json::exception& error) {
    return Damaged(hash, error.what());
  }
  return kept;
}

// Texts that are what they were.
absl::StatusOr<std::vector<KeptText>> ReadTexts(state::CheckpointStore& store,
                                                const std::string& prefix, KeptSet kept) {
  std::vector<KeptText> texts;
  for (KeptFile& file : kept.files) {
    absl::StatusOr<std::string> text =
        store.Read(prefix + "/rules/texts/" + file.sha256, kTextBytesMax);
    if (!text.ok()) return text.status();
    if (state::Sha256(*text) != file.sha256) {
      return Damaged(file.sha256, "its text is not what it was");
    }
    texts.push_back({std::move(file.name), *std::move(text), std::move(file.teams)});
  }
  return texts;
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

RuleArchive::RuleArchive(state::CheckpointStore* store, std::string prefix, Scope scope)
    : store_(store), prefix_(std::move(prefix)), scope_(scope) {}

absl::Status RuleArchive::Keep(const router::RuleSet& rules) {
  Json files = Json::array();
  std::map<const router::RuleSource*, Json> teams_of;
  for (const router::Team& team : rules.teams()) {
    if (scope_ == Scope::kTeamsWithState && !router::KeepsState(*team)) continue;
    if (team->source == nullptr) {
      return absl::InternalError(absl::StrFormat("nobody knows the text of team %s", team->team));
    }
    teams_of[team->source.get()].push_back(team->team);
  }
  for (auto& [source, teams] : teams_of) {
    const std::string sha256 = state::Sha256(source->text);
    const std::string& name = source->file_name;
    files.push_back({{"name", scope_ == Scope::kAllTeams ? name : BaseName(name)},
                     {"sha256", sha256},
                     {"teams", std::move(teams)}});
    {
      absl::MutexLock lock(&mu_);
      if (texts_kept_.contains(sha256)) continue;
    }
    const auto kept = store_->PutIfAbsent(prefix_ + "/rules/texts/" + sha256, source->text);
    if (!kept.ok()) return kept.status();
    absl::MutexLock lock(&mu_);
    texts_kept_.insert(sha256);
  }
  std::sort(files.begin(), files.end());
  Json kept_steps = Json::array();
  for (const state::StepId step : rules.kept_steps()) {
    kept_steps.push_back(absl::StrFormat("%016x", step));
  }
  const Json json = {{"format", kFormat},
                     {"rule_set", rules.hash()},
                     {"settings", SettingsJson(rules.settings())},
                     {"kept_steps", std::move(kept_steps)},
                     {"files", std::move(files)}};
  return store_
      ->PutIfAbsent(prefix_ + "/rules/" + rules.hash(), state::SealText(json.dump() + "\n"))
      .status();
}

absl::StatusOr<std::shared_ptr<const router::RuleSet>> RuleArchive::Find(const std::string& hash) {
  {
    absl::MutexLock lock(&mu_);
    const auto found = found_.find(hash);
    if (found != found_.end()) {
      if (auto rules = found->second.lock()) return rules;
    }
  }
  auto rules = Read(hash);
  if (!rules.ok()) return rules;
  absl::MutexLock lock(&mu_);
  std::erase_if(found_, [](const auto& entry) { return entry.second.expired(); });
  found_[hash] = *rules;
  return rules;
}

absl::StatusOr<router::StateSettings> RuleArchive::FindSettings(const std::string& hash) {
  absl::StatusOr<KeptSet> kept = ReadSet(*store_, prefix_, hash);
  if (!kept.ok()) return kept.status();
  return std::move(kept->settings);
}

absl::Status RuleArchive::RemoveAllBut(const std::vector<std::string>& hashes) {
  const std::string sets = prefix_ + "/rules/";
  absl::flat_hash_set<std::string> kept;
  for (const std::string& hash : hashes) {
    kept.insert(sets + hash);
    const absl::StatusOr<KeptSet> set = ReadSet(*store_, prefix_, hash);
    if (!set.ok()) continue;  // damaged: it names nothing that could be used
    for (const KeptFile& file : set->files) kept.insert(sets + "texts/" + file.sha256);
  }
  const auto stored = store_->List(sets);
  if (!stored.ok()) return stored.status();
  absl::MutexLock lock(&mu_);
  for (const state::StoredObject& object : *stored) {
    if (kept.contains(object.name)) continue;
    if (absl::Status removed = store_->Remove(object.name); !removed.ok()) return removed;
    texts_kept_.erase(object.name.substr(object.name.rfind('/') + 1));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<KeptText>> RuleArchive::FindTexts(const std::string& hash) {
  absl::StatusOr<KeptSet> kept = ReadSet(*store_, prefix_, hash);
  if (!kept.ok()) return kept.status();
  return ReadTexts(*store_, prefix_, *std::move(kept));
}

absl::StatusOr<std::shared_ptr<const router::RuleSet>> RuleArchive::Read(const std::string& hash) {
  absl::StatusOr<KeptSet> kept = ReadSet(*store_, prefix_, hash);
  if (!kept.ok()) return kept.status();
  router::StateSettings settings = std::move(kept->settings);
  std::vector<state::StepId> kept_steps = std::move(kept->kept_steps);
  const auto files = ReadTexts(*store_, prefix_, *std::move(kept));
  if (!files.ok()) return files.status();
  std::vector<router::Team> teams;
  for (const KeptText& file : *files) {
    std::vector<router::Problem> problems;
    const auto read = CompileRules(file.name, file.text, NoLimits(), &problems);
    if (!problems.empty()) return Damaged(hash, FormatProblem(file.name, problems.front()));
    for (const std::string& name : file.teams) {
      const auto team = std::find_if(read.begin(), read.end(),
                                     [&](const router::Team& one) { return one->team == name; });
      if (team == read.end()) return Damaged(hash, "a team is not in its file");
      teams.push_back(*team);
    }
  }
  return router::RuleSet::Build(std::move(teams), std::move(settings), std::move(kept_steps));
}

}  // namespace turnout::runtime
