#include "router/percent.h"

#include <algorithm>
#include <string_view>

namespace turnout::router {

std::optional<uint32_t> ReadPercent(const Node& node) {
  const std::string_view text = node.text;
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view decimals = text.substr(std::min(point + 1, text.size()));
  const auto are_digits = [](std::string_view digits) {
    return std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (node.kind != Node::Kind::kNumber || whole.empty() || whole.size() > 3 ||
      decimals.size() > 2 || !are_digits(whole) || !are_digits(decimals)) {
    return std::nullopt;
  }
  uint32_t share = 0;
  for (const char c : whole) share = share * 10 + static_cast<uint32_t>(c - '0');
  for (size_t i = 0; i < 2; ++i) {
    share = share * 10 + (i < decimals.size() ? static_cast<uint32_t>(decimals[i] - '0') : 0);
  }
  return share <= kAllShares ? std::optional(share) : std::nullopt;
}

}  // namespace turnout::router
