#include "connectors/oidc_settings.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "connectors/text_properties.h"

namespace turnout::connectors {
namespace {

constexpr char kTokenUrl[] = "sasl.oauthbearer.token.endpoint.url";
constexpr char kClientId[] = "sasl.oauthbearer.client.id";
constexpr char kClientSecret[] = "sasl.oauthbearer.client.secret";
constexpr char kClientSecretFile[] = "sasl.oauthbearer.client.secret.location";
constexpr char kScope[] = "sasl.oauthbearer.scope";
constexpr char kExtensions[] = "sasl.oauthbearer.extensions";
constexpr char kCaFile[] = "https.ca.location";
constexpr absl::string_view kPlainScheme = "http://";

// Properties as they come.
struct Draft {
  std::string protocol;
  std::string mechanism;
  std::string method;
  std::string extensions;
  std::string region;   // the other method's
  std::string unknown;  // one of sasl.oauthbearer.*, and nobody's here
  bool unsecured_token = false;
  OidcSettings settings;
};

constexpr TextProperty<Draft> kTaken[] = {
    {kTokenMethod, [](Draft& draft) { return &draft.method; }},
    {kTokenUrl, [](Draft& draft) { return &draft.settings.token_url; }},
    {kClientId, [](Draft& draft) { return &draft.settings.client_id; }},
    {kClientSecret, [](Draft& draft) { return &draft.settings.client_secret; }},
    {kClientSecretFile, [](Draft& draft) { return &draft.settings.client_secret_file; }},
    {kScope, [](Draft& draft) { return &draft.settings.scope; }},
    {kExtensions, [](Draft& draft) { return &draft.extensions; }},
    {kCaFile, [](Draft& draft) { return &draft.settings.ca_file; }},
    {kAwsRegion, [](Draft& draft) { return &draft.region; }},
};
constexpr TextProperty<Draft> kSeen[] = {
    {"security.protocol", [](Draft& draft) { return &draft.protocol; }},
    {"sasl.mechanism", [](Draft& draft) { return &draft.mechanism; }},
    {"sasl.mechanisms", [](Draft& draft) { return &draft.mechanism; }},
};

absl::Status Refused(const char* name, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrFormat("kafka.%s: %s", name, why));
}

absl::Status ReadOne(const KafkaProperty& property, Draft& draft) {
  const auto& [name, value] = property;
  const auto* row = FindProperty(absl::MakeConstSpan(kTaken), name);
  if (row == nullptr) row = FindProperty(absl::MakeConstSpan(kSeen), name);
  if (row != nullptr) {
    *row->field(draft) = value;
  } else if (name == "enable.sasl.oauthbearer.unsecure.jwt") {
    return ReadBool(property, &draft.unsecured_token);
  } else if (absl::StartsWith(name, "sasl.oauthbearer.") && name != "sasl.oauthbearer.config") {
    draft.unknown = name;
  }
  return absl::OkStatus();
}

// RFC 7628, 3.1: letters, and what can be printed; `auth` is the token's own.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ExtensionsOf(
    const std::string& text) {
  std::vector<std::pair<std::string, std::string>> extensions;
  for (const absl::string_view part : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    const std::pair<std::string, std::string> extension =
        absl::StrSplit(absl::StripAsciiWhitespace(part), absl::MaxSplits('=', 1));
    const auto& [key, value] = extension;
    if (key.empty() || !std::all_of(key.begin(), key.end(), absl::ascii_isalpha) || key == "auth" ||
        value.empty() || !std::all_of(value.begin(), value.end(), absl::ascii_isprint)) {
      return Refused(kExtensions,
                     "write key=value,... with keys of letters alone, and none called auth");
    }
    extensions.push_back(extension);
  }
  return extensions;
}

// It becomes a part of hosts' names.
bool IsRegion(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
  });
}

