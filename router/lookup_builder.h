// LookupBuilder: what a MatchIndex's fields are looked up in, beside values.
//
// Takes what branches are filed under one by one, each with where it leads, and builds an index of
// each kind for each field at the end.
//
// Threads: one.
#pragma once

#include <memory>
#include <vector>

#include "router/match_index.h"

namespace turnout::router {

class LookupBuilder {
 public:
  explicit LookupBuilder(MatchIndex* index);
  ~LookupBuilder();

  void AddRange(FieldId field, const NumberRange& range);

  // `lead` is the predicate `id`, or the part of it that is to lead on; null where the predicate is
  // only values that are excluded.
  void AddPredicate(FieldId field, StoredPredicateId id, const Predicate* lead, Target target);

  // Sets the fields' plans.
  void Finish();

 private:
  struct FieldLookups;

  FieldLookups& LookupsOf(FieldId field);

  MatchIndex& index_;
  std::vector<std::unique_ptr<FieldLookups>> lookups_;  // by FieldId
};

}  // namespace turnout::router
