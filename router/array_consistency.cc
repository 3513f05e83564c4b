#include "router/array_consistency.h"

#include <algorithm>

namespace turnout::router {

ArrayConsistency::Answer ArrayConsistency::Solve(const GatheredEvent& event,
                                                 absl::Span<const Field> fields) {
  event_ = &event;
  fields_ = fields;
  const size_t arrays = event.array_leaves_end.size();
  if (fixed_.size() < arrays) {
    fixed_.resize(arrays, 0);
    last_level_.resize(arrays, 0);
    last_absence_.resize(arrays, 0);
    measured_.resize(arrays, 0);
  }
  steps_ = 0;
  climbs_ = 0;
  reach_.assign(fields.size(), kStuck);
  bool any_absence = false;
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto level = static_cast<int>(i);
    MarkArrays(level, fields[i].matches, &last_level_);
    if (!fields[i].accepts_absence || fields[i].found.empty()) continue;
    MarkArrays(level, fields[i].found, &last_level_);
    MarkArrays(level, fields[i].found, &last_absence_);
    any_absence = true;
  }
  if (any_absence) MeasureReach();
  const int outcome = Decide(0);
  Unfix(0);
  mark_base_ += fields.size();
  if (IsSpent()) return Answer::kGaveUp;
  return outcome == kSolved ? Answer::kYes : Answer::kNo;
}

// Notes for every array around the leaves that `level` depends on it. An array that is marked has
// had its outer arrays marked too, so each is climbed once a level.
void ArrayConsistency::MarkArrays(int level, absl::Span<const uint32_t> leaves,
                                  std::vector<uint64_t>* marks) {
  const uint64_t mark = mark_base_ + static_cast<uint64_t>(level);
  for (const uint32_t leaf : leaves) {
    uint32_t scope = event_->leaves[leaf].scope;
    while (scope != 0 && (*marks)[event_->scopes[scope].array] != mark) {
      (*marks)[event_->scopes[scope].array] = mark;
      scope = event_->scopes[scope].parent;
    }
  }
}

void ArrayConsistency::MeasureReach() {
  for (size_t i = 0; i < fields_.size(); ++i) reach_[i] = ReachOf(static_cast<int>(i));
}

int ArrayConsistency::ReachOf(int level) {
  const uint64_t mark = mark_base_ + static_cast<uint64_t>(level);
  int reach = kStuck;
  for (const uint32_t leaf : fields_[static_cast<size_t>(level)].matches) {
    uint32_t scope = event_->leaves[leaf].scope;
    while (scope != 0 && measured_[event_->scopes[scope].array] != mark) {
      const uint32_t array = event_->scopes[scope].array;
      measured_[array] = mark;
      reach = std::max(reach, LevelMarked(last_absence_[array]));
      scope = event_->scopes[scope].parent;
    }
  }
  return reach;
}

int ArrayConsistency::LevelMarked(uint64_t mark) const {
  return mark < mark_base_ ? kStuck : static_cast<int>(mark - mark_base_);
}

// The last level where another choice could help `level` or a later one: they see the choice made
// there, or could be absent by one that was not. When these levels fail, they fail whatever was
// chosen after it.
int ArrayConsistency::LastChoiceSeenBy(int level) {
  int last = kStuck;
  for (auto choice = choices_.rbegin(); choice != choices_.rend() && last == kStuck; ++choice) {
    ++climbs_;
    if (LastLevelOf(choice->array) >= level) last = choice->level;
  }
  for (int before = level - 1; before > last; --before) {
    if (reach_[static_cast<size_t>(before)] >= level) return before;
  }
  return last;
}

// Decides `level` and all later ones. Returns kSolved, or the level to go back to.
int ArrayConsistency::Decide(int level) {
  if (static_cast<size_t>(level) == fields_.size()) return kSolved;
  const int go_back_to = LastChoiceSeenBy(level);
  const Field& field = fields_[static_cast<size_t>(level)];
  if (field.accepts_absence) {
    size_t at = 0;
    // With no leaf that agrees, absence is the only way on, and it fixes nothing: who comes back
    // here for another choice finds none.
    if (!NextConsistent(field.found, &at)) {
      const int outcome = Decide(level + 1);
      return outcome == level ? go_back_to : outcome;
    }
  }
  return ChooseLeaf(level, go_back_to);
}

int ArrayConsistency::ChooseLeaf(int level, int go_back_to) {
  const absl::Span<const uint32_t> matches = fields_[static_cast<size_t>(level)].matches;
  // Leaves that look the same to later levels fail alike; the last one that failed is remembered.
  uint32_t failed_scope = UINT32_MAX;
  for (size_t at = 0; NextConsistent(matches, &at); ++at) {
    ++steps_;
    if (IsSpent()) return kStuck;
    const uint32_t scope = event_->leaves[matches[at]].scope;
    const uint32_t seen_scope = InnermostScopeSeenAfter(level, scope);
    if (seen_scope == failed_scope) continue;
    const size_t choices_before = choices_.size();
    Fix(scope, level);
    const int outcome = Decide(level + 1);
    Unfix(choices_before);
    if (outcome != level) return outcome;
    failed_scope = seen_scope;
  }
  return go_back_to;
}

// Moves `at` on to the first leaf that agrees with the fixed elements. False also once the search
// is spent, after which no answer counts.
bool ArrayConsistency::NextConsistent(absl::Span<const uint32_t> leaves, size_t* at) {
  while (*at < leaves.size() && !IsSpent()) {
    const uint32_t leaf = leaves[*at];
    uint32_t scope = event_->leaves[leaf].scope;
    while (scope != 0) {
      ++climbs_;
      const uint32_t fixed = fixed_[event_->scopes[scope].array];
      if (fixed != 0 && fixed != scope) break;
      scope = event_->scopes[scope].parent;
    }
    if (scope == 0) return true;
    *at = static_cast<size_t>(std::lower_bound(leaves.begin() + static_cast<std::ptrdiff_t>(*at),
                                               leaves.end(), AfterDisagreeing(leaf, scope)) -
                              leaves.begin());
  }
  return false;
}

// The first leaf that may agree again, after one that is in another element, `scope`, than the
// fixed one of the same array: in the fixed element if that is still ahead, else past the array.
// Scalars of the same field that lie in the array among its elements (as in [[1], 2]) agree with
// each of them, so where there are any, only this element is left out.
uint32_t ArrayConsistency::AfterDisagreeing(uint32_t leaf, uint32_t scope) const {
  const Scope& element = event_->scopes[scope];
  if (event_->array_scalars[element.array] == event_->leaves[leaf].field) return element.leaves_end;
  const Scope& fixed = event_->scopes[fixed_[element.array]];
  return leaf < fixed.leaves_begin ? fixed.leaves_begin : event_->array_leaves_end[element.array];
}

uint32_t ArrayConsistency::InnermostScopeSeenAfter(int level, uint32_t scope) {
  while (scope != 0 && LastLevelOf(event_->scopes[scope].array) <= level) {
    ++climbs_;
    scope = event_->scopes[scope].parent;
  }
  return scope;
}

// Around an array whose element is fixed, all are.
void ArrayConsistency::Fix(uint32_t scope, int level) {
  for (; scope != 0; scope = event_->scopes[scope].parent) {
    const uint32_t array = event_->scopes[scope].array;
    if (fixed_[array] != 0) return;
    ++climbs_;
    fixed_[array] = scope;
    choices_.push_back({array, level});
  }
}

void ArrayConsistency::Unfix(size_t choices) {
  for (; choices_.size() > choices; choices_.pop_back()) fixed_[choices_.back().array] = 0;
}

}  // namespace turnout::router
