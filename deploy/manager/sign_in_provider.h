// SignInProvider: the manager as the client of an OpenID Connect provider: where it sends people to
// sign in, and what it gets for the code that they come back with.
//
// Its endpoints are found by discovery, when the first one signs in and once an hour after. The
// code goes to the provider over a connection of ours, with PKCE's verifier and the client's
// secret, if there is one, which is read from its file each time.
//
// Limits: kProviderTimeout, kTokenAnswerBytesMax; failed discovery is tried again no sooner than
//   kDiscoveryPause.
// Errors: Unavailable if the provider doesn't answer as it should; PermissionDenied if it refuses
//   the code; InvalidArgument for a secret's file that a person has to mend. Nothing of what the
//   provider says is in them, but an error's name of RFC 6749's letters.
// Threads: any; calls block.
// Lifetime: the clock outlives it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/manager/discovery.h"
#include "deploy/manager/issuers.h"
#include "runtime/clock.h"
#include "state/http_client.h"

namespace turnout::manager {

inline constexpr absl::Duration kProviderTimeout = absl::Seconds(5);
inline constexpr size_t kTokenAnswerBytesMax = 128u << 10;
inline constexpr absl::Duration kDiscoveryFor = absl::Hours(1);
inline constexpr absl::Duration kDiscoveryPause = absl::Seconds(10);

// The name of an OAuth error, if it looks like one; else "no reason".
std::string ErrorName(std::string_view error);

class SignInProvider {
 public:
  // `redirect_url` is where the provider sends people back to.
  SignInProvider(IssuerSettings settings, std::string redirect_url, runtime::Clock* clock);

  const std::string& issuer() const { return settings_.issuer.demands.issuer; }
  std::string title() const;

  absl::StatusOr<std::string> AuthorizationUrl(const std::string& state, const std::string& nonce,
                                               const std::string& challenge);

  // The ID token for the code; nothing of it is checked yet.
  absl::StatusOr<std::string> Redeem(const std::string& code, const std::string& verifier);

 private:
  absl::StatusOr<ProviderDocument> Document();
  absl::StatusOr<ProviderDocument> Fetch();

  const IssuerSettings settings_;
  const std::string redirect_url_;
  runtime::Clock* const clock_;
  state::HttpClient http_;

  absl::Mutex mu_;
  std::optional<ProviderDocument> document_ ABSL_GUARDED_BY(mu_);
  absl::Time fetched_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  absl::Time asked_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
};

}  // namespace turnout::manager
