// MatchIndex: a rule set's patterns, arranged so that an event leads to those it could match.
//
// A pattern is a set of branches (conjunctions) of tests, each on one field. Every branch is filed
// under the one of its tests that the fewest events should pass: under each value, range, prefix,
// ... that the test takes. So an event's leaves, looked up field by field, lead to buckets of
// branches of which one test is known to hold. A bucket that would be long is split again by
// another test of its branches, and so on; a short one is a list, whose branches are checked test
// by test. router/README.md draws it.
//
// This is the data: flat arrays that refer to each other by position. MatchIndexBuilder fills it,
// MatchSearch follows it.
//
// Threads: immutable once built; shared.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "router/affix_index.h"
#include "router/bytes.h"
#include "router/cidr_index.h"
#include "router/field_trie.h"
#include "router/gram_index.h"
#include "router/predicate.h"
#include "router/range_index.h"
#include "router/value_table.h"

namespace turnout::router {

using TestId = uint32_t;
using BranchId = uint32_t;
using StoredPredicateId = uint32_t;
// What a lookup leads to: a bucket, or with kIsRule a rule that has nothing left to check.
using Target = uint32_t;

struct MatchIndex {
  // Stands for "none" wherever a position is kept.
  static constexpr uint32_t kNone = UINT32_MAX;
  // Set in a Target, and in a list's entry, where a rule's number stands and not a bucket's or a
  // branch's.
  static constexpr uint32_t kIsRule = uint32_t{1} << 31;
  // Set in a list where not a TestId stands but a field, and behind it what the field must hold, at
  // hand without a look at the test: with kIsRange the two bounds of a number's range (ranges are
  // seldom shared), else the values as bits.
  static constexpr uint32_t kIsInline = uint32_t{1} << 31;
  static constexpr uint32_t kIsRange = uint32_t{1} << 30;
  static constexpr size_t kRangeWords = 2 * sizeof(double) / sizeof(uint32_t);
  static constexpr size_t kBitsWords = sizeof(uint64_t) / sizeof(uint32_t);

  // One field's list of what it may be; equal ones are one test.
  struct Test {
    enum class Kind : uint8_t {
      kValue,   // the value spans.begin
      kValues,  // one of the values [begin, end) of test_values, ascending
      kRange,   // a number within `bounds`
      kMixed,   // one of the values, or one of the predicates [first, last) of test_predicates
    };
    struct Spans {
      uint32_t begin = 0;
      uint32_t end = 0;
      uint32_t first = 0;
      uint32_t last = 0;
    };
    struct Bounds {
      double low;
      double high;
    };

    FieldId field = 0;
    Kind kind = Kind::kMixed;
    bool accepts_absence = false;
    // Its field may be absent in one element of an array and found in another one.
    bool absence_may_hide = false;
    union {
      Spans spans{};
      Bounds bounds;  // kRange
    };
  };

  // A predicate that is more than a value or a range.
  struct StoredPredicate {
    std::optional<Predicate> predicate;
    // Without a predicate: any value but those [begin, end) of test_values, ascending.
    uint32_t begin = 0;
    uint32_t end = 0;
  };

  // A conjunction. Its tests are [begin, begin + count) of branch_tests, ordered by path.
  struct Branch {
    uint32_t rule = 0;
    uint32_t begin = 0;
    uint16_t count = 0;
    // Two of its fields could lie in one array, where they must agree on an element.
    bool needs_consistency = false;
  };

  // Branches of which some tests are known to hold: a list in `lists`, and splits.
  struct Bucket {
    uint32_t list_begin = 0;
    uint32_t list_end = 0;
    uint32_t splits_begin = 0;
    uint32_t splits_end = 0;
  };

  // Part of a bucket, by what one field holds. With `ranges`, a position in range_indexes, numbers
  // lead on; else a value does, through sub_slots.
  struct Split {
    FieldId field = 0;
    uint32_t ranges = kNone;
  };

