// TextHash: the published hash of a text (router/README.md): what `sample` and `rollout` choose by
// and approximate `distinct` counts by. The same on every machine and in every version.
//
// FNV-1a over 64 bits with MurmurHash3's finish, which spreads the last bytes.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace turnout::router {

// Of nothing so far; texts are hashed as if they were one.
inline constexpr uint64_t kTextHashStart = 0xcbf29ce484222325U;

inline uint64_t AddToTextHash(uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

inline uint64_t FinishTextHash(uint64_t hash) {
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdU;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53U;
  return hash ^ hash >> 33;
}

inline uint64_t TextHash(std::string_view text) {
  return FinishTextHash(AddToTextHash(kTextHashStart, text));
}

}  // namespace turnout::router
