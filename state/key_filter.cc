#include "state/key_filter.h"

#include <algorithm>

namespace turnout::state {
namespace {

constexpr size_t kBitsAKey = 10;
constexpr size_t kLineBits = 512;
constexpr size_t kKeysMin = 4'096;
constexpr int kProbes = 6;
constexpr int kProbeBits = 9;  // a bit's place in its line

size_t LinesFor(size_t keys) {
  return (std::max(keys, kKeysMin) * kBitsAKey + kLineBits - 1) / kLineBits;
}

// Others than those that choose the line.
uint64_t ProbesOf(uint64_t hash) { return (hash ^ hash >> 32) * 0x9e3779b97f4a7c15; }

// Calls visit(word, bit) for each place, from the product's upper bits down, which are the best,
// until it answers false.
template <typename Visit>
bool ForEachProbe(uint64_t hash, Visit visit) {
  uint64_t probes = ProbesOf(hash);
  for (int i = 0; i < kProbes; ++i, probes <<= kProbeBits) {
    const uint64_t place = probes >> (64 - kProbeBits);
    if (!visit(place >> 6, uint64_t{1} << (place & 63))) return false;
  }
  return true;
}

}  // namespace

size_t KeyFilter::BytesFor(size_t keys) { return LinesFor(keys) * sizeof(Line); }

KeyFilter::KeyFilter(size_t keys) : keys_max_(std::max(keys, kKeysMin)), lines_(LinesFor(keys)) {}

void KeyFilter::Add(uint64_t hash) {
  Line& line = lines_[LineOf(hash)];
  bool is_new = false;
  ForEachProbe(hash, [&](uint64_t word, uint64_t bit) {
    std::atomic<uint64_t>& bits = line.words[word];
    if ((bits.load(std::memory_order_relaxed) & bit) == 0) {
      bits.fetch_or(bit, std::memory_order_relaxed);
      is_new = true;
    }
    return true;
  });
  if (is_new) keys_.fetch_add(1, std::memory_order_relaxed);
}

bool KeyFilter::MayHave(uint64_t hash) const {
  const Line& line = lines_[LineOf(hash)];
  return ForEachProbe(hash, [&](uint64_t word, uint64_t bit) {
    return (line.words[word].load(std::memory_order_relaxed) & bit) != 0;
  });
}

}  // namespace turnout::state
