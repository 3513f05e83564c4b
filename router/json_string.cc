#include "router/json_string.h"

#include <algorithm>
#include <cstring>

namespace turnout::router {
namespace {

constexpr size_t kUnicodeEscapeLength = 6;  // \uXXXX

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The UTF-16 unit written as \uXXXX at `at`, or -1 when there is none.
int UnicodeEscapeAt(std::string_view content, size_t at) {
  if (content.size() - at < kUnicodeEscapeLength || content[at] != '\\' || content[at + 1] != 'u') {
    return -1;
  }
  int unit = 0;
  for (size_t i = at + 2; i < at + kUnicodeEscapeLength; ++i) {
    const int digit = HexDigit(content[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

bool IsHighSurrogate(int unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool IsLowSurrogate(int unit) { return unit >= 0xDC00 && unit < 0xE000; }

char SimpleEscape(char letter) {
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return letter;  // the quote, the backslash and the slash stand for themselves
  }
}

}  // namespace

size_t FindBadEscape(std::string_view content) {
  size_t at = content.find('\\');
  while (at != std::string_view::npos) {
    if (at + 1 == content.size()) return at;
    const char letter = content[at + 1];
    if (letter == 'u') {
      if (UnicodeEscapeAt(content, at) < 0) return at;
      at += kUnicodeEscapeLength;
    } else {
      if (letter == '\0' || std::strchr("\"\\/bfnrt", letter) == nullptr) return at;
      at += 2;
    }
    at = content.find('\\', at);
  }
  return std::string_view::npos;
}

size_t DecodeJsonString(std::string_view content, char* out) {
  size_t written = 0;
  size_t at = 0;
  while (at < content.size()) {
    const size_t escape = std::min(content.find('\\', at), content.size());
    std::memcpy(out + written, content.data() + at, escape - at);
    written += escape - at;
    at = escape;
    if (at == content.size()) break;
    if (content[at + 1] != 'u') {
      out[written++] = SimpleEscape(content[at + 1]);
      at += 2;
      continue;
    }
    const int unit = UnicodeEscapeAt(content, at);
    at += kUnicodeEscapeLength;
    const int next = IsHighSurrogate(unit) ? UnicodeEscapeAt(content, at) : -1;
    if (IsLowSurrogate(next)) {
      at += kUnicodeEscapeLength;
      const uint32_t high_bits = static_cast<uint32_t>(unit - 0xD800) << 10;
      written += EncodeUtf8(0x10000 + high_bits + static_cast<uint32_t>(next - 0xDC00),
                            out + written);
    } else {
      written += EncodeUtf8(static_cast<uint32_t>(unit), out + written);
    }
  }
  return written;
}

std::string DecodedJsonString(std::string_view content) {
  std::string decoded(content.size(), '\0');
  decoded.resize(DecodeJsonString(content, decoded.data()));
  return decoded;
}

size_t FindBadUtf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  size_t at = 0;
  while (at < text.size()) {
    const unsigned lead = byte(at);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - at < length) return at;
    for (size_t i = 1; i < length; ++i) {
      if ((byte(at + i) & 0xC0) != 0x80) return at;
    }
    // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
    const unsigned second = byte(at + 1);
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
      return at;
    }
    at += length;
  }
  return std::string_view::npos;
}

size_t EncodeUtf8(uint32_t code_point, char* out) {
  if (code_point < 0x80) {
    out[0] = static_cast<char>(code_point);
    return 1;
  }
  if (code_point < 0x800) {
    out[0] = static_cast<char>(0xC0 | (code_point >> 6));
    out[1] = static_cast<char>(0x80 | (code_point & 0x3F));
    return 2;
  }
  if (code_point < 0x10000) {
    out[0] = static_cast<char>(0xE0 | (code_point >> 12));
    out[1] = static_cast<char>(0x80 | ((code_point >> 6) & 0x3F));
    out[2] = static_cast<char>(0x80 | (code_point & 0x3F));
    return 3;
  }
  out[0] = static_cast<char>(0xF0 | (code_point >> 18));
  out[1] = static_cast<char>(0x80 | ((code_point >> 12) & 0x3F));
  out[2] = static_cast<char>(0x80 | ((code_point >> 6) & 0x3F));
  out[3] = static_cast<char>(0x80 | (code_point & 0x3F));
  return 4;
}

uint32_t DecodeUtf8(std::string_view text, size_t* at) {
  const auto lead = static_cast<unsigned char>(text[*at]);
  const size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  uint32_t code_point = length == 1 ? lead : lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    code_point = (code_point << 6) | (static_cast<unsigned char>(text[*at + i]) & 0x3F);
  }
  *at += length;
  return code_point;
}

}  // namespace turnout::router
