// RuleBits: a set of small numbers that is filled in any order and read out ascending.
//
// Three levels of bits, each telling which words of the level below are not zero: adding costs
// three bits, reading out costs the numbers that are in it and a word per 262,144 that could be,
// and leaves the set empty.
//
// Cost: 1.02 bits a number that could be in it.
// Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace turnout::router {

class RuleBits {
 public:
  // Room for 0 ... count - 1; empties the set.
  void Resize(size_t count) {
    rules_.assign(Words(count), 0);
    words_.assign(Words(rules_.size()), 0);
    groups_.assign(Words(words_.size()), 0);
  }

  bool Contains(uint32_t number) const {
    return (rules_[number / kBits] >> (number % kBits) & 1) != 0;
  }

  void Add(uint32_t number) {
    const uint32_t word = number / kBits;
    const uint32_t group = word / kBits;
    rules_[word] |= uint64_t{1} << (number % kBits);
    words_[group] |= uint64_t{1} << (word % kBits);
    groups_[group / kBits] |= uint64_t{1} << (group % kBits);
  }

  // Moves all numbers to the end of `out`, ascending.
  void MoveTo(std::vector<uint32_t>* out) {
    for (size_t top = 0; top < groups_.size(); ++top) {
      EachBit(&groups_[top], top, [&](size_t group) {
        EachBit(&words_[group], group, [&](size_t word) {
          EachBit(&rules_[word], word,
                  [&](size_t number) { out->push_back(static_cast<uint32_t>(number)); });
        });
      });
    }
  }

 private:
  static constexpr uint32_t kBits = 64;

  static size_t Words(size_t bits) { return (bits + kBits - 1) / kBits; }

  template <typename Visit>
  static void EachBit(uint64_t* word, size_t index, Visit visit) {
    for (uint64_t bits = *word; bits != 0; bits &= bits - 1) {
      visit(index * kBits + static_cast<size_t>(__builtin_ctzll(bits)));
    }
    *word = 0;
  }

  std::vector<uint64_t> rules_;
  std::vector<uint64_t> words_;   // bit n: rules_[n] is not zero
  std::vector<uint64_t> groups_;  // bit n: words_[n] is not zero
};

}  // namespace turnout::router
