// SHA-256, as 64 lower-case hexadecimal digits: what checkpoint files are named and checked by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace turnout::state {

inline constexpr size_t kSha256Digits = 64;

std::string Sha256(std::string_view bytes);

struct FileDigest {
  uint64_t bytes = 0;
  std::string sha256;
};

// Reads the file in pieces. Errors: those of files.h.
absl::StatusOr<FileDigest> Sha256OfFile(const std::string& path);

}  // namespace turnout::state
