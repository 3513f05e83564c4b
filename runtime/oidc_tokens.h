// OidcTokens: OAUTHBEARER tokens from an identity provider, by OAuth's client credentials (RFC
// 6749, 4.4).
//
// The client's id and secret go in an Authorization header as they are, as librdkafka and the Java
// client send them. How long a token lives is what the provider says beside it (`expires_in`), else
// the token's own `exp` less its `iat`: neither asks whether this machine's clock is right.
//
// Errors: InvalidArgument: the provider refuses, or an option can't be; Unavailable: it does not
//   answer, or what it answers is no token; DataLoss: it answers more than a token can be. Each
//   names the endpoint, and none the secret.
// Threads: any, one at a time.
#pragma once

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/oidc_settings.h"
#include "connectors/token_source.h"
#include "state/http_client.h"

namespace turnout::runtime {

class OidcTokens {
 public:
  explicit OidcTokens(connectors::OidcSettings settings);

  // Blocks for 10 s at most, and until about a second after `stop` has become true.
  absl::StatusOr<connectors::OAuthToken> Fetch(const std::atomic<bool>& stop);

 private:
  absl::StatusOr<std::string> Secret();
  absl::StatusOr<state::HttpResponse> Ask(const std::string& secret, const std::atomic<bool>& stop);

  const connectors::OidcSettings settings_;
  state::HttpClient http_;
  std::string hidden_secret_;  // in the log
};

}  // namespace turnout::runtime
