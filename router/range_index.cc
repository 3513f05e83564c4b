#include "router/range_index.h"

#include <algorithm>

namespace turnout::router {

RangeIndex::RangeIndex(std::vector<NumberRange> ranges) {
  constexpr double kNoBound = std::numeric_limits<double>::max();
  for (const NumberRange& range : ranges) {
    if (range.high == kNoBound) {
      from_.push_back({range.low, range.target});
    } else if (range.low == -kNoBound) {
      to_.push_back({range.high, range.target});
    } else {
      between_.push_back({range.low, range.high, range.high, range.target});
    }
  }
  std::sort(from_.begin(), from_.end(),
            [](const OneBound& a, const OneBound& b) { return a.bound < b.bound; });
  std::sort(to_.begin(), to_.end(),
            [](const OneBound& a, const OneBound& b) { return a.bound > b.bound; });
  std::sort(between_.begin(), between_.end(),
            [](const TwoBounds& a, const TwoBounds& b) { return a.low < b.low; });
  SetHighest(0, between_.size());
  from_.shrink_to_fit();
  to_.shrink_to_fit();
  between_.shrink_to_fit();
}

double RangeIndex::SetHighest(size_t begin, size_t end) {
  if (begin == end) return -std::numeric_limits<double>::max();
  const size_t middle = begin + (end - begin) / 2;
  TwoBounds& node = between_[middle];
  node.highest = std::max({node.high, SetHighest(begin, middle), SetHighest(middle + 1, end)});
  return node.highest;
}

}  // namespace turnout::router
