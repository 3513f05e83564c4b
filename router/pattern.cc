#include "router/pattern.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "router/pattern_content.h"
#include "router/predicate_reader.h"

namespace turnout::router {
namespace {

constexpr std::string_view kOr = "$or";

// A conjunction being built: test by field path; a field named twice keeps its last list.
using Branch = std::map<std::string, uint32_t>;
using Branches = std::vector<Branch>;

// True when every field in `object` could be one inside of `$or`.
bool HasNoReservedName(const Node& object);

// `$or` means alternatives when its value is a list of at least two objects none of whose fields
// has an operator's name. Anything else makes it a field that happens to be named `$or`.
bool AreAlternatives(const Node& value) {
  return value.kind == Node::Kind::kArray && value.items.size() >= 2 &&
         std::all_of(value.items.begin(), value.items.end(), [](const Node& item) {
           return item.kind == Node::Kind::kObject && !item.members.empty() &&
                  HasNoReservedName(item);
         });
}

bool HasNoReservedName(const Node& object) {
  for (const Member& member : object.members) {
    if (member.name == kOr && AreAlternatives(member.value)) continue;
    if (IsReservedInAlternatives(member.name)) return false;
    if (member.value.kind == Node::Kind::kObject && !HasNoReservedName(member.value)) return false;
  }
  return true;
}

// Whether a `$or` that is no valid list of alternatives was clearly meant as one.
bool LooksLikeAlternatives(const Node& value) {
  return value.kind == Node::Kind::kArray &&
         std::any_of(value.items.begin(), value.items.end(), [](const Node& item) {
           return item.kind == Node::Kind::kObject &&
                  (item.members.empty() || !IsReservedInAlternatives(item.members[0].name));
         });
}

class Compiler {
 public:
  Compiler(const PatternLimits& limits, std::vector<Problem>* problems)
      : limits_(limits), problems_(problems), problems_before_(problems->size()) {}

  Pattern Compile(const Node& node) {
    if (node.kind != Node::Kind::kObject) {
      Fail(node.at,
           absl::StrCat("a pattern must be an object of fields, not of type ",
                        std::string(KindName(node.kind))),
           "write fields with lists of values, such as {\"type\": [\"order.created\"]}");
      return nullptr;
    }
    Branches branches(1);
    CompileObject(node, Path(), &branches);
    if (alternatives_at_.line != 0 && or_field_at_.line != 0) {
      Fail(or_field_at_, "`$or` is a field here and gives alternatives elsewhere in the pattern",
           "give every `$or` a list of at least two objects of fields");
    }
    CheckLimits(node.at);
    if (problems_->size() > problems_before_) return nullptr;
    for (const Branch& branch : branches) {
      std::vector<uint32_t>& tests = content_->branches.emplace_back();
      for (const auto& [path, test] : branch) tests.push_back(test);
    }
    return std::move(content_);
  }

 private:
  // Steps from the top of the pattern. A path that is empty so far leaves no dot behind, as in
  // event-ruler: {"": {"a": ...}} is the field `a`.
  struct Path {
    std::string text;
    bool has_steps = false;

    Path Then(const std::string& step) const {
      return {has_steps ? absl::StrCat(text, ".", step) : step, true};
    }
    std::string Field(const std::string& step) const {
      return text.empty() ? step : absl::StrCat(text, ".", step);
    }
  };

  void Fail(Position at, std::string what, std::string cure) {
    problems_->push_back({at, "", std::move(what), std::move(cure)});
  }

  void CompileObject(const Node& object, const Path& path, Branches* branches) {
    if (object.members.empty()) {
      Fail(object.at, path.has_steps ? absl::StrCat("`", path.text, "` is an empty object")
                                     : "the pattern is empty",
           "name at least one field with a list of values; [{\"exists\": true}] takes any value");
    }
    for (const Member& member : object.members) {
      const bool alternatives = member.name == kOr && AreAlternatives(member.value);
      if (member.name == kOr) (alternatives ? alternatives_at_ : or_field_at_) = member.at;
      if (alternatives) {
        CompileAlternatives(member, path, branches);
      } else if (member.name == kOr && LooksLikeAlternatives(member.value)) {
        FailAlternatives(member);
      } else if (member.value.kind == Node::Kind::kObject) {
        CompileObject(member.value, path.Then(member.name), branches);
      } else if (member.value.kind == Node::Kind::kArray) {
        CompileField(member, path.Field(member.name), branches);
      } else {
        Fail(member.value.at,
             absl::StrCat("`", path.Field(member.name), "` has a bare ",
                          std::string(KindName(member.value.kind)), " as its value"),
             "put the value in a list, such as [\"x\"]");
      }
    }
  }

