// ArrayConsistency: whether one can choose a leaf for every field such that no two of them come
// from different elements of the same array.
//
// Fields are decided in order. Choosing a leaf fixes an element for every array around it; a later
// leaf must agree with the elements fixed so far, and a field that may be absent is absent when
// none of its leaves agrees with them. The search skips whole elements that disagree, and when it
// gets stuck it returns straight to the last choice that later fields depend on, be it made or one
// that would make a later field absent, so that an event with one array of n elements costs about
// n, and sibling arrays cost their sum, not their product. Only an event that repeats a key with an
// array below it can make it try combinations; kStepsMax bounds that. A leaf costs the arrays
// around it as well; kClimbsMax bounds what many leaves under hundreds of arrays come to.
//
// Threads: one object a thread; it keeps its memory from event to event.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "router/gathered_event.h"

namespace turnout::router {

class ArrayConsistency {
 public:
  // Leaves tried for one conjunction over one event, before the search gives up.
  static constexpr uint64_t kStepsMax = 1 << 20;
  // Elements that the leaves tried were in, outer ones too: some 50 ms.
  static constexpr uint64_t kClimbsMax = 1 << 24;

  struct Field {
    absl::Span<const uint32_t> matches;  // leaves that satisfy the field's test, ascending
    absl::Span<const uint32_t> found;    // all leaves of the field, ascending
    bool accepts_absence = false;
  };

  enum class Answer { kYes, kNo, kGaveUp };

  Answer Solve(const GatheredEvent& event, absl::Span<const Field> fields);

  // Leaves that the last Solve tried, and the elements around them that it looked at.
  uint64_t steps() const { return steps_; }
  uint64_t climbs() const { return climbs_; }

 private:
  // Levels are positions in `fields`; kSolved and kStuck are what a level may return beside the
  // level to go back to.
  static constexpr int kSolved = -2;
  static constexpr int kStuck = -1;

  struct Choice {
    uint32_t array;
    int level;
  };

  void MarkArrays(int level, absl::Span<const uint32_t> leaves, std::vector<uint64_t>* marks);
  void MeasureReach();
  int ReachOf(int level);
  int Decide(int level);
  int ChooseLeaf(int level, int go_back_to);
  int LastLevelOf(uint32_t array) const { return LevelMarked(last_level_[array]); }
  int LevelMarked(uint64_t mark) const;
  int LastChoiceSeenBy(int level);
  bool IsSpent() const { return steps_ > kStepsMax || climbs_ > kClimbsMax; }
  bool NextConsistent(absl::Span<const uint32_t> leaves, size_t* at);
  uint32_t AfterDisagreeing(uint32_t leaf, uint32_t scope) const;
  uint32_t InnermostScopeSeenAfter(int level, uint32_t scope);
  void Fix(uint32_t scope, int level);
  void Unfix(size_t choices);

  const GatheredEvent* event_ = nullptr;
  absl::Span<const Field> fields_;
  std::vector<uint32_t> fixed_;       // by array: the scope of its fixed element, 0 for none
  std::vector<uint64_t> last_level_;  // by array: mark_base_ + the last level with a leaf in it
  // By array, marked likewise: the last level that may be absent with a leaf in it, and the last
  // level whose reach was measured over it.
  std::vector<uint64_t> last_absence_;
  std::vector<uint64_t> measured_;
  // By level: the last level that a choice there might make absent, or kStuck.
  std::vector<int> reach_;
  std::vector<Choice> choices_;
  uint64_t mark_base_ = 1;
  uint64_t steps_ = 0;
  uint64_t climbs_ = 0;
};

}  // namespace turnout::router
