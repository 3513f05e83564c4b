// CidrIndex: which of many address blocks hold an address.
//
// Blocks of one size are sorted by their first address, so that an address costs one binary search
// for each size of block that is in use.
//
// Cost: 20 bytes a block. Threads: immutable once built; shared.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "router/ip_address.h"

namespace turnout::router {

class CidrIndex {
 public:
  struct Block {
    Cidr cidr;
    uint32_t target = 0;  // what to answer for it
  };

  explicit CidrIndex(std::vector<Block> blocks);

  // Calls visit(target) for each block that holds `address`.
  template <typename Visit>
  void Find(const IpAddress& address, Visit visit) const {
    for (const Size& size : sizes_) {
      if (size.address_bytes != address.size) continue;
      const Bytes first = FirstOfBlock(address, size.mask_bits);
      const auto begin = blocks_.begin() + size.begin;
      const auto end = blocks_.begin() + size.end;
      auto at = std::lower_bound(begin, end, first, [](const Stored& block, const Bytes& wanted) {
        return block.first < wanted;
      });
      for (; at != end && at->first == first; ++at) visit(at->second);
    }
  }

 private:
  using Bytes = std::array<uint8_t, 16>;
  using Stored = std::pair<Bytes, uint32_t>;  // the block's first address, its target

  // The blocks of one size: [begin, end) of blocks_.
  struct Size {
    int address_bytes;
    int mask_bits;
    std::ptrdiff_t begin;
    std::ptrdiff_t end;
  };

  static Bytes FirstOfBlock(const IpAddress& address, int mask_bits);

  std::vector<Size> sizes_;
  std::vector<Stored> blocks_;
};

}  // namespace turnout::router