  // Multiplies the branches so far with the alternatives.
  void CompileAlternatives(const Member& alternatives, const Path& path, Branches* branches) {
    Branches multiplied;
    for (const Node& alternative : alternatives.value.items) {
      Branches copy = *branches;
      CompileObject(alternative, path, &copy);
      std::move(copy.begin(), copy.end(), std::back_inserter(multiplied));
      if (multiplied.size() > static_cast<size_t>(limits_.branches_max)) {
        if (!too_many_branches_) {
          Fail(alternatives.at,
               absl::StrCat("`$or` multiplies out to more than ", limits_.branches_max,
                            " combinations (branches_max)"),
               "use fewer `$or` in one pattern, or split it into several rules");
        }
        too_many_branches_ = true;
        multiplied.resize(1);
      }
    }
    *branches = std::move(multiplied);
  }

  void FailAlternatives(const Member& member) {
    const std::string cure =
        "give `$or` a list of at least two objects, such as {\"$or\": [{\"a\": [1]}, {\"b\": "
        "[2]}]}";
    if (member.value.items.size() < 2) {
      Fail(member.value.at, "`$or` has fewer than two alternatives", cure);
      return;
    }
    for (const Node& item : member.value.items) {
      if (item.kind != Node::Kind::kObject) {
        Fail(item.at,
             absl::StrCat("an alternative of `$or` is a ", std::string(KindName(item.kind))),
             cure);
      } else if (item.members.empty()) {
        Fail(item.at, "an alternative of `$or` is an empty object", cure);
      } else if (!HasNoReservedName(item)) {
        Fail(item.at, "an alternative of `$or` has a field named like an operator",
             "name fields in the alternatives, and operators inside of the fields' lists");
      }
    }
  }

  void CompileField(const Member& member, const std::string& path, Branches* branches) {
    FieldTest test;
    std::string error;
    std::string cure;
    if (!ParseFieldRef(path, &test.field, &error, &cure)) Fail(member.at, error, cure);
    if (member.value.items.empty()) {
      Fail(member.value.at, absl::StrCat("`", path, "` has an empty list"),
           "write at least one value; [{\"exists\": true}] takes any");
    }
    for (const Node& item : member.value.items) {
      Predicate predicate;
      const size_t problems_before = problems_->size();
      if (!ReadPredicate(item, &predicate, problems_)) {
        NameField(path, problems_before);
        continue;
      }
      Count(predicate);
      if (predicate.op == Predicate::Op::kAbsent) {
        test.accepts_absence = true;
      } else {
        test.predicates.push_back(std::move(predicate));
      }
    }
    if (test.field.source == FieldRef::Source::kPayload) content_->reads_payload = true;
    const auto index = static_cast<uint32_t>(content_->tests.size());
    content_->tests.push_back(std::move(test));
    for (Branch& branch : *branches) {
      branch[path] = index;
      fields_ = std::max(fields_, branch.size());
    }
  }

  // The reader of predicates doesn't know whose list it reads.
  void NameField(const std::string& path, size_t problems_before) {
    for (size_t i = problems_before; i < problems_->size(); ++i) {
      Problem& problem = (*problems_)[i];
      problem.what = absl::StrCat("`", path, "`: ", problem.what);
    }
  }

  void Count(const Predicate& predicate) {
    ++values_;
    text_bytes_ += predicate.text.size();
    if (predicate.op == Predicate::Op::kWildcard) {
      wildcards_ += predicate.wildcard.pieces().size() - 1;
    }
    for (const Predicate& excluded : predicate.none_of) Count(excluded);
  }

  void CheckLimits(Position at) {
    CheckLimit(at, fields_, limits_.fields_max, "fields (fields_max)");
    CheckLimit(at, values_, limits_.values_max, "values (values_max)");
    CheckLimit(at, wildcards_, limits_.wildcards_max, "`*` in its wildcards (wildcards_max)");
    CheckLimit(at, text_bytes_, limits_.pattern_bytes_max, "bytes of text (pattern_bytes_max)");
  }

  void CheckLimit(Position at, size_t count, int max, const char* what) {
    if (count <= static_cast<size_t>(max)) return;
    Fail(at, absl::StrCat("the pattern has ", count, " ", what, ", more than ", max),
         "split it into several rules");
  }

  const PatternLimits& limits_;
  std::vector<Problem>* const problems_;
  const size_t problems_before_;
  std::shared_ptr<PatternContent> content_ = std::make_shared<PatternContent>();
  Position alternatives_at_;  // some `$or` of the pattern that gives alternatives, or line 0
  Position or_field_at_;      // some `$or` that is an ordinary field, or line 0
  bool too_many_branches_ = false;
  size_t fields_ = 0;
  size_t values_ = 0;
  size_t wildcards_ = 0;
  size_t text_bytes_ = 0;
};

}  // namespace

std::optional<Pattern> CompilePattern(const Node& node, const PatternLimits& limits,
                                      std::vector<Problem>* problems) {
  Pattern pattern = Compiler(limits, problems).Compile(node);
  if (pattern == nullptr) return std::nullopt;
  return pattern;
}

}  // namespace turnout::router
