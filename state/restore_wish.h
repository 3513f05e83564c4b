// RestoreWish: somebody wants states to be rebuilt from older checkpoints: each task's from the
// newest one that was taken at a time or before it, by a muted replay from there on.
//
// Checkpoints of different tasks are not of the same moment, and their sequences say nothing of
// each other; so the handle is a time. A wish is known by its id, which is made of what it says:
// the commit note names those that are done, and none is done twice.
//
// Units: milliseconds since 1970, of the clocks of those who took the checkpoints.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace turnout::state {

struct RestoreWish {
  int64_t time_ms = 0;
  // Replayed by the rules that are in force now; else by those that were at each offset.
  bool with_current_rules = false;

  std::string id() const { return absl::StrCat(time_ms, with_current_rules ? "-current" : ""); }

  bool operator==(const RestoreWish&) const = default;
};

}  // namespace turnout::state
