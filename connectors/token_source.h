// TokenSource: the token that OAUTHBEARER clients show their brokers, kept fresh by whoever
// implements it.
//
// Clients of librdkafka are handed each new token as it comes; the batch sink asks for the one of
// now when it authenticates.
//
// Errors: Unavailable: there is none that is still good, with the reason and the cure. No message
//   holds a token.
// Threads: any; nothing waits for a token to be fetched.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace turnout::connectors {

struct OAuthToken {
  std::string value;
  std::string principal;  // for messages: brokers read the token itself
  absl::Time expires = absl::InfiniteFuture();
  // SASL extensions (RFC 7628), as Confluent Cloud asks for: "logicalCluster", "lkc-1".
  std::vector<std::pair<std::string, std::string>> extensions;
  // The token is good, and the ones to come may not be, since this failed meanwhile.
  absl::Status trouble;
};

class TokenSource {
 public:
  using Listener = std::function<void(const OAuthToken&)>;

  virtual ~TokenSource() = default;

  virtual absl::StatusOr<OAuthToken> Current() = 0;

  // Called with the token of now, if there is one, and with each that follows, one call at a time.
  // It may call Current and neither of these two.
  virtual int AddListener(Listener listener) = 0;
  // It is not called any more once this returns.
  virtual void RemoveListener(int listener) = 0;
};

}  // namespace turnout::connectors
