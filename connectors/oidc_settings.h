// OidcSettings: where OAUTHBEARER tokens come from, read from librdkafka's properties.
//
// Turnout takes these properties over: it fetches tokens itself, by OAuth's client credentials, for
// librdkafka's clients and the batch sink alike, so librdkafka need not be built with OIDC and the
// secret may lie in a file that is replaced. `sasl.oauthbearer.client.secret.location` is Turnout's
// own; the rest is as in librdkafka's CONFIGURATION.md. The other method that Turnout has is read
// by `msk_iam_settings`.
//
// Errors: InvalidArgument names the property and the cure, and never the secret.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"

namespace turnout::connectors {

inline constexpr char kTokenMethod[] = "sasl.oauthbearer.method";
inline constexpr char kMskIamMethod[] = "aws_msk_iam";
inline constexpr char kAwsRegion[] = "sasl.oauthbearer.aws.region";
inline constexpr char kSystemsCa[] = "probe";  // librdkafka's word for it

struct OidcSettings {
  std::string token_url;
  std::string client_id;
  std::string client_secret;       // one of these two is given
  std::string client_secret_file;  // read again for each token
  std::string scope;               // empty: the provider's default
  std::string ca_file;             // whom to trust for an https token_url; empty: the system's
  std::vector<std::pair<std::string, std::string>> extensions;
};

// Whether the property is one that librdkafka is not told of: it says where tokens come from.
bool IsTokenProperty(std::string_view name);

// One such property by itself.
absl::Status CheckTokenProperty(const KafkaProperty& property);

// Nullopt where the properties ask for no OAUTHBEARER, for another method, or for librdkafka's
// unsecured tokens.
absl::StatusOr<std::optional<OidcSettings>> OidcSettingsOf(
    const std::vector<KafkaProperty>& properties);

// Whether anybody on the way to the provider reads secret and token: it is asked by plain http://,
// and is not on this machine.
bool ShowsSecretOnTheWay(const OidcSettings& settings);

}  // namespace turnout::connectors
