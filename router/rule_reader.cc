#include "router/rule_reader.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_format.h"
#include "router/canonical_text.h"
#include "router/content_hash.h"
#include "router/rollout_reader.h"
#include "router/step_reader.h"
#include "router/suggest.h"

namespace turnout::router {
namespace {

constexpr std::string_view kFileKeys[] = {"team", "owner", "destinations", "rules"};
constexpr std::string_view kRuleKeys[] = {"name",  "description", "match", "steps",  "enrich",
                                          "shape", "to",          "key",   "rollout"};
constexpr std::string_view kLineKeys[] = {"team",   "name",  "description", "match", "steps",
                                          "enrich", "shape", "to",          "key",   "rollout"};

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

}  // namespace

void RuleReader::CheckKeys(const Node& object, absl::Span<const std::string_view> known) {
  std::unordered_map<std::string_view, Position> seen;
  for (const Member& member : object.members) {
    const auto [first, is_new] = seen.emplace(member.name, member.at);
    if (!is_new) {
      Add(member.at, absl::StrFormat("key %s is given twice", Quoted(member.name)),
          absl::StrFormat("keep one; the first is in line %d", first->second.line));
      continue;
    }
    if (std::find(known.begin(), known.end(), member.name) != known.end()) continue;
    Add(member.at, absl::StrFormat("unknown key %s", Quoted(member.name)),
        NearestNameCure(member.name, known));
  }
}

const Node* RuleReader::FindString(const Node& object, std::string_view key) {
  const Node* node = object.Find(key);
  if (node == nullptr || node->kind == Node::Kind::kString) return node;
  const bool is_scalar = node->kind == Node::Kind::kNumber || node->kind == Node::Kind::kBool;
  Add(node->at, absl::StrFormat("`%s` must be a string, not of type %s", key, KindName(node->kind)),
      is_scalar ? "put it in quotes" : absl::StrFormat("write one string after `%s:`", key));
  return nullptr;
}

const Node* RuleReader::FindRequired(const Node& object, std::string_view key,
                                     std::string_view example) {
  if (object.Find(key) != nullptr) return FindString(object, key);
  Add(object.at, absl::StrFormat("`%s` is missing", key),
      absl::StrFormat("add it, such as `%s: %s`", key, example));
  return nullptr;
}

std::string RuleReader::ReadTeam(const Node& root) {
  subject_ = "?";
  const Node* node = FindRequired(root, "team", "fraud");
  if (node == nullptr) return {};
  if (!IsName(node->text)) {
    Add(node->at, absl::StrFormat("%s is not a team name", Quoted(node->text)),
        "use small letters, digits, `.`, `_` and `-`, a letter or digit first, 100 at most");
    return {};
  }
  subject_ = node->text;
  return node->text;
}

void RuleReader::ReadAllowedDestinations(const Node& root, RuleFile* file) {
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
          "use letters, digits, `.`, `_`, `-`, and `*` for any run of them");
    } else {
      file->allowed_destinations.push_back(item.text);
    }
  }
}

std::string RuleReader::ReadRuleName(const Node& node, const std::string& team, size_t number) {
  const std::string team_part = team.empty() ? "?" : team;
  subject_ = absl::StrFormat("%s/#%d", team_part, number);
  const Node* name = FindRequired(node, "name", "card-testing");
  if (name == nullptr) return {};
  if (!IsName(name->text)) {
    Add(name->at, absl::StrFormat("%s is not a rule name", Quoted(name->text)),
        "use small letters, digits, `.`, `_` and `-`, a letter or digit first, 100 at most");
    return {};
  }
  subject_ = absl::StrFormat("%s/%s", team_part, name->text);
  return name->text;
}

void RuleReader::ReadMatch(const Node& node, Rule* rule) {
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
  ContentHash hash;
  hash.Add(CanonicalText(*match));
  rule->match_hash = hash.Value();
}

