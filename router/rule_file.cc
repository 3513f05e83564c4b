#include "router/rule_file.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "router/suggest.h"

namespace turnout::router {
namespace {

constexpr std::string_view kFileKeys[] = {"team", "owner", "destinations", "rules"};
constexpr std::string_view kRuleKeys[] = {"name", "description", "match", "to", "key"};
constexpr std::string_view kLineKeys[] = {"team", "name", "description", "match", "to", "key"};

// Words of the rule language that people know from its design and this version doesn't carry out;
// to ignore one would be to route what should have been held back.
constexpr std::string_view kAbsentKeys[] = {"steps", "enrich", "shape", "rollout"};

// As it may stand in a message: in backquotes, not longer than a line takes.
std::string Quoted(std::string_view text) {
  constexpr size_t kShownBytesMax = 80;
  if (text.size() <= kShownBytesMax) return absl::StrFormat("`%s`", text);
  return absl::StrFormat("`%s...`", text.substr(0, kShownBytesMax));
}

// What a list of names looks like in a message, the first few of them.
std::string Listed(const std::vector<std::string>& names) {
  constexpr size_t kShownMax = 10;
  std::string text;
  for (size_t i = 0; i < names.size() && i < kShownMax; ++i) {
    if (i > 0) text += ", ";
    text += names[i];
  }
  if (names.size() > kShownMax) text += ", ...";
  return text;
}

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax) return false;
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  if (!is_alphanumeric(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) {
    return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
  });
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out->append(absl::StrFormat("\\u%04x", static_cast<unsigned>(c)));
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

void AppendCanonical(const Node& node, std::string* out) {
  switch (node.kind) {
    case Node::Kind::kNull:
      out->append("null");
      return;
    case Node::Kind::kBool:
    case Node::Kind::kNumber:
      out->append(node.text);
      return;
    case Node::Kind::kString:
      AppendJsonString(node.text, out);
      return;
    case Node::Kind::kArray: {
      const char* separator = "";
      out->push_back('[');
      for (const Node& item : node.items) {
        out->append(separator);
        AppendCanonical(item, out);
        separator = ",";
      }
      out->push_back(']');
      return;
    }
    case Node::Kind::kObject: {
      std::vector<const Member*> members;
      for (const Member& member : node.members) members.push_back(&member);
      std::stable_sort(members.begin(), members.end(),
                       [](const Member* a, const Member* b) { return a->name < b->name; });
      const char* separator = "";
      out->push_back('{');
      for (const Member* member : members) {
        out->append(separator);
        AppendJsonString(member->name, out);
        out->push_back(':');
        AppendCanonical(member->value, out);
        separator = ",";
      }
      out->push_back('}');
      return;
    }
  }
}

// Reads one text's tree, collecting Problems under the subject at hand.
class Reader {
 public:
  Reader(const RuleLimits& limits, std::vector<Problem>* problems)
      : limits_(limits), problems_(problems) {}

  void ReadFile(const Node& root, RuleFile* file);
  // A line of a JSON lines text; its rule goes to its team's file.
  void ReadLine(const Node& root, std::vector<RuleFile>* files);

 private:
  void Add(Position at, std::string what, std::string cure) {
    problems_->push_back({at, subject_, std::move(what), std::move(cure)});
  }
  void CheckKeys(const Node& object, absl::Span<const std::string_view> known);
  // The string at `key`, or null after a Problem (an absent key is one only if `required`).
  const Node* FindString(const Node& object, std::string_view key, bool required);
  std::string ReadTeam(const Node& root);
  void ReadAllowedDestinations(const Node& root, RuleFile* file);
  std::string ReadRuleName(const Node& node, const std::string& team, size_t number);
  void ReadRule(const Node& node, absl::Span<const std::string_view> known, RuleFile* file);
  void ReadMatch(const Node& node, Rule* rule);
  void ReadTo(const Node& node, const RuleFile& file, Rule* rule);
  void ReadDestination(const Node& node, const RuleFile& file, Rule* rule);
  void ReadKey(const Node& node, Rule* rule);
  void CheckUnique(const Rule& rule, const std::string& team);

