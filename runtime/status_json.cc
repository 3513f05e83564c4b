#include "runtime/status_json.h"

namespace turnout::runtime {

std::string Timestamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

}  // namespace turnout::runtime
