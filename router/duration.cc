#include "router/duration.h"

#include <charconv>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace turnout::router {
namespace {

struct Unit {
  std::string_view name;
  int64_t ms;
};
constexpr Unit kUnits[] = {
    {"d", 24 * 3600 * 1000}, {"h", 3600 * 1000}, {"m", 60 * 1000}, {"s", 1000}, {"ms", 1}};

}  // namespace

std::optional<int64_t> ParseDuration(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || text[0] == '-') return std::nullopt;
  const std::string_view rest(read.ptr, static_cast<size_t>(end - read.ptr));
  for (const Unit& unit : kUnits) {
    if (rest != unit.name) continue;
    if (number > kDurationMsMax / unit.ms) return std::nullopt;
    return number * unit.ms;
  }
  return std::nullopt;
}

std::string DurationText(int64_t ms) {
  for (const Unit& unit : kUnits) {
    if (ms % unit.ms == 0 && ms != 0) {
      return absl::StrCat(ms / unit.ms, absl::string_view(unit.name.data(), unit.name.size()));
    }
  }
  return "0ms";
}

}  // namespace turnout::router
