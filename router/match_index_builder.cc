#include "router/match_index_builder.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "router/bytes.h"
#include "router/match_filing.h"
#include "router/predicate_key.h"

namespace turnout::router {
namespace {

template <typename Number>
std::string_view BytesOf(const Number& number) {
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

bool IsPoint(const Predicate::Range& range) {
  return range.low == range.high && !range.low_open && !range.high_open;
}

// Where a path's first step ends; fields with different first steps share no array.
std::string_view FirstStep(const FieldRef& field) {
  const std::string_view path = field.path;
  return path.substr(0, path.find('.'));
}

// Two of the branch's fields could lie in one array.
bool NeedsConsistency(const PatternContent& pattern, const std::vector<uint32_t>& branch) {
  std::vector<std::string_view> steps;
  for (const uint32_t test : branch) {
    const FieldRef& field = pattern.tests[test].field;
    if (field.source == FieldRef::Source::kPayload) steps.push_back(FirstStep(field));
  }
  std::sort(steps.begin(), steps.end());
  return std::adjacent_find(steps.begin(), steps.end()) != steps.end();
}

std::string_view Word(Predicate::Op op) {
  return op == Predicate::Op::kNull ? "null" : op == Predicate::Op::kTrue ? "true" : "false";
}

// Values that are excluded by what they are, so that a lookup tells.
bool ExcludesValuesOnly(const Predicate& predicate) {
  if (predicate.op != Predicate::Op::kAnythingBut) return false;
  const std::vector<Predicate>& none_of = predicate.detail().none_of;
  return std::all_of(none_of.begin(), none_of.end(), [](const Predicate& excluded) {
    return excluded.op == Predicate::Op::kText ||
           (excluded.op == Predicate::Op::kNumberRange && IsPoint(excluded.range));
  });
}

// The positions that `from` takes in `to`.
std::pair<uint32_t, uint32_t> Append(const std::vector<uint32_t>& from, std::vector<uint32_t>* to) {
  const auto begin = static_cast<uint32_t>(to->size());
  to->insert(to->end(), from.begin(), from.end());
  return {begin, static_cast<uint32_t>(to->size())};
}

void SortUnique(std::vector<uint32_t>* ids) {
  std::sort(ids->begin(), ids->end());
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
}

}  // namespace

MatchIndexBuilder::MatchIndexBuilder(size_t field_count) { index_->fields.resize(field_count); }

void MatchIndexBuilder::AddPattern(const PatternContent& pattern,
                                   absl::Span<const FieldId> fields) {
  const auto rule = static_cast<uint32_t>(index_->rule_count());
  index_->reads_payload.push_back(pattern.reads_payload);
  index_->reads_data.push_back(pattern.reads_data);
  for (const std::vector<uint32_t>& branch : pattern.branches) {
    const bool needs_consistency = NeedsConsistency(pattern, branch);
    MatchIndex::Branch& added = index_->branches.emplace_back();
    added.rule = rule;
    added.begin = static_cast<uint32_t>(index_->branch_tests.size());
    added.count = static_cast<uint16_t>(branch.size());
    added.needs_consistency = needs_consistency;
    for (const uint32_t test : branch) {
      const FieldTest& from = pattern.tests[test];
      index_->branch_tests.push_back(
          InternTest(from, fields[test], needs_consistency && from.accepts_absence));
    }
  }
}

TestId MatchIndexBuilder::InternTest(const FieldTest& from, FieldId field, bool absence_may_hide) {
  std::vector<ValueId> values;
  std::vector<StoredPredicateId> predicates;
  MatchIndex::Test test;
  test.field = field;
  test.accepts_absence = from.accepts_absence;
  test.absence_may_hide = absence_may_hide;
  const bool is_range = from.predicates.size() == 1 &&
                        from.predicates[0].op == Predicate::Op::kNumberRange &&
                        !IsPoint(from.predicates[0].range);
  NumberRange range;
  if (is_range) {
    range = ClosedRange(from.predicates[0].range);
  } else {
    for (const Predicate& predicate : from.predicates) {
      AddPredicate(predicate, field, &values, &predicates);
    }
  }
  SortUnique(&values);
  SortUnique(&predicates);

  key_.assign(BytesOf(field));
  key_.push_back(static_cast<char>(test.accepts_absence + 2 * absence_may_hide + 4 * is_range));
  key_ += BytesOf(range.low);
  key_ += BytesOf(range.high);
  key_ += BytesOf(values.size());
  for (const ValueId value : values) key_ += BytesOf(value);
  for (const StoredPredicateId predicate : predicates) key_ += BytesOf(predicate);
  const auto [known, added] =
      test_ids_.try_emplace(key_, static_cast<TestId>(index_->tests.size()));
  if (!added) return known->second;

  if (is_range) {
    test.kind = MatchIndex::Test::Kind::kRange;
    test.bounds = {range.low, range.high};
  } else if (predicates.empty() && values.size() == 1) {
    test.kind = MatchIndex::Test::Kind::kValue;
    test.spans.begin = values[0];
  } else {
    if (predicates.empty() && !values.empty()) test.kind = MatchIndex::Test::Kind::kValues;
    std::tie(test.spans.begin, test.spans.end) = Append(values, &index_->test_values);
    std::tie(test.spans.first, test.spans.last) = Append(predicates, &index_->test_predicates);
  }
  index_->tests.push_back(test);
  return known->second;
}

void MatchIndexBuilder::AddPredicate(const Predicate& predicate, FieldId field,
                                     std::vector<ValueId>* values,
                                     std::vector<StoredPredicateId>* predicates) {
  switch (predicate.op) {
    case Predicate::Op::kNull:
    case Predicate::Op::kTrue:
    case Predicate::Op::kFalse:
      values->push_back(AddValue(field, ValueForm::kWord, Word(predicate.op)));
      return;
    case Predicate::Op::kText:
      values->push_back(AddValue(field, ValueForm::kText, predicate.text));
      return;
    case Predicate::Op::kNumberText:
      values->push_back(AddValue(field, ValueForm::kNumberText, predicate.text));
      return;
    case Predicate::Op::kNumberRange:
      if (!IsPoint(predicate.range)) break;
      values->push_back(AddValue(field, ValueForm::kNumber, BytesOf(predicate.range.low)));
      return;
    case Predicate::Op::kIgnoreCase:
      if (!IsAscii(predicate.text)) break;
      values->push_back(
          AddValue(field, ValueForm::kFoldedText, FoldAscii(predicate.text, &folded_)));
      return;
    case Predicate::Op::kWildcard:
      if (predicate.detail().wildcard.star_count() > 0) break;
      values->push_back(AddValue(field, ValueForm::kText, predicate.detail().wildcard.pieces()[0]));
      return;
    case Predicate::Op::kAddress: {
      const IpAddress& address = predicate.detail().cidr.base;
      values->push_back(
          AddValue(field, ValueForm::kAddress,
                   BytesOf(address.bytes).substr(0, static_cast<size_t>(address.size))));
      return;
    }
    default:
      break;
  }
  predicates->push_back(ExcludesValuesOnly(predicate) ? StoreAnythingBut(predicate, field)
                                                      : Store(predicate, field));
}

ValueId MatchIndexBuilder::AddValue(FieldId field, ValueForm form, std::string_view bytes) {
  MatchIndex::FieldPlan& plan = index_->fields[field];
  plan.forms = static_cast<uint8_t>(plan.forms | 1u << static_cast<int>(form));
  return index_->values.Add(field, form, bytes);
}

StoredPredicateId MatchIndexBuilder::Store(const Predicate& predicate, FieldId field) {
  std::string key(BytesOf(field));
  AppendPredicateKey(predicate, &key);
  const auto [known, added] = predicate_ids_.try_emplace(
      std::move(key), static_cast<StoredPredicateId>(index_->predicates.size()));
  if (added) {
    index_->predicates.push_back({predicate.Clone(), 0, 0});
    predicate_fields_.push_back(field);
  }
  return known->second;
}

StoredPredicateId MatchIndexBuilder::StoreAnythingBut(const Predicate& predicate, FieldId field) {
  std::vector<ValueId> values;
  for (const Predicate& excluded : predicate.detail().none_of) {
    AddPredicate(excluded, field, &values, nullptr);
  }
  SortUnique(&values);
  std::string key(BytesOf(field));
  key.push_back(static_cast<char>(Predicate::Op::kAnythingBut));
  key += "values";
  for (const ValueId value : values) key += BytesOf(value);
  const auto [known, added] = predicate_ids_.try_emplace(
      std::move(key), static_cast<StoredPredicateId>(index_->predicates.size()));
  if (added) {
    const auto [begin, end] = Append(values, &index_->test_values);
    index_->predicates.push_back({std::nullopt, begin, end});
    predicate_fields_.push_back(field);
  }
  return known->second;
}

std::unique_ptr<const MatchIndex> MatchIndexBuilder::Finish() {
  test_ids_.clear();
  predicate_ids_.clear();
  MatchFiling(index_.get(), std::move(predicate_fields_)).FileAll();
  return std::move(index_);
}

}  // namespace turnout::router
