// MatchSearch: follows a MatchIndex for one event at a time.
//
// Run looks the event's leaves up field by field, visits the buckets they lead to, checks what is
// left of each branch there, and answers the rules of the branches that hold.
//
// Errors: ResourceExhausted when the event's arrays allow more combinations than a pattern may try;
//   only rules that don't look into the payload are answered then.
// Threads: one object a thread; it keeps its memory from event to event.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "router/array_consistency.h"
#include "router/gathered_event.h"
#include "router/match_index.h"
#include "router/rule_bits.h"
#include "router/value.h"

namespace turnout::router {

class MatchSearch {
 public:
  explicit MatchSearch(const MatchIndex& index);

  // Sets `matches` to the rules that match, ascending. Those that look into what could not be read
  // don't. `event_bytes` is the length of the event's text.
  absl::Status Run(GatheredEvent* event, size_t event_bytes, Reading reading,
                   std::vector<uint32_t>* matches);

 private:
  // What a leaf is to the index; worked out when first asked for.
  struct LeafFacts {
    static constexpr size_t kValuesMax = 3;  // a text, its folded form, its address

    ValueId values[kValuesMax] = {kNoValue, kNoValue, kNoValue};
    uint64_t bits = 0;  // of the values that have one
    uint8_t value_count = 0;
    bool values_known = false;
    bool number_known = false;
    bool exact = false;  // the number is known to be exactly `number`
    double number = 0;   // the nearest double, or NaN

    void Clear() {
      value_count = 0;
      bits = 0;
    }
  };

  LeafFacts& ValuesOf(LeafIndex leaf);
  double NumberOf(LeafIndex leaf);
  bool IsExact(LeafIndex leaf);
  void FindValues(LeafIndex index, LeafFacts* facts);
  void FindTextValues(const Leaf& leaf, const MatchIndex::FieldPlan& plan, FieldId field,
                      LeafFacts* facts);
  void AddValue(FieldId field, ValueForm form, std::string_view bytes, LeafFacts* facts);
  Value ValueOf(LeafIndex leaf);

  // The rules that look into that part of an event; null: none.
  const std::vector<bool>* ReadersOf(EventPart part) const;
  void VisitField(FieldId field);
  void VisitLeaf(LeafIndex leaf, const MatchIndex::FieldPlan& plan);
  void VisitTexts(LeafIndex leaf, const MatchIndex::FieldPlan& plan);
  void VisitFiled(uint32_t filed, LeafIndex leaf);
  void Visit(Target target);
  void VisitOnce(Target target, bool once);
  void VisitBucket(uint32_t bucket);
  void VisitSplit(uint32_t split);
  void VisitList(const MatchIndex::Bucket& bucket);
  void VisitRanges(const RangeIndex& ranges, LeafIndex leaf, bool once);

  bool Holds(TestId test);
  bool HoldsOfAny(const MatchIndex::Test& test, TestId id);
  bool HoldsOf(const MatchIndex::Test& test, LeafIndex leaf);
  bool IsWithin(LeafIndex leaf, double low, double high);
  bool IsAmong(LeafIndex leaf, uint32_t begin, uint32_t end);
  bool Satisfies(StoredPredicateId id, LeafIndex leaf);
  // `head` and what follows it stand in a list.
  bool HoldsRange(uint32_t head, const uint32_t* bounds);
  bool HoldsBits(uint32_t head, const uint32_t* bits);
  void AcceptRule(uint32_t rule);
  void AcceptBranch(BranchId branch);
  bool IsConsistent(const MatchIndex::Branch& branch);

  const MatchIndex& index_;
  GatheredEvent* event_ = nullptr;
  size_t event_bytes_ = 0;
  const std::vector<bool>* unanswered_ = nullptr;  // rules; null: all are answered
  bool gave_up_ = false;
  uint64_t event_number_ = 0;

  std::vector<LeafFacts> facts_;         // by LeafIndex
  std::vector<uint64_t> bucket_events_;  // by bucket: the event that visited it last
  std::vector<uint64_t> test_answers_;   // by TestId: the event asked last, and in bit 0 its answer
  RuleBits rules_;
  GramIndex::Seen seen_grams_;
  std::string folded_value_;  // of the value at hand
  std::string folded_text_;   // of the leaf whose field is being visited

  std::vector<LeafIndex> consistency_leaves_;
  std::vector<ArrayConsistency::Field> consistency_fields_;
  ArrayConsistency consistency_;
};

}  // namespace turnout::router
