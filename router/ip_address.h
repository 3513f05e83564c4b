// IpAddress: addresses and CIDR blocks as patterns write them.
//
// IPv4 is four decimal numbers, IPv6 is hexadecimal groups with at most one `::`; IPv4 inside of
// IPv6 is understood in hexadecimal only (::ffff:c0a8:1 is 192.168.0.1, the same address). No name
// is ever looked up.
//
// Threads: pure functions; values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace turnout::router {

struct IpAddress {
  std::array<uint8_t, 16> bytes{};
  int size = 0;  // 4 or 16 bytes

  bool operator==(const IpAddress& other) const {
    return size == other.size && bytes == other.bytes;
  }
};

std::optional<IpAddress> ParseIpAddress(std::string_view text);

// All addresses of one family that share the first `mask_bits` bits.
struct Cidr {
  IpAddress base;
  int mask_bits = 0;

  bool Contains(const IpAddress& address) const;
};

// Reads `address/bits`. On failure says why in `error`.
std::optional<Cidr> ParseCidr(std::string_view text, std::string* error);

}  // namespace turnout::router
