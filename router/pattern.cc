#include "router/pattern.h"

#include <algorithm>
#include <map>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "router/pattern_content.h"
#include "router/predicate_reader.h"

namespace turnout::router {
namespace {

constexpr std::string_view kOr = "$or";

// Tests that all have to hold of one field: one, unless its list has an `all-of`.
using Tests = absl::InlinedVector<uint32_t, 1>;

// A conjunction being built: tests by field path; a field named twice keeps its last list.
struct Branch {
  std::map<std::string, Tests> tests;
  size_t test_count = 0;
};
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
      : limits_(limits),
        problems_(problems),
        problems_before_(problems->size()),
        reader_(limits, problems) {}

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
    // It is kept as long as its team's rules.
    content_->tests.shrink_to_fit();
    for (FieldTest& test : content_->tests) test.predicates.shrink_to_fit();
    content_->branches.reserve(branches.size());
    for (const Branch& branch : branches) {
      std::vector<uint32_t>& all = content_->branches.emplace_back();
      all.reserve(branch.test_count);
      for (const auto& [path, tests] : branch.tests) {
        all.insert(all.end(), tests.begin(), tests.end());
      }
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
      Fail(object.at,
           path.has_steps ? absl::StrCat("`", path.text, "` is an empty object")
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
      if (HasTooMany(alternatives.at, kOr, multiplied.size())) multiplied.resize(1);
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
             absl::StrCat("an alternative of `$or` is a ", std::string(KindName(item.kind))), cure);
      } else if (item.members.empty()) {
        Fail(item.at, "an alternative of `$or` is an empty object", cure);
      } else if (!HasNoReservedName(item)) {
        Fail(item.at, "an alternative of `$or` has a field named like an operator",
             "name fields in the alternatives, and operators inside of the fields' lists");
      }
    }
  }

  // Says so once when alternatives multiply out to too many branches.
  bool HasTooMany(Position at, std::string_view what, size_t branches) {
    if (branches <= static_cast<size_t>(limits_.branches_max)) return false;
    if (!too_many_branches_) {
      Fail(at,
           absl::StrCat("`", std::string(what), "` multiplies out to more than ",
                        limits_.branches_max, " combinations (branches_max)"),
           absl::StrCat("use fewer `", std::string(what),
                        "` in one pattern, or split it into several rules"));
    }
    too_many_branches_ = true;
    return true;
  }

  void CompileField(const Member& member, const std::string& path, Branches* branches) {
    const FieldRef field = CompileFieldRef(member.at, path);
    if (member.value.items.empty()) {
      Fail(member.value.at, absl::StrCat("`", path, "` has an empty list"),
           "write at least one value; [{\"exists\": true}] takes any");
    }
    // One of these has to hold: the list's plain entries, or an `all-of` among them.
    std::vector<Tests> alternatives;
    FieldTest plain{field};
    for (const Node& item : member.value.items) {
      const size_t problems_before = problems_->size();
      if (const Member* all_of = PredicateReader::AsAllOf(item)) {
        CompileAllOf(*all_of, field, &alternatives);
      } else {
        CompileEntry(item, &plain);
      }
      NameField(path, problems_before);
    }
    if (alternatives.empty() || !plain.predicates.empty() || plain.accepts_absence) {
      alternatives.push_back({AddTest(std::move(plain))});
    }
    Multiply(member, path, alternatives, branches);
  }

  FieldRef CompileFieldRef(Position at, const std::string& path) {
    FieldRef field;
    std::string error;
    std::string cure;
    if (!ParseFieldRef(path, &field, &error, &cure)) Fail(at, error, cure);
    if (field.source == FieldRef::Source::kPayload) {
      content_->reads_payload = true;
      content_->reads_data = content_->reads_data || IsInData(field);
    } else if (limits_.dialect == PatternDialect::kEventBridge) {
      Fail(at, absl::StrCat("`", path, "`: EventBridge knows no Kafka record around an event"),
           "ask for a field of the event, and have its sender put the value there");
    }
    return field;
  }

  void CompileEntry(const Node& item, FieldTest* test) {
    Predicate predicate;
    if (!reader_.Read(item, &predicate)) return;
    Count(predicate);
    if (predicate.op == Predicate::Op::kAbsent) {
      test->accepts_absence = true;
    } else {
      test->predicates.push_back(std::move(predicate));
    }
  }

  // Each entry of an `all-of` becomes a test of its own on the same field.
  void CompileAllOf(const Member& all_of, const FieldRef& field, std::vector<Tests>* alternatives) {
    std::vector<Predicate> predicates;
    if (!reader_.ReadAllOf(all_of, &predicates)) return;
    Tests& tests = alternatives->emplace_back();
    for (Predicate& predicate : predicates) {
      Count(predicate);
      FieldTest test{field};
      test.predicates.push_back(std::move(predicate));
      tests.push_back(AddTest(std::move(test)));
    }
  }

  uint32_t AddTest(FieldTest test) {
    content_->tests.push_back(std::move(test));
    return static_cast<uint32_t>(content_->tests.size() - 1);
  }

  // Multiplies the branches so far with what a field may be.
  void Multiply(const Member& member, const std::string& path,
                const std::vector<Tests>& alternatives, Branches* branches) {
    Branches multiplied;
    for (size_t i = 1; i < alternatives.size(); ++i) {
      if (HasTooMany(member.at, "all-of", (i + 1) * branches->size())) break;
      for (const Branch& branch : *branches) {
        SetTests(path, alternatives[i], &multiplied.emplace_back(branch));
      }
    }
    for (Branch& branch : *branches) SetTests(path, alternatives[0], &branch);
    std::move(multiplied.begin(), multiplied.end(), std::back_inserter(*branches));
  }

  // A branch that has too many is not made longer, only said to be.
  void SetTests(const std::string& path, const Tests& tests, Branch* branch) {
    const auto known = branch->tests.find(path);
    if (known != branch->tests.end()) branch->test_count -= known->second.size();
    branch->test_count += tests.size();
    fields_ = std::max(fields_, branch->test_count);
    if (known != branch->tests.end()) {
      known->second = tests;
    } else if (branch->test_count <= static_cast<size_t>(limits_.fields_max)) {
      branch->tests.emplace(path, tests);
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
    if (predicate.op == Predicate::Op::kRegex) ++regexes_;
    if (!predicate.has_detail()) return;
    const PredicateDetail& detail = predicate.detail();
    wildcards_ += detail.wildcard.star_count();
    for (const Predicate& excluded : detail.none_of) Count(excluded);
    for (const Predicate& condition : detail.all_of) Count(condition);
  }

  void CheckLimits(Position at) {
    CheckLimit(at, fields_, limits_.fields_max, "fields (fields_max)");
    CheckLimit(at, values_, limits_.values_max, "values (values_max)");
    CheckLimit(at, wildcards_, limits_.wildcards_max, "`*` in its wildcards (wildcards_max)");
    CheckLimit(at, regexes_, limits_.regexes_max, "`regex` (regexes_max)");
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
  PredicateReader reader_;
  std::shared_ptr<PatternContent> content_ = std::make_shared<PatternContent>();
  Position alternatives_at_;  // some `$or` of the pattern that gives alternatives, or line 0
  Position or_field_at_;      // some `$or` that is an ordinary field, or line 0
  bool too_many_branches_ = false;
  size_t fields_ = 0;
  size_t values_ = 0;
  size_t wildcards_ = 0;
  size_t regexes_ = 0;
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
