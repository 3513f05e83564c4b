#include "router/match_cost.h"

#include <algorithm>

namespace turnout::router {
namespace {

constexpr double kRangeShare = 0.6;
constexpr double kAnythingButShare = 0.95;
constexpr double kOtherShare = 0.7;
// At best one event in so many passes a field's only value or predicate.
constexpr double kOneInMin = 2;

}  // namespace

MatchCost::MatchCost(const MatchIndex& index, const std::vector<FieldId>& predicate_fields)
    : index_(index),
      predicate_fields_(predicate_fields),
      values_(index.fields.size(), 0),
      predicates_(index.fields.size(), 0) {
  for (ValueId value = 0; value < index.values.size(); ++value) {
    ++values_[index.values.FieldOf(value)];
  }
  for (const FieldId field : predicate_fields) ++predicates_[field];
}

double MatchCost::Of(const MatchIndex::Test& test) const {
  if (test.kind == MatchIndex::Test::Kind::kRange) return kRangeShare;
  double cost = static_cast<double>(index_.ValuesOf(test).size()) /
                std::max<double>(kOneInMin, values_[test.field]);
  for (const StoredPredicateId id : index_.PredicatesOf(test)) cost += Of(id);
  return cost;
}

double MatchCost::Of(StoredPredicateId id) const {
  const std::optional<Predicate>& predicate = index_.predicates[id].predicate;
  if (!predicate) return kAnythingButShare;
  const FieldId field = predicate_fields_[id];
  return Of(LeadingPart(*predicate, field), OneIn(field));
}

double MatchCost::Of(const Predicate& predicate, double one_in) {
  switch (predicate.op) {
    case Predicate::Op::kNumberRange:
      return kRangeShare;
    case Predicate::Op::kPrefix:
    case Predicate::Op::kSuffix:
    case Predicate::Op::kIgnoreCase:
    case Predicate::Op::kPrefixIgnoreCase:
    case Predicate::Op::kSuffixIgnoreCase:
    case Predicate::Op::kWildcard:
    case Predicate::Op::kWildcardIgnoreCase:
    case Predicate::Op::kCidr:
      return 1 / one_in;
    case Predicate::Op::kExists:
      return 1;
    case Predicate::Op::kAnythingBut:
      return kAnythingButShare;
    default:
      return kOtherShare;
  }
}

double MatchCost::OneIn(FieldId field) const {
  return std::max<double>(kOneInMin, predicates_[field]);
}

const Predicate& MatchCost::LeadingPart(const Predicate& predicate, FieldId field) const {
  if (predicate.op != Predicate::Op::kAllOf) return predicate;
  const double one_in = OneIn(field);
  const std::vector<Predicate>& parts = predicate.detail().all_of;
  return *std::min_element(parts.begin(), parts.end(), [&](const Predicate& a, const Predicate& b) {
    return Of(a, one_in) < Of(b, one_in);
  });
}

}  // namespace turnout::router
