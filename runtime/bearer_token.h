// ReadBearerToken: a token that lies in a file, for HTTP's `Authorization: Bearer`.
//
// It is read at each use, so that one that is rotated (a mounted secret, a projected service
// account token) is taken without a restart; the log never shows it.
//
// Errors: InvalidArgument, naming the file and not what is in it.
// Threads: any.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace turnout::runtime {

// Without the white space around it; never empty.
absl::StatusOr<std::string> ReadBearerToken(const std::string& path);

}  // namespace turnout::runtime
