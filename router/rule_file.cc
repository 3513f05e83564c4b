#include "router/rule_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/content_hash.h"
#include "router/pattern_cost.h"
#include "router/rule_reader.h"

namespace turnout::router {
namespace {

bool HasSuffix(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

bool IsJson(std::string_view file_name, std::string_view text) {
  if (file_name != "-") return HasSuffix(file_name, ".json");
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

bool IsTooLarge(std::string_view text, const RuleLimits& limits, std::vector<Problem>* problems) {
  if (text.size() <= static_cast<size_t>(limits.file_bytes_max)) return false;
  problems->push_back({{},
                       "",
                       absl::StrFormat("the text has %d bytes, more than file_bytes_max, %d",
                                       text.size(), limits.file_bytes_max),
                       "split it"});
  return true;
}

// Takes the next line, without its end, off the front of `text`.
std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find('\n');
  std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

void ShiftLines(int by, Node* node) {
  node->at.line += by;
  for (Node& item : node->items) ShiftLines(by, &item);
  for (Member& member : node->members) {
    member.at.line += by;
    ShiftLines(by, &member.value);
  }
}

void SortByPosition(std::vector<Problem>::iterator begin, std::vector<Problem>::iterator end) {
  std::stable_sort(begin, end, [](const Problem& a, const Problem& b) {
    return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
  });
}

uint64_t HashOf(const RuleFile& team) {
  ContentHash hash;
  hash.Add(team.team);
  std::vector<std::string> globs = team.allowed_destinations;
  std::sort(globs.begin(), globs.end());
  globs.erase(std::unique(globs.begin(), globs.end()), globs.end());
  hash.AddNumber(globs.size());
  for (const std::string& glob : globs) hash.Add(glob);
  hash.AddNumber(team.rules.size());
  for (const Rule& rule : team.rules) {
    hash.Add(rule.name);
    hash.AddNumber(rule.match_hash);
    hash.AddNumber(rule.steps.size());
    for (const Step& step : rule.steps) HashStep(step, &hash);
    if (!rule.enrich.empty()) hash.Add("enrich " + EnrichText(rule.enrich));
    hash.Add(rule.shape == nullptr ? std::string_view() : rule.shape->text);
    hash.AddNumber(rule.to.size());
    for (const DestinationTemplate& destination : rule.to) hash.Add(destination.text);
    hash.Add(rule.key_field);
    HashRollout(rule.rollout, &hash);
  }
  return hash.Value();
}

void NameSteps(const std::string& team, Rule* rule) {
  std::array<uint32_t, kStepKinds> ordinals{};
  for (Step& step : rule->steps) {
    uint32_t& ordinal = ordinals[static_cast<size_t>(step.kind)];
    step.id = StepIdOf(team, rule->name, rule->rollout.is_shadow, step, ordinal++);
  }
}

// What is the same whichever way the file was written, once nothing is wrong with it.
void Finish(RuleFile* team) {
  std::sort(team->rules.begin(), team->rules.end(),
            [](const Rule& a, const Rule& b) { return a.name < b.name; });
  team->rules.shrink_to_fit();
  for (Rule& rule : team->rules) NameSteps(team->team, &rule);
  team->content_hash = HashOf(*team);
}

}  // namespace

bool KeepsState(const RuleFile& team) {
  return std::any_of(team.rules.begin(), team.rules.end(), [](const Rule& rule) {
    return std::any_of(rule.steps.begin(), rule.steps.end(),
                       [](const Step& step) { return step.keeps_state(); });
  });
}

std::vector<std::pair<state::StepId, StepPlace>> PlacesOfSteps(const Rule& rule,
                                                               std::string_view partitioned_by) {
  std::vector<std::pair<state::StepId, StepPlace>> places;
  StepPlace place = StepPlace::kSource;
  for (const Step& step : rule.steps) {
    if (!step.keeps_state()) continue;
    if (partitioned_by != kOnePartition && step.key_field != partitioned_by) {
      place = StepPlace::kRekeyed;
    }
    places.emplace_back(step.id, place);
  }
  return places;
}

bool Rekeys(const RuleFile& team, const StateSettings& settings) {
  return std::any_of(team.rules.begin(), team.rules.end(), [&](const Rule& rule) {
    const auto places = PlacesOfSteps(rule, settings.partitioned_by);
    return !places.empty() && places.back().second == StepPlace::kRekeyed;
  });
}

void AppendSteps(const RuleFile& team, std::vector<state::StepId>* steps) {
  for (const Rule& rule : team.rules) {
    for (const Step& step : rule.steps) {
      if (step.keeps_state()) steps->push_back(step.id);
    }
  }
}

Team OnlyRule(const RuleFile& team, std::string_view rule, const DestinationTemplate* to) {
  const auto found = std::find_if(team.rules.begin(), team.rules.end(),
                                  [&](const Rule& one) { return one.name == rule; });
  if (found == team.rules.end()) return nullptr;
  auto only = std::make_shared<RuleFile>();
  only->team = team.team;
  only->owner = team.owner;
  only->allowed_destinations = team.allowed_destinations;
  only->rules = {*found};
  only->rules.front().rollout = {};
  only->source = team.source;
  if (to != nullptr) {
    only->allowed_destinations = {to->text};
    only->rules.front().to = {*to};
  }
  only->content_hash = HashOf(*only);
  return only;
}

std::optional<RuleFile> ReadRuleFile(std::string_view file_name, std::string_view text,
                                     const RuleLimits& limits, std::vector<Problem>* problems) {
  if (IsTooLarge(text, limits, problems)) return std::nullopt;
  const size_t before = problems->size();
  const std::optional<Node> root =
      IsJson(file_name, text) ? ParseJson(text, problems) : ParseYaml(text, problems);
  if (!root.has_value()) return std::nullopt;
  RuleFile file;
  RuleReader(limits, problems).ReadFile(*root, &file);
  CheckTeamCost(file, limits.team_pattern_cost_max, problems);
  if (problems->size() == before) {
    Finish(&file);
    return file;
  }
  SortByPosition(problems->begin() + before, problems->end());
  return std::nullopt;
}

std::optional<std::vector<RuleFile>> ReadRuleLines(std::string_view text, const RuleLimits& limits,
                                                   std::vector<Problem>* problems) {
  if (IsTooLarge(text, limits, problems)) return std::nullopt;
  const size_t before = problems->size();
  std::vector<RuleFile> files;
  RuleReader reader(limits, problems);
  for (int line_number = 1; !text.empty(); ++line_number) {
    const std::string_view line = TakeLine(&text);
    if (IsBlank(line)) continue;
    const size_t before_line = problems->size();
    std::optional<Node> root = ParseJson(line, problems);
    for (size_t i = before_line; i < problems->size(); ++i) {
      (*problems)[i].at.line = line_number;
    }
    if (!root.has_value()) continue;
    ShiftLines(line_number - 1, &*root);
    reader.ReadLine(*root, &files);
  }
  for (const RuleFile& file : files) CheckTeamCost(file, limits.team_pattern_cost_max, problems);
  if (files.empty() && problems->size() == before) {
    problems->push_back({{},
                         "",
                         "there is no rule in it",
                         "write a rule a line: {\"team\", \"name\", \"match\", \"to\"}"});
  }
  if (problems->size() == before) {
    for (RuleFile& file : files) Finish(&file);
    return files;
  }
  SortByPosition(problems->begin() + before, problems->end());
  return std::nullopt;
}

bool LooksLikeRuleLines(std::string_view text) {
  std::string_view line;
  while (!text.empty() && IsBlank(line)) line = TakeLine(&text);
  if (line.empty() || line[line.find_first_not_of(" \t")] != '{') return false;
  std::vector<Problem> ignored;
  const std::optional<Node> root = ParseJson(line, &ignored);
  return root.has_value() && root->Find("rules") == nullptr && root->Find("match") != nullptr;
}

}  // namespace turnout::router
