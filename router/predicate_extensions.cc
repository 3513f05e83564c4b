// The operators beyond EventBridge.
#include <cmath>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "router/predicate_reader.h"
#include "router/suggest.h"

namespace turnout::router {
namespace {

// What EventBridge has for those who have to do without one of ours.
struct Extension {
  std::string_view name;
  std::string_view offer;
};

constexpr Extension kExtensions[] = {
    {"all-of",
     "it takes a field that has one of the listed values; check for the others in the target"},
    {"contains-all",
     "it takes a field that has one of the listed values; check for the others in the target"},
    {"regex", "it offers `prefix`, `suffix` and `wildcard`"},
    {"timestamp",
     "it offers {\"prefix\": \"2026-01-\"}, and `numeric` for instants that are sent as numbers"},
    {"length", "it offers `numeric`, for a length that is sent as a field of its own"},
};

const Extension* FindExtension(std::string_view name) {
  for (const Extension& extension : kExtensions) {
    if (extension.name == name) return &extension;
  }
  return nullptr;
}

bool IsAllOf(std::string_view name) { return name == "all-of" || name == "contains-all"; }

}  // namespace

// False, after a problem, when the dialect at hand does not have what is ours alone.
bool PredicateReader::AllowExtension(Position at, std::string_view what, std::string_view offer) {
  if (limits_.dialect == PatternDialect::kTurnout) return true;
  return Fail(at, absl::StrCat("EventBridge does not have ", std::string(what)),
              std::string(offer));
}

bool PredicateReader::ReadExtension(const Member& member, Predicate* predicate) {
  const std::string_view op = member.name;
  const Extension* const extension = FindExtension(op);
  if (extension == nullptr) {
    return Fail(member.at, absl::StrCat("unknown operator `", member.name, "`"),
                NearestNameCure(op, KnownOperators()));
  }
  if (!AllowExtension(member.at, absl::StrCat("`", member.name, "`"), extension->offer)) {
    return false;
  }
  if (op == "regex") return ReadRegex(member.value, predicate);
  if (op == "timestamp") return ReadTimestamp(member.value, predicate);
  if (op == "length") return ReadLength(member.value, predicate);
  return Fail(member.at, absl::StrCat("`", member.name, "` stands inside of another list"),
              "write all that the field has to have in one list");
}

const Member* PredicateReader::AsAllOf(const Node& node) {
  const bool all_of =
      node.kind == Node::Kind::kObject && node.members.size() == 1 && IsAllOf(node.members[0].name);
  return all_of ? &node.members[0] : nullptr;
}

bool PredicateReader::ReadAllOf(const Member& all_of, std::vector<Predicate>* predicates) {
  const std::string quoted = absl::StrCat("`", all_of.name, "`");
  if (!AllowExtension(all_of.at, quoted, FindExtension(all_of.name)->offer)) return false;
  const std::string cure = absl::StrCat("write a list of what the field has to have, such as {\"",
                                        all_of.name, "\": [\"a\", {\"prefix\": \"b\"}]}");
  if (all_of.value.kind != Node::Kind::kArray) return FailKind(all_of.name, all_of.value, cure);
  if (all_of.value.items.empty()) {
    return Fail(all_of.value.at, absl::StrCat("`", all_of.name, "` has an empty list"), cure);
  }
  bool valid = true;
  for (const Node& item : all_of.value.items) {
    Predicate& predicate = predicates->emplace_back();
    const bool read = Read(item, &predicate);
    valid = valid && read;
    if (read && predicate.op == Predicate::Op::kAbsent) {
      valid =
          Fail(item.at,
               absl::StrCat("`exists`: false stands in `", all_of.name, "`, which asks for values"),
               "write it beside, in an object of its own, as the other thing the field may be");
    }
  }
  return valid;
}

// Several operators in one object, all of which have to hold of one value.
bool PredicateReader::ReadConditions(const Node& node, Predicate* predicate) {
  const std::string beside = absl::StrCat("`", node.members[1].name, "` beside `",
                                          node.members[0].name, "` in one match expression");
  if (!AllowExtension(
          node.members[1].at, beside,
          "it takes one operator an object; of several objects in a list any may hold")) {
    return false;
  }
  predicate->op = Predicate::Op::kAllOf;
  std::unordered_set<std::string_view> names;
  bool valid = true;
  for (size_t i = 0; i < node.members.size(); ++i) {
    const Member& member = node.members[i];
    const Member& other = node.members[i == 0 ? 1 : 0];
    if (!names.insert(member.name).second) {
      valid = Fail(member.at,
                   absl::StrCat("`", member.name, "` is given twice in one match expression"),
                   "keep one, or give each an object of its own where either may hold");
    } else if (IsAllOf(member.name)) {
      valid = Fail(member.at,
                   absl::StrCat("`", member.name, "` stands beside `", other.name,
                                "` in one match expression"),
                   "give it an object of its own; conditions in one object are about one value");
    } else {
      Predicate& condition = predicate->mutable_detail()->all_of.emplace_back();
      const bool read = ReadOperator(member, &condition);
      valid = valid && read;
      if (read && condition.op == Predicate::Op::kAbsent) {
        valid = Fail(
            member.at,
            absl::StrCat("`exists`: false stands beside `", other.name, "`: no value meets both"),
            "give it an object of its own, as the other thing the field may be");
      }
    }
  }
  return valid;
}

bool PredicateReader::ReadWildcardIgnoreCase(const Node& operand, Predicate* predicate) {
  const Member* member = OnlyMember(operand, "`wildcard`");
  if (member == nullptr) return false;
  if (member->name != "equals-ignore-case") {
    return Fail(member->at, absl::StrCat("`wildcard` does not combine with `", member->name, "`"),
                "write {\"wildcard\": {\"equals-ignore-case\": \"*text\"}} or {\"wildcard\": "
                "\"*text\"}");
  }
  if (!AllowExtension(member->at, "`wildcard` with `equals-ignore-case`",
                      "it offers `wildcard` for the case as written, and `equals-ignore-case` by "
                      "itself or inside of `prefix` and `suffix`") ||
      !ReadWildcard(member->value, Predicate::Op::kWildcardIgnoreCase, predicate)) {
    return false;
  }
  if (predicate->text.size() > static_cast<size_t>(limits_.ignore_case_bytes_max)) {
    return Fail(member->value.at,
                absl::StrCat("`wildcard` with `equals-ignore-case` has ", predicate->text.size(),
                             " bytes of text, more than ", limits_.ignore_case_bytes_max,
                             " (ignore_case_bytes_max)"),
                "shorten it, or use several conditions in one object");
  }
  PredicateDetail* const detail = predicate->mutable_detail();
  detail->letters_wildcard = WildcardIgnoreCase(detail->wildcard);
  return true;
}

bool PredicateReader::ReadRegex(const Node& operand, Predicate* predicate) {
  if (!ReadString("regex", operand, Predicate::Op::kRegex, predicate)) return false;
  // Those beyond the limit are said to be too many, by the pattern as a whole, and not compiled.
  if (++regexes_ > limits_.regexes_max) return true;
  Regex::Fault fault = Regex::Fault::kNone;
  std::string error;
  predicate->mutable_detail()->regex =
      Regex::Compile(operand.text, limits_.regex_bytes_max, &fault, &error);
  switch (fault) {
    case Regex::Fault::kNone:
      return true;
    case Regex::Fault::kSyntax:
      return Fail(operand.at, absl::StrCat("`regex`: ", error),
                  "write it in RE2's syntax, which has no look-around and no backreferences; "
                  "repetitions go up to 1000 (in JSON each backslash is doubled)");
    case Regex::Fault::kTooLarge:
      return Fail(operand.at,
                  absl::StrCat("`regex` is too large for ", limits_.regex_bytes_max,
                               " bytes of memory (regex_bytes_max)"),
                  "use smaller repetitions and fewer classes of Unicode characters");
  }
  return false;
}

bool PredicateReader::ReadTimestampBound(const Node& item, Timestamp* timestamp) {
  const std::string cure =
      "write a date as 2026-01-31, or with a time and its offset: 2026-01-31T12:30:00Z, "
      "2026-01-31T12:30:00.5+02:00";
  if (item.kind != Node::Kind::kString) return FailKind("timestamp", item, cure);
  const std::optional<Timestamp> read = ParseTimestamp(item.text);
  if (!read) {
    return Fail(item.at, absl::StrCat("`timestamp`: \"", item.text, "\" is none"), cure);
  }
  *timestamp = *read;
  return true;
}

bool PredicateReader::ReadTimestamp(const Node& operand, Predicate* predicate) {
  Bounds bounds;
  if (!ReadBounds("timestamp",
                  "write [\">=\", \"2026-01-31T00:00:00Z\"] or two bounds, the earlier first: "
                  "[\">=\", \"2026-01-31\", \"<\", \"2026-02-28\"]",
                  operand, &bounds)) {
    return false;
  }
  predicate->op = Predicate::Op::kTimestamp;
  PredicateDetail::TimeRange& times = predicate->mutable_detail()->times;
  bool valid = bounds.low == nullptr || ReadTimestampBound(*bounds.low, &times.first);
  if (bounds.high == bounds.low) {
    times.last = times.first;
  } else if (bounds.high != nullptr) {
    valid = ReadTimestampBound(*bounds.high, &times.last) && valid;
  }
  if (!valid) return false;
  if (bounds.are_two() && times.last <= times.first) {
    return Fail(bounds.high->at, "`timestamp`: the upper bound is not after the lower one",
                "write the earlier instant first; for a single one write [\"=\", "
                "\"2026-01-31T12:30:00Z\"]");
  }
  if (bounds.low_open) times.first = times.first.Next();
  if (bounds.high_open) times.last = times.last.Previous();
  return true;
}

bool PredicateReader::ReadLengthBound(const Node& item, double* length) {
  const std::string cure = "write a whole number from 0 on";
  if (item.kind != Node::Kind::kNumber) return FailKind("length", item, cure);
  const std::optional<double> number = ComparableNumber(item.text);
  if (!number || *number < 0 || *number != std::floor(*number)) {
    return Fail(item.at, absl::StrCat("`length`: ", item.text, " is no count of characters"), cure);
  }
  *length = *number;
  return true;
}

bool PredicateReader::ReadLength(const Node& operand, Predicate* predicate) {
  Bounds bounds;
  if (!ReadBounds(
          "length",
          "write [\"=\", 8], [\"<\", 5] or two bounds, lower first: [\">=\", 3, \"<=\", 10]",
          operand, &bounds)) {
    return false;
  }
  predicate->op = Predicate::Op::kLength;
  Predicate::Range& range = predicate->range;
  bool valid = bounds.low == nullptr || ReadLengthBound(*bounds.low, &range.low);
  if (bounds.high == bounds.low) {
    range.high = range.low;
  } else if (bounds.high != nullptr) {
    valid = ReadLengthBound(*bounds.high, &range.high) && valid;
  }
  if (!valid) return false;
  range.low_open = bounds.low_open;
  range.high_open = bounds.high_open;
  if (!bounds.are_two() || range.low < range.high) return true;
  return Fail(bounds.high->at, "`length`: the upper bound is not above the lower one",
              "write the smaller number first; for a single one write [\"=\", 8]");
}

}  // namespace turnout::router
