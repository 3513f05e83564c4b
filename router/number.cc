#include "router/number.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace turnout::router {
namespace {

// No double prints with more significant digits than this.
constexpr size_t kDoubleDigitsMax = 17;
// Any decimal of so few digits survives the way to a double and back.
constexpr size_t kExactDigitsMax = 15;
// Exponents are capped here, far outside of a double's range and far inside of an int's.
constexpr int kExponentCap = 100000;

// A decimal without leading and trailing zeros: 0.d1d2d3... times ten to the exponent.
struct Digits {
  std::array<char, kDoubleDigitsMax> digits{};
  size_t count = 0;
  int exponent = 0;
  bool too_many = false;

  bool operator==(const Digits& other) const {
    if (count != other.count || exponent != other.exponent) return false;
    for (size_t i = 0; i < count; ++i) {
      if (digits[i] != other.digits[i]) return false;
    }
    return true;
  }
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int ReadExponent(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int exponent = 0;
  for (const char c : text) {
    if (exponent < kExponentCap) exponent = exponent * 10 + (c - '0');
  }
  return negative ? -exponent : exponent;
}

Digits Normalize(std::string_view spelling) {
  Digits out;
  size_t pending_zeros = 0;  // zeros that count only if a further digit follows
  bool after_point = false;
  for (size_t i = 0; i < spelling.size(); ++i) {
    const char c = spelling[i];
    if (c == '.') {
      after_point = true;
    } else if (c == 'e' || c == 'E') {
      out.exponent += ReadExponent(spelling.substr(i + 1));
      break;
    } else if (IsDigit(c)) {
      const bool leading = out.count == 0;
      if (leading && c == '0') {
        if (after_point) --out.exponent;
        continue;
      }
      if (!after_point) ++out.exponent;
      if (c == '0') {
        ++pending_zeros;
        continue;
      }
      if (out.count + pending_zeros + 1 > kDoubleDigitsMax) {
        out.too_many = true;
        return out;
      }
      for (; pending_zeros > 0; --pending_zeros) out.digits[out.count++] = '0';
      out.digits[out.count++] = c;
    }
  }
  return out;
}

// Integers of few digits, which is most of what events hold.
std::optional<double> SmallInteger(std::string_view spelling) {
  const bool negative = spelling[0] == '-';
  if (negative) spelling.remove_prefix(1);
  if (spelling.size() > kExactDigitsMax) return std::nullopt;
  int64_t value = 0;
  for (const char c : spelling) {
    if (!IsDigit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return static_cast<double>(negative ? -value : value);
}

Digits ShortestDigits(double value) {
  std::array<char, 32> text;
  const std::to_chars_result shortest =
      std::to_chars(text.begin(), text.end(), value, std::chars_format::scientific);
  Digits digits = Normalize({text.data(), static_cast<size_t>(shortest.ptr - text.data())});
  if (digits.count > 1) return digits;
  // Java prints at least two digits, the nearest two: 4.9e-324 where one digit would be 5e-324.
  const std::to_chars_result two =
      std::to_chars(text.begin(), text.end(), value, std::chars_format::scientific, 1);
  return Normalize({text.data(), static_cast<size_t>(two.ptr - text.data())});
}

}  // namespace

std::optional<double> ComparableNumber(std::string_view spelling) {
  if (spelling.empty()) return std::nullopt;
  if (const std::optional<double> small = SmallInteger(spelling)) return *small;
  const Digits written = Normalize(spelling);
  if (written.too_many) return std::nullopt;
  if (written.count == 0) return 0.0;
  double value = 0;
  const char* const end = spelling.data() + spelling.size();
  const std::from_chars_result read = std::from_chars(spelling.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  const double magnitude = value < 0 ? -value : value;
  if (magnitude > std::numeric_limits<double>::max()) return std::nullopt;
  if (written.count <= kExactDigitsMax && magnitude >= std::numeric_limits<double>::min()) {
    return value;
  }
  if (!(ShortestDigits(value) == written)) return std::nullopt;
  return value;
}

bool IsEventBridgeNumber(std::string_view spelling) {
  constexpr double kMagnitudeMax = 5e9;
  constexpr int kDecimalsMax = 6;
  const std::optional<double> value = ComparableNumber(spelling);
  if (!value || *value > kMagnitudeMax || *value < -kMagnitudeMax) return false;
  const Digits digits = Normalize(spelling);
  if (digits.count == 0) return true;
  return digits.count <= kExactDigitsMax &&
         static_cast<int>(digits.count) - digits.exponent <= kDecimalsMax;
}

}  // namespace turnout::router
