// SaslClient: what one side says to prove who it is, message by message. Pure: no I/O, no clock.
//
// Internal to connectors/. PLAIN, SCRAM-SHA-256 and -512 (RFC 5802, 7677; the broker proves itself
// too), OAUTHBEARER (RFC 7628). A client is good for one authentication.
//
// Errors: Unavailable: what the broker said proves nothing, or is no message of this mechanism. No
//   message holds a password or a token.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "connectors/token_source.h"

namespace turnout::connectors {

class SaslClient {
 public:
  virtual ~SaslClient() = default;

  virtual std::string_view mechanism() const = 0;
  virtual absl::StatusOr<std::string> First() = 0;
  // What to answer; nothing once `done()`.
  virtual absl::StatusOr<std::string> Next(std::string_view from_broker) = 0;
  virtual bool done() const = 0;
  // What the broker said it lacks, if it did: an error without words of its own may follow.
  virtual std::string_view refusal() const { return {}; }
};

struct SaslCredentials {
  std::string mechanism;  // as Kafka names it
  std::string username;
  std::string password;
  // OAUTHBEARER: the token of now. Called for each authentication; must not block for long.
  std::function<absl::StatusOr<OAuthToken>()> token;
};

bool IsSaslMechanism(std::string_view name);

// `nonce` returns fresh random text without commas; only SCRAM asks for it. The mechanism is a
// known one.
std::unique_ptr<SaslClient> MakeSaslClient(const SaslCredentials& credentials,
                                           const std::function<std::string()>& nonce);

// 24 random bytes in base64.
std::string RandomNonce();

// The unsecured JSON web token that librdkafka's `sasl.oauthbearer.config` describes, for brokers
// that trust anybody: "principal=NAME [lifeSeconds=N]". Unimplemented for other words that
// librdkafka knows, InvalidArgument when it is something else.
absl::StatusOr<OAuthToken> UnsecuredToken(std::string_view config, int64_t now_s);

}  // namespace turnout::connectors
