#include "tests/support/plain_matcher.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "router/pattern_content.h"
#include "router/predicate.h"
#include "tests/support/json_tree.h"

namespace turnout::support {
namespace {

using router::FieldRef;
using router::FieldTest;
using router::PatternContent;
using router::ValueKind;

// Arrays, numbered as they are met, and for each which of its elements a value stands in, or was
// chosen; ascending.
using Elements = std::vector<std::pair<int, size_t>>;

struct Scalar {
  ValueKind kind = ValueKind::kNull;
  std::string text;
  Elements within;
};

// What an event holds, by field: a payload's path joined with dots, a record's own name.
struct Scalars {
  std::map<std::string, std::vector<Scalar>> payload;
  std::vector<Scalar> key;
  std::vector<Scalar> topic;
  std::vector<Scalar> partition;
  std::map<std::string, std::vector<Scalar>> headers;

  const std::vector<Scalar>& At(const FieldRef& field) const {
    static const std::vector<Scalar>* const none = new std::vector<Scalar>;
    switch (field.source) {
      case FieldRef::Source::kPayload:
        return payload.count(field.path) != 0 ? payload.at(field.path) : *none;
      case FieldRef::Source::kKey:
        return key;
      case FieldRef::Source::kTopic:
        return topic;
      case FieldRef::Source::kPartition:
        return partition;
      case FieldRef::Source::kHeader:
        return headers.count(field.path) != 0 ? headers.at(field.path) : *none;
    }
    return *none;
  }
};

ValueKind KindOf(JsonTree::Kind kind) {
  switch (kind) {
    case JsonTree::Kind::kTrue:
      return ValueKind::kTrue;
    case JsonTree::Kind::kFalse:
      return ValueKind::kFalse;
    case JsonTree::Kind::kNumber:
      return ValueKind::kNumber;
    case JsonTree::Kind::kString:
      return ValueKind::kString;
    default:
      return ValueKind::kNull;
  }
}

// Lists the scalars of one payload. Array elements that are objects or arrays are elements that
// fields must agree in; a scalar element belongs to what is around its array.
class Lister {
 public:
  explicit Lister(Scalars* scalars) : scalars_(scalars) {}

  void List(const JsonTree& tree, const std::string& path, bool at_top) {
    switch (tree.kind) {
      case JsonTree::Kind::kObject:
        for (const auto& [name, value] : tree.members) {
          List(value, at_top ? name : path + "." + name, false);
        }
        break;
      case JsonTree::Kind::kArray:
        ListArray(tree, path);
        break;
      default:
        scalars_->payload[path].push_back({KindOf(tree.kind), tree.text, within_});
    }
  }

 private:
  void ListArray(const JsonTree& tree, const std::string& path) {
    const int array = arrays_++;
    for (size_t i = 0; i < tree.items.size(); ++i) {
      const JsonTree& item = tree.items[i];
      const bool is_element =
          item.kind == JsonTree::Kind::kObject || item.kind == JsonTree::Kind::kArray;
      if (is_element) within_.emplace_back(array, i);
      List(item, path, false);
      if (is_element) within_.pop_back();
    }
  }

  Scalars* const scalars_;
  int arrays_ = 0;
  Elements within_;  // elements around what is listed
};

Scalars ListRecord(const router::Event& event) {
  Scalars scalars;
  const auto text = [](std::string_view content) {
    return Scalar{ValueKind::kString, std::string(content), {}};
  };
  if (event.key.data() != nullptr) scalars.key.push_back(text(event.key));
  scalars.topic.push_back(text(event.topic));
  scalars.partition.push_back({ValueKind::kNumber, std::to_string(event.partition), {}});
  for (const auto& [name, value] : event.headers) {
    scalars.headers[std::string(name)].push_back(
        value.data() == nullptr ? Scalar{ValueKind::kNull, "", {}} : text(value));
  }
  return scalars;
}

bool Agree(const Elements& one, const Elements& other) {
  for (const auto& [array, element] : one) {
    for (const auto& [other_array, other_element] : other) {
      if (array == other_array && element != other_element) return false;
    }
  }
  return true;
}

// Both, which agree, together.
Elements United(const Elements& one, const Elements& other) {
  Elements both;
  std::set_union(one.begin(), one.end(), other.begin(), other.end(), std::back_inserter(both));
  return both;
}

bool SatisfiesAny(const Scalar& scalar, const FieldTest& test) {
  const router::Value value(scalar.kind, scalar.text);
  return std::any_of(
      test.predicates.begin(), test.predicates.end(),
      [&](const router::Predicate& predicate) { return router::Satisfies(value, predicate); });
}

// One branch of a pattern over one event.
class BranchSearch {
 public:
  BranchSearch(const PatternContent& pattern, const std::vector<uint32_t>& branch,
               const Scalars& scalars) {
    for (const uint32_t index : branch) {
      const FieldTest& test = pattern.tests[index];
      Level& level = levels_.emplace_back();
      level.accepts_absence = test.accepts_absence;
      for (const Scalar& scalar : scalars.At(test.field)) {
        level.all.push_back(&scalar.within);
        if (SatisfiesAny(scalar, test)) level.good.push_back(&scalar.within);
      }
    }
  }