  const RuleLimits& limits_;
  std::vector<Problem>* const problems_;
  std::string subject_;
  std::unordered_map<std::string, Position> rule_positions_;  // by "team/rule"
  std::unordered_map<std::string, size_t> team_index_;        // ReadLine: position in files
};

void Reader::CheckKeys(const Node& object, absl::Span<const std::string_view> known) {
  std::unordered_map<std::string_view, Position> seen;
  for (const Member& member : object.members) {
    const auto [first, is_new] = seen.emplace(member.name, member.at);
    if (!is_new) {
      Add(member.at, absl::StrFormat("key %s is given twice", Quoted(member.name)),
          absl::StrFormat("keep one; the first is in line %d", first->second.line));
      continue;
    }
    if (std::find(known.begin(), known.end(), member.name) != known.end()) continue;
    const bool absent = std::find(std::begin(kAbsentKeys), std::end(kAbsentKeys), member.name) !=
                        std::end(kAbsentKeys);
    if (absent) {
      Add(member.at, absl::StrFormat("this version of Turnout does not have `%s`", member.name),
          "remove it, or run a version that has it; rules here match, key and route events");
    } else {
      Add(member.at, absl::StrFormat("unknown key %s", Quoted(member.name)),
          NearestNameCure(member.name, known));
    }
  }
}

const Node* Reader::FindString(const Node& object, std::string_view key, bool required) {
  const Node* node = object.Find(key);
  if (node == nullptr) {
    if (required) {
      Add(object.at, absl::StrFormat("`%s` is missing", key), absl::StrFormat("add `%s`", key));
    }
    return nullptr;
  }
  if (node->kind != Node::Kind::kString) {
    const bool is_scalar = node->kind == Node::Kind::kNumber || node->kind == Node::Kind::kBool;
    Add(node->at,
        absl::StrFormat("`%s` must be a string, not %s %s", key,
                        node->kind == Node::Kind::kArray || node->kind == Node::Kind::kObject ? "an"
                                                                                              : "a",
                        KindName(node->kind)),
        is_scalar ? "put it in quotes" : absl::StrFormat("write one string after `%s:`", key));
    return nullptr;
  }
  return node;
}

std::string Reader::ReadTeam(const Node& root) {
  subject_ = "?";
  const Node* node = FindString(root, "team", /*required=*/true);
  if (node == nullptr) return {};
  if (!IsName(node->text)) {
    Add(node->at, absl::StrFormat("%s is not a team name", Quoted(node->text)),
        "use small letters, digits, `.`, `_` and `-`, a letter or digit first, 100 at most");
    return {};
  }
  subject_ = node->text;
  return node->text;
}

void Reader::ReadAllowedDestinations(const Node& root, RuleFile* file) {
  const Node* node = root.Find("destinations");
  if (node == nullptr) {
    Add(root.at, "`destinations` is missing",
        "add the topics that this team may write, such as `destinations: [fraud.*]`");
    return;
  }
  if (node->kind != Node::Kind::kArray || node->items.empty()) {
    Add(node->at, "`destinations` must be a list of at least one topic name or glob",
        "write it as `destinations: [fraud.*]`");
    return;
  }
  if (node->items.size() > static_cast<size_t>(limits_.destination_globs_max)) {
    Add(node->at,
        absl::StrFormat("`destinations` has %d entries, more than destination_globs_max, %d",
                        node->items.size(), limits_.destination_globs_max),
        "give them a common prefix and allow that with a `*`");
    return;
  }
  for (const Node& item : node->items) {
    std::string without_stars = item.text;
    without_stars.erase(std::remove(without_stars.begin(), without_stars.end(), '*'),
                        without_stars.end());
    const bool only_stars = without_stars.empty() && !item.text.empty();
    if (item.kind != Node::Kind::kString) {
      Add(item.at, absl::StrFormat("an entry of `destinations` is of type %s", KindName(item.kind)),
          "write a topic name or a glob, in quotes if it starts with `*`");
    } else if (const std::string_view fault = TopicNameFault(without_stars);
               !fault.empty() && !only_stars) {
      Add(item.at, absl::StrFormat("entry %s of `destinations` %s", Quoted(item.text), fault),
          "write a topic name, in which `*` may stand for any run of characters");
    } else {
      file->allowed_destinations.push_back(item.text);
    }
  }
}

std::string Reader::ReadRuleName(const Node& node, const std::string& team, size_t number) {
  const std::string team_part = team.empty() ? "?" : team;
  subject_ = absl::StrFormat("%s/#%d", team_part, number);
  const Node* name = FindString(node, "name", /*required=*/true);
  if (name == nullptr) return {};
  if (!IsName(name->text)) {
    Add(name->at, absl::StrFormat("%s is not a rule name", Quoted(name->text)),
        "use small letters, digits, `.`, `_` and `-`, a letter or digit first, 100 at most");
    return {};
  }
  subject_ = absl::StrFormat("%s/%s", team_part, name->text);
  return name->text;
}

void Reader::ReadMatch(const Node& node, Rule* rule) {
  const Node* match = node.Find("match");
  if (match == nullptr) {
    Add(node.at, "`match` is missing",
        "add an event pattern, such as `match: {type: [order.created]}`");
    return;
  }
  const size_t before = problems_->size();
  std::optional<Pattern> pattern = CompilePattern(*match, limits_.pattern, problems_);
  for (size_t i = before; i < problems_->size(); ++i) (*problems_)[i].subject = subject_;
  if (!pattern.has_value()) return;
  rule->match = *std::move(pattern);
  AppendCanonical(*match, &rule->match_text);
}

void Reader::ReadDestination(const Node& node, const RuleFile& file, Rule* rule) {
  if (node.kind != Node::Kind::kString) {
    Add(node.at,
        absl::StrFormat("`to` must be a topic name or a list of them; this one is of type %s",
                        KindName(node.kind)),
        "write a topic name, such as `to: fraud.review`");
    return;
  }
  absl::StatusOr<DestinationTemplate> destination = ParseDestinationTemplate(node.text);
  if (!destination.ok()) {
    const absl::string_view fault = destination.status().message();
    Add(node.at, absl::StrFormat("destination %s %s", Quoted(node.text), fault),
        "write a topic name; `{field.path}` in it takes that field's value");
    return;
  }
  for (const DestinationTemplate& other : rule->to) {
    if (other.text != destination->text) continue;
    Add(node.at, absl::StrFormat("destination %s is named twice", Quoted(node.text)), "keep one");
    return;
  }
  const auto& globs = file.allowed_destinations;
  const bool allowed = std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
    return GlobCanMatch(glob, *destination);
  });
  // Without any glob the list itself was wrong, which has been said already.
  if (!allowed && !globs.empty()) {
    Add(node.at,
        absl::StrFormat("destination %s is not among the team's `destinations`", Quoted(node.text)),
        absl::StrFormat("use a name within them (%s), or have it allowed there", Listed(globs)));
    return;
  }
  rule->to.push_back(*std::move(destination));
}

