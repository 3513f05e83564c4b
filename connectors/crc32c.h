// Crc32c: the checksum of record batches, by the CPU's own instruction where it has one.
//
// Internal to connectors/. ISA-L's only door.
#pragma once

#include <cstdint>
#include <string_view>

namespace turnout::connectors {

uint32_t Crc32c(std::string_view bytes);

}  // namespace turnout::connectors
