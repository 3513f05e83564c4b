#include "router/ip_address.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace turnout::router {
namespace {

// Longer texts are not taken for IPv4, however many leading zeros they have.
constexpr size_t kIpv4LengthMax = 15;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<IpAddress> ParseIpv4(std::string_view text) {
  if (text.size() > kIpv4LengthMax) return std::nullopt;
  IpAddress address;
  address.size = 4;
  size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at == text.size() || text[at++] != '.')) return std::nullopt;
    const size_t begin = at;
    unsigned value = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      value = value * 10 + static_cast<unsigned>(text[at] - '0');
      if (value > 255) return std::nullopt;
    }
    if (at == begin) return std::nullopt;
    address.bytes[static_cast<size_t>(part)] = static_cast<uint8_t>(value);
  }
  if (at != text.size()) return std::nullopt;
  return address;
}

// Groups on one side of `::`, or all of them: hexadecimal numbers up to ffff, colons between.
bool ReadGroups(std::string_view text, std::vector<unsigned>* groups) {
  if (text.empty()) return true;
  size_t at = 0;
  while (true) {
    const size_t begin = at;
    unsigned value = 0;
    for (; at < text.size() && HexDigit(text[at]) >= 0; ++at) {
      value = value * 16 + static_cast<unsigned>(HexDigit(text[at]));
      if (value > 0xFFFF) return false;
    }
    if (at == begin || groups->size() == 8) return false;
    groups->push_back(value);
    if (at == text.size()) return true;
    if (text[at++] != ':') return false;
  }
}

// ::ffff:a.b.c.d in hexadecimal is the IPv4 address itself.
IpAddress UnmapIpv4(const IpAddress& address) {
  for (size_t i = 0; i < 10; ++i) {
    if (address.bytes[i] != 0) return address;
  }
  if (address.bytes[10] != 0xFF || address.bytes[11] != 0xFF) return address;
  IpAddress v4;
  v4.size = 4;
  for (size_t i = 0; i < 4; ++i) v4.bytes[i] = address.bytes[12 + i];
  return v4;
}

std::optional<IpAddress> ParseIpv6(std::string_view text) {
  std::vector<unsigned> head;
  std::vector<unsigned> tail;
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (!ReadGroups(text, &head) || head.size() != 8) return std::nullopt;
  } else {
    if (!ReadGroups(text.substr(0, gap), &head) || !ReadGroups(text.substr(gap + 2), &tail)) {
      return std::nullopt;
    }
    if (head.size() + tail.size() > 7) return std::nullopt;
    head.resize(8 - tail.size(), 0);
    head.insert(head.end(), tail.begin(), tail.end());
  }
  IpAddress address;
  address.size = 16;
  for (size_t i = 0; i < 8; ++i) {
    address.bytes[2 * i] = static_cast<uint8_t>(head[i] >> 8);
    address.bytes[2 * i + 1] = static_cast<uint8_t>(head[i] & 0xFF);
  }
  return UnmapIpv4(address);
}

}  // namespace

std::optional<IpAddress> ParseIpAddress(std::string_view text) {
  // Most texts are refused by their first characters, without a walk.
  if (text.size() < 2) return std::nullopt;
  if (text.find(':') != std::string_view::npos) {
    return text.size() > 256 ? std::nullopt : ParseIpv6(text);
  }
  return ParseIpv4(text);
}

bool Cidr::Contains(const IpAddress& address) const {
  if (address.size != base.size) return false;
  for (int bit = 0; bit < mask_bits; bit += 8) {
    const int variable_bits = std::max(0, bit + 8 - mask_bits);
    const unsigned mask = (0xFFu << variable_bits) & 0xFFu;
    const auto byte = static_cast<size_t>(bit / 8);
    if (((address.bytes[byte] ^ base.bytes[byte]) & mask) != 0) return false;
  }
  return true;
}

std::optional<Cidr> ParseCidr(std::string_view text, std::string* error) {
  while (!text.empty() && text.back() == '/') text.remove_suffix(1);
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || text.find('/', slash + 1) != std::string_view::npos) {
    *error = "a block is written as address/bits with one slash";
    return std::nullopt;
  }
  std::string_view bits = text.substr(slash + 1);
  if (bits.size() > 1 && bits[0] == '+') bits.remove_prefix(1);
  Cidr cidr;
  const char* const end = bits.data() + bits.size();
  const std::from_chars_result read = std::from_chars(bits.data(), end, cidr.mask_bits);
  if (read.ec != std::errc() || read.ptr != end || cidr.mask_bits < 0) {
    *error = "the number of bits after the slash is not a whole number from 0 on";
    return std::nullopt;
  }
  const std::optional<IpAddress> base = ParseIpAddress(text.substr(0, slash));
  if (!base) {
    *error = "the part before the slash is not an IPv4 or IPv6 address";
    return std::nullopt;
  }
  cidr.base = *base;
  if (cidr.mask_bits >= base->size * 8) {
    *error = base->size == 4 ? "an IPv4 block has at most 31 fixed bits"
                             : "an IPv6 block has at most 127 fixed bits";
    return std::nullopt;
  }
  return cidr;
}

}  // namespace turnout::router
