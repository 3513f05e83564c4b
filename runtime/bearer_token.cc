#include "runtime/bearer_token.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/log.h"
#include "state/files.h"

namespace turnout::runtime {
namespace {

// Tokens with many claims are some kilobytes; servers refuse headers of more than 8 to 64 KiB.
constexpr size_t kTokenBytesMax = 64 << 10;

}  // namespace

absl::StatusOr<std::string> ReadBearerToken(const std::string& path) {
  const absl::StatusOr<std::string> text = state::ReadFile(path, kTokenBytesMax);
  if (!text.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the token's file can't be read: ", text.status().message()));
  }
  std::string token(absl::StripAsciiWhitespace(*text));
  const bool is_visible = std::all_of(token.begin(), token.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  if (token.empty() || !is_visible) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file ", path, " holds no token (one line of visible text)"));
  }
  HideInLog(token);
  return token;
}

}  // namespace turnout::runtime
