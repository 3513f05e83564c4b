// MatchIndexBuilder: turns compiled patterns into a MatchIndex.
//
// AddPattern takes patterns apart into interned values, predicates, tests, branches; Finish files
// every branch and builds the lookups. Nothing of the patterns is needed afterwards.
//
// Cost: some microseconds a rule; see router/README.md.
// Threads: one.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "router/match_index.h"
#include "router/pattern_content.h"

namespace turnout::router {

class MatchIndexBuilder {
 public:
  // `field_count` fields in all, payload's and record's.
  explicit MatchIndexBuilder(size_t field_count);

  // `fields` are the tests' fields, by test of the pattern. Patterns are numbered in order.
  void AddPattern(const PatternContent& pattern, absl::Span<const FieldId> fields);

  std::unique_ptr<const MatchIndex> Finish();

 private:
  // A test taken apart; what identifies it is its text.
  TestId InternTest(const FieldTest& test, FieldId field, bool absence_may_hide);
  void AddPredicate(const Predicate& predicate, FieldId field, std::vector<ValueId>* values,
                    std::vector<StoredPredicateId>* predicates);
  ValueId AddValue(FieldId field, ValueForm form, std::string_view bytes);
  StoredPredicateId Store(const Predicate& predicate, FieldId field);
  StoredPredicateId StoreAnythingBut(const Predicate& predicate, FieldId field);

  std::unique_ptr<MatchIndex> index_ = std::make_unique<MatchIndex>();
  absl::flat_hash_map<std::string, TestId> test_ids_;
  absl::flat_hash_map<std::string, StoredPredicateId> predicate_ids_;
  std::vector<FieldId> predicate_fields_;  // by StoredPredicateId
  std::string key_;
  std::string folded_;
};

}  // namespace turnout::router
