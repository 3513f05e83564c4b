// StatusJson: how pages of the admin API write times and texts.
//
// Threads: pure functions, but for the secrets that the log knows.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace turnout::runtime {

std::string Timestamp(absl::Time time);

// A JSON text with no secret in it, a line break at its end, and this indentation; -1: in one line.
std::string PublicJson(const std::string& json, int indent);

}  // namespace turnout::runtime
