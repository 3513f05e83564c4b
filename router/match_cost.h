// MatchCost: estimates of how many events pass a test.
//
// A test that names one of n values that patterns name for its field is taken to let one event in n
// pass, a range more than half of them, `anything-but` nearly all. Rules say nothing of how often
// values occur; what patterns tell apart is the best guess there is.
//
// Units: shares of events, 0 to 1 for one value or predicate; their sum for a test.
// Threads: immutable once built.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "router/match_index.h"

namespace turnout::router {

class MatchCost {
 public:
  // `predicate_fields` are the fields of index.predicates; both outlive this.
  MatchCost(const MatchIndex& index, const std::vector<FieldId>& predicate_fields);

  double Of(const MatchIndex::Test& test) const;

  // The predicate itself, or of several conditions the one that fewest values should meet.
  const Predicate& LeadingPart(const Predicate& predicate, FieldId field) const;

 private:
  double Of(StoredPredicateId predicate) const;
  static double Of(const Predicate& predicate, double one_in);
  double OneIn(FieldId field) const;

  const MatchIndex& index_;
  const std::vector<FieldId>& predicate_fields_;
  std::vector<uint32_t> values_;      // how many, by FieldId
  std::vector<uint32_t> predicates_;  // how many, by FieldId
};

}  // namespace turnout::router
