// GramIndex: which of many wildcards a text could match.
//
// A text can match a wildcard only if it holds all of the wildcard's literal pieces, and so every
// gram (run of a few bytes) of them. Each wildcard is filed under the one of its grams that the
// fewest other wildcards have, the longest such. A text's grams are first held against a bitmap,
// which few of them pass, then looked up. What is found is a candidate; the caller checks it in
// full. A wildcard without any literal byte is a candidate for every text.
//
// Cost: a text of n bytes costs n bitmap probes for each of the gram lengths in use; a wildcard
// costs 4 bytes and its share of a gram's 16, 8 to 16 of slots and 16 to 32 bits of a bitmap.
// Threads: immutable once built; a Seen belongs to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "router/bytes.h"

namespace turnout::router {

class GramIndex {
 public:
  struct Filed {
    std::vector<std::string> pieces;  // what a text must hold, wherever
    uint32_t target = 0;              // what to answer for it
  };

  // Which grams the text at hand has shown already, so that each answers once a text.
  class Seen {
   public:
    void StartText(size_t grams) {
      if (texts_.size() < grams) texts_.resize(grams, 0);
      ++text_;
    }
    bool First(size_t gram) {
      if (texts_[gram] == text_) return false;
      texts_[gram] = text_;
      return true;
    }

   private:
    std::vector<uint64_t> texts_;
    uint64_t text_ = 0;
  };

  explicit GramIndex(const std::vector<Filed>& filed);

  // Calls visit(target) for each wildcard that `text` could match, once each.
  template <typename Visit>
  void Find(std::string_view text, Seen* seen, Visit visit) const {
    for (const uint32_t target : without_grams_) visit(target);
    seen->StartText(grams_.size());
    for (const Level& level : levels_) {
      if (text.size() < level.length) continue;
      const size_t last = text.size() - level.length;
      for (size_t at = 0; at <= last; ++at) {
        const uint64_t bytes = GramAt(text, at, level.length);
        const uint64_t hash = HashOf(bytes);
        if ((level.bitmap[hash >> level.bitmap_shift] >> (hash >> level.bit_shift & 63) & 1) == 0) {
          continue;
        }
        const uint32_t gram = Look(level, bytes, hash);
        if (gram == kNoGram || !seen->First(gram)) continue;
        for (uint32_t i = grams_[gram].begin; i < grams_[gram].end; ++i) visit(targets_[i]);
      }
    }
  }

 private:
  static constexpr uint32_t kNoGram = UINT32_MAX;

  // The targets of one gram.
  struct Gram {
    uint64_t bytes;
    uint32_t begin;
    uint32_t end;
  };
  // The grams of one length.
  struct Level {
    size_t length = 0;
    std::vector<uint64_t> bitmap;
    int bitmap_shift = 63;        // of a hash, to a word of the bitmap
    int bit_shift = 57;           // of a hash, to a bit of that word
    std::vector<uint32_t> slots;  // open addressing: positions in grams_
  };

  // Bytes behind the gram are read where the text has them, and left out.
  static uint64_t GramAt(std::string_view text, size_t at, size_t length) {
    return HeadWord(text.substr(at, length), text.data() + text.size());
  }
  static uint64_t HashOf(uint64_t gram) { return MixWords(gram, 0); }

  uint32_t Look(const Level& level, uint64_t bytes, uint64_t hash) const {
    const size_t mask = level.slots.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      const uint32_t gram = level.slots[at];
      if (gram == kNoGram || grams_[gram].bytes == bytes) return gram;
    }
  }
  template <typename Visit>
  static void EachGram(const Filed& wildcard, Visit visit);
  void AddLevel(size_t length, uint32_t first_gram);

  std::vector<Level> levels_;
  std::vector<Gram> grams_;
  std::vector<uint32_t> targets_;
  std::vector<uint32_t> without_grams_;
};

}  // namespace turnout::router
