// SHA-256, as 64 lower-case hexadecimal digits: what checkpoint files are named and checked by.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace turnout::state {

inline constexpr size_t kSha256Digits = 64;

std::string Sha256(std::string_view bytes);

// HMAC-SHA-256, as its 32 bytes.
std::string HmacSha256(std::string_view key, std::string_view bytes);

// Any bytes as lower-case hexadecimal digits.
std::string Hex(std::string_view bytes);

struct FileDigest {
  uint64_t bytes = 0;
  std::string sha256;

  bool operator==(const FileDigest&) const = default;
};

// The digest of what comes in pieces.
class DigestStream {
 public:
  DigestStream();
  ~DigestStream();
  DigestStream(DigestStream&&) noexcept;
  DigestStream& operator=(DigestStream&&) noexcept;

  void Add(std::string_view piece);
  // Of all pieces; once.
  FileDigest Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  uint64_t bytes_ = 0;
};

// Reads the file in pieces. Errors: those of files.h.
absl::StatusOr<FileDigest> Sha256OfFile(const std::string& path);

// Of at most `bytes` bytes from `offset` on: fewer if the file ends before.
absl::StatusOr<FileDigest> Sha256OfPart(const std::string& path, uint64_t offset, uint64_t bytes);

}  // namespace turnout::state
