#include "runtime/counted.h"

#include "absl/strings/str_format.h"

namespace turnout::runtime {

std::string Counted(int64_t count, std::string_view one) {
  return absl::StrFormat("%d %s%s", count, one, count == 1 ? "" : "s");
}

}  // namespace turnout::runtime
