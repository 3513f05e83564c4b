#include "deploy/manager/rule_rollouts.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/publish_check.h"
#include "deploy/manager/rule_changes.h"
#include "deploy/manager/rule_places.h"
#include "router/document.h"
#include "router/rule_file.h"

namespace turnout::manager {
namespace {

using router::Member;
using router::Node;
using router::Rollout;

constexpr std::string_view kRollout = "rollout";
constexpr std::string_view kName = "name";
constexpr std::string_view kByHand = "write its `rollout` by hand";

std::optional<Node> Parse(std::string_view text) {
  std::vector<router::Problem> ignored;
  return IsJsonText(text) ? router::ParseJson(text, &ignored) : router::ParseYaml(text, &ignored);
}

bool SameNode(const Node& a, const Node& b);

bool SameMember(const Member& a, const Member& b) {
  return a.name == b.name && SameNode(a.value, b.value);
}

// Wherever they stand, and whatever the order of members is.
bool SameNode(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.text != b.text) return false;
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), SameNode) &&
         std::is_permutation(a.members.begin(), a.members.end(), b.members.begin(), b.members.end(),
                             SameMember);
}

Node* FindMember(Node* node, std::string_view name) {
  return const_cast<Node*>(std::as_const(*node).Find(name));
}

std::string_view NameOf(const Node& rule) {
  const Node* const name = rule.Find(kName);
  return name == nullptr ? std::string_view() : std::string_view(name->text);
}

const Node* FindRule(const Node& root, std::string_view name) {
  const Node* const rules = root.Find("rules");
  if (rules == nullptr) return nullptr;
  const auto found = std::find_if(rules->items.begin(), rules->items.end(),
                                  [name](const Node& rule) { return NameOf(rule) == name; });
  return found == rules->items.end() ? nullptr : &*found;
}

absl::Status NoSuchRule(std::string_view name) {
  return absl::InvalidArgumentError(absl::StrFormat("there is no rule `%s` in the file", name));
}

std::string PercentText(uint32_t share) {
  return share % 100 == 0 ? absl::StrCat(share / 100)
                          : absl::StrFormat("%d.%02d", share / 100, share % 100);
}

// As YAML or, which that reads too, as JSON.
std::string WrittenRollout(const Rollout& rollout, bool is_json) {
  const std::string_view quote = is_json ? "\"" : "";
  const auto quoted = [quote](std::string_view text) {
    return absl::StrFormat("%s%s%s", quote, text, quote);
  };
  return absl::StrFormat("%s: { %s: %s }", quoted(kRollout),
                         quoted(rollout.is_shadow ? "mode" : "percent"),
                         rollout.is_shadow ? quoted("shadow") : PercentText(rollout.share));
}

void SetMember(const Rollout& rollout, Node* rule) {
  auto& members = rule->members;
  members.erase(std::remove_if(members.begin(), members.end(),
                               [](const Member& member) { return member.name == kRollout; }),
                members.end());
  if (rollout.is_full()) return;
  members.push_back(Parse(WrittenRollout(rollout, false))->members[0]);
}

struct Replacement {
  size_t begin = 0;
  size_t end = 0;
  std::string text;
};

// A file's text, in which rules stand in lines of their own, or within brackets.
class RuleText {
 public:
  explicit RuleText(std::string_view text) : text_(text), lines_{0} {
    for (size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) {
      lines_.push_back(at + 1);
    }
    lines_.push_back(text.size() + 1);
  }

  absl::Status SetRollout(const Node& rule, const Rollout& rollout);
  absl::Status Rename(const Node& rule, std::string_view name);
  absl::Status Remove(const Node& rule);
  // The rule of another text, before this one.
  absl::Status Insert(const RuleText& other, const Node& others, const Node& before);

  std::string Done();

 private:
  // Lines from 0, `last` is the last that says something; columns from 0.
  struct Block {
    size_t first = 0;
    size_t last = 0;
    size_t dash = 0;
    size_t keys = 0;
  };