  bool Holds() {
    // A field without any choice decides before the search begins.
    for (const Level& level : levels_) {
      if (level.good.empty() && !level.accepts_absence) return false;
    }
    return HoldsFrom(0, {});
  }

  bool gave_up() const { return choices_ > PlainMatcher::kChoicesMax; }

 private:
  struct Level {
    std::vector<const Elements*> all;   // the field's values
    std::vector<const Elements*> good;  // those that satisfy the test
    bool accepts_absence = false;
  };

  bool HoldsFrom(size_t at, const Elements& chosen) {
    if (at == levels_.size()) return true;
    if (++choices_ > PlainMatcher::kChoicesMax) return false;
    // What has failed once from here on fails again.
    if (failed_.count({at, chosen}) != 0) return false;
    const Level& level = levels_[at];
    const auto agrees = [&](const Elements* within) { return Agree(*within, chosen); };
    if (level.accepts_absence && std::none_of(level.all.begin(), level.all.end(), agrees)) {
      return HoldsFrom(at + 1, chosen);
    }
    for (const Elements* within : level.good) {
      if (agrees(within) && HoldsFrom(at + 1, United(chosen, *within))) return true;
    }
    failed_.insert({at, chosen});
    return false;
  }

  std::vector<Level> levels_;
  std::set<std::pair<size_t, Elements>> failed_;
  uint64_t choices_ = 0;
};

// What Scratch::Field answers for the values of a field.
std::optional<std::string> FirstScalar(const std::vector<Scalar>& values) {
  if (values.empty()) return std::nullopt;
  switch (values[0].kind) {
    case ValueKind::kNull:
      return std::nullopt;
    case ValueKind::kTrue:
      return "true";
    case ValueKind::kFalse:
      return "false";
    default:
      return values[0].text;
  }
}

}  // namespace

PlainMatcher::PlainMatcher(std::vector<router::Pattern> patterns, std::vector<std::string> fields)
    : patterns_(std::move(patterns)), fields_(std::move(fields)) {}

PlainMatcher::Answer PlainMatcher::Match(const router::Event& event) const {
  std::vector<std::optional<FieldRef>> asked;
  bool reads_payload = false;
  for (const std::string& path : fields_) {
    FieldRef field;
    std::string error;
    std::string cure;
    const bool possible = ParseFieldRef(path, &field, &error, &cure);
    asked.push_back(possible ? std::optional(field) : std::nullopt);
    if (possible && field.source == FieldRef::Source::kPayload) reads_payload = true;
  }
  for (const router::Pattern& pattern : patterns_) reads_payload |= pattern->reads_payload;

  Answer answer;
  Scalars scalars = ListRecord(event);
  if (reads_payload) {
    std::string error;
    const std::unique_ptr<JsonTree> tree = ReadJsonObject(event.value, &error);
    if (tree != nullptr) {
      Lister(&scalars).List(*tree, "", true);
    } else {
      answer.status = absl::InvalidArgumentError(error);
    }
  }
  for (size_t i = 0; i < patterns_.size(); ++i) {
    if (patterns_[i]->reads_payload && !answer.status.ok()) continue;
    bool matches = false;
    bool gave_up = false;
    for (const std::vector<uint32_t>& branch : patterns_[i]->branches) {
      BranchSearch search(*patterns_[i], branch, scalars);
      matches = matches || search.Holds();
      gave_up = gave_up || search.gave_up();
    }
    const auto id = static_cast<router::PatternId>(i);
    if (matches) {
      answer.matches.push_back(id);
    } else if (gave_up) {
      answer.gave_up.push_back(id);
    }
  }
  for (const std::optional<FieldRef>& field : asked) {
    answer.fields.push_back(field ? FirstScalar(scalars.At(*field)) : std::nullopt);
  }
  return answer;
}

}  // namespace turnout::support
