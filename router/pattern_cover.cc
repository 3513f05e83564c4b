#include "router/pattern_cover.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "router/pattern_content.h"
#include "router/predicate_key.h"

namespace turnout::router {
namespace {

using Op = Predicate::Op;
using Branch = std::vector<uint32_t>;

constexpr unsigned kNullBit = 1;
constexpr unsigned kTrueBit = 2;
constexpr unsigned kFalseBit = 4;
constexpr unsigned kNumberBit = 8;
constexpr unsigned kStringBit = 16;
constexpr unsigned kAllBits = 31;

// Kinds of values that may satisfy it.
unsigned KindsOf(const Predicate& predicate) {
  switch (predicate.op) {
    case Op::kNull:
      return kNullBit;
    case Op::kTrue:
      return kTrueBit;
    case Op::kFalse:
      return kFalseBit;
    case Op::kNumberText:
    case Op::kNumberRange:
      return kNumberBit;
    case Op::kExists:
    case Op::kAnythingBut:
      return kAllBits;
    case Op::kAbsent:
      return 0;
    case Op::kAllOf: {
      unsigned kinds = kAllBits;
      for (const Predicate& part : predicate.detail().all_of) kinds &= KindsOf(part);
      return kinds;
    }
    default:
      return kStringBit;
  }
}

// The one value that satisfies it, if there is just one as it is spelled. Views the predicate.
std::optional<Value> OnlyValueOf(const Predicate& predicate) {
  switch (predicate.op) {
    case Op::kNull:
      return Value(ValueKind::kNull, "null");
    case Op::kTrue:
      return Value(ValueKind::kTrue, "true");
    case Op::kFalse:
      return Value(ValueKind::kFalse, "false");
    case Op::kText:
      return Value(ValueKind::kString, predicate.text);
    case Op::kNumberText:
      return Value(ValueKind::kNumber, predicate.text);
    default:
      return std::nullopt;
  }
}

bool IsWithin(const Predicate::Range& narrow, const Predicate::Range& wide) {
  const bool low =
      wide.low < narrow.low || (wide.low == narrow.low && (!wide.low_open || narrow.low_open));
  const bool high = wide.high > narrow.high ||
                    (wide.high == narrow.high && (!wide.high_open || narrow.high_open));
  return low && high;
}

bool IsBelow(const Predicate::Range& one, const Predicate::Range& other) {
  return one.high < other.low || (one.high == other.low && (one.high_open || other.low_open));
}

bool BeginsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

std::string KeyOf(const Predicate& predicate) {
  std::string key;
  AppendPredicateKey(predicate, &key);
  return key;
}

// Two predicates of one operator that has an order of its own.
bool IsWithinLike(const Predicate& narrow, const Predicate& wide) {
  switch (wide.op) {
    case Op::kNumberRange:
    case Op::kLength:
      return IsWithin(narrow.range, wide.range);
    case Op::kPrefix:
      return BeginsWith(narrow.text, wide.text);
    case Op::kSuffix:
      return EndsWith(narrow.text, wide.text);
    case Op::kCidr:
      return wide.detail().cidr.mask_bits <= narrow.detail().cidr.mask_bits &&
             wide.detail().cidr.Contains(narrow.detail().cidr.base);
    case Op::kTimestamp:
      return wide.detail().times.first <= narrow.detail().times.first &&
             narrow.detail().times.last <= wide.detail().times.last;
    default:
      return false;
  }
}

bool ExcludesLike(const Predicate& one, const Predicate& other) {
  switch (one.op) {
    case Op::kNumberRange:
    case Op::kLength:
      return IsBelow(one.range, other.range) || IsBelow(other.range, one.range);
    case Op::kPrefix:
      return !BeginsWith(one.text, other.text) && !BeginsWith(other.text, one.text);
    case Op::kSuffix:
      return !EndsWith(one.text, other.text) && !EndsWith(other.text, one.text);
    default:
      return false;
  }
}

// Fields of different roots never stand in elements of one array.
std::pair<FieldRef::Source, std::string_view> RootOf(const FieldRef& field) {
  const std::string_view path = field.path;
  if (field.source != FieldRef::Source::kPayload) return {field.source, path};
  return {field.source, path.substr(0, path.find('.'))};
}
using Root = std::pair<FieldRef::Source, std::string_view>;

class Comparison {
 public:
  Comparison(const PatternContent& wider, const PatternContent& narrower)
      : wider_(wider), narrower_(narrower) {}

  bool Covers() {
    const auto is_covered = [&](const Branch& narrow) {
      return std::any_of(wider_.branches.begin(), wider_.branches.end(),
                         [&](const Branch& wide) { return BranchCovers(wide, narrow); });
    };
    return !narrower_.branches.empty() &&
           std::all_of(narrower_.branches.begin(), narrower_.branches.end(), is_covered);
  }

 private:
  bool BranchCovers(const Branch& wide, const Branch& narrow);
  bool RootCovers(const Root& root, const Branch& wide, const Branch& narrow);
  bool TestCovers(uint32_t wide, uint32_t narrow);
  bool CompareTests(const FieldTest& wide, const FieldTest& narrow);
  bool Implies(const Predicate& narrow, const Predicate& wide);
  bool ImpliesAll(const Predicate& narrow, const std::vector<Predicate>& wide);
  bool Excludes(const Predicate& one, const Predicate& other);
  bool ExcludesAll(const Predicate& one, const std::vector<Predicate>& others);
  bool SplitExcludes(const Predicate& one, const Predicate& other);
  bool Spend() { return left_ > 0 && left_-- > 0; }