  std::optional<Block> BlockOf(const Node& rule) const;
  std::string_view Line(size_t number) const {
    return text_.substr(lines_[number], lines_[number + 1] - 1 - lines_[number]);
  }
  size_t LineCount() const { return lines_.size() - 1; }
  size_t EndOfLine(size_t number) const { return lines_[number + 1] - 1; }
  size_t OffsetOf(router::Position at) const {
    return lines_[static_cast<size_t>(at.line) - 1] + static_cast<size_t>(at.column) - 1;
  }
  // The last line that belongs to what begins in `first` and is indented deeper than `column`.
  size_t LastLine(size_t first, size_t column) const;
  // Whole lines, the line break before or behind them too.
  Replacement WithoutLines(size_t first, size_t last) const;

  const std::string_view text_;
  std::vector<size_t> lines_;  // where each begins, and a last one behind the text
  std::vector<Replacement> replacements_;
};

size_t RuleText::LastLine(size_t first, size_t column) const {
  size_t last = first;
  for (size_t line = first + 1; line < LineCount(); ++line) {
    const std::string_view text = Line(line);
    const size_t indent = text.find_first_not_of(" \r");
    if (indent == text.npos || text[indent] == '#') continue;
    if (indent <= column) break;
    last = line;
  }
  return last;
}

std::optional<RuleText::Block> RuleText::BlockOf(const Node& rule) const {
  Block block;
  block.first = static_cast<size_t>(rule.at.line) - 1;
  block.keys = static_cast<size_t>(rule.at.column) - 1;
  const std::string_view before = Line(block.first).substr(0, block.keys);
  block.dash = before.find_first_not_of(' ');
  const bool is_item = block.dash != before.npos && before[block.dash] == '-' &&
                       before.find_first_not_of(' ', block.dash + 1) == before.npos;
  const std::string_view rest = Line(block.first).substr(block.keys);
  if (!is_item || rest.empty() || std::string_view("{&*!?").find(rest[0]) != rest.npos) {
    return std::nullopt;
  }
  block.last = LastLine(block.first, block.dash);
  return block;
}

Replacement RuleText::WithoutLines(size_t first, size_t last) const {
  if (last + 1 < LineCount()) return {lines_[first], lines_[last + 1], ""};
  return {first == 0 ? 0 : EndOfLine(first - 1), text_.size(), ""};
}

absl::Status RuleText::SetRollout(const Node& rule, const Rollout& rollout) {
  const std::string written = WrittenRollout(rollout, false);
  const auto there = std::find_if(rule.members.begin(), rule.members.end(),
                                  [](const Member& member) { return member.name == kRollout; });
  const bool is_there = there != rule.members.end();
  const std::optional<Block> block = BlockOf(rule);
  if (!block.has_value()) {
    if (!is_there && rollout.is_full()) return absl::OkStatus();
    const size_t begin = OffsetOf(rule.at);
    if (is_there || text_.substr(begin, 1) != "{") {
      return absl::InvalidArgumentError(absl::StrFormat(
          "rule `%s` stands within brackets, where its `rollout` is not rewritten: %s",
          NameOf(rule), kByHand));
    }
    replacements_.push_back({begin + 1, begin + 1, WrittenRollout(rollout, true) + ", "});
    return absl::OkStatus();
  }
  const std::string indent(block->keys, ' ');
  if (!is_there) {
    if (rollout.is_full()) return absl::OkStatus();
    const size_t end = EndOfLine(block->last);
    replacements_.push_back({end, end, absl::StrCat("\n", indent, written)});
    return absl::OkStatus();
  }
  const size_t first = static_cast<size_t>(there->at.line) - 1;
  if (first == block->first) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the `rollout` of rule `%s` stands before its name, where it is not rewritten: %s",
        NameOf(rule), kByHand));
  }
  const size_t last = std::min(LastLine(first, block->keys), block->last);
  if (rollout.is_full()) {
    replacements_.push_back(WithoutLines(first, last));
  } else {
    replacements_.push_back({lines_[first], EndOfLine(last), absl::StrCat(indent, written)});
  }
  return absl::OkStatus();
}

