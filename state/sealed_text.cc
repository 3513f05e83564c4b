#include "state/sealed_text.h"

#include "absl/status/status.h"
#include "state/sha256.h"

namespace turnout::state {
namespace {

constexpr std::string_view kEndWord = "end ";

std::string SealOf(std::string_view lines) { return std::string(kEndWord) + Sha256(lines) + "\n"; }

}  // namespace

std::string SealText(std::string lines) {
  lines += SealOf(lines);
  return lines;
}

absl::StatusOr<std::string_view> OpenSealed(std::string_view sealed) {
  constexpr size_t kSealBytes = kEndWord.size() + kSha256Digits + 1;
  if (sealed.size() < kSealBytes) return absl::DataLossError("it is cut short");
  const std::string_view lines = sealed.substr(0, sealed.size() - kSealBytes);
  if (sealed.substr(lines.size()) != SealOf(lines)) {
    return absl::DataLossError("its digest is not that of its lines");
  }
  return lines;
}

}  // namespace turnout::state
