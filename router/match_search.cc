#include "router/match_search.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "router/predicate.h"
#include "router/predicate_key.h"

namespace turnout::router {
namespace {

constexpr uint32_t kNone = MatchIndex::kNone;
using Test = MatchIndex::Test;

template <typename Number>
std::string_view BytesOf(const Number& number) {
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

}  // namespace

MatchSearch::MatchSearch(const MatchIndex& index) : index_(index) {
  bucket_events_.resize(index.buckets.size(), 0);
  test_answers_.resize(index.tests.size(), 0);
  rules_.Resize(index.rule_count());
}

absl::Status MatchSearch::Run(GatheredEvent* event, size_t event_bytes, Reading reading,
                              std::vector<uint32_t>* matches) {
  event_ = event;
  event_bytes_ = event_bytes;
  unanswered_ = ReadersOf(reading.missing);
  gave_up_ = false;
  ++event_number_;
  facts_.assign(event->leaves.size(), LeafFacts());
  for (const FieldId field : event->touched) {
    if (index_.fields[field].leads_on) VisitField(field);
  }
  for (const FieldId field : index_.fields_if_absent) {
    // In an array's element a field may be absent that is found in another one.
    if (event->found[field].count == 0 || event->has_scopes()) {
      Visit(index_.fields[field].absent);
    }
  }
  matches->clear();
  rules_.MoveTo(matches);
  if (!gave_up_) return absl::OkStatus();
  // It is no answer to know some of the rules only.
  const std::vector<bool>& readers = *ReadersOf(reading.payload);
  matches->erase(std::remove_if(matches->begin(), matches->end(),
                                [&](uint32_t rule) { return readers[rule]; }),
                 matches->end());
  return absl::ResourceExhaustedError(
      "the event's arrays allow more combinations of elements than are tried for a rule");
}

const std::vector<bool>* MatchSearch::ReadersOf(EventPart part) const {
  switch (part) {
    case EventPart::kNone:
      return nullptr;
    case EventPart::kData:
      return &index_.reads_data;
    case EventPart::kPayload:
      return &index_.reads_payload;
  }
  return nullptr;
}

// --- from leaves to buckets ----------------------------------------------------------------------

void MatchSearch::VisitField(FieldId field) {
  const MatchIndex::FieldPlan& plan = index_.fields[field];
  for (LeafIndex leaf = event_->found[field].first; leaf != kNoLeaf;
       leaf = event_->leaves[leaf].next) {
    VisitLeaf(leaf, plan);
  }
}

void MatchSearch::VisitLeaf(LeafIndex leaf, const MatchIndex::FieldPlan& plan) {
  const bool many = event_->found[event_->leaves[leaf].field].count > 1;
  if (plan.forms != 0) {
    const LeafFacts& facts = ValuesOf(leaf);
    for (size_t i = 0; i < facts.value_count; ++i) {
      VisitOnce(index_.values.target(facts.values[i]), many);
    }
  }
  if (!plan.has_indexes) return;
  if (plan.ranges != kNone && event_->leaves[leaf].kind == ValueKind::kNumber) {
    VisitRanges(index_.range_indexes[plan.ranges], leaf, many);
  }
  for (uint32_t other = plan.others_begin; other < plan.others_end; ++other) {
    VisitFiled(other, leaf);
  }
  if (event_->leaves[leaf].kind == ValueKind::kString) VisitTexts(leaf, plan);
}

void MatchSearch::VisitTexts(LeafIndex leaf, const MatchIndex::FieldPlan& plan) {
  const std::string_view text = event_->Decoded(leaf, event_bytes_).text;
  const auto visit = [&](uint32_t filed) { VisitFiled(filed, leaf); };
  if (plan.prefixes != kNone) index_.affix_indexes[plan.prefixes].Find(text, visit);
  if (plan.suffixes != kNone) index_.affix_indexes[plan.suffixes].Find(text, visit);
  if (plan.grams != kNone) index_.gram_indexes[plan.grams].Find(text, &seen_grams_, visit);
  if (plan.cidrs != kNone) {
    if (const std::optional<IpAddress> address = ParseIpAddress(text)) {
      index_.cidr_indexes[plan.cidrs].Find(*address, visit);
    }
  }
  if (!plan.folds()) return;
  const std::string_view folded = FoldAscii(text, &folded_text_);
  if (plan.folded_prefixes != kNone) index_.affix_indexes[plan.folded_prefixes].Find(folded, visit);
  if (plan.folded_suffixes != kNone) index_.affix_indexes[plan.folded_suffixes].Find(folded, visit);
  if (plan.folded_grams != kNone) {
    index_.gram_indexes[plan.folded_grams].Find(folded, &seen_grams_, visit);
  }
}

void MatchSearch::VisitFiled(uint32_t filed, LeafIndex leaf) {
  const MatchIndex::Filed& entry = index_.filed[filed];
  const bool many = event_->found[event_->leaves[leaf].field].count > 1;
  if (entry.check == kNone || Satisfies(entry.check, leaf)) VisitOnce(entry.target, many);
}

// Several leaves of one field may lead to the same bucket.
void MatchSearch::VisitOnce(Target target, bool once) {
  if (target == kNone) return;
  if (once && (target & MatchIndex::kIsRule) == 0) {
    if (bucket_events_[target] == event_number_) return;
    bucket_events_[target] = event_number_;
  }
  Visit(target);
}

void MatchSearch::Visit(Target target) {
  if ((target & MatchIndex::kIsRule) != 0) {
    AcceptRule(target & ~MatchIndex::kIsRule);
  } else {
    VisitBucket(target);
  }
}

void MatchSearch::VisitBucket(uint32_t bucket) {
  const MatchIndex::Bucket& visited = index_.buckets[bucket];
  VisitList(visited);
  for (uint32_t split = visited.splits_begin; split < visited.splits_end; ++split) {
    VisitSplit(split);
  }
}

void MatchSearch::VisitSplit(uint32_t split) {
  const MatchIndex::Split& by = index_.splits[split];
  const FieldLeaves& leaves = event_->found[by.field];
  const bool many = leaves.count > 1;
  for (LeafIndex leaf = leaves.first; leaf != kNoLeaf; leaf = event_->leaves[leaf].next) {
    if (by.ranges != kNone) {
      if (event_->leaves[leaf].kind != ValueKind::kNumber) continue;
      VisitRanges(index_.range_indexes[by.ranges], leaf, many);
      continue;
    }
    const LeafFacts& facts = ValuesOf(leaf);
    for (size_t i = 0; i < facts.value_count; ++i) {
      VisitOnce(index_.SubTarget(split, facts.values[i]), many);
    }
  }
}

void MatchSearch::VisitList(const MatchIndex::Bucket& bucket) {
  const uint32_t* at = index_.lists.data() + bucket.list_begin;
  const uint32_t* const end = index_.lists.data() + bucket.list_end;
  while (at < end) {
    const uint32_t entry = at[0];
    const uint32_t* test = at + 2;
    at = test + at[1];
    bool holds = true;
    while (test < at && holds) {
      const uint32_t head = *test++;
      if ((head & MatchIndex::kIsInline) == 0) {
        holds = Holds(head);
      } else if ((head & MatchIndex::kIsRange) != 0) {
        holds = HoldsRange(head, test);
        test += MatchIndex::kRangeWords;
      } else {
        holds = HoldsBits(head, test);
        test += MatchIndex::kBitsWords;
      }
    }
    if (!holds) continue;
    if ((entry & MatchIndex::kIsRule) != 0) {
      AcceptRule(entry & ~MatchIndex::kIsRule);
    } else {
      AcceptBranch(entry);
    }
  }
}

void MatchSearch::VisitRanges(const RangeIndex& ranges, LeafIndex leaf, bool once) {
  const double number = NumberOf(leaf);
  if (std::isnan(number)) return;
  ranges.Find(number, [&](Target target) {
    if (IsExact(leaf)) VisitOnce(target, once);
  });
}

// --- what a leaf is ------------------------------------------------------------------------------

MatchSearch::LeafFacts& MatchSearch::ValuesOf(LeafIndex leaf) {
  LeafFacts& facts = facts_[leaf];
  if (!facts.values_known) FindValues(leaf, &facts);
  return facts;
}

void MatchSearch::FindValues(LeafIndex index, LeafFacts* facts) {
  facts->values_known = true;
  const FieldId field = event_->leaves[index].field;
  const MatchIndex::FieldPlan& plan = index_.fields[field];
  switch (event_->leaves[index].kind) {
    case ValueKind::kString:
      FindTextValues(event_->Decoded(index, event_bytes_), plan, field, facts);
      break;
    case ValueKind::kNumber:
      if (plan.Takes(ValueForm::kNumber)) {
        AddValue(field, ValueForm::kNumber, BytesOf(NumberOf(index)), facts);
        if (facts->value_count > 0 && !IsExact(index)) facts->Clear();
      }
      if (plan.Takes(ValueForm::kNumberText) && facts->value_count == 0) {
        AddValue(field, ValueForm::kNumberText, event_->leaves[index].text, facts);
      }
      break;
    case ValueKind::kTrue:
    case ValueKind::kFalse:
    case ValueKind::kNull:
      if (plan.Takes(ValueForm::kWord)) {
        AddValue(field, ValueForm::kWord, event_->leaves[index].text, facts);
      }
      break;
  }
}

void MatchSearch::FindTextValues(const Leaf& leaf, const MatchIndex::FieldPlan& plan, FieldId field,
                                 LeafFacts* facts) {
  if (plan.Takes(ValueForm::kText)) AddValue(field, ValueForm::kText, leaf.text, facts);
  if (plan.Takes(ValueForm::kFoldedText)) {
    AddValue(field, ValueForm::kFoldedText, FoldAscii(leaf.text, &folded_value_), facts);
  }
  if (plan.Takes(ValueForm::kAddress)) {
    if (const std::optional<IpAddress> address = ParseIpAddress(leaf.text)) {
      AddValue(field, ValueForm::kAddress,
               BytesOf(address->bytes).substr(0, static_cast<size_t>(address->size)), facts);
    }
  }
}

void MatchSearch::AddValue(FieldId field, ValueForm form, std::string_view bytes,
                           LeafFacts* facts) {
  const ValueId value = index_.values.Find(field, form, bytes);
  if (value == kNoValue) return;
  facts->values[facts->value_count++] = value;
  facts->bits |= index_.values.bit(value);
}

double MatchSearch::NumberOf(LeafIndex leaf) {
  LeafFacts& facts = facts_[leaf];
  if (!facts.number_known) {
    facts.number_known = true;
    facts.number = NearestNumber(event_->leaves[leaf].text, &facts.exact);
  }
  return facts.number;
}

// Whether the double stands for the number exactly: what compares by value must.
bool MatchSearch::IsExact(LeafIndex leaf) {
  LeafFacts& facts = facts_[leaf];
  if (facts.exact) return true;
  if (std::isnan(facts.number)) return false;
  facts.exact = IsExactly(event_->leaves[leaf].text, facts.number);
  if (!facts.exact) facts.number = std::numeric_limits<double>::quiet_NaN();
  return facts.exact;
}

Value MatchSearch::ValueOf(LeafIndex leaf) {
  const Leaf& decoded = event_->Decoded(leaf, event_bytes_);
  return Value(decoded.kind, decoded.text);
}

// --- tests ---------------------------------------------------------------------------------------

bool MatchSearch::Holds(TestId id) {
  const Test& test = index_.tests[id];
  const FieldLeaves& leaves = event_->found[test.field];
  if (leaves.count == 0) return test.accepts_absence;
  if (leaves.count > 1 || test.kind == Test::Kind::kMixed) return HoldsOfAny(test, id);
  return HoldsOf(test, leaves.first) || (test.absence_may_hide && event_->has_scopes());
}

// The answer is remembered: other branches may have the same test.
bool MatchSearch::HoldsOfAny(const Test& test, TestId id) {
  const uint64_t asked = event_number_ * 2;
  uint64_t& answer = test_answers_[id];
  if ((answer | 1) == (asked | 1)) return (answer & 1) != 0;
  bool holds = test.absence_may_hide && event_->has_scopes();
  for (LeafIndex leaf = event_->found[test.field].first; !holds && leaf != kNoLeaf;
       leaf = event_->leaves[leaf].next) {
    holds = HoldsOf(test, leaf);
  }
  answer = asked | static_cast<uint64_t>(holds);
  return holds;
}

bool MatchSearch::HoldsOf(const Test& test, LeafIndex leaf) {
  switch (test.kind) {
    case Test::Kind::kValue: {
      const LeafFacts& facts = ValuesOf(leaf);
      for (size_t i = 0; i < facts.value_count; ++i) {
        if (facts.values[i] == test.spans.begin) return true;
      }
      return false;
    }
    case Test::Kind::kValues:
      return IsAmong(leaf, test.spans.begin, test.spans.end);
    case Test::Kind::kRange:
      return IsWithin(leaf, test.bounds.low, test.bounds.high);
    case Test::Kind::kMixed:
      if (IsAmong(leaf, test.spans.begin, test.spans.end)) return true;
      for (uint32_t i = test.spans.first; i < test.spans.last; ++i) {
        if (Satisfies(index_.test_predicates[i], leaf)) return true;
      }
      return false;
  }
  return false;
}

bool MatchSearch::HoldsRange(uint32_t head, const uint32_t* bounds) {
  Test::Bounds range;
  std::memcpy(&range, bounds, sizeof(range));
  const FieldId field = head & ~(MatchIndex::kIsInline | MatchIndex::kIsRange);
  for (LeafIndex leaf = event_->found[field].first; leaf != kNoLeaf;
       leaf = event_->leaves[leaf].next) {
    if (IsWithin(leaf, range.low, range.high)) return true;
  }
  return false;
}

bool MatchSearch::HoldsBits(uint32_t head, const uint32_t* bits) {
  uint64_t wanted;
  std::memcpy(&wanted, bits, sizeof(wanted));
  for (LeafIndex leaf = event_->found[head & ~MatchIndex::kIsInline].first; leaf != kNoLeaf;
       leaf = event_->leaves[leaf].next) {
    if ((ValuesOf(leaf).bits & wanted) != 0) return true;
  }
  return false;
}

bool MatchSearch::IsWithin(LeafIndex leaf, double low, double high) {
  if (event_->leaves[leaf].kind != ValueKind::kNumber) return false;
  const double number = NumberOf(leaf);
  return low <= number && number <= high && IsExact(leaf);
}

// Whether one of the leaf's values is one of these.
bool MatchSearch::IsAmong(LeafIndex leaf, uint32_t begin, uint32_t end) {
  constexpr uint32_t kLinearMax = 8;
  if (begin == end) return false;
  const LeafFacts& facts = ValuesOf(leaf);
  const ValueId* const first = index_.test_values.data() + begin;
  const ValueId* const last = index_.test_values.data() + end;
  for (size_t i = 0; i < facts.value_count; ++i) {
    const ValueId value = facts.values[i];
    if (end - begin > kLinearMax ? std::binary_search(first, last, value)
                                 : std::find(first, last, value) != last) {
      return true;
    }
  }
  return false;
}

bool MatchSearch::Satisfies(StoredPredicateId id, LeafIndex leaf) {
  const MatchIndex::StoredPredicate& stored = index_.predicates[id];
  if (!stored.predicate) return !IsAmong(leaf, stored.begin, stored.end);
  return router::Satisfies(ValueOf(leaf), *stored.predicate);
}

// --- branches ------------------------------------------------------------------------------------

void MatchSearch::AcceptRule(uint32_t rule) {
  if (unanswered_ == nullptr || !(*unanswered_)[rule]) rules_.Add(rule);
}

void MatchSearch::AcceptBranch(BranchId id) {
  const MatchIndex::Branch& branch = index_.branches[id];
  if (gave_up_ || rules_.Contains(branch.rule)) return;
  if (!event_->has_scopes() || IsConsistent(branch)) AcceptRule(branch.rule);
}

bool MatchSearch::IsConsistent(const MatchIndex::Branch& branch) {
  consistency_leaves_.clear();
  const TestId* const tests = index_.branch_tests.data() + branch.begin;
  // Once per test the leaves that satisfy it, then all of its field's.
  std::vector<LeafIndex>& leaves = consistency_leaves_;
  size_t room = 0;
  for (uint16_t i = 0; i < branch.count; ++i) {
    room += 2 * size_t{event_->found[index_.tests[tests[i]].field].count};
  }
  leaves.reserve(room);  // spans below stay where they are
  consistency_fields_.clear();
  for (uint16_t i = 0; i < branch.count; ++i) {
    const Test& test = index_.tests[tests[i]];
    const LeafIndex first = event_->found[test.field].first;
    const size_t begin = leaves.size();
    for (LeafIndex leaf = first; leaf != kNoLeaf; leaf = event_->leaves[leaf].next) {
      if (HoldsOf(test, leaf)) leaves.push_back(leaf);
    }
    const size_t middle = leaves.size();
    if (middle == begin && !test.accepts_absence) return false;
    if (test.accepts_absence) {
      for (LeafIndex leaf = first; leaf != kNoLeaf; leaf = event_->leaves[leaf].next) {
        leaves.push_back(leaf);
      }
    }
    consistency_fields_.push_back(
        {absl::MakeConstSpan(leaves.data() + begin, middle - begin),
         absl::MakeConstSpan(leaves.data() + middle, leaves.size() - middle),
         test.accepts_absence});
  }
  switch (consistency_.Solve(*event_, consistency_fields_)) {
    case ArrayConsistency::Answer::kYes:
      return true;
    case ArrayConsistency::Answer::kNo:
      return false;
    case ArrayConsistency::Answer::kGaveUp:
      gave_up_ = true;
      return false;
  }
  return false;
}

}  // namespace turnout::router
