// ClientSecurity: how the batch sink's connections are encrypted and who it says it is, read from
// the same properties that librdkafka's clients are given.
//
// Internal to connectors/.
// Errors: Unimplemented names a property of security that only librdkafka honours: it must not be
//   passed over in silence. InvalidArgument names a value that can't be.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"
#include "connectors/sasl_client.h"

namespace turnout::connectors {

struct TlsSettings {
  std::string ca_location;  // a file or a directory; with ca_pem empty too: the system's
  std::string ca_pem;
  std::string certificate_location;
  std::string certificate_pem;
  std::string key_location;
  std::string key_pem;
  std::string key_password;
  bool verify_certificate = true;
  bool verify_host = true;
};

struct ClientSecurity {
  std::optional<TlsSettings> tls;
  std::optional<SaslCredentials> sasl;
};

// The part of it that is TLS's; nullopt where connections are not encrypted.
absl::StatusOr<std::optional<TlsSettings>> TlsSettingsOf(
    const std::vector<KafkaProperty>& properties);

// Unimplemented, with the property's name.
absl::Status OnlyLibrdkafkaHonours(const std::string& name);

// Tokens of an identity provider are asked of `tokens`, which is borrowed.
absl::StatusOr<ClientSecurity> ClientSecurityOf(const std::vector<KafkaProperty>& properties,
                                                TokenSource* tokens = nullptr);

}  // namespace turnout::connectors
