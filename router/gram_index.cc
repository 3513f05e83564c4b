#include "router/gram_index.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace turnout::router {
namespace {

// Bits of a bitmap for every gram in it: one in so many of a text's grams passes without being one.
constexpr size_t kBitmapBitsPerGram = 16;
constexpr size_t kBitmapWordsMin = 4;
// Longest first. Longer grams tell texts apart better; each length in use is a pass over the text.
// Shorter ones than kGramBytesMin are in most texts, and used where there is nothing else.
constexpr size_t kGramBytesMin = 4;
constexpr size_t kGramLengths[] = {8, 6, 4, 3, 2, 1};

}  // namespace

// Calls visit(length, gram) for the grams that the wildcard may be filed under: all of kGramLengths
// from kGramBytesMin on that its pieces have room for, else those of the longest shorter length.
template <typename Visit>
void GramIndex::EachGram(const Filed& wildcard, Visit visit) {
  bool found = false;
  for (const size_t length : kGramLengths) {
    if (found && length < kGramBytesMin) return;
    for (const std::string& piece : wildcard.pieces) {
      for (size_t at = 0; at + length <= piece.size(); ++at) {
        visit(length, GramAt(piece, at, length));
        found = true;
      }
    }
  }
}

GramIndex::GramIndex(const std::vector<Filed>& filed) {
  // How many wildcards' pieces hold a gram, by length and gram.
  absl::flat_hash_map<std::pair<size_t, uint64_t>, uint32_t> counts;
  for (const Filed& wildcard : filed) {
    EachGram(wildcard, [&](size_t length, uint64_t gram) { ++counts[{length, gram}]; });
  }
  std::vector<std::tuple<size_t, uint64_t, uint32_t>> chosen;  // length, gram, target
  for (const Filed& wildcard : filed) {
    std::pair<size_t, uint64_t> rarest;
    uint32_t fewest = UINT32_MAX;
    EachGram(wildcard, [&](size_t length, uint64_t gram) {
      const uint32_t count = counts[{length, gram}];
      if (count >= fewest) return;
      fewest = count;
      rarest = {length, gram};
    });
    if (fewest == UINT32_MAX) {
      without_grams_.push_back(wildcard.target);
    } else {
      chosen.emplace_back(rarest.first, rarest.second, wildcard.target);
    }
  }
  std::sort(chosen.begin(), chosen.end());
  for (size_t i = 0; i < chosen.size();) {
    const size_t length = std::get<0>(chosen[i]);
    const auto first_gram = static_cast<uint32_t>(grams_.size());
    for (; i < chosen.size() && std::get<0>(chosen[i]) == length; ++i) {
      const auto position = static_cast<uint32_t>(targets_.size());
      if (grams_.size() == first_gram || grams_.back().bytes != std::get<1>(chosen[i])) {
        grams_.push_back({std::get<1>(chosen[i]), position, position});
      }
      targets_.push_back(std::get<2>(chosen[i]));
      ++grams_.back().end;
    }
    AddLevel(length, first_gram);
  }
  grams_.shrink_to_fit();
  targets_.shrink_to_fit();
}

void GramIndex::AddLevel(size_t length, uint32_t first_gram) {
  Level& level = levels_.emplace_back();
  level.length = length;
  const size_t count = grams_.size() - first_gram;
  size_t words = kBitmapWordsMin;
  int words_log2 = 2;
  for (; words * 64 < count * kBitmapBitsPerGram; words *= 2) ++words_log2;
  level.bitmap.assign(words, 0);
  level.bitmap_shift = 64 - words_log2;
  level.bit_shift = level.bitmap_shift - 6;
  size_t slots = 4;
  while (slots < count * 2) slots *= 2;
  level.slots.assign(slots, kNoGram);
  for (auto gram = first_gram; gram < grams_.size(); ++gram) {
    const uint64_t hash = HashOf(grams_[gram].bytes);
    level.bitmap[hash >> level.bitmap_shift] |= uint64_t{1} << (hash >> level.bit_shift & 63);
    size_t at = hash & (slots - 1);
    while (level.slots[at] != kNoGram) at = (at + 1) & (slots - 1);
    level.slots[at] = gram;
  }
}

}  // namespace turnout::router
