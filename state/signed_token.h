// SignedToken: a JSON Web Token (RFC 7519) whose signature is checked against an issuer's keys.
//
// The keys are a JWK set (RFC 7517), as an identity provider or a Kubernetes API server publishes
// it. Algorithms are RS256, RS384, RS512, PS256, ES256 and ES384, and the key decides which of them
// may be: a token that names none, a symmetric one, or another key's is refused. Keys that are of
// no such algorithm, or for encryption, are passed over. A token with `crit` is refused: it asks
// for what is not known here.
//
// Units: Unix time in seconds, as RFC 7519 has it.
// Limits: kTokenBytesMax, kTokenKeysMax; RSA keys of 2,048 to 8,192 bits.
// Errors: InvalidArgument for a set that is none; PermissionDenied for a token that doesn't hold,
//   with the reason and without the token; NotFound if it is of a key that is not in the set, which
//   may have been replaced since.
// Threads: a set is immutable; everything else is a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace turnout::state {

inline constexpr size_t kTokenBytesMax = 16 << 10;
inline constexpr size_t kTokenKeysMax = 100;
inline constexpr size_t kTokenKeySetBytesMax = 256 << 10;

// What a token says, once its signature holds.
struct TokenClaims {
  std::string issuer;
  std::string subject;
  std::vector<std::string> audiences;
  int64_t expires_s = 0;
  int64_t not_before_s = 0;  // 0: it doesn't say
  // Of every other claim that is a text or a list of texts: groups, roles, email, nonce...
  std::map<std::string, std::vector<std::string>, std::less<>> texts;
};

class TokenKeys {
 public:
  // {"keys": [...]}; a set may have no key that is of use.
  static absl::StatusOr<TokenKeys> Read(std::string_view json);
  ~TokenKeys();
  TokenKeys(TokenKeys&&) noexcept;
  TokenKeys& operator=(TokenKeys&&) noexcept;

  size_t size() const;

  // The signature alone: what the claims say is for CheckClaims.
  absl::StatusOr<TokenClaims> Verify(std::string_view token) const;

 private:
  struct Key;
  TokenKeys();
  std::vector<std::unique_ptr<const Key>> keys_;
};

struct TokenDemands {
  std::string issuer;
  std::string audience;
  int64_t leeway_s = 60;  // by which clocks may differ
};

// That it is of this issuer, for this audience, of somebody, and is valid now.
absl::Status CheckClaims(const TokenClaims& claims, const TokenDemands& demands, int64_t now_s);

}  // namespace turnout::state