absl::Status CheckComplete(const OidcSettings& settings) {
  if (settings.token_url.empty()) {
    return Refused(kTokenUrl, "is missing: the address where the identity provider gives tokens");
  }
  if (settings.client_id.empty()) {
    return Refused(kClientId, "is missing: the name that the identity provider knows Turnout by");
  }
  if (settings.client_secret.empty() == settings.client_secret_file.empty()) {
    return Refused(kClientSecret,
                   "give it, or sasl.oauthbearer.client.secret.location (a file, read again for "
                   "each token), and not both");
  }
  return absl::OkStatus();
}

// Of http://HOST[:PORT]/...
absl::string_view HostOf(absl::string_view url) {
  url.remove_prefix(kPlainScheme.size());
  absl::string_view authority = url.substr(0, url.find_first_of("/?#"));
  const size_t user = authority.rfind('@');
  if (user != absl::string_view::npos) authority.remove_prefix(user + 1);
  const size_t port = authority.rfind(':');
  const bool has_port = port != absl::string_view::npos && authority.back() != ']';
  return has_port ? authority.substr(0, port) : authority;
}

}  // namespace

bool IsTokenProperty(std::string_view name) {
  return FindProperty(absl::MakeConstSpan(kTaken), name) != nullptr;
}

absl::Status CheckTokenProperty(const KafkaProperty& property) {
  const auto& [name, value] = property;
  if (value.empty()) return Refused(name.c_str(), "is empty");
  if (name == kTokenMethod && value != "oidc" && value != kMskIamMethod && value != "default") {
    return Refused(kTokenMethod,
                   absl::StrFormat("`%s` is none of oidc, aws_msk_iam and default", value));
  }
  if (name == kAwsRegion && !IsRegion(value)) {
    return Refused(kAwsRegion, absl::StrFormat("`%s` is no region, like eu-west-1", value));
  }
  if (name == kTokenUrl && !absl::StartsWith(value, "https://") &&
      !absl::StartsWith(value, kPlainScheme)) {
    return Refused(kTokenUrl,
                   absl::StrFormat("`%s` begins neither with https:// nor http://", value));
  }
  if (name == kExtensions) return ExtensionsOf(value).status();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<OidcSettings>> OidcSettingsOf(
    const std::vector<KafkaProperty>& properties) {
  Draft draft;
  for (const KafkaProperty& property : properties) {
    absl::Status read = ReadOne(property, draft);
    if (!read.ok()) return read;
  }
  if (!WantsSasl(draft.protocol) || draft.mechanism != "OAUTHBEARER") return std::nullopt;
  if (draft.method == kMskIamMethod) return std::nullopt;
  if (draft.method != "oidc") {
    if (draft.unsecured_token) return std::nullopt;
    return Refused(kTokenMethod,
                   "OAUTHBEARER needs `oidc` here, and the properties beside it that say "
                   "where tokens come from, or `aws_msk_iam`");
  }
  if (!draft.region.empty()) {
    return Refused(kAwsRegion, "belongs to the method aws_msk_iam; take it out");
  }
  if (draft.unsecured_token) {
    return Refused(kTokenMethod,
                   "oidc and enable.sasl.oauthbearer.unsecure.jwt exclude each other");
  }
  if (!draft.unknown.empty()) {
    return Refused(draft.unknown.c_str(),
                   "Turnout gets its tokens by client id and secret alone; take it out");
  }
  absl::Status complete = CheckComplete(draft.settings);
  if (!complete.ok()) return complete;
  auto extensions = ExtensionsOf(draft.extensions);
  if (!extensions.ok()) return extensions.status();
  draft.settings.extensions = *std::move(extensions);
  if (draft.settings.ca_file == kSystemsCa) draft.settings.ca_file.clear();
  return draft.settings;
}

bool ShowsSecretOnTheWay(const OidcSettings& settings) {
  if (!absl::StartsWith(settings.token_url, kPlainScheme)) return false;
  const absl::string_view host = HostOf(settings.token_url);
  return host != "localhost" && host != "127.0.0.1" && host != "[::1]";
}

}  // namespace turnout::connectors
