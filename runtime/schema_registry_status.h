// SchemaRegistryStatus: how asking a schema registry goes.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace turnout::runtime {

struct SchemaRegistryStatus {
  bool is_used = false;     // false: values are JSON, and nothing else is set
  std::string trouble;      // of the last request; empty: it was answered
  absl::Time since;         // that it is so
  uint64_t known = 0;       // schemas at hand
  uint64_t awaited = 0;     // ids that events wait for
  uint64_t unanswered = 0;  // ids without an answer for wait_max: their events are dead letters
  uint64_t fetched = 0;     // requests, by what came of them
  uint64_t refused = 0;
  uint64_t failed = 0;
};

}  // namespace turnout::runtime