  // Open addressing: what a value leads to in a split.
  struct SubSlot {
    uint32_t split = kNone;
    ValueId value = kNoValue;
    Target target = kNone;
  };

  // A predicate that branches are filed under. `check` is to be held against the value, if any.
  struct Filed {
    Target target = kNone;
    StoredPredicateId check = kNone;
  };

  // What one field's leaves are looked up in. Positions in the vectors below, or kNone; the indexes
  // answer positions in `filed`, but ranges answer targets.
  struct FieldPlan {
    uint8_t forms = 0;         // bit n: some pattern names values of ValueForm n
    bool leads_on = false;     // some branch is filed under it
    bool has_indexes = false;  // there is more to look up than values
    uint32_t ranges = kNone;
    uint32_t prefixes = kNone;
    uint32_t suffixes = kNone;
    uint32_t folded_prefixes = kNone;
    uint32_t folded_suffixes = kNone;
    uint32_t grams = kNone;
    uint32_t folded_grams = kNone;
    uint32_t cidrs = kNone;
    uint32_t others_begin = 0;  // of `filed`: looked at one by one
    uint32_t others_end = 0;
    Target absent = kNone;  // what the field's absence leads to

    bool Takes(ValueForm form) const { return (forms >> static_cast<int>(form) & 1) != 0; }
    bool folds() const {
      return Takes(ValueForm::kFoldedText) || folded_prefixes != kNone ||
             folded_suffixes != kNone || folded_grams != kNone;
    }
  };

  std::vector<FieldPlan> fields;          // by FieldId
  std::vector<FieldId> fields_if_absent;  // those with FieldPlan::absent
  ValueTable values;                      // their targets are Target, or kNone
  std::vector<Filed> filed;
  std::vector<RangeIndex> range_indexes;
  std::vector<AffixIndex> affix_indexes;
  std::vector<GramIndex> gram_indexes;
  std::vector<CidrIndex> cidr_indexes;

  std::vector<Bucket> buckets;
  std::vector<Split> splits;
  std::vector<SubSlot> sub_slots;  // a power of two, at most two thirds full; may be empty
  // A bucket's list: for each branch its rule (or itself, where elements of arrays must agree), how
  // many words follow, and as those the tests that are left to check.
  std::vector<uint32_t> lists;

  std::vector<Branch> branches;
  std::vector<TestId> branch_tests;
  std::vector<Test> tests;
  std::vector<ValueId> test_values;
  std::vector<StoredPredicateId> test_predicates;
  std::vector<StoredPredicate> predicates;
  std::vector<bool> reads_payload;  // by rule
  std::vector<bool> reads_data;

  size_t rule_count() const { return reads_payload.size(); }

  // What the test names; views the test where it names one value.
  absl::Span<const ValueId> ValuesOf(const Test& test) const {
    if (test.kind == Test::Kind::kValue) return absl::MakeConstSpan(&test.spans.begin, 1);
    if (test.kind == Test::Kind::kRange) return {};
    return absl::MakeConstSpan(test_values.data() + test.spans.begin,
                               test.spans.end - test.spans.begin);
  }
  absl::Span<const StoredPredicateId> PredicatesOf(const Test& test) const {
    if (test.kind != Test::Kind::kMixed) return {};
    return absl::MakeConstSpan(test_predicates.data() + test.spans.first,
                               test.spans.last - test.spans.first);
  }

  Target SubTarget(uint32_t split, ValueId value) const {
    const size_t mask = sub_slots.size() - 1;
    for (size_t at = SubHash(split, value) & mask;; at = (at + 1) & mask) {
      const SubSlot& slot = sub_slots[at];
      if (slot.target == kNone || (slot.split == split && slot.value == value)) return slot.target;
    }
  }

  static uint64_t SubHash(uint32_t split, ValueId value) {
    return MixWords((uint64_t{split} << 32) | value, 0);
  }
};

}  // namespace turnout::router
