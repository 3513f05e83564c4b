// Value: one scalar of an event as predicates see it.
//
// What a text means as a number or an address is worked out when a predicate first asks, and then
// remembered for the other predicates of the field.
//
// Lifetime: views the text; the caller keeps it alive.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "router/ip_address.h"
#include "router/number.h"

namespace turnout::router {

enum class ValueKind : uint8_t { kNull, kTrue, kFalse, kNumber, kString };

class Value {
 public:
  Value(ValueKind kind, std::string_view text) : kind_(kind), text_(text) {}

  ValueKind kind() const { return kind_; }
  bool is_string() const { return kind_ == ValueKind::kString; }
  // A string's content, unescaped; a number's spelling.
  std::string_view text() const { return text_; }

  // Set only for numbers that compare by value.
  const std::optional<double>& number() const {
    if (!number_known_) {
      if (kind_ == ValueKind::kNumber) number_ = ComparableNumber(text_);
      number_known_ = true;
    }
    return number_;
  }

  // Set only for strings that are an IP address.
  const std::optional<IpAddress>& address() const {
    if (!address_known_) {
      if (kind_ == ValueKind::kString) address_ = ParseIpAddress(text_);
      address_known_ = true;
    }
    return address_;
  }

 private:
  ValueKind kind_;
  mutable bool number_known_ = false;
  mutable bool address_known_ = false;
  std::string_view text_;
  mutable std::optional<double> number_;
  mutable std::optional<IpAddress> address_;
};

}  // namespace turnout::router
