// Bytes: texts read a word at a time, and hashes of them that need no more than a few cycles.
//
// The hashes spread what a rule set holds over a table; they defend against nobody who looks for
// collisions. What events hold is only ever looked up, never inserted, so that an event cannot make
// a table slow; who writes rules can, for his own rule set.
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace turnout::router {

inline constexpr size_t kWordBytes = sizeof(uint64_t);

template <typename Number>
Number LoadUnaligned(const char* at) {
  Number number;
  std::memcpy(&number, at, sizeof(number));
  return number;
}

// Both words' bits into all bits of the result.
inline uint64_t MixWords(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// The text's first eight bytes, the first one lowest, zeros where it is shorter. Bytes up to
// `readable_end`, at or behind the text's end, may be read too.
inline uint64_t HeadWord(std::string_view text, const char* readable_end) {
  const size_t size = text.size();
  if (size >= kWordBytes) return LoadUnaligned<uint64_t>(text.data());
  if (static_cast<size_t>(readable_end - text.data()) >= kWordBytes) {
    return LoadUnaligned<uint64_t>(text.data()) & ((uint64_t{1} << (size * 8)) - 1);
  }
  uint64_t word = 0;
  std::memcpy(&word, text.data(), size);
  return word;
}

inline bool IsAscii(std::string_view text) {
  uint64_t bits = 0;
  size_t at = 0;
  for (; at + kWordBytes <= text.size(); at += kWordBytes) {
    bits |= LoadUnaligned<uint64_t>(text.data() + at);
  }
  for (; at < text.size(); ++at) bits |= static_cast<unsigned char>(text[at]);
  return (bits & 0x8080808080808080u) == 0;
}

// Texts of any length, short ones without a call.
inline bool EqualBytes(std::string_view a, std::string_view b) {
  const size_t size = a.size();
  if (size != b.size()) return false;
  const char* const x = a.data();
  const char* const y = b.data();
  if (size > 2 * kWordBytes) return std::memcmp(x, y, size) == 0;
  if (size >= kWordBytes) {
    const size_t last = size - kWordBytes;
    return ((LoadUnaligned<uint64_t>(x) ^ LoadUnaligned<uint64_t>(y)) |
            (LoadUnaligned<uint64_t>(x + last) ^ LoadUnaligned<uint64_t>(y + last))) == 0;
  }
  if (size >= 4) {
    const size_t last = size - 4;
    return ((LoadUnaligned<uint32_t>(x) ^ LoadUnaligned<uint32_t>(y)) |
            (LoadUnaligned<uint32_t>(x + last) ^ LoadUnaligned<uint32_t>(y + last))) == 0;
  }
  for (size_t i = 0; i < size; ++i) {
    if (x[i] != y[i]) return false;
  }
  return true;
}

// Of a text and what it stands for (a field, say).
inline uint64_t HashText(std::string_view text, uint64_t seed) {
  const char* at = text.data();
  size_t left = text.size();
  uint64_t hash = seed ^ (uint64_t{left} << 32);
  if (left >= kWordBytes) {
    for (; left > kWordBytes; at += kWordBytes, left -= kWordBytes) {
      hash = MixWords(LoadUnaligned<uint64_t>(at), hash);
    }
    // The last eight bytes, some of which may have been read already.
    return MixWords(LoadUnaligned<uint64_t>(at + left - kWordBytes), hash);
  }
  if (left >= 4) {
    const uint64_t low = LoadUnaligned<uint32_t>(at);
    const uint64_t high = LoadUnaligned<uint32_t>(at + left - 4);
    return MixWords(low | (high << 32), hash);
  }
  uint64_t word = 0;
  if (left > 0) {
    word = static_cast<unsigned char>(at[0]) |
           (uint64_t{static_cast<unsigned char>(at[left / 2])} << 8) |
           (uint64_t{static_cast<unsigned char>(at[left - 1])} << 16);
  }
  return MixWords(word, hash);
}

}  // namespace turnout::router
