// AffixIndex: which of many texts begin (or end) another one.
//
// The texts are sorted; each knows the longest other one that begins it. All that begin a given
// text are found along that chain from the last one that sorts before it: a binary search, then a
// step an answer and one for each affix on the way that goes on differently. Suffixes are prefixes
// read backwards, so an index is for one of the two.
//
// Cost: 16 bytes and its text an affix. Threads: immutable once built; shared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace turnout::router {

class AffixIndex {
 public:
  enum class End : uint8_t { kPrefix, kSuffix };
  struct Affix {
    std::string text;
    uint32_t target = 0;  // what to answer for it
  };

  // Equal texts each answer for themselves.
  AffixIndex(End end, std::vector<Affix> affixes);

  // Calls visit(target) for each affix of `text`, the longest first.
  template <typename Visit>
  void Find(std::string_view text, Visit visit) const {
    size_t common = 0;
    for (uint32_t at = LongestCandidate(text, &common); at != kNone; at = nodes_[at].shorter) {
      if (nodes_[at].length <= common) visit(nodes_[at].target);
    }
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Node {
    uint32_t offset;
    uint32_t length;
    uint32_t shorter;  // the longest other affix that begins this one
    uint32_t target;
  };

  std::string_view TextOf(const Node& node) const {
    return {texts_.data() + node.offset, node.length};
  }
  // The last affix that does not sort behind `text`, and how many characters they have in common.
  uint32_t LongestCandidate(std::string_view text, size_t* common) const;
  size_t CommonLength(std::string_view affix, std::string_view text) const;

  const End end_;
  std::vector<Node> nodes_;  // by text, read in the index' direction
  std::string texts_;        // suffixes stand reversed
};

}  // namespace turnout::router
