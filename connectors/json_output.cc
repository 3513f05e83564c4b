#include "connectors/json_output.h"

#include <array>
#include <charconv>
#include <cmath>

namespace turnout::connectors {
namespace {

constexpr int kNumberBytesMax = 32;

// Bytes that stand in a JSON string as they are: ASCII, but control characters, quote, backslash.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 0x80; ++c) plain[static_cast<size_t>(c)] = c != '"' && c != '\\';
  return plain;
}();

bool IsContinuation(unsigned char byte) { return (byte & 0xc0) == 0x80; }

// Bytes of the well-formed character at the start of `text`, which is not ASCII; 0: there is none.
// Overlong forms, surrogates and what lies beyond U+10FFFF are not well-formed.
size_t Utf8Bytes(std::string_view text) {
  const auto at = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const unsigned char first = at(0);
  const unsigned char second = at(1);
  if (first < 0xc2 || first > 0xf4 || !IsContinuation(second)) return 0;
  if (first < 0xe0) return 2;
  if (!IsContinuation(at(2))) return 0;
  if (first < 0xf0) {
    const bool overlong = first == 0xe0 && second < 0xa0;
    const bool surrogate = first == 0xed && second >= 0xa0;
    return overlong || surrogate ? 0 : 3;
  }
  if (!IsContinuation(at(3))) return 0;
  const bool overlong = first == 0xf0 && second < 0x90;
  const bool beyond = first == 0xf4 && second >= 0x90;
  return overlong || beyond ? 0 : 4;
}

void AppendEscape(char c, std::string* out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  out->push_back('\\');
  if (const size_t at = kShort.find(c); at != std::string_view::npos) {
    out->push_back(kLetters[at]);
    return;
  }
  const auto code = static_cast<unsigned char>(c);
  out->append("u00");
  out->push_back(kDigits[code >> 4]);
  out->push_back(kDigits[code & 15]);
}

}  // namespace

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t bytes =
        static_cast<unsigned char>(text[at]) < 0x80 ? 1 : Utf8Bytes(text.substr(at));
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

bool AppendJsonText(std::string_view text, std::string* out) {
  out->push_back('"');
  size_t copied = 0;
  size_t at = 0;
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (kPlain[c]) {
      ++at;
    } else if (c >= 0x80) {
      const size_t bytes = Utf8Bytes(text.substr(at));
      if (bytes == 0) return false;
      at += bytes;
    } else {
      out->append(text, copied, at - copied);
      AppendEscape(text[at], out);
      copied = ++at;
    }
  }
  out->append(text, copied);
  out->push_back('"');
  return true;
}

void JsonOutput::Signed(int64_t value) {
  char digits[kNumberBytesMax];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  Raw(std::string_view(digits, static_cast<size_t>(end - digits)));
}

void JsonOutput::Unsigned(uint64_t value) {
  char digits[kNumberBytesMax];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  Raw(std::string_view(digits, static_cast<size_t>(end - digits)));
}

template <typename Real>
void JsonOutput::RealNumber(Real value) {
  if (std::isnan(value)) return Raw("\"NaN\"");
  if (std::isinf(value)) return Raw(value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
  char digits[kNumberBytesMax];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  Raw(std::string_view(digits, static_cast<size_t>(end - digits)));
}

void JsonOutput::Float(float value) { RealNumber(value); }
void JsonOutput::Double(double value) { RealNumber(value); }

void JsonOutput::Base64(std::string_view bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Raw('"');
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t left = bytes.size() - at;
    const auto byte = [&](size_t i) {
      return i < left ? static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) : 0u;
    };
    const uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
    const char letters[] = {kLetters[group >> 18], kLetters[group >> 12 & 63],
                            left > 1 ? kLetters[group >> 6 & 63] : '=',
                            left > 2 ? kLetters[group & 63] : '='};
    Raw(std::string_view(letters, sizeof(letters)));
  }
  Raw('"');
}

}  // namespace turnout::connectors
