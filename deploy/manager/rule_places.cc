#include "deploy/manager/rule_places.h"

#include <algorithm>
#include <cctype>
#include <tuple>

#include "router/document.h"
#include "runtime/json_text.h"
#include "state/sha256.h"

namespace turnout::manager {
namespace {

using router::Node;
using router::Position;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsScalar(const Node& node) {
  return node.kind != Node::Kind::kArray && node.kind != Node::Kind::kObject;
}

class Finder {
 public:
  explicit Finder(std::string_view text) : text_(text), lines_{0} {
    for (size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) {
      lines_.push_back(at + 1);
    }
    // Which no column counts.
    if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) lines_[0] = kByteOrderMark.size();
  }

  RulePlaces Find(const Node& root);

 private:
  void Collect(const Node& node, bool is_destination);
  void Add(Position at, const std::string& text, RulePlace place);
  void Locate(RulePlace* place) const;
  size_t OffsetOf(Position at) const;
  size_t AfterQuoted(size_t begin) const;

  const std::string_view text_;
  std::vector<size_t> lines_;  // where each begins
  std::string rule_;           // at hand
  RulePlaces found_;
};

size_t Finder::OffsetOf(Position at) const {
  if (at.line < 1 || static_cast<size_t>(at.line) > lines_.size() || at.column < 1) {
    return RulePlace::kNowhere;
  }
  const size_t offset = lines_[static_cast<size_t>(at.line) - 1] + static_cast<size_t>(at.column);
  return offset > text_.size() ? RulePlace::kNowhere : offset - 1;
}

// Past the closing quote; kNowhere where it is in another line.
size_t Finder::AfterQuoted(size_t begin) const {
  const char quote = text_[begin];
  for (size_t at = begin + 1; at < text_.size() && text_[at] != '\n'; ++at) {
    if (quote == '"' && text_[at] == '\\') {
      ++at;
    } else if (text_[at] == quote) {
      const bool is_doubled = quote == '\'' && text_.substr(at + 1, 1) == "'";
      if (!is_doubled) return at + 1;
      ++at;
    }
  }
  return RulePlace::kNowhere;
}

void Finder::Locate(RulePlace* place) const {
  // An anchor or a tag comes before what it is of.
  while (place->begin < text_.size() &&
         (text_[place->begin] == '&' || text_[place->begin] == '!')) {
    place->begin = text_.find_first_of(" \t\n", place->begin);
    place->begin = std::min(text_.find_first_not_of(" \t", place->begin), text_.size());
  }
  if (place->begin >= text_.size()) return;
  const char first = text_[place->begin];
  if (first == '"' || first == '\'') {
    place->end = AfterQuoted(place->begin);
    if (place->end == RulePlace::kNowhere) return;
    const size_t inside = place->begin + 1;
    if (text_.substr(inside, place->end - 1 - inside) == place->text) place->content = inside;
    return;
  }
  if (first == '*' || first == '|' || first == '>') return;
  if (text_.substr(place->begin, place->text.size()) == place->text && !place->text.empty()) {
    place->content = place->begin;
    place->end = place->begin + place->text.size();
  } else if (!place->is_string) {
    // A number that is spelled otherwise than it is read, a null that is `~` or `null`.
    size_t end = place->begin;
    while (end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) ||
                                  std::string_view("+-._~").find(text_[end]) != text_.npos)) {
      ++end;
    }
    if (end > place->begin) place->end = end;
  }
}

void Finder::Add(Position at, const std::string& text, RulePlace place) {
  place.begin = OffsetOf(at);
  if (place.begin == RulePlace::kNowhere) return;
  place.rule = rule_;
  place.text = text;
  place.line = static_cast<size_t>(at.line);
  Locate(&place);
  found_.places.push_back(std::move(place));
}

void Finder::Collect(const Node& node, bool is_destination) {
  if (IsScalar(node)) {
    const bool is_null = node.kind == Node::Kind::kNull;
    Add(node.at, is_null ? "null" : node.text,
        {.is_destination = is_destination, .is_string = node.kind == Node::Kind::kString});
  }
  for (const Node& item : node.items) Collect(item, is_destination);
  for (const router::Member& member : node.members) {
    Add(member.at, member.name,
        {.is_destination = is_destination, .is_name = true, .is_string = true});
    Collect(member.value, is_destination);
  }
}