void Reader::ReadTo(const Node& node, const RuleFile& file, Rule* rule) {
  const Node* to = node.Find("to");
  if (to == nullptr) {
    Add(node.at, "`to` is missing", "add a topic name or a list of them, such as `to: fraud.review`");
    return;
  }
  if (to->kind != Node::Kind::kArray) return ReadDestination(*to, file, rule);
  if (to->items.empty()) {
    Add(to->at, "`to` is an empty list", "name at least one topic");
    return;
  }
  if (to->items.size() > static_cast<size_t>(limits_.destinations_per_rule_max)) {
    Add(to->at,
        absl::StrFormat("`to` names %d topics, more than destinations_per_rule_max, %d",
                        to->items.size(), limits_.destinations_per_rule_max),
        "split the rule");
    return;
  }
  for (const Node& item : to->items) ReadDestination(item, file, rule);
}

void Reader::ReadKey(const Node& node, Rule* rule) {
  const Node* key = FindString(node, "key", /*required=*/false);
  if (key == nullptr) return;
  const std::string_view fault = FieldPathFault(key->text);
  if (!fault.empty()) {
    Add(key->at, absl::StrFormat("the path %s of `key` %s", Quoted(key->text), fault),
        "write names joined by dots, such as `key: customer.id`");
    return;
  }
  rule->key_field = key->text;
}

void Reader::CheckUnique(const Rule& rule, const std::string& team) {
  const auto [first, is_new] = rule_positions_.emplace(team + "/" + rule.name, rule.at);
  if (is_new) return;
  Add(rule.at, absl::StrFormat("rule %s is there twice", Quoted(rule.name)),
      absl::StrFormat("rename one; the first is in line %d", first->second.line));
}

