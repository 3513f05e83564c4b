#include "router/number.h"

#include <array>
#include <charconv>
#include <cmath>
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

// Decimals of few digits and without exponent, which is most of what events hold. Digits and power
// of ten are both doubles exactly, so that one division rounds correctly.
std::optional<double> ShortDecimal(std::string_view spelling) {
  constexpr double kPowersOfTen[kExactDigitsMax + 1] = {
      1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const bool negative = spelling[0] == '-';
  if (negative) spelling.remove_prefix(1);
  if (spelling.size() > kExactDigitsMax + 1) return std::nullopt;
  int64_t digits = 0;
  size_t point = spelling.size();
  for (size_t i = 0; i < spelling.size(); ++i) {
    if (IsDigit(spelling[i])) {
      digits = digits * 10 + (spelling[i] - '0');
    } else if (spelling[i] == '.' && point == spelling.size()) {
      point = i;
    } else {
      return std::nullopt;
    }
  }
  const bool fraction = point < spelling.size();
  if (!fraction && spelling.size() > kExactDigitsMax) return std::nullopt;
  const auto value = static_cast<double>(negative ? -digits : digits);
  return fraction ? value / kPowersOfTen[spelling.size() - point - 1] : value;
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

// What to_chars prints for the double, which most senders of long decimals have printed too.
bool IsShortestSpelling(std::string_view spelling, double value) {
  std::array<char, 32> text;
  const std::to_chars_result shortest =
      std::to_chars(text.begin(), text.end(), value, std::chars_format::fixed);
  return shortest.ec == std::errc() &&
         std::string_view(text.data(), static_cast<size_t>(shortest.ptr - text.data())) == spelling;
}

}  // namespace

double NearestNumber(std::string_view spelling, bool* exact) {
  constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();
  *exact = false;
  if (spelling.empty()) return kNotANumber;
  if (const std::optional<double> decimal = ShortDecimal(spelling)) {
    *exact = true;
    return *decimal;
  }
  double value = 0;
  const char* const end = spelling.data() + spelling.size();
  const std::from_chars_result read = std::from_chars(spelling.data(), end, value);
  if (read.ec == std::errc() && read.ptr == end)
    return std::isfinite(value) ? value + 0.0 : kNotANumber;
  // Zero has spellings that are out of from_chars' range.
  const Digits written = Normalize(spelling);
  if (written.too_many || written.count > 0) return kNotANumber;
  *exact = true;
  return 0;
}

bool IsExactly(std::string_view spelling, double nearest) {
  if (std::isnan(nearest)) return false;
  if (spelling.size() > kExactDigitsMax && IsShortestSpelling(spelling, nearest)) return true;
  const Digits written = Normalize(spelling);
  if (written.too_many) return false;
  if (written.count == 0) return true;
  if (written.count <= kExactDigitsMax && std::abs(nearest) >= std::numeric_limits<double>::min()) {
    return true;
  }
  return ShortestDigits(nearest) == written;
}

std::optional<double> ComparableNumber(std::string_view spelling) {
  bool exact = false;
  const double nearest = NearestNumber(spelling, &exact);
  if (exact || IsExactly(spelling, nearest)) return nearest;
  return std::nullopt;
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