RulePlaces Finder::Find(const Node& root) {
  const Node* const team = root.Find("team");
  if (const Node* allowed = root.Find("destinations")) Collect(*allowed, true);
  const Node* const rules = root.Find("rules");
  if (rules != nullptr) {
    for (const Node& rule : rules->items) {
      const Node* const name = rule.Find("name");
      rule_ = (team == nullptr ? "?" : team->text) + "/" + (name == nullptr ? "?" : name->text);
      found_.rules.emplace_back(rule.at.line, rule_);
      if (const Node* match = rule.Find("match")) Collect(*match, false);
      if (const Node* to = rule.Find("to")) Collect(*to, true);
    }
  }
  const auto order = [](const RulePlace& place) {
    return std::tuple(place.begin, place.is_destination);
  };
  // What aliases repeat stands in one place.
  std::stable_sort(found_.places.begin(), found_.places.end(),
                   [&](const RulePlace& a, const RulePlace& b) { return order(a) < order(b); });
  found_.places.erase(
      std::unique(found_.places.begin(), found_.places.end(),
                  [&](const RulePlace& a, const RulePlace& b) { return order(a) == order(b); }),
      found_.places.end());
  std::stable_sort(found_.rules.begin(), found_.rules.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return std::move(found_);
}

// Whether it begins as a word, a path or a number does: nothing else goes without quotes.
bool BeginsPlainly(std::string_view text) {
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  if (text.size() <= sign) return false;
  const auto first = static_cast<unsigned char>(text[sign]);
  return sign == 1 ? std::isdigit(first) != 0
                   : std::isalnum(first) != 0 || first == '_' || first == '/' || first == '$';
}

// Whether YAML reads it as that, without quotes, wherever a scalar may stand.
bool IsPlainScalar(const std::string& text, const RulePlace& place) {
  if (!BeginsPlainly(text)) return false;
  std::vector<router::Problem> ignored;
  const std::optional<Node> root =
      router::ParseYaml(place.is_name ? "{" + text + ": 0}" : "[" + text + "]", &ignored);
  if (!root) return false;
  if (place.is_name) return root->members.size() == 1 && root->members[0].name == text;
  if (root->items.size() != 1 || !IsScalar(root->items[0])) return false;
  const Node& item = root->items[0];
  return item.kind == Node::Kind::kString ? item.text == text : !place.is_string;
}

}  // namespace

bool IsJsonText(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '{';
}

std::string RulePlaces::RuleAt(size_t line) const {
  const auto after = std::upper_bound(rules.begin(), rules.end(), line,
                                      [](size_t at, const auto& rule) { return at < rule.first; });
  return after == rules.begin() ? "" : std::prev(after)->second;
}

std::shared_ptr<const RulePlaces> RulePlacesCache::Find(std::string_view text) {
  std::string hash = state::Sha256(text);
  {
    const absl::MutexLock lock(&mutex_);
    const auto known = places_.find(hash);
    if (known != places_.end()) return known->second;
  }
  auto places = std::make_shared<const RulePlaces>(FindRulePlaces(text));
  if (text.size() > kTextBytesMax) return places;
  const absl::MutexLock lock(&mutex_);
  if (text_bytes_ + text.size() > kTextBytesMax) {
    places_.clear();
    text_bytes_ = 0;
  }
  if (places_.emplace(std::move(hash), places).second) text_bytes_ += text.size();
  return places;
}

RulePlaces FindRulePlaces(std::string_view text) {
  std::vector<router::Problem> ignored;
  const std::optional<Node> root =
      IsJsonText(text) ? router::ParseJson(text, &ignored) : router::ParseYaml(text, &ignored);
  return root ? Finder(text).Find(*root) : RulePlaces();
}

std::string WrittenAs(std::string_view text, const RulePlace& place, std::string_view changed) {
  const std::string written(changed);
  const char first = text[place.begin];
  if (first == '"') return runtime::JsonString(changed);
  const bool has_control = std::any_of(changed.begin(), changed.end(), [](char byte) {
    return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
  });
  if (first == '\'' && !has_control) {
    std::string quoted = "'";
    for (const char byte : changed) quoted.append(byte == '\'' ? 2 : 1, byte);
    return quoted + "'";
  }
  if (IsJsonText(text)) {
    std::vector<router::Problem> ignored;
    const std::optional<Node> node = router::ParseJson(changed, &ignored);
    return node && IsScalar(*node) ? written : runtime::JsonString(changed);
  }
  return !has_control && IsPlainScalar(written, place) ? written : runtime::JsonString(changed);
}

}  // namespace turnout::manager
