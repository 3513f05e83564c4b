// IssuerKeys: who a JSON Web Token is of, by the keys that its issuer publishes.
//
// An issuer is an identity provider, whose keys OpenID Connect's discovery finds, or a Kubernetes
// API server. Keys are fetched when the first token comes, again when they are `keys_for` old, and
// when a token is of a key that isn't known: no sooner than `pause` after the last time, so that
// nobody makes us ask by sending tokens of no issuer. While they are fetched, tokens of known keys
// are answered; where an issuer doesn't answer, its last keys go on for `keys_kept_for`.
//
// Errors: as TokenKeys and CheckClaims for the token; Unavailable where its issuer must be asked
// and
//   doesn't answer, or was asked a moment ago: whoever sent it may try again. Each names the
//   issuer.
// Threads: any; a call that fetches blocks for kAnswerTimeout at most, and one does at a time.
// Lifetime: the clock outlives it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "runtime/clock.h"
#include "state/http_client.h"
#include "state/signed_token.h"

namespace turnout::manager {

struct IssuerOptions {
  state::TokenDemands demands;  // the issuer's URL among them
  std::string keys_url;         // empty: as the issuer's discovery document says
  std::string ca_bundle;        // a PEM file; empty: the system's
  std::string token_file;       // what the issuer wants of us, read each time; empty: nothing
  absl::Duration keys_for = absl::Hours(1);
  absl::Duration keys_kept_for = absl::Hours(24);
  absl::Duration pause = absl::Seconds(10);
};

class IssuerKeys {
 public:
  static constexpr absl::Duration kAnswerTimeout = absl::Seconds(5);

  IssuerKeys(IssuerOptions options, runtime::Clock* clock);

  absl::StatusOr<state::TokenClaims> Verify(std::string_view token);
  // For another audience than the options'.
  absl::StatusOr<state::TokenClaims> Verify(std::string_view token, const std::string& audience);

 private:
  // What is known says of the token; NotFound: it is of a key that isn't, or all are too old.
  absl::StatusOr<state::TokenClaims> Ask(std::string_view token, absl::Time now);
  // Fetches keys, unless another thread does, or it was done just now.
  absl::Status Learn(absl::Time now);
  absl::StatusOr<state::TokenKeys> Fetch();
  absl::StatusOr<std::string> Get(const std::string& url);
  absl::Status Named(const absl::Status& status) const;

  const IssuerOptions options_;
  runtime::Clock* const clock_;
  state::HttpClient http_;

  mutable absl::Mutex mu_;
  std::optional<state::TokenKeys> keys_ ABSL_GUARDED_BY(mu_);
  absl::Time fetched_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();  // by the steady clock
  absl::Time asked_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  bool is_fetching_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status problem_ ABSL_GUARDED_BY(mu_);  // of the last time
};

}  // namespace turnout::manager
