#include "connectors/client_security.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "connectors/oidc_settings.h"
#include "connectors/text_properties.h"

namespace turnout::connectors {
namespace {

// Properties as they come, and what else decides what they mean.
struct Draft {
  std::string protocol = "plaintext";
  bool has_tls = false;
  TlsSettings tls;
  SaslCredentials sasl;
  bool unsecured_token = false;
  std::string token_config;
};

constexpr TextProperty<Draft> kTexts[] = {
    {"security.protocol", [](Draft& draft) { return &draft.protocol; }},
    {"ssl.ca.location", [](Draft& draft) { return &draft.tls.ca_location; }},
    {"ssl.ca.pem", [](Draft& draft) { return &draft.tls.ca_pem; }},
    {"ssl.certificate.location", [](Draft& draft) { return &draft.tls.certificate_location; }},
    {"ssl.certificate.pem", [](Draft& draft) { return &draft.tls.certificate_pem; }},
    {"ssl.key.location", [](Draft& draft) { return &draft.tls.key_location; }},
    {"ssl.key.pem", [](Draft& draft) { return &draft.tls.key_pem; }},
    {"ssl.key.password", [](Draft& draft) { return &draft.tls.key_password; }},
    {"sasl.mechanism", [](Draft& draft) { return &draft.sasl.mechanism; }},
    {"sasl.mechanisms", [](Draft& draft) { return &draft.sasl.mechanism; }},
    {"sasl.username", [](Draft& draft) { return &draft.sasl.username; }},
    {"sasl.password", [](Draft& draft) { return &draft.sasl.password; }},
    {"sasl.oauthbearer.config", [](Draft& draft) { return &draft.token_config; }},
};

// Also those that nobody has thought about yet: whatever secures a connection is honoured or
// refused.
bool IsAboutSecurity(const std::string& name) {
  return absl::StartsWith(name, "ssl.") || absl::StartsWith(name, "sasl.") ||
         absl::StartsWith(name, "enable.ssl.") || absl::StartsWith(name, "enable.sasl.");
}

absl::Status ReadOne(const KafkaProperty& property, Draft& draft) {
  const auto& [name, value] = property;
  if (const auto* const text = FindProperty(absl::MakeConstSpan(kTexts), name)) {
    *text->field(draft) = value;
    return absl::OkStatus();
  }
  if (name == "enable.ssl.certificate.verification") {
    return ReadBool(property, &draft.tls.verify_certificate);
  }
  if (name == "enable.sasl.oauthbearer.unsecure.jwt") {
    return ReadBool(property, &draft.unsecured_token);
  }
  if (name == "ssl.endpoint.identification.algorithm") {
    draft.tls.verify_host = value != "none" && !value.empty();
    return absl::OkStatus();
  }
  if (IsTokenProperty(name) || !IsAboutSecurity(name)) return absl::OkStatus();
  return OnlyLibrdkafkaHonours(name);
}

absl::Status TakeTokens(Draft& draft, TokenSource* tokens) {
  if (tokens != nullptr) {
    draft.sasl.token = [tokens] { return tokens->Current(); };
    return absl::OkStatus();
  }
  if (!draft.unsecured_token) {
    return absl::InvalidArgumentError(
        "OAUTHBEARER: nothing gives tokens; set kafka.sasl.oauthbearer.method to oidc, and what "
        "belongs to it, or to aws_msk_iam");
  }
  const auto token = UnsecuredToken(draft.token_config, 0);
  if (!token.ok()) return token.status();
  draft.sasl.token = [config = draft.token_config] {
    return UnsecuredToken(config, absl::ToUnixSeconds(absl::Now()));
  };
  return absl::OkStatus();
}

absl::Status TakeSasl(Draft& draft, TokenSource* tokens, ClientSecurity& security) {
  if (draft.sasl.mechanism.empty()) draft.sasl.mechanism = "GSSAPI";  // librdkafka's default
  if (!IsSaslMechanism(draft.sasl.mechanism)) {
    return absl::UnimplementedError(absl::StrFormat(
        "the SASL mechanism %s is one that only the librdkafka sink has", draft.sasl.mechanism));
  }
  if (draft.sasl.mechanism == "OAUTHBEARER") {
    const absl::Status status = TakeTokens(draft, tokens);
    if (!status.ok()) return status;
  }
  security.sasl = draft.sasl;
  return absl::OkStatus();
}

absl::StatusOr<Draft> DraftOf(const std::vector<KafkaProperty>& properties) {
  Draft draft;
  for (const KafkaProperty& property : properties) {
    const absl::Status status = ReadOne(property, draft);
    if (!status.ok()) return status;
  }
  draft.protocol = absl::AsciiStrToLower(draft.protocol);
  const std::string under = WantsSasl(draft.protocol) ? draft.protocol.substr(5) : draft.protocol;
  if (under != "plaintext" && under != "ssl") {
    return absl::InvalidArgumentError(
        absl::StrFormat("kafka.security.protocol: there is no `%s`", draft.protocol));
  }
  draft.has_tls = under == "ssl";
  return draft;
}

}  // namespace

absl::Status OnlyLibrdkafkaHonours(const std::string& name) {
  return absl::UnimplementedError(
      absl::StrFormat("kafka.%s is one that only the librdkafka sink honours", name));
}

absl::StatusOr<ClientSecurity> ClientSecurityOf(const std::vector<KafkaProperty>& properties,
                                                TokenSource* tokens) {
  absl::StatusOr<Draft> draft = DraftOf(properties);
  if (!draft.ok()) return draft.status();
  ClientSecurity security;
  if (draft->has_tls) security.tls = draft->tls;
  if (WantsSasl(draft->protocol)) {
    const absl::Status status = TakeSasl(*draft, tokens, security);
    if (!status.ok()) return status;
  }
  return security;
}

absl::StatusOr<std::optional<TlsSettings>> TlsSettingsOf(
    const std::vector<KafkaProperty>& properties) {
  absl::StatusOr<Draft> draft = DraftOf(properties);
  if (!draft.ok()) return draft.status();
  if (!draft->has_tls) return std::nullopt;
  return std::move(draft->tls);
}

}  // namespace turnout::connectors
