#include "router/predicate_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "router/suggest.h"

namespace turnout::router {
namespace {

// EventBridge's first.
constexpr std::string_view kOperators[] = {
    "exactly", "prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric",
    "exists",  "cidr",   "all-of", "contains-all",       "regex",    "timestamp",    "length",
};
constexpr size_t kEventBridgeOperators = 9;

constexpr std::string_view kReservedBesideOperators[] = {
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
};

constexpr std::string_view kAnythingButOperators[] = {
    "prefix", "suffix", "equals-ignore-case", "wildcard", "regex", "cidr",
};
constexpr size_t kEventBridgeAnythingButOperators = 4;

const char* Article(Node::Kind kind) {
  return kind == Node::Kind::kArray || kind == Node::Kind::kObject ? "an" : "a";
}

}  // namespace

bool PredicateReader::Read(const Node& node, Predicate* predicate) {
  switch (node.kind) {
    case Node::Kind::kNull:
      predicate->op = Predicate::Op::kNull;
      return true;
    case Node::Kind::kBool:
      predicate->op = node.text == "true" ? Predicate::Op::kTrue : Predicate::Op::kFalse;
      return true;
    case Node::Kind::kNumber:
      return ReadNumber(node, predicate);
    case Node::Kind::kString:
      ReadText(node, predicate);
      return true;
    case Node::Kind::kArray:
      return Fail(node.at, "a list stands inside of a field's list of values",
                  "write the values in one list");
    case Node::Kind::kObject:
      return ReadExpression(node, predicate);
  }
  return false;
}

bool PredicateReader::Fail(Position at, std::string what, std::string cure) {
  problems_->push_back({at, "", std::move(what), std::move(cure)});
  return false;
}

bool PredicateReader::FailKind(std::string_view op, const Node& node, std::string cure) {
  return Fail(node.at,
              absl::StrCat("`", std::string(op), "` does not take ", Article(node.kind), " ",
                           std::string(KindName(node.kind))),
              std::move(cure));
}

// The single member of an operator's object.
const Member* PredicateReader::OnlyMember(const Node& node, std::string_view where) {
  if (node.members.size() == 1) return &node.members[0];
  if (node.members.empty()) {
    Fail(node.at, absl::StrCat("an empty object stands in ", std::string(where)),
         "name an operator, such as {\"prefix\": \"x\"}");
  } else {
    Fail(node.members[1].at,
         absl::StrCat("`", node.members[1].name, "` stands beside `", node.members[0].name,
                      "` in one match expression"),
         "give each operator an object of its own");
  }
  return nullptr;
}

// A single number is equal by value, or by spelling where no double stands for it.
bool PredicateReader::ReadNumber(const Node& node, Predicate* predicate) {
  const std::optional<double> number = ComparableNumber(node.text);
  predicate->text = node.text;
  predicate->op = number ? Predicate::Op::kNumberRange : Predicate::Op::kNumberText;
  if (number) predicate->range = {*number, *number, false, false};
  if (limits_.dialect != PatternDialect::kEventBridge || IsEventBridgeNumber(node.text)) {
    return true;
  }
  return Fail(node.at,
              absl::StrCat("EventBridge compares numbers from -5e9 to 5e9, with six digits after "
                           "the point, not ",
                           node.text),
              "write an identifier as a text, and an amount in another unit");
}

// A text that is an IP address equals every spelling of that address.
void PredicateReader::ReadText(const Node& node, Predicate* predicate) {
  predicate->text = node.text;
  const std::optional<IpAddress> address = ParseIpAddress(node.text);
  predicate->op = address ? Predicate::Op::kAddress : Predicate::Op::kText;
  if (address) predicate->mutable_detail()->cidr = {*address, address->size * 8};
}

bool PredicateReader::ReadExpression(const Node& node, Predicate* predicate) {
  if (node.members.size() > 1) return ReadConditions(node, predicate);
  const Member* member = OnlyMember(node, "a field's list");
  return member != nullptr && ReadOperator(*member, predicate);
}

bool PredicateReader::ReadOperator(const Member& member, Predicate* predicate) {
  const std::string_view op = member.name;
  const Node& operand = member.value;
  if (op == "exactly") return ReadString(op, operand, Predicate::Op::kText, predicate);
  if (op == "prefix" || op == "suffix") return ReadAffix(op, operand, predicate);
  if (op == "equals-ignore-case") return ReadIgnoreCase(op, operand, predicate);
  if (op == "wildcard" && operand.kind == Node::Kind::kObject) {
    return ReadWildcardIgnoreCase(operand, predicate);
  }
  if (op == "wildcard") return ReadWildcard(operand, Predicate::Op::kWildcard, predicate);
  if (op == "anything-but") return ReadAnythingBut(operand, predicate);
  if (op == "numeric") return ReadNumeric(operand, predicate);
  if (op == "exists") return ReadExists(operand, predicate);
  if (op == "cidr") return ReadCidr(operand, predicate);
  return ReadExtension(member, predicate);
}

bool PredicateReader::ReadString(std::string_view op, const Node& operand, Predicate::Op kind,
                                 Predicate* predicate) {
  if (operand.kind != Node::Kind::kString) {
    return FailKind(op, operand, absl::StrCat("write {\"", std::string(op), "\": \"text\"}"));
  }
  predicate->op = kind;
  predicate->text = operand.text;
  return true;
}

bool PredicateReader::ReadIgnoreCase(std::string_view op, const Node& operand,
                                     Predicate* predicate) {
  if (!ReadString(op, operand, Predicate::Op::kIgnoreCase, predicate)) return false;
  predicate->mutable_detail()->letters = LetterCaseText(operand.text);
  return true;
}

bool PredicateReader::ReadAffix(std::string_view op, const Node& operand, Predicate* predicate) {
  const bool prefix = op == "prefix";
  if (operand.kind != Node::Kind::kObject) {
    return ReadString(op, operand, prefix ? Predicate::Op::kPrefix : Predicate::Op::kSuffix,
                      predicate);
  }
  const Member* member = OnlyMember(operand, absl::StrCat("`", std::string(op), "`"));
  if (member == nullptr) return false;
  if (member->name != "equals-ignore-case") {
    return Fail(
        member->at,
        absl::StrCat("`", std::string(op), "` does not combine with `", member->name, "`"),
        absl::StrCat("write {\"", std::string(op), "\": {\"equals-ignore-case\": \"text\"}} or {\"",
                     std::string(op), "\": \"text\"}"));
  }
  if (!ReadIgnoreCase(member->name, member->value, predicate)) return false;
  predicate->op = prefix ? Predicate::Op::kPrefixIgnoreCase : Predicate::Op::kSuffixIgnoreCase;
  return true;
}

bool PredicateReader::ReadWildcard(const Node& operand, Predicate::Op kind, Predicate* predicate) {
  if (!ReadString("wildcard", operand, kind, predicate)) return false;
  std::string error;
  std::optional<Wildcard> wildcard = Wildcard::Parse(operand.text, &error);
  if (!wildcard) {
    return Fail(operand.at, absl::StrCat("`wildcard`: ", error),
                "one `*` stands for any run of characters; write \\* for a star and \\\\ for a "
                "backslash (in JSON each backslash is doubled)");
  }
  predicate->mutable_detail()->wildcard = *std::move(wildcard);
  return true;
}

bool PredicateReader::ReadExists(const Node& operand, Predicate* predicate) {
  if (operand.kind != Node::Kind::kBool) {
    return FailKind("exists", operand, "write {\"exists\": true} or {\"exists\": false}");
  }
  predicate->op = operand.text == "true" ? Predicate::Op::kExists : Predicate::Op::kAbsent;
  return true;
}

bool PredicateReader::ReadCidr(const Node& operand, Predicate* predicate) {
  if (!ReadString("cidr", operand, Predicate::Op::kCidr, predicate)) return false;
  std::string error;
  const std::optional<Cidr> cidr = ParseCidr(operand.text, &error);
  if (!cidr) {
    return Fail(operand.at, absl::StrCat("`cidr` \"", operand.text, "\": ", error),
                "write a block such as 10.0.0.0/8 or 2001:db8::/32; write a single address as a "
                "plain text");
  }
  predicate->mutable_detail()->cidr = *cidr;
  return true;
}

bool PredicateReader::ReadAnythingBut(const Node& operand, Predicate* predicate) {
  predicate->op = Predicate::Op::kAnythingBut;
  if (operand.kind != Node::Kind::kObject) return ReadExcludedValues(operand, predicate);
  const Member* member = OnlyMember(operand, "`anything-but`");
  if (member == nullptr) return false;
  const absl::Span<const std::string_view> known = KnownInAnythingBut();
  if (std::find(known.begin(), known.end(), member->name) == known.end()) {
    return Fail(member->at,
                absl::StrCat("`anything-but` does not combine with `", member->name, "`"),
                NearestNameCure(member->name, known));
  }
  bool valid = true;
  if (member->value.kind == Node::Kind::kArray) {
    if (member->value.items.empty()) {
      return Fail(member->value.at,
                  absl::StrCat("`anything-but` with `", member->name, "` has an empty list"),
                  "write at least one text");
    }
    for (const Node& item : member->value.items) {
      valid = ReadExcluded(*member, item, predicate) && valid;
    }
    return valid;
  }
  return ReadExcluded(*member, member->value, predicate);
}

// One text that `anything-but` excludes through another operator.
bool PredicateReader::ReadExcluded(const Member& member, const Node& item, Predicate* predicate) {
  const std::string_view op = member.name;
  const bool ignore_case = op == "wildcard" && item.kind == Node::Kind::kObject;
  if (item.kind != Node::Kind::kString && !ignore_case) {
    return FailKind(op, item, "inside of `anything-but` it takes a text or a list of texts");
  }
  const bool affix = op == "prefix" || op == "suffix";
  if (affix && item.text.empty()) {
    return Fail(
        item.at,
        absl::StrCat("`anything-but` with an empty `", std::string(op), "` excludes every text"),
        "write at least one character");
  }
  return ReadOperator({member.name, member.at, item},
                      &predicate->mutable_detail()->none_of.emplace_back());
}

// "x", 12, or a list of either, not mixed.
bool PredicateReader::ReadExcludedValues(const Node& operand, Predicate* predicate) {
  const std::string cure = "write a text, a number, or a list of texts or of numbers";
  if (operand.kind != Node::Kind::kArray) {
    return ReadExcludedValue(operand, operand.kind, cure, predicate);
  }
  if (operand.items.empty()) return Fail(operand.at, "`anything-but` has an empty list", cure);
  bool valid = true;
  for (const Node& item : operand.items) {
    valid = ReadExcludedValue(item, operand.items[0].kind, cure, predicate) && valid;
  }
  return valid;
}

bool PredicateReader::ReadExcludedValue(const Node& item, Node::Kind kind, const std::string& cure,
                                        Predicate* predicate) {
  const bool text = item.kind == Node::Kind::kString;
  if (!text && item.kind != Node::Kind::kNumber) return FailKind("anything-but", item, cure);
  if (item.kind != kind) {
    return Fail(item.at, "`anything-but` mixes texts and numbers in one list", cure);
  }
  Predicate& excluded = predicate->mutable_detail()->none_of.emplace_back();
  excluded.text = item.text;
  excluded.op = Predicate::Op::kText;
  return text || ReadNumberBound("anything-but", item, &excluded);
}

// Sets `predicate` to equality with a number that compares by value.
bool PredicateReader::ReadNumberBound(std::string_view op, const Node& item, Predicate* predicate) {
  if (item.kind != Node::Kind::kNumber) return FailKind(op, item, "write a number here");
  if (!ReadNumber(item, predicate)) return false;
  if (predicate->op == Predicate::Op::kNumberRange) return true;
  return Fail(item.at,
              absl::StrCat("`", std::string(op), "`: no double stands exactly for ", item.text),
              "use a number of at most 15 significant digits");
}

// One comparison with its bound, or two from low to high.
bool PredicateReader::ReadBounds(std::string_view op, std::string_view forms, const Node& operand,
                                 Bounds* bounds) {
  const std::string name = absl::StrCat("`", std::string(op), "`");
  const std::string cure(forms);
  if (operand.kind != Node::Kind::kArray) return FailKind(op, operand, cure);
  const std::vector<Node>& items = operand.items;
  if (items.size() != 2 && items.size() != 4) {
    return Fail(operand.at, absl::StrCat(name, " has ", items.size(), " entries instead of 2 or 4"),
                cure);
  }
  for (size_t i = 0; i < items.size(); i += 2) {
    if (items[i].kind != Node::Kind::kString) return FailKind(op, items[i], cure);
  }
  const std::string& first = items[0].text;
  const bool lower = first == ">" || first == ">=";
  if (!lower && first != "=" && first != "<" && first != "<=") {
    return Fail(items[0].at, absl::StrCat(name, " does not know the comparison `", first, "`"),
                "the comparisons are =, <, <=, > and >=");
  }
  if (items.size() == 4 && (!lower || (items[2].text != "<" && items[2].text != "<="))) {
    return Fail(items[2].at,
                absl::StrCat(name, " with two bounds goes from `>` or `>=` to `<` or `<=`"), cure);
  }
  if (lower || first == "=") bounds->low = &items[1];
  if (!lower) bounds->high = &items[1];
  if (items.size() == 4) bounds->high = &items[3];
  bounds->low_open = first == ">";
  bounds->high_open = items[items.size() - 2].text == "<";
  return true;
}

bool PredicateReader::ReadNumeric(const Node& operand, Predicate* predicate) {
  Bounds bounds;
  if (!ReadBounds("numeric",
                  "write [\"=\", 1], [\"<\", 5] or two bounds, lower first: [\">=\", 0, \"<\", 10]",
                  operand, &bounds)) {
    return false;
  }
  Predicate low;
  Predicate high;
  bool valid = bounds.low == nullptr || ReadNumberBound("numeric", *bounds.low, &low);
  if (bounds.high == bounds.low) {
    high = low;
  } else if (bounds.high != nullptr) {
    valid = ReadNumberBound("numeric", *bounds.high, &high) && valid;
  }
  if (!valid) return false;
  predicate->op = Predicate::Op::kNumberRange;
  if (bounds.low != nullptr) predicate->range.low = low.range.low;
  if (bounds.high != nullptr) predicate->range.high = high.range.high;
  predicate->range.low_open = bounds.low_open;
  predicate->range.high_open = bounds.high_open;
  if (!bounds.are_two() || predicate->range.low < predicate->range.high) return true;
  return Fail(bounds.high->at, "`numeric`: the upper bound is not above the lower one",
              "write the smaller number first; for a single number write [\"=\", 1]");
}

absl::Span<const std::string_view> PredicateReader::KnownOperators() const {
  const absl::Span<const std::string_view> all = kOperators;
  return limits_.dialect == PatternDialect::kTurnout ? all : all.first(kEventBridgeOperators);
}

absl::Span<const std::string_view> PredicateReader::KnownInAnythingBut() const {
  const absl::Span<const std::string_view> all = kAnythingButOperators;
  return limits_.dialect == PatternDialect::kTurnout ? all
                                                     : all.first(kEventBridgeAnythingButOperators);
}

bool IsReservedInAlternatives(std::string_view name) {
  const auto is_name = [&](std::string_view known) { return known == name; };
  return std::any_of(kOperators, kOperators + kEventBridgeOperators, is_name) ||
         std::any_of(std::begin(kReservedBesideOperators), std::end(kReservedBesideOperators),
                     is_name);
}

}  // namespace turnout::router
