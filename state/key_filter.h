// KeyFilter: which keys a store's files can't have, by one look at one line of memory.
//
// A blocked Bloom filter: a key's hash chooses a line of 64 bytes and six bits in it. What was
// added is never missed; of other keys about one in a hundred seems to be there once it is full,
// and more beyond that.
//
// Threads: any number may add and ask. Who asks has to know by other means that a key it must not
// miss was added before.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace turnout::state {

class KeyFilter {
 public:
  // What one that is made for so many keys takes.
  static size_t BytesFor(size_t keys);

  explicit KeyFilter(size_t keys);

  // By the keys' hashes, all of whose bits are good.
  void Add(uint64_t hash);
  bool MayHave(uint64_t hash) const;

  // It has as many keys as it was made for.
  bool is_full() const { return keys_.load(std::memory_order_relaxed) >= keys_max_; }
  size_t bytes() const { return lines_.size() * sizeof(Line); }

 private:
  static constexpr size_t kLineWords = 8;
  struct alignas(64) Line {
    std::array<std::atomic<uint64_t>, kLineWords> words = {};
  };

  size_t LineOf(uint64_t hash) const {
    return static_cast<size_t>((hash >> 32) * lines_.size() >> 32);
  }

  const size_t keys_max_;
  std::vector<Line> lines_;
  std::atomic<size_t> keys_ = 0;  // that were new to it
};

}  // namespace turnout::state
