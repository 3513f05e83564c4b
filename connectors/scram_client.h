// ScramClient: SCRAM-SHA-256 and SCRAM-SHA-512 without channel binding, the client's side.
//
// Internal to connectors/. The password never leaves: each side proves that it knows it, or what
// was derived from it. Format: RFC 5802, RFC 7677.
#pragma once

#include <memory>
#include <string>

#include "connectors/sasl_client.h"

namespace turnout::connectors {

inline constexpr char kScramSha256[] = "SCRAM-SHA-256";
inline constexpr char kScramSha512[] = "SCRAM-SHA-512";

// `credentials.mechanism` is one of these two.
std::unique_ptr<SaslClient> MakeScramClient(const SaslCredentials& credentials, std::string nonce);

}  // namespace turnout::connectors
