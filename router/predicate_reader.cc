#include "router/predicate_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "router/suggest.h"

namespace turnout::router {
namespace {

constexpr std::string_view kOperators[] = {
    "exactly",  "prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but",
    "numeric",  "exists", "cidr",
};

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
    "prefix", "suffix", "equals-ignore-case", "wildcard",
};

class PredicateReader {
 public:
  explicit PredicateReader(std::vector<Problem>* problems) : problems_(problems) {}

  bool Read(const Node& node, Predicate* predicate) {
    switch (node.kind) {
      case Node::Kind::kNull:
        predicate->op = Predicate::Op::kNull;
        return true;
      case Node::Kind::kBool:
        predicate->op = node.text == "true" ? Predicate::Op::kTrue : Predicate::Op::kFalse;
        return true;
      case Node::Kind::kNumber:
        ReadNumber(node, predicate);
        return true;
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

 private:
  bool Fail(Position at, std::string what, std::string cure) {
    problems_->push_back({at, "", std::move(what), std::move(cure)});
    return false;
  }

  bool FailKind(std::string_view op, const Node& node, std::string cure) {
    return Fail(node.at,
                absl::StrCat("`", std::string(op), "` does not take ", Article(node.kind), " ",
                             std::string(KindName(node.kind))),
                std::move(cure));
  }

  static const char* Article(Node::Kind kind) {
    return kind == Node::Kind::kArray || kind == Node::Kind::kObject ? "an" : "a";
  }

  // The single member of an operator's object.
  const Member* OnlyMember(const Node& node, std::string_view where) {
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
  static void ReadNumber(const Node& node, Predicate* predicate) {
    const std::optional<double> number = ComparableNumber(node.text);
    predicate->text = node.text;
    predicate->op = number ? Predicate::Op::kNumberRange : Predicate::Op::kNumberText;
    if (number) predicate->range = {*number, *number, false, false};
  }

  // A text that is an IP address equals every spelling of that address.
  static void ReadText(const Node& node, Predicate* predicate) {
    predicate->text = node.text;
    const std::optional<IpAddress> address = ParseIpAddress(node.text);
    predicate->op = address ? Predicate::Op::kAddress : Predicate::Op::kText;
    if (address) predicate->cidr = {*address, address->size * 8};
  }

  bool ReadExpression(const Node& node, Predicate* predicate) {
    const Member* member = OnlyMember(node, "a field's list");
    if (member == nullptr) return false;
    const std::string_view op = member->name;
    const Node& operand = member->value;
    if (op == "exactly") return ReadString(op, operand, Predicate::Op::kText, predicate);
    if (op == "prefix" || op == "suffix") return ReadAffix(op, operand, predicate);
    if (op == "equals-ignore-case") return ReadIgnoreCase(op, operand, predicate);
    if (op == "wildcard") return ReadWildcard(op, operand, predicate);
    if (op == "anything-but") return ReadAnythingBut(operand, predicate);
    if (op == "numeric") return ReadNumeric(operand, predicate);
    if (op == "exists") return ReadExists(operand, predicate);
    if (op == "cidr") return ReadCidr(operand, predicate);
    return Fail(member->at, absl::StrCat("unknown operator `", member->name, "`"),
                NearestNameCure(op, kOperators));
  }

  bool ReadString(std::string_view op, const Node& operand, Predicate::Op kind,
                  Predicate* predicate) {
    if (operand.kind != Node::Kind::kString) {
      return FailKind(op, operand, absl::StrCat("write {\"", std::string(op), "\": \"text\"}"));
    }
    predicate->op = kind;
    predicate->text = operand.text;
    return true;
  }

  bool ReadIgnoreCase(std::string_view op, const Node& operand, Predicate* predicate) {
    if (!ReadString(op, operand, Predicate::Op::kIgnoreCase, predicate)) return false;
    predicate->letters = LetterCaseText(operand.text);
    return true;
  }

  bool ReadAffix(std::string_view op, const Node& operand, Predicate* predicate) {
    const bool prefix = op == "prefix";
    if (operand.kind != Node::Kind::kObject) {
      return ReadString(op, operand, prefix ? Predicate::Op::kPrefix : Predicate::Op::kSuffix,
                        predicate);
    }
    const Member* member = OnlyMember(operand, absl::StrCat("`", std::string(op), "`"));
    if (member == nullptr) return false;
    if (member->name != "equals-ignore-case") {
      return Fail(member->at,
                  absl::StrCat("`", std::string(op), "` does not combine with `", member->name,
                               "`"),
                  absl::StrCat("write {\"", std::string(op),
                               "\": {\"equals-ignore-case\": \"text\"}} or {\"", std::string(op),
                               "\": \"text\"}"));
    }
    if (!ReadIgnoreCase(member->name, member->value, predicate)) return false;
    predicate->op =
        prefix ? Predicate::Op::kPrefixIgnoreCase : Predicate::Op::kSuffixIgnoreCase;
    return true;
  }

  bool ReadWildcard(std::string_view op, const Node& operand, Predicate* predicate) {
    if (!ReadString(op, operand, Predicate::Op::kWildcard, predicate)) return false;
    std::string error;
    std::optional<Wildcard> wildcard = Wildcard::Parse(operand.text, &error);
    if (!wildcard) {
      return Fail(operand.at, absl::StrCat("`wildcard`: ", error),
                  "one `*` stands for any run of characters; write \\* for a star and \\\\ for a "
                  "backslash (in JSON each backslash is doubled)");
    }
    predicate->wildcard = *std::move(wildcard);
    return true;
  }

  bool ReadExists(const Node& operand, Predicate* predicate) {
    if (operand.kind != Node::Kind::kBool) {
      return FailKind("exists", operand, "write {\"exists\": true} or {\"exists\": false}");
    }
    predicate->op = operand.text == "true" ? Predicate::Op::kExists : Predicate::Op::kAbsent;
    return true;
  }

  bool ReadCidr(const Node& operand, Predicate* predicate) {
    if (!ReadString("cidr", operand, Predicate::Op::kCidr, predicate)) return false;
    std::string error;
    const std::optional<Cidr> cidr = ParseCidr(operand.text, &error);
    if (!cidr) {
      return Fail(operand.at, absl::StrCat("`cidr` \"", operand.text, "\": ", error),
                  "write a block such as 10.0.0.0/8 or 2001:db8::/32; write a single address as a "
                  "plain text");
    }
    predicate->cidr = *cidr;
    return true;
  }

  bool ReadAnythingBut(const Node& operand, Predicate* predicate) {
    predicate->op = Predicate::Op::kAnythingBut;
    if (operand.kind != Node::Kind::kObject) return ReadExcludedValues(operand, predicate);
    const Member* member = OnlyMember(operand, "`anything-but`");
    if (member == nullptr) return false;
    const auto* const known = std::find(std::begin(kAnythingButOperators),
                                        std::end(kAnythingButOperators), member->name);
    if (known == std::end(kAnythingButOperators)) {
      return Fail(member->at,
                  absl::StrCat("`anything-but` does not combine with `", member->name, "`"),
                  NearestNameCure(member->name, kAnythingButOperators));
    }
    bool valid = true;
    if (member->value.kind == Node::Kind::kArray) {
      if (member->value.items.empty()) {
        return Fail(member->value.at,
                    absl::StrCat("`anything-but` with `", member->name, "` has an empty list"),
                    "write at least one text");
      }
      for (const Node& item : member->value.items) {
        valid = ReadExcluded(*known, item, predicate) && valid;
      }
      return valid;
    }
    return ReadExcluded(*known, member->value, predicate);
  }

  // One text that `anything-but` excludes through another operator.
  bool ReadExcluded(std::string_view op, const Node& item, Predicate* predicate) {
    if (item.kind != Node::Kind::kString) {
      return FailKind(op, item, "inside of `anything-but` it takes a text or a list of texts");
    }
    const bool affix = op == "prefix" || op == "suffix";
    if (affix && item.text.empty()) {
      return Fail(item.at,
                  absl::StrCat("`anything-but` with an empty `", std::string(op),
                               "` excludes every text"),
                  "write at least one character");
    }
    Predicate& excluded = predicate->none_of.emplace_back();
    if (affix) return ReadAffix(op, item, &excluded);
    if (op == "wildcard") return ReadWildcard(op, item, &excluded);
    return ReadIgnoreCase(op, item, &excluded);
  }

  // "x", 12, or a list of either, not mixed.
  bool ReadExcludedValues(const Node& operand, Predicate* predicate) {
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

  bool ReadExcludedValue(const Node& item, Node::Kind kind, const std::string& cure,
                         Predicate* predicate) {
    const bool text = item.kind == Node::Kind::kString;
    if (!text && item.kind != Node::Kind::kNumber) return FailKind("anything-but", item, cure);
    if (item.kind != kind) {
      return Fail(item.at, "`anything-but` mixes texts and numbers in one list", cure);
    }
    Predicate& excluded = predicate->none_of.emplace_back();
    excluded.text = item.text;
    excluded.op = Predicate::Op::kText;
    return text || ReadBound("anything-but", item, &excluded);
  }

  // Sets `predicate` to equality with a number that compares by value.
  bool ReadBound(std::string_view op, const Node& item, Predicate* predicate) {
    if (item.kind != Node::Kind::kNumber) return FailKind(op, item, "write a number here");
    ReadNumber(item, predicate);
    if (predicate->op == Predicate::Op::kNumberRange) return true;
    return Fail(item.at,
                absl::StrCat("`", std::string(op), "`: no double stands exactly for ", item.text),
                "use a number of at most 15 significant digits");
  }

  bool ReadNumeric(const Node& operand, Predicate* predicate) {
    constexpr char kForms[] =
        "write [\"=\", 1], [\"<\", 5] or two bounds, lower first: [\">=\", 0, \"<\", 10]";
    if (operand.kind != Node::Kind::kArray) return FailKind("numeric", operand, kForms);
    const std::vector<Node>& items = operand.items;
    if (items.size() != 2 && items.size() != 4) {
      return Fail(operand.at,
                  absl::StrCat("`numeric` has ", items.size(), " entries instead of 2 or 4"),
                  kForms);
    }
    predicate->op = Predicate::Op::kNumberRange;
    Predicate bounds[2];
    for (size_t i = 0; i < items.size(); i += 2) {
      if (items[i].kind != Node::Kind::kString) return FailKind("numeric", items[i], kForms);
      if (!ReadBound("numeric", items[i + 1], &bounds[i / 2])) return false;
    }
    const std::string& first = items[0].text;
    const bool lower = first == ">" || first == ">=";
    if (!lower && first != "=" && first != "<" && first != "<=") {
      return Fail(items[0].at, absl::StrCat("`numeric` does not know the comparison `", first, "`"),
                  "the comparisons are =, <, <=, > and >=");
    }
    if (items.size() == 4 && (!lower || (items[2].text != "<" && items[2].text != "<="))) {
      return Fail(items[2].at, "`numeric` with two bounds goes from `>` or `>=` to `<` or `<=`",
                  kForms);
    }
    const double number = bounds[0].range.low;
    if (first == "=" || lower) predicate->range.low = number;
    if (first == "=" || first == "<" || first == "<=") predicate->range.high = number;
    predicate->range.low_open = first == ">";
    predicate->range.high_open = first == "<";
    if (items.size() == 2) return true;
    predicate->range.high = bounds[1].range.low;
    predicate->range.high_open = items[2].text == "<";
    if (predicate->range.low < predicate->range.high) return true;
    return Fail(items[3].at, "`numeric`: the upper bound is not above the lower one",
                "write the smaller number first; for a single number write [\"=\", 1]");
  }

  std::vector<Problem>* const problems_;
};

}  // namespace

absl::Span<const std::string_view> OperatorNames() { return kOperators; }

bool IsReservedInAlternatives(std::string_view name) {
  const auto is_name = [&](std::string_view known) { return known == name; };
  return std::any_of(std::begin(kOperators), std::end(kOperators), is_name) ||
         std::any_of(std::begin(kReservedBesideOperators), std::end(kReservedBesideOperators),
                     is_name);
}

bool ReadPredicate(const Node& node, Predicate* predicate, std::vector<Problem>* problems) {
  return PredicateReader(problems).Read(node, predicate);
}

}  // namespace turnout::router
