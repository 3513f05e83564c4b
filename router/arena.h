// Arena: memory for texts that live as long as one event's answers.
//
// Allocation takes the next bytes of a block; Reset takes all back at once. After an event that
// needed several blocks there is one as large as all of them, so that events of the same size
// allocate nothing any more.
//
// Lifetime: what was given out is valid until the next Reset. Threads: one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

namespace turnout::router {

class Arena {
 public:
  char* Allocate(size_t bytes) {
    if (blocks_.empty() || blocks_.back().size - used_ < bytes) AddBlock(bytes);
    char* const start = blocks_.back().data.get() + used_;
    used_ += bytes;
    return start;
  }

  // A copy of all parts, one after another; never with a null data().
  std::string_view Join(std::initializer_list<std::string_view> parts) {
    size_t bytes = 0;
    for (const std::string_view part : parts) bytes += part.size();
    char* const start = Allocate(bytes);
    char* end = start;
    for (const std::string_view part : parts) end = std::copy(part.begin(), part.end(), end);
    return {start, bytes};
  }

  void Reset() {
    used_ = 0;
    if (blocks_.size() < 2) return;
    size_t total = 0;
    for (const Block& block : blocks_) total += block.size;
    blocks_.clear();
    AddBlock(total);
  }

 private:
  static constexpr size_t kBlockBytesMin = 4096;

  struct Block {
    std::unique_ptr<char[]> data;
    size_t size = 0;
  };

  void AddBlock(size_t bytes) {
    const size_t size = std::max(bytes, kBlockBytesMin);
    blocks_.push_back({std::make_unique<char[]>(size), size});
    used_ = 0;
  }

  std::vector<Block> blocks_;
  size_t used_ = 0;  // of the last block
};

}  // namespace turnout::router
