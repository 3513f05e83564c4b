#include "router/cidr_index.h"

#include <tuple>

namespace turnout::router {

CidrIndex::CidrIndex(std::vector<Block> blocks) {
  const auto key = [](const Block& block) {
    return std::make_tuple(block.cidr.base.size, block.cidr.mask_bits,
                           FirstOfBlock(block.cidr.base, block.cidr.mask_bits));
  };
  std::sort(blocks.begin(), blocks.end(),
            [&](const Block& a, const Block& b) { return key(a) < key(b); });
  for (const Block& block : blocks) {
    const auto at = static_cast<std::ptrdiff_t>(blocks_.size());
    if (sizes_.empty() || sizes_.back().address_bytes != block.cidr.base.size ||
        sizes_.back().mask_bits != block.cidr.mask_bits) {
      sizes_.push_back({block.cidr.base.size, block.cidr.mask_bits, at, at});
    }
    blocks_.emplace_back(FirstOfBlock(block.cidr.base, block.cidr.mask_bits), block.target);
    ++sizes_.back().end;
  }
}

CidrIndex::Bytes CidrIndex::FirstOfBlock(const IpAddress& address, int mask_bits) {
  Bytes bytes{};
  for (int i = 0; i < address.size; ++i) {
    const int bits = std::clamp(mask_bits - i * 8, 0, 8);
    bytes[static_cast<size_t>(i)] =
        static_cast<uint8_t>(address.bytes[static_cast<size_t>(i)] & (0xFF00u >> bits));
  }
  return bytes;
}

}  // namespace turnout::router
