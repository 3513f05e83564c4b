// ContentHash: a name for what rules say, equal on every machine.
//
// FNV-1a over 64 bits with MurmurHash3's finish, which spreads the last bytes. Every text goes in
// with its length before it, so that no two contents are the same row of bytes. Right against
// accidents, not against somebody who looks for collisions.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <string_view>

namespace turnout::router {

class ContentHash {
 public:
  void Add(std::string_view text) {
    AddNumber(text.size());
    for (const char c : text) AddByte(static_cast<unsigned char>(c));
  }

  void AddNumber(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) AddByte(number >> shift & 0xff);
  }

  // Of all that was added so far.
  uint64_t Value() const {
    uint64_t mixed = state_;
    mixed = (mixed ^ mixed >> 33) * 0xff51afd7ed558ccdU;
    mixed = (mixed ^ mixed >> 33) * 0xc4ceb9fe1a85ec53U;
    return mixed ^ mixed >> 33;
  }

 private:
  void AddByte(uint64_t byte) { state_ = (state_ ^ byte) * 0x100000001b3U; }

  uint64_t state_ = 0xcbf29ce484222325U;
};

}  // namespace turnout::router