  const PatternContent& wider_;
  const PatternContent& narrower_;
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, bool> known_;  // of TestCovers
  size_t left_ = kCoverComparisonsMax;
};

// Whatever values the narrow branch chooses for its fields, the wide one can choose for its own.
// Where a field may be absent, what is chosen before it decides whether it is; there both must have
// the same fields.
bool Comparison::BranchCovers(const Branch& wide, const Branch& narrow) {
  std::set<Root> may_be_absent;
  for (const uint32_t test : wide) {
    const FieldTest& of = wider_.tests[test];
    if (of.accepts_absence) may_be_absent.insert(RootOf(of.field));
  }
  for (const uint32_t test : wide) {
    const FieldRef& field = wider_.tests[test].field;
    if (may_be_absent.contains(RootOf(field))) continue;
    const bool holds = std::any_of(narrow.begin(), narrow.end(), [&](uint32_t other) {
      return narrower_.tests[other].field == field && TestCovers(test, other);
    });
    if (!holds) return false;
  }
  return std::all_of(may_be_absent.begin(), may_be_absent.end(),
                     [&](const Root& root) { return RootCovers(root, wide, narrow); });
}

bool Comparison::RootCovers(const Root& root, const Branch& wide, const Branch& narrow) {
  size_t at = 0;
  const auto skip = [&] {
    while (at < narrow.size() && RootOf(narrower_.tests[narrow[at]].field) != root) ++at;
  };
  for (const uint32_t test : wide) {
    const FieldRef& field = wider_.tests[test].field;
    if (RootOf(field) != root) continue;
    skip();
    if (at == narrow.size() || !(narrower_.tests[narrow[at]].field == field)) return false;
    if (!TestCovers(test, narrow[at++])) return false;
  }
  skip();
  return at == narrow.size();
}

bool Comparison::TestCovers(uint32_t wide, uint32_t narrow) {
  const auto known = known_.find({wide, narrow});
  if (known != known_.end()) return known->second;
  const bool covers = CompareTests(wider_.tests[wide], narrower_.tests[narrow]);
  known_.emplace(std::pair(wide, narrow), covers);
  return covers;
}

bool Comparison::CompareTests(const FieldTest& wide, const FieldTest& narrow) {
  if (narrow.accepts_absence && !wide.accepts_absence) return false;
  absl::flat_hash_set<std::string> keys;
  for (const Predicate& predicate : wide.predicates) keys.insert(KeyOf(predicate));
  return std::all_of(narrow.predicates.begin(), narrow.predicates.end(), [&](const Predicate& one) {
    return keys.contains(KeyOf(one)) ||
           std::any_of(wide.predicates.begin(), wide.predicates.end(),
                       [&](const Predicate& other) { return Implies(one, other); });
  });
}

bool Comparison::Implies(const Predicate& narrow, const Predicate& wide) {
  if (!Spend()) return false;
  if (wide.op == Op::kExists) return true;
  if (wide.op == Op::kAllOf) return ImpliesAll(narrow, wide.detail().all_of);
  if (const std::optional<Value> value = OnlyValueOf(narrow)) return Satisfies(*value, wide);
  if (wide.op == Op::kAnythingBut) return ExcludesAll(narrow, wide.detail().none_of);
  if (narrow.op == Op::kAllOf) {
    const std::vector<Predicate>& parts = narrow.detail().all_of;
    return std::any_of(parts.begin(), parts.end(),
                       [&](const Predicate& part) { return Implies(part, wide); });
  }
  if (narrow.op == Op::kAddress && wide.op == Op::kCidr) {
    return wide.detail().cidr.Contains(narrow.detail().cidr.base);
  }
  return narrow.op == wide.op && (IsWithinLike(narrow, wide) || KeyOf(narrow) == KeyOf(wide));
}

bool Comparison::ImpliesAll(const Predicate& narrow, const std::vector<Predicate>& wide) {
  return std::all_of(wide.begin(), wide.end(),
                     [&](const Predicate& part) { return Implies(narrow, part); });
}

bool Comparison::ExcludesAll(const Predicate& one, const std::vector<Predicate>& others) {
  absl::flat_hash_set<std::string> excluded;
  if (one.op == Op::kAnythingBut) {
    for (const Predicate& part : one.detail().none_of) excluded.insert(KeyOf(part));
  }
  return std::all_of(others.begin(), others.end(), [&](const Predicate& other) {
    return excluded.contains(KeyOf(other)) || Excludes(one, other);
  });
}

// Whether no value satisfies both.
bool Comparison::Excludes(const Predicate& one, const Predicate& other) {
  if (!Spend()) return false;
  if ((KindsOf(one) & KindsOf(other)) == 0) return true;
  if (const std::optional<Value> value = OnlyValueOf(one)) return !Satisfies(*value, other);
  if (const std::optional<Value> value = OnlyValueOf(other)) return !Satisfies(*value, one);
  if (SplitExcludes(one, other) || SplitExcludes(other, one)) return true;
  return one.op == other.op && ExcludesLike(one, other);
}

bool Comparison::SplitExcludes(const Predicate& one, const Predicate& other) {
  if (one.op == Op::kAnythingBut) {
    const std::vector<Predicate>& parts = one.detail().none_of;
    return std::any_of(parts.begin(), parts.end(),
                       [&](const Predicate& part) { return Implies(other, part); });
  }
  if (one.op != Op::kAllOf) return false;
  const std::vector<Predicate>& parts = one.detail().all_of;
  return std::any_of(parts.begin(), parts.end(),
                     [&](const Predicate& part) { return Excludes(part, other); });
}

}  // namespace

bool Covers(const Pattern& wider, const Pattern& narrower) {
  return Comparison(*wider, *narrower).Covers();
}

}  // namespace turnout::router
