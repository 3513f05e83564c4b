#include "router/match_filing.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

namespace turnout::router {
namespace {

using Test = MatchIndex::Test;
constexpr uint32_t kNone = MatchIndex::kNone;

// A list of so many branches costs less to look through than a split does.
constexpr size_t kListMax = 8;
constexpr int kDepthMax = 6;
// Copies of a branch over all buckets, beyond which it is not split any further. So a branch is
// filed this often, or once for each value of the test that it is filed under first.
constexpr uint64_t kCopiesMax = 256;
// A split is made when no part of it holds more than this share of its branches.
constexpr double kPartMax = 0.75;
// Tests of a branch that can lead to it; further ones are only checked.
constexpr uint16_t kLeadingTestsMax = 64;

// What a key of Keyed leads through.
enum class Lead : uint64_t { kValue, kPredicate, kRange, kAbsence };
constexpr int kLeadShift = 32;

uint64_t KeyOf(Lead lead, uint32_t id) { return (static_cast<uint64_t>(lead) << kLeadShift) | id; }

template <typename Keyed>
void SortByKey(Keyed* keyed) {
  std::stable_sort(keyed->begin(), keyed->end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
}

// Calls visit(key, first, last) for each run of equal keys.
template <typename Keyed, typename Visit>
void EachKey(const Keyed& keyed, Visit visit) {
  for (size_t begin = 0, end = 0; begin < keyed.size(); begin = end) {
    while (end < keyed.size() && keyed[end].first == keyed[begin].first) ++end;
    visit(keyed[begin].first, begin, end);
  }
}

}  // namespace

// A split whose place in the index is not known yet.
struct MatchFiling::NewSplit {
  MatchIndex::Split split;
  std::vector<std::pair<ValueId, Target>> targets;
};

MatchFiling::MatchFiling(MatchIndex* index, std::vector<FieldId> predicate_fields)
    : index_(*index),
      predicate_fields_(std::move(predicate_fields)),
      cost_(*index, predicate_fields_),
      lookups_(index) {}

void MatchFiling::FileAll() {
  Keyed keyed;
  for (BranchId branch = 0; branch < index_.branches.size(); ++branch) {
    FileBranch(branch, &keyed);
  }
  SortByKey(&keyed);
  EachKey(keyed, [&](uint64_t key, size_t begin, size_t end) {
    Items items;
    items.reserve(end - begin);
    for (size_t i = begin; i < end; ++i) items.push_back(keyed[i].second);
    Place(key, Build(std::move(items), 0));
  });
  lookups_.Finish();
  FinishSubSlots();
  index_.buckets.shrink_to_fit();
  index_.splits.shrink_to_fit();
  index_.lists.shrink_to_fit();
  index_.branches.shrink_to_fit();
  index_.branch_tests.shrink_to_fit();
  index_.tests.shrink_to_fit();
  index_.test_values.shrink_to_fit();
  index_.test_predicates.shrink_to_fit();
  index_.values.ShrinkToFit();
}

// --- choosing ------------------------------------------------------------------------------------

void MatchFiling::FileBranch(BranchId id, Keyed* keyed) {
  const MatchIndex::Branch& branch = index_.branches[id];
  const TestId* const tests = index_.branch_tests.data() + branch.begin;
  const uint16_t leading = std::min(branch.count, kLeadingTestsMax);
  uint16_t best = 0;
  double best_cost = std::numeric_limits<double>::infinity();
  for (uint16_t i = 0; i < leading; ++i) {
    const Test& test = index_.tests[tests[i]];
    if (test.accepts_absence) continue;
    const double cost = cost_.Of(test);
    if (cost >= best_cost) continue;
    best = i;
    best_cost = cost;
  }
  const Test& lead = index_.tests[tests[best]];
  const size_t keys = index_.ValuesOf(lead).size() + index_.PredicatesOf(lead).size();
  Item item{id, static_cast<uint32_t>(std::max<size_t>(1, keys)), uint64_t{1} << best};
  if (!lead.accepts_absence) {
    AddKeys(lead, tests[best], item, keyed);
    return;
  }
  // Every test that could lead accepts absence. What leads through the absence of a field, which
  // may be there in another element of an array, is checked for that test too.
  AddKeys(lead, tests[best], item, keyed);
  item.known = 0;
  keyed->emplace_back(KeyOf(Lead::kAbsence, lead.field), item);
}

void MatchFiling::AddKeys(const Test& test, TestId id, const Item& item, Keyed* keyed) {
  if (test.kind == Test::Kind::kRange) {
    keyed->emplace_back(KeyOf(Lead::kRange, id), item);
    return;
  }
  for (const ValueId value : index_.ValuesOf(test)) {
    keyed->emplace_back(KeyOf(Lead::kValue, value), item);
  }
  for (const StoredPredicateId predicate : index_.PredicatesOf(test)) {
    keyed->emplace_back(KeyOf(Lead::kPredicate, predicate), item);
  }
}

void MatchFiling::Place(uint64_t key, Target target) {
  const auto id = static_cast<uint32_t>(key);
  switch (static_cast<Lead>(key >> kLeadShift)) {
    case Lead::kValue:
      index_.values.set_target(id, target);
      index_.fields[index_.values.FieldOf(id)].leads_on = true;
      break;
    case Lead::kPredicate: {
      const std::optional<Predicate>& predicate = index_.predicates[id].predicate;
      const FieldId field = predicate_fields_[id];
      lookups_.AddPredicate(field, id, predicate ? &cost_.LeadingPart(*predicate, field) : nullptr,
                            target);
      break;
    }
    case Lead::kRange: {
      const Test& test = index_.tests[id];
      lookups_.AddRange(test.field, {test.bounds.low, test.bounds.high, target});
      break;
    }
    case Lead::kAbsence:
      index_.fields[id].absent = target;
      index_.fields_if_absent.push_back(id);
      break;
  }
}

// --- buckets -------------------------------------------------------------------------------------

Target MatchFiling::Build(Items items, int depth) {
  if (items.size() <= kListMax || depth == kDepthMax) return Finish(items, {});
  Items rest;
  std::vector<Group> groups = ChooseSplits(items, &rest);
  Items().swap(items);
  std::vector<NewSplit> splits;
  for (Group& group : groups) splits.push_back(Split(std::move(group), depth));
  return Finish(rest, splits);
}

// Fields that tell too few of their items apart are given up, and the items chosen for anew.
std::vector<MatchFiling::Group> MatchFiling::ChooseSplits(const Items& items, Items* rest) const {
  std::vector<FieldId> useless;
  while (true) {
    rest->clear();
    std::vector<Group> groups = GroupByBestTest(items, useless, rest);
    const size_t useless_before = useless.size();
    std::vector<Group> splits;
    for (Group& group : groups) {
      if (group.items.size() <= kListMax) {
        rest->insert(rest->end(), group.items.begin(), group.items.end());
        continue;
      }
      SortByKey(&group.keyed);
      size_t largest = 0;
      EachKey(group.keyed, [&](uint64_t, size_t begin, size_t end) {
        largest = std::max(largest, end - begin);
      });
      const double part = static_cast<double>(largest) / static_cast<double>(group.items.size());
      if (!group.by_range && part > kPartMax) useless.push_back(group.field);
      splits.push_back(std::move(group));
    }
    if (useless.size() == useless_before) return splits;
  }
}

std::vector<MatchFiling::Group> MatchFiling::GroupByBestTest(const Items& items,
                                                             const std::vector<FieldId>& useless,
                                                             Items* rest) const {
  std::map<std::pair<bool, FieldId>, Group> groups;
  for (const Item& item : items) {
    const uint16_t best = BestTest(item, useless);
    if (best == kLeadingTestsMax) {
      rest->push_back(item);
      continue;
    }
    const TestId id = index_.branch_tests[index_.branches[item.branch].begin + best];
    const Test& test = index_.tests[id];
    const bool by_range = test.kind == Test::Kind::kRange;
    Group& group = groups[{by_range, test.field}];
    group.field = test.field;
    group.by_range = by_range;
    group.items.push_back(item);
    Item inner = item;
    inner.known |= uint64_t{1} << best;
    if (by_range) {
      group.keyed.emplace_back(id, inner);
      continue;
    }
    const absl::Span<const ValueId> values = index_.ValuesOf(test);
    inner.copies *= static_cast<uint32_t>(values.size());
    for (const ValueId value : values) group.keyed.emplace_back(value, inner);
  }
  std::vector<Group> list;
  for (auto& [key, group] : groups) list.push_back(std::move(group));
  return list;
}

// kLeadingTestsMax when none of the item's other tests can split.
uint16_t MatchFiling::BestTest(const Item& item, const std::vector<FieldId>& useless) const {
  const MatchIndex::Branch& branch = index_.branches[item.branch];
  uint16_t best = kLeadingTestsMax;
  double best_cost = std::numeric_limits<double>::infinity();
  for (uint16_t i = 0; i < std::min(branch.count, kLeadingTestsMax); ++i) {
    if ((item.known >> i & 1) != 0) continue;
    const Test& test = index_.tests[index_.branch_tests[branch.begin + i]];
    if (test.accepts_absence || test.kind == Test::Kind::kMixed) continue;
    if (test.kind != Test::Kind::kRange) {
      if (uint64_t{item.copies} * index_.ValuesOf(test).size() > kCopiesMax) continue;
      if (std::find(useless.begin(), useless.end(), test.field) != useless.end()) continue;
    }
    const double cost = cost_.Of(test);
    if (cost >= best_cost) continue;
    best = i;
    best_cost = cost;
  }
  return best;
}

MatchFiling::NewSplit MatchFiling::Split(Group group, int depth) {
  NewSplit made;
  made.split.field = group.field;
  Items().swap(group.items);
  std::vector<NumberRange> ranges;
  EachKey(group.keyed, [&](uint64_t key, size_t begin, size_t end) {
    Items items;
    items.reserve(end - begin);
    for (size_t i = begin; i < end; ++i) items.push_back(group.keyed[i].second);
    const Target target = Build(std::move(items), depth + 1);
    if (group.by_range) {
      const Test::Bounds& bounds = index_.tests[key].bounds;
      ranges.push_back({bounds.low, bounds.high, target});
    } else {
      made.targets.emplace_back(static_cast<ValueId>(key), target);
    }
  });
  if (group.by_range) {
    made.split.ranges = static_cast<uint32_t>(index_.range_indexes.size());
    index_.range_indexes.emplace_back(std::move(ranges));
  }
  return made;
}

Target MatchFiling::Finish(const Items& rest, const std::vector<NewSplit>& splits) {
  if (rest.size() == 1 && splits.empty() && IsRuleAlone(rest[0])) {
    return MatchIndex::kIsRule | index_.branches[rest[0].branch].rule;
  }
  MatchIndex::Bucket bucket;
  bucket.list_begin = static_cast<uint32_t>(index_.lists.size());
  for (const Item& item : rest) AppendToList(item);
  bucket.list_end = static_cast<uint32_t>(index_.lists.size());
  bucket.splits_begin = static_cast<uint32_t>(index_.splits.size());
  for (const NewSplit& made : splits) {
    const auto split = static_cast<uint32_t>(index_.splits.size());
    for (const auto& [value, target] : made.targets) sub_targets_.push_back({split, value, target});
    index_.splits.push_back(made.split);
  }
  bucket.splits_end = static_cast<uint32_t>(index_.splits.size());
  index_.buckets.push_back(bucket);
  return static_cast<Target>(index_.buckets.size() - 1);
}

bool MatchFiling::IsLeft(const Item& item, uint16_t test) const {
  return test >= kLeadingTestsMax || (item.known >> test & 1) == 0;
}

bool MatchFiling::IsRuleAlone(const Item& item) const {
  const MatchIndex::Branch& branch = index_.branches[item.branch];
  if (branch.needs_consistency) return false;
  for (uint16_t i = 0; i < branch.count; ++i) {
    if (IsLeft(item, i)) return false;
  }
  return true;
}

// What is left to check of the branch, the cheapest kind of test first.
void MatchFiling::AppendToList(const Item& item) {
  const MatchIndex::Branch& branch = index_.branches[item.branch];
  std::vector<uint32_t>& lists = index_.lists;
  lists.push_back(branch.needs_consistency ? item.branch : MatchIndex::kIsRule | branch.rule);
  const size_t words_at = lists.size();
  lists.push_back(0);
  for (const Test::Kind kind :
       {Test::Kind::kValue, Test::Kind::kRange, Test::Kind::kValues, Test::Kind::kMixed}) {
    for (uint16_t i = 0; i < branch.count; ++i) {
      const TestId id = index_.branch_tests[branch.begin + i];
      if (index_.tests[id].kind == kind && IsLeft(item, i)) AppendTest(id);
    }
  }
  lists[words_at] = static_cast<uint32_t>(lists.size() - words_at - 1);
}

void MatchFiling::AppendTest(TestId id) {
  const Test& test = index_.tests[id];
  const auto append = [&](uint32_t head, const auto& content) {
    index_.lists.push_back(MatchIndex::kIsInline | head);
    const size_t at = index_.lists.size();
    index_.lists.resize(at + sizeof(content) / sizeof(uint32_t));
    std::memcpy(&index_.lists[at], &content, sizeof(content));
  };
  if (test.accepts_absence) {
    index_.lists.push_back(id);
  } else if (test.kind == Test::Kind::kRange) {
    append(MatchIndex::kIsRange | test.field, test.bounds);
  } else if (const uint64_t bits = BitsOf(test); bits != 0) {
    append(test.field, bits);
  } else {
    index_.lists.push_back(id);
  }
}

// The test's values as bits, or 0 where it takes more than those that have one.
uint64_t MatchFiling::BitsOf(const Test& test) const {
  if (test.kind == Test::Kind::kMixed) return 0;
  uint64_t bits = 0;
  for (const ValueId value : index_.ValuesOf(test)) {
    if (index_.values.bit(value) == 0) return 0;
    bits |= index_.values.bit(value);
  }
  return bits;
}

void MatchFiling::FinishSubSlots() {
  if (sub_targets_.empty()) return;
  size_t slots = 4;
  while (slots * 2 < sub_targets_.size() * 3) slots *= 2;
  index_.sub_slots.assign(slots, MatchIndex::SubSlot());
  for (const MatchIndex::SubSlot& sub : sub_targets_) {
    size_t at = MatchIndex::SubHash(sub.split, sub.value) & (slots - 1);
    while (index_.sub_slots[at].target != kNone) at = (at + 1) & (slots - 1);
    index_.sub_slots[at] = sub;
  }
}

}  // namespace turnout::router
