#include "runtime/path_name.h"

#include "absl/strings/str_format.h"

namespace turnout::runtime {

std::string PathName(std::string_view name) {
  std::string safe;
  for (const char c : name) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    const bool is_dot = c == '.' && !safe.empty();
    if (is_plain || is_dot) {
      safe.push_back(c);
    } else {
      absl::StrAppendFormat(&safe, "_%02x", static_cast<unsigned char>(c));
    }
  }
  return safe;
}

}  // namespace turnout::runtime
