// Tokens: who bears which token, from a file.
//
// The file holds no token, but its SHA-256, of `printf %s TOKEN | sha256sum`:
//
//   {"tokens": [{"name": "alice", "kind": "person", "sha256": "9f86d0...",
//                "grants": [{"service": "*", "team": "*", "role": "admin"}]},
//               {"name": "orders-routers", "kind": "router", "sha256": "...",
//                "grants": [{"service": "orders", "role": "viewer"}]}]}
//
// It is looked at once a second where somebody calls, and whenever a token is unknown, and read
// when it has changed: a rotated file is taken without a restart, one that can't be read leaves the
// tokens from before, and is logged.
// The time of an answer tells nothing of how near a wrong token came: every one is compared.
//
// Errors: InvalidArgument at the beginning, naming file and member.
// Threads: any.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/manager/access.h"

namespace turnout::manager {

inline constexpr size_t kTokensMax = 1'000;
inline constexpr size_t kTokensFileBytesMax = 4u << 20;

struct KnownToken {
  std::string sha256;
  Principal principal;
};

absl::StatusOr<std::vector<KnownToken>> ReadTokens(std::string_view json);

class Tokens {
 public:
  static absl::StatusOr<std::unique_ptr<Tokens>> Open(const std::string& file);

  // Nullopt: nobody bears it.
  std::optional<Principal> WhoBears(std::string_view token, absl::Time now);

 private:
  explicit Tokens(std::string file) : file_(std::move(file)) {}
  absl::Status Read();
  void ReadIfChanged();
  std::optional<Principal> Find(const std::string& digest);

  const std::string file_;
  absl::Mutex mu_;
  std::vector<KnownToken> known_ ABSL_GUARDED_BY(mu_);
  std::filesystem::file_time_type written_ ABSL_GUARDED_BY(mu_);
  absl::Time looked_at_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
};

}  // namespace turnout::manager
