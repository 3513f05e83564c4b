// RangeIndex: which of many ranges of numbers hold a number.
//
// Ranges with one bound are sorted by it, so that those that hold a number come first. Ranges with
// two are sorted by the lower one, as an implicit binary tree whose nodes know the highest upper
// bound below them. Either way the cost is the ranges found and a logarithm.
//
// Bounds are inclusive; the caller turns an open bound into the next double.
// Threads: immutable once built; shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace turnout::router {

struct NumberRange {
  double low = -std::numeric_limits<double>::max();
  double high = std::numeric_limits<double>::max();
  uint32_t target = 0;  // what to answer for it
};

class RangeIndex {
 public:
  explicit RangeIndex(std::vector<NumberRange> ranges);

  // Calls visit(target) for each range that holds `number`.
  template <typename Visit>
  void Find(double number, Visit visit) const {
    for (size_t i = 0; i < from_.size() && from_[i].bound <= number; ++i) visit(from_[i].target);
    for (size_t i = 0; i < to_.size() && to_[i].bound >= number; ++i) visit(to_[i].target);
    FindBetween(0, between_.size(), number, visit);
  }

 private:
  struct OneBound {
    double bound;
    uint32_t target;
  };
  struct TwoBounds {
    double low;
    double high;
    double highest;  // upper bound of the node's subtree
    uint32_t target;
  };

  double SetHighest(size_t begin, size_t end);

  template <typename Visit>
  void FindBetween(size_t begin, size_t end, double number, Visit& visit) const {
    while (begin < end) {
      const size_t middle = begin + (end - begin) / 2;
      const TwoBounds& node = between_[middle];
      if (node.highest < number) return;
      FindBetween(begin, middle, number, visit);
      if (node.low > number) return;
      if (node.high >= number) visit(node.target);
      begin = middle + 1;
    }
  }

  std::vector<OneBound> from_;      // no upper bound; ascending
  std::vector<OneBound> to_;        // no lower bound; descending
  std::vector<TwoBounds> between_;  // by lower bound
};

}  // namespace turnout::router
