// TextHash: the published hash of a text (router/README.md): what `sample` chooses by and
// approximate `distinct` counts by. The same on every machine and in every version.
//
// FNV-1a over 64 bits with MurmurHash3's finish, which spreads the last bytes.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace turnout::router {

inline uint64_t TextHash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdU;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53U;
  return hash ^ hash >> 33;
}

}  // namespace turnout::router
