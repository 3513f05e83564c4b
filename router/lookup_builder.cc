#include "router/lookup_builder.h"

#include <string>
#include <string_view>
#include <utility>

#include "router/bytes.h"
#include "router/predicate_key.h"

namespace turnout::router {
namespace {

constexpr uint32_t kNone = MatchIndex::kNone;

std::string Folded(std::string_view text) {
  std::string folded;
  FoldAscii(text, &folded);
  return folded;
}

std::vector<std::string> FoldedPieces(const Wildcard& wildcard) {
  std::vector<std::string> pieces;
  for (const std::string& piece : wildcard.pieces()) pieces.push_back(Folded(piece));
  return pieces;
}

}  // namespace

struct LookupBuilder::FieldLookups {
  std::vector<NumberRange> ranges;
  std::vector<AffixIndex::Affix> prefixes;
  std::vector<AffixIndex::Affix> suffixes;
  std::vector<AffixIndex::Affix> folded_prefixes;
  std::vector<AffixIndex::Affix> folded_suffixes;
  std::vector<GramIndex::Filed> grams;
  std::vector<GramIndex::Filed> folded_grams;
  std::vector<CidrIndex::Block> cidrs;
  std::vector<MatchIndex::Filed> others;
};

LookupBuilder::LookupBuilder(MatchIndex* index) : index_(*index) {
  lookups_.resize(index_.fields.size());
}

LookupBuilder::~LookupBuilder() = default;

LookupBuilder::FieldLookups& LookupBuilder::LookupsOf(FieldId field) {
  if (lookups_[field] == nullptr) lookups_[field] = std::make_unique<FieldLookups>();
  return *lookups_[field];
}

void LookupBuilder::AddRange(FieldId field, const NumberRange& range) {
  LookupsOf(field).ranges.push_back(range);
}

void LookupBuilder::AddPredicate(FieldId field, StoredPredicateId id, const Predicate* lead,
                                 Target target) {
  FieldLookups& lookups = LookupsOf(field);
  if (lead == nullptr) {
    lookups.others.push_back({target, id});
    return;
  }
  // What the lookup answers for may be only part of what there is to check.
  const StoredPredicateId check = lead == &*index_.predicates[id].predicate ? kNone : id;
  const auto file = [&](StoredPredicateId checked) {
    index_.filed.push_back({target, checked});
    return static_cast<uint32_t>(index_.filed.size() - 1);
  };
  switch (lead->op) {
    case Predicate::Op::kNumberRange: {
      if (check != kNone) break;
      NumberRange range = ClosedRange(lead->range);
      range.target = target;
      lookups.ranges.push_back(range);
      return;
    }
    case Predicate::Op::kPrefix:
      lookups.prefixes.push_back({lead->text, file(check)});
      return;
    case Predicate::Op::kSuffix:
      lookups.suffixes.push_back({lead->text, file(check)});
      return;
    case Predicate::Op::kPrefixIgnoreCase:
      if (!IsAscii(lead->text)) break;
      lookups.folded_prefixes.push_back({Folded(lead->text), file(check)});
      return;
    case Predicate::Op::kSuffixIgnoreCase:
      if (!IsAscii(lead->text)) break;
      lookups.folded_suffixes.push_back({Folded(lead->text), file(check)});
      return;
    case Predicate::Op::kWildcard:
      lookups.grams.push_back({lead->detail().wildcard.pieces(), file(id)});
      return;
    case Predicate::Op::kWildcardIgnoreCase:
      if (!IsAscii(lead->text)) break;
      lookups.folded_grams.push_back({FoldedPieces(lead->detail().wildcard), file(id)});
      return;
    case Predicate::Op::kCidr:
      lookups.cidrs.push_back({lead->detail().cidr, file(check)});
      return;
    case Predicate::Op::kExists:
      lookups.others.push_back({target, check});
      return;
    default:
      break;
  }
  lookups.others.push_back({target, id});
}

void LookupBuilder::Finish() {
  const auto add = [](auto* indexes, auto&&... arguments) {
    indexes->emplace_back(std::forward<decltype(arguments)>(arguments)...);
    return static_cast<uint32_t>(indexes->size() - 1);
  };
  const auto add_affixes = [&](AffixIndex::End end, std::vector<AffixIndex::Affix>* affixes) {
    return affixes->empty() ? kNone : add(&index_.affix_indexes, end, std::move(*affixes));
  };
  for (FieldId field = 0; field < lookups_.size(); ++field) {
    if (lookups_[field] == nullptr) continue;
    FieldLookups& lookups = *lookups_[field];
    MatchIndex::FieldPlan& plan = index_.fields[field];
    plan.leads_on = true;
    plan.has_indexes = true;
    if (!lookups.ranges.empty()) {
      plan.ranges = add(&index_.range_indexes, std::move(lookups.ranges));
    }
    plan.prefixes = add_affixes(AffixIndex::End::kPrefix, &lookups.prefixes);
    plan.suffixes = add_affixes(AffixIndex::End::kSuffix, &lookups.suffixes);
    plan.folded_prefixes = add_affixes(AffixIndex::End::kPrefix, &lookups.folded_prefixes);
    plan.folded_suffixes = add_affixes(AffixIndex::End::kSuffix, &lookups.folded_suffixes);
    if (!lookups.grams.empty()) plan.grams = add(&index_.gram_indexes, lookups.grams);
    if (!lookups.folded_grams.empty()) {
      plan.folded_grams = add(&index_.gram_indexes, lookups.folded_grams);
    }
    if (!lookups.cidrs.empty()) plan.cidrs = add(&index_.cidr_indexes, std::move(lookups.cidrs));
    plan.others_begin = static_cast<uint32_t>(index_.filed.size());
    index_.filed.insert(index_.filed.end(), lookups.others.begin(), lookups.others.end());
    plan.others_end = static_cast<uint32_t>(index_.filed.size());
  }
}

}  // namespace turnout::router
