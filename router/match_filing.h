// MatchFiling: decides under which of its tests each branch of a MatchIndex is filed.
//
// The choice is by estimate (MatchCost). Branches meet in the bucket of the value, range or
// predicate they are filed under. A bucket of more than a few branches is split by the best of
// their other tests, so that an event meets only branches that agree with it in both; and so on. A
// split that would tell few branches apart is not made.
//
// A branch may be filed under several values at every level; the number of its copies is bounded.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "router/lookup_builder.h"
#include "router/match_cost.h"
#include "router/match_index.h"

namespace turnout::router {

class MatchFiling {
 public:
  // Takes values, predicates, tests and branches from `index` and makes the rest of it.
  // `predicate_fields` are the fields of index->predicates.
  MatchFiling(MatchIndex* index, std::vector<FieldId> predicate_fields);

  void FileAll();

 private:
  // A branch on its way into a bucket.
  struct Item {
    BranchId branch = 0;
    uint32_t copies = 1;  // buckets of this level that hold the branch, at most
    uint64_t known = 0;   // bit n: its n-th test is known to hold there
  };
  using Items = std::vector<Item>;
  // Items by what leads to them, as a number to sort by.
  using Keyed = std::vector<std::pair<uint64_t, Item>>;
  // Items of one bucket that one field is to split.
  struct Group {
    FieldId field = 0;
    bool by_range = false;
    Keyed keyed;  // by value, or by the test that is a range
    Items items;  // as they were before
  };
  struct NewSplit;

  void FileBranch(BranchId branch, Keyed* keyed);
  void AddKeys(const MatchIndex::Test& test, TestId id, const Item& item, Keyed* keyed);
  void Place(uint64_t key, Target target);
  Target Build(Items items, int depth);
  std::vector<Group> ChooseSplits(const Items& items, Items* rest) const;
  std::vector<Group> GroupByBestTest(const Items& items, const std::vector<FieldId>& useless,
                                     Items* rest) const;
  uint16_t BestTest(const Item& item, const std::vector<FieldId>& useless) const;
  NewSplit Split(Group group, int depth);
  Target Finish(const Items& rest, const std::vector<NewSplit>& splits);
  bool IsLeft(const Item& item, uint16_t test) const;
  bool IsRuleAlone(const Item& item) const;
  void AppendToList(const Item& item);
  void AppendTest(TestId test);
  uint64_t BitsOf(const MatchIndex::Test& test) const;

  void FinishSubSlots();

  MatchIndex& index_;
  const std::vector<FieldId> predicate_fields_;
  const MatchCost cost_;
  LookupBuilder lookups_;
  std::vector<MatchIndex::SubSlot> sub_targets_;
};

}  // namespace turnout::router
