#include "router/yaml_scalar.h"

#include <charconv>
#include <cstdint>

namespace turnout::router {
namespace {

size_t CountDigits(std::string_view text, size_t at) {
  size_t count = 0;
  while (at + count < text.size() && text[at + count] >= '0' && text[at + count] <= '9') ++count;
  return count;
}

bool IsNull(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

bool IsTrue(std::string_view text) { return text == "true" || text == "True" || text == "TRUE"; }

bool IsFalse(std::string_view text) {
  return text == "false" || text == "False" || text == "FALSE";
}

bool IsInfinityOrNan(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text == ".inf" || text == ".Inf" || text == ".INF";
}

// 0x1F and 0o17: digits after a two-character prefix, all of them valid in the base.
bool IsPrefixedInteger(std::string_view text, std::string_view prefix, std::string_view digits) {
  return text.size() > prefix.size() && text.substr(0, prefix.size()) == prefix &&
         text.find_first_not_of(digits, prefix.size()) == std::string_view::npos;
}

std::string RespellPrefixed(std::string_view digits, int base, Node* node) {
  uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, value, base).ec != std::errc()) {
    return "this number does not fit in 64 bits";
  }
  node->kind = Node::Kind::kNumber;
  node->text = std::to_string(value);
  return "";
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, taken apart.
struct Decimal {
  bool negative = false;
  std::string_view integer;
  std::string_view fraction;
  std::string_view exponent;  // with its letter and sign
};

bool ReadDecimal(std::string_view text, Decimal* decimal) {
  size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) {
    decimal->negative = text[at++] == '-';
  }
  const size_t integer_digits = CountDigits(text, at);
  decimal->integer = text.substr(at, integer_digits);
  at += integer_digits;
  if (at < text.size() && text[at] == '.') {
    const size_t fraction_digits = CountDigits(text, ++at);
    decimal->fraction = text.substr(at, fraction_digits);
    at += fraction_digits;
  }
  if (decimal->integer.empty() && decimal->fraction.empty()) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    const size_t begin = at++;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const size_t exponent_digits = CountDigits(text, at);
    if (exponent_digits == 0) return false;
    at += exponent_digits;
    decimal->exponent = text.substr(begin, at - begin);
  }
  return at == text.size();
}

}  // namespace

std::string ResolvePlainScalar(std::string_view scalar, Node* node) {
  if (IsNull(scalar)) {
    node->kind = Node::Kind::kNull;
    return "";
  }
  if (IsTrue(scalar) || IsFalse(scalar)) {
    node->kind = Node::Kind::kBool;
    node->text = IsTrue(scalar) ? "true" : "false";
    return "";
  }
  if (IsInfinityOrNan(scalar)) return "infinity and NaN are not numbers that an event can hold";
  if (IsPrefixedInteger(scalar, "0x", "0123456789abcdefABCDEF")) {
    return RespellPrefixed(scalar.substr(2), 16, node);
  }
  if (IsPrefixedInteger(scalar, "0o", "01234567")) {
    return RespellPrefixed(scalar.substr(2), 8, node);
  }
  Decimal decimal;
  if (!ReadDecimal(scalar, &decimal)) {
    node->kind = Node::Kind::kString;
    node->text = scalar;
    return "";
  }
  // 007 would silently become 7, and an account number lose its first digits.
  if (decimal.integer.size() > 1 && decimal.integer[0] == '0') {
    return "this number has leading zeros";
  }
  node->kind = Node::Kind::kNumber;
  node->text = decimal.negative ? "-" : "";
  node->text += decimal.integer.empty() ? "0" : decimal.integer;
  if (!decimal.fraction.empty()) (node->text += '.') += decimal.fraction;
  node->text += decimal.exponent;
  return "";
}

}  // namespace turnout::router
