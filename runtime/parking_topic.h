// The parking topic, as it is looked for and made at the start.
//
// Threads: blocks on brokers.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/topic_admin.h"

namespace turnout::runtime {

// What it is created with: an outage of a destination's may last so long.
inline constexpr absl::Duration kParkingRetention = absl::Hours(7 * 24);

// Creates it where it is missing, with as many partitions as the source. Why it can't be written,
// and what to do; empty where it can. NotFound while there is no source; Unavailable where no
// broker answers.
absl::StatusOr<std::string> EnsureParkingTopic(const std::string& topic,
                                               const std::string& source_topic,
                                               connectors::NewTopic wanted,
                                               connectors::TopicAdmin* admin);

}  // namespace turnout::runtime