absl::Status RuleText::Rename(const Node& rule, std::string_view name) {
  const Node* const there = rule.Find(kName);
  size_t begin = there == nullptr ? text_.size() : OffsetOf(there->at);
  if (const std::string_view first = text_.substr(begin, 1); first == "\"" || first == "'") {
    ++begin;
  }
  if (there == nullptr || text_.substr(begin, there->text.size()) != there->text) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the name of rule `%s` is not written as it reads: %s", NameOf(rule), kByHand));
  }
  replacements_.push_back({begin, begin + there->text.size(), std::string(name)});
  return absl::OkStatus();
}

absl::Status RuleText::Remove(const Node& rule) {
  const std::optional<Block> block = BlockOf(rule);
  if (!block.has_value()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "rule `%s` stands within brackets, where it is not taken away: do it by hand",
        NameOf(rule)));
  }
  replacements_.push_back(WithoutLines(block->first, block->last));
  return absl::OkStatus();
}

absl::Status RuleText::Insert(const RuleText& other, const Node& others, const Node& before) {
  const std::optional<Block> from = other.BlockOf(others);
  const std::optional<Block> to = BlockOf(before);
  if (!from.has_value() || !to.has_value()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "rule `%s` stands within brackets, so that it can't be kept beside what it becomes: write "
        "what it becomes as a rule of another name, with `rollout: { mode: shadow }`",
        NameOf(others)));
  }
  std::string text;
  for (size_t line = from->first; line <= from->last; ++line) {
    std::string_view rest = other.Line(line);
    // The same shape, further in or out; what lies further out already is white or a remark.
    rest.remove_prefix(std::min(from->dash, std::min(rest.find_first_not_of(' '), rest.size())));
    absl::StrAppend(&text, rest.empty() ? "" : std::string(to->dash, ' '), std::string(rest), "\n");
  }
  replacements_.push_back({lines_[to->first], lines_[to->first], std::move(text)});
  return absl::OkStatus();
}

std::string RuleText::Done() {
  std::stable_sort(replacements_.begin(), replacements_.end(),
                   [](const Replacement& a, const Replacement& b) {
                     return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
                   });
  std::string done;
  size_t at = 0;
  for (const Replacement& replacement : replacements_) {
    absl::StrAppend(&done, std::string(text_.substr(at, replacement.begin - at)), replacement.text);
    at = replacement.end;
  }
  absl::StrAppend(&done, std::string(text_.substr(at)));
  return done;
}

absl::StatusOr<std::string> AsMeant(std::string text, const Node& meant) {
  const std::optional<Node> read = Parse(text);
  if (!read.has_value() || !SameNode(*read, meant)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file's layout is none that is rewritten: ", std::string(kByHand), "s"));
  }
  return text;
}

std::optional<router::RuleFile> ReadFile(std::string_view text, const router::RuleLimits& limits) {
  std::vector<router::Problem> problems;
  auto file = router::ReadRuleFile(RuleFileName("team", text), text, limits, &problems);
  if (!problems.empty()) return std::nullopt;
  return file;
}

bool ChangesWhatIsDone(const RuleChange& change) {
  return std::any_of(change.parts.begin(), change.parts.end(), [](const std::string& part) {
    return part != kRollout && part != "notation" && part != "destinations";
  });
}

}  // namespace