void Reader::ReadRule(const Node& node, absl::Span<const std::string_view> known, RuleFile* file) {
  const size_t number = file->rules.size() + 1;
  Rule& rule = file->rules.emplace_back();
  rule.at = node.at;
  if (node.kind != Node::Kind::kObject) {
    subject_ = absl::StrFormat("%s/#%d", file->team.empty() ? "?" : file->team, number);
    Add(node.at, absl::StrFormat("a rule must be an object, not of type %s", KindName(node.kind)),
        "write its keys: name, match, to");
    return;
  }
  rule.name = ReadRuleName(node, file->team, number);
  if (!rule.name.empty()) CheckUnique(rule, file->team);
  CheckKeys(node, known);
  const Node* description = FindString(node, "description", /*required=*/false);
  if (description != nullptr) rule.description = description->text;
  ReadMatch(node, &rule);
  ReadTo(node, *file, &rule);
  ReadKey(node, &rule);
}

void Reader::ReadFile(const Node& root, RuleFile* file) {
  if (root.kind != Node::Kind::kObject) {
    Add(root.at, absl::StrFormat("a rule file must be an object, not of type %s", KindName(root.kind)),
        "write its keys: team, owner, destinations, rules");
    return;
  }
  file->team = ReadTeam(root);
  CheckKeys(root, kFileKeys);
  const Node* owner = FindString(root, "owner", /*required=*/false);
  if (owner != nullptr) file->owner = owner->text;
  ReadAllowedDestinations(root, file);
  const Node* rules = root.Find("rules");
  if (rules == nullptr || rules->kind != Node::Kind::kArray || rules->items.empty()) {
    Add(rules == nullptr ? root.at : rules->at,
        rules == nullptr ? "`rules` is missing" : "`rules` must be a list of at least one rule",
        "add a rule with name, match and to, or delete the file");
    return;
  }
  if (rules->items.size() > static_cast<size_t>(limits_.rules_per_team_max)) {
    Add(rules->at,
        absl::StrFormat("there are %d rules, more than rules_per_team_max, %d", rules->items.size(),
                        limits_.rules_per_team_max),
        "join rules that differ only in values, or have the limit raised");
    return;
  }
  file->rules.reserve(rules->items.size());
  for (const Node& rule : rules->items) ReadRule(rule, kRuleKeys, file);
}

void Reader::ReadLine(const Node& root, std::vector<RuleFile>* files) {
  subject_ = "?";
  if (root.kind != Node::Kind::kObject) {
    Add(root.at, absl::StrFormat("a line must be an object, not of type %s", KindName(root.kind)),
        "write a rule a line: {\"team\", \"name\", \"match\", \"to\"}");
    return;
  }
  const std::string team = ReadTeam(root);
  const auto [index, is_new] = team_index_.emplace(team, files->size());
  if (is_new) {
    files->push_back({.team = team});
    files->back().allowed_destinations = {"*"};
  }
  RuleFile* file = &(*files)[index->second];
  if (file->rules.size() == static_cast<size_t>(limits_.rules_per_team_max)) {
    Add(root.at,
        absl::StrFormat("this is one rule more than rules_per_team_max, %d",
                        limits_.rules_per_team_max),
        "join rules that differ only in values, or have the limit raised");
  }
  ReadRule(root, kLineKeys, file);
}

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

}  // namespace

std::optional<RuleFile> ReadRuleFile(std::string_view file_name, std::string_view text,
                                     const RuleLimits& limits, std::vector<Problem>* problems) {
  if (IsTooLarge(text, limits, problems)) return std::nullopt;
  const size_t before = problems->size();
  const std::optional<Node> root =
      IsJson(file_name, text) ? ParseJson(text, problems) : ParseYaml(text, problems);
  if (!root.has_value()) return std::nullopt;
  RuleFile file;
  Reader(limits, problems).ReadFile(*root, &file);
  if (problems->size() == before) return file;
  SortByPosition(problems->begin() + before, problems->end());
  return std::nullopt;
}

std::optional<std::vector<RuleFile>> ReadRuleLines(std::string_view text, const RuleLimits& limits,
                                                   std::vector<Problem>* problems) {
  if (IsTooLarge(text, limits, problems)) return std::nullopt;
  const size_t before = problems->size();
  std::vector<RuleFile> files;
  Reader reader(limits, problems);
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
  if (files.empty() && problems->size() == before) {
    problems->push_back({{}, "", "there is no rule in it",
                         "write a rule a line: {\"team\", \"name\", \"match\", \"to\"}"});
  }
  if (problems->size() == before) return files;
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