void RuleReader::ReadParts(const Node& node, Rule* rule) {
  const size_t before = problems_->size();
  const Node* steps = node.Find("steps");
  if (steps != nullptr) rule->steps = ReadSteps(*steps, limits_.steps_max, problems_);
  const Node* enrich = node.Find("enrich");
  if (enrich != nullptr) rule->enrich = ReadEnrich(*enrich, limits_.enrich, problems_);
  const Node* shape = node.Find("shape");
  if (shape != nullptr) rule->shape = ReadShape(*shape, limits_.shape, problems_);
  const Node* rollout = node.Find("rollout");
  if (rollout != nullptr) rule->rollout = ReadRollout(*rollout, problems_);
  for (size_t i = before; i < problems_->size(); ++i) (*problems_)[i].subject = subject_;
}

void RuleReader::ReadDestination(const Node& node, const RuleFile& file, Rule* rule) {
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
        "use letters, digits, `.`, `_`, `-`, and `{field.path}` where that field's value is to be");
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

void RuleReader::ReadTo(const Node& node, const RuleFile& file, Rule* rule) {
  const Node* to = node.Find("to");
  if (to == nullptr) {
    Add(node.at, "`to` is missing",
        "add a topic name or a list of them, such as `to: fraud.review`");
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

void RuleReader::ReadKey(const Node& node, Rule* rule) {
  const Node* key = FindString(node, "key");
  if (key == nullptr) return;
  const std::string_view fault = FieldPathFault(key->text);
  if (!fault.empty()) {
    Add(key->at, absl::StrFormat("the path %s of `key` %s", Quoted(key->text), fault),
        "write names joined by dots, such as `key: customer.id`");
    return;
  }
  rule->key_field = key->text;
}

// What an aggregate sends is no event: it has a key and a form of its own.
void RuleReader::CheckAggregate(const Node& node, const Rule& rule) {
  const bool has_one = std::any_of(rule.steps.begin(), rule.steps.end(), [](const Step& step) {
    return step.kind == StepKind::kAggregate;
  });
  if (!has_one) return;
  if (const Node* shape = node.Find("shape")) {
    Add(shape->at, "a rule with an `aggregate` has a `shape`",
        "remove it: the aggregate's `fields` say what its records hold");
  }
  if (const Node* enrich = node.Find("enrich")) {
    Add(enrich->at, "a rule with an `aggregate` has an `enrich`",
        "remove it: what the aggregate sends is no event");
  }
  if (const Node* key = node.Find("key")) {
    Add(key->at, "a rule with an `aggregate` has a `key`",
        "remove it: its records have the aggregate's key");
  }
  for (const DestinationTemplate& destination : rule.to) {
    if (destination.is_constant()) continue;
    Add(node.Find("to")->at,
        absl::StrFormat("a rule with an `aggregate` has a destination with a field in it, %s",
                        Quoted(destination.text)),
        "name a topic: what closes a window is no event of that key");
  }
}

void RuleReader::CheckUnique(const Rule& rule, const std::string& team) {
  const auto [first, is_new] = rule_positions_.emplace(team + "/" + rule.name, rule.at);
  if (is_new) return;
  Add(rule.at, absl::StrFormat("rule %s is there twice", Quoted(rule.name)),
      absl::StrFormat("rename one; the first is in line %d", first->second.line));
}

void RuleReader::ReadRule(const Node& node, absl::Span<const std::string_view> known,
                          RuleFile* file) {
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
  const Node* description = FindString(node, "description");
  if (description != nullptr) rule.description = description->text;
  ReadMatch(node, &rule);
  ReadParts(node, &rule);
  ReadTo(node, *file, &rule);
  ReadKey(node, &rule);
  CheckAggregate(node, rule);
}

void RuleReader::ReadFile(const Node& root, RuleFile* file) {
  if (root.kind == Node::Kind::kNull) {
    Add(root.at, "there is no rule in it", "write its keys: team, owner, destinations, rules");
    return;
  }
  if (root.kind != Node::Kind::kObject) {
    Add(root.at,
        absl::StrFormat("a rule file must be an object, not of type %s", KindName(root.kind)),
        "write its keys: team, owner, destinations, rules");
    return;
  }
  file->team = ReadTeam(root);
  CheckKeys(root, kFileKeys);
  const Node* owner = FindString(root, "owner");
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

void RuleReader::ReadLine(const Node& root, std::vector<RuleFile>* files) {
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

}  // namespace turnout::router