absl::StatusOr<std::string> StageRules(std::string_view published, std::string_view sent,
                                       const Rollout& rollout, const router::RuleLimits& limits) {
  const std::optional<router::RuleFile> after = ReadFile(sent, limits);
  std::optional<Node> meant = Parse(sent);
  if (!after.has_value() || !meant.has_value() || rollout.is_full()) return std::string(sent);
  const std::optional<router::RuleFile> before = ReadFile(published, limits);
  const std::optional<Node> old = before.has_value() ? Parse(published) : std::nullopt;

  std::map<std::string_view, RuleEffect> effects;
  const std::vector<RuleChange> changes =
      CompareRules(before.has_value() ? &*before : nullptr, &*after);
  for (const RuleChange& change : changes) {
    const bool counts = change.effect == RuleEffect::kAdded || ChangesWhatIsDone(change);
    if (!counts || change.effect == RuleEffect::kRemoved) continue;
    effects[std::string_view(change.rule).substr(change.rule.find('/') + 1)] = change.effect;
  }

  const Node root = *meant;
  RuleText text(sent);
  const RuleText old_text(published);
  std::vector<Node> items;
  for (const Node& rule : root.Find("rules")->items) {
    const auto effect = effects.find(NameOf(rule));
    Node next = rule;
    if (effect == effects.end() ||
        (effect->second == RuleEffect::kAdded && rule.Find(kRollout) != nullptr)) {
      items.push_back(std::move(next));
      continue;
    }
    SetMember(rollout, &next);
    if (absl::Status set = text.SetRollout(rule, rollout); !set.ok()) return set;
    if (effect->second != RuleEffect::kAdded) {
      const std::string name = absl::StrCat(std::string(NameOf(rule)), std::string(kNextSuffix));
      if (!rollout.is_shadow) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "rule `%s` is sent already, and would not be any more but to that share of keys: "
            "publish the change in shadow first, or in full",
            NameOf(rule)));
      }
      if (FindRule(root, name) != nullptr) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "`%s` is there already: roll it out in full, or take it away first", name));
      }
      const Node* const kept = FindRule(*old, NameOf(rule));
      if (absl::Status renamed = text.Rename(rule, name); !renamed.ok()) return renamed;
      if (absl::Status put = text.Insert(old_text, *kept, rule); !put.ok()) return put;
      FindMember(&next, kName)->text = name;
      items.push_back(*kept);
    }
    items.push_back(std::move(next));
  }
  FindMember(&*meant, "rules")->items = std::move(items);
  return AsMeant(text.Done(), *meant);
}

absl::StatusOr<std::string> RollOutRule(std::string_view text, std::string_view name,
                                        const Rollout& rollout) {
  std::optional<Node> meant = Parse(text);
  if (!meant.has_value()) {
    return absl::InvalidArgumentError("the file can't be read: publish one that can");
  }
  const Node root = *meant;
  const Node* const rule = FindRule(root, name);
  if (rule == nullptr) return NoSuchRule(name);
  const bool is_next = name.size() > kNextSuffix.size() &&
                       name.substr(name.size() - kNextSuffix.size()) == kNextSuffix;
  const std::string_view first_name =
      is_next ? name.substr(0, name.size() - kNextSuffix.size()) : std::string_view();
  const Node* const former = is_next ? FindRule(root, first_name) : nullptr;
  if (former != nullptr && !rollout.is_full() && !rollout.is_shadow) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "`%s` goes on sending, so that a share of `%s` beside it would send twice: roll it out in "
        "full, which takes the place of `%s`",
        first_name, name, first_name));
  }

  RuleText changed(text);
  if (absl::Status set = changed.SetRollout(*rule, rollout); !set.ok()) return set;
  if (former != nullptr && rollout.is_full()) {
    if (absl::Status renamed = changed.Rename(*rule, first_name); !renamed.ok()) return renamed;
    if (absl::Status removed = changed.Remove(*former); !removed.ok()) return removed;
  }
  std::vector<Node> items;
  for (const Node& item : root.Find("rules")->items) {
    if (&item == former && rollout.is_full()) continue;
    items.push_back(item);
    if (&item != rule) continue;
    SetMember(rollout, &items.back());
    if (former != nullptr && rollout.is_full()) {
      FindMember(&items.back(), kName)->text = std::string(first_name);
    }
  }
  FindMember(&*meant, "rules")->items = std::move(items);
  return AsMeant(changed.Done(), *meant);
}

}  // namespace turnout::manager
