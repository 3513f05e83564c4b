#include "connectors/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstddef>

namespace turnout::connectors {
namespace {

constexpr size_t kPartBytesMax = 1 << 30;  // the library counts in int

}  // namespace

uint32_t Crc32c(std::string_view bytes) {
  unsigned int crc = ~0u;
  while (!bytes.empty()) {
    const size_t part = std::min(bytes.size(), kPartBytesMax);
    // It only reads; the parameter is older than const.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    crc = crc32_iscsi(data, static_cast<int>(part), crc);
    bytes.remove_prefix(part);
  }
  return ~crc;
}

}  // namespace turnout::connectors
