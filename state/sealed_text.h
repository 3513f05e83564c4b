// Text with a last line `end SHA-256`, the digest of all lines before it: how small objects of the
// checkpoint store show that they are what was written.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace turnout::state {

// `lines` and their seal; they end in a line break.
std::string SealText(std::string lines);

// The lines before the seal, within `sealed`. DataLoss: it is cut short, or not theirs.
absl::StatusOr<std::string_view> OpenSealed(std::string_view sealed);

}  // namespace turnout::state
