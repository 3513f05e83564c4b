#include "runtime/oidc_tokens.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "runtime/log.h"
#include "state/files.h"
#include "state/sigv4.h"

namespace turnout::runtime {
namespace {

using connectors::OAuthToken;
using Json = nlohmann::json;

constexpr size_t kSecretBytesMax = 64 << 10;
constexpr size_t kAnswerBytesMax = 256 << 10;
constexpr size_t kSaidBytesMax = 200;  // of what a provider says, shown
constexpr absl::Duration kTimeout = absl::Seconds(10);
// A token that lives longer is fetched anew as if it lived so long.
constexpr absl::Duration kLifeMax = absl::Hours(24);

std::string TextOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// Some providers write numbers as text.
std::optional<double> SecondsOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return std::nullopt;
  double seconds = 0;
  if (found->is_number()) {
    seconds = found->get<double>();
  } else if (!found->is_string() || !absl::SimpleAtod(found->get<std::string>(), &seconds)) {
    return std::nullopt;
  }
  return std::isfinite(seconds) ? std::optional<double>(seconds) : std::nullopt;
}

// What a JSON web token says; an empty object for any other kind of token.
Json ClaimsOf(const std::string& token) {
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  std::string text;
  if (parts.size() != 3 || !absl::WebSafeBase64Unescape(parts[1], &text)) return Json::object();
  Json claims = Json::parse(text, nullptr, false);
  return claims.is_object() ? claims : Json::object();
}

std::optional<double> LifeSeconds(const Json& answer, const Json& claims, absl::Time now) {
  const std::optional<double> told = SecondsOf(answer, "expires_in");
  if (told) return told;
  const std::optional<double> expires = SecondsOf(claims, "exp");
  if (!expires) return std::nullopt;
  const std::optional<double> issued = SecondsOf(claims, "iat");
  return *expires - issued.value_or(absl::ToDoubleSeconds(now - absl::UnixEpoch()));
}

// Of an answer of 200: the token, or why it is none.
absl::StatusOr<OAuthToken> TokenOf(const std::string& body, absl::Time now) {
  const Json answer = Json::parse(body, nullptr, false);
  if (!answer.is_object()) return absl::UnavailableError("the answer is no JSON object");
  OAuthToken token;
  token.value = TextOf(answer, "access_token");
  if (token.value.empty() ||
      !std::all_of(token.value.begin(), token.value.end(), absl::ascii_isgraph)) {
    return absl::UnavailableError("the answer holds no usable access_token");
  }
  const Json claims = ClaimsOf(token.value);
  const std::optional<double> life_s = LifeSeconds(answer, claims, now);
  if (!life_s) {
    return absl::UnavailableError("the answer has no expires_in, and its token no exp");
  }
  if (*life_s <= 0) return absl::UnavailableError("the token is over already");
  token.expires = now + std::min(absl::Seconds(*life_s), kLifeMax);
  token.principal = TextOf(claims, "sub");
  return token;
}

// "invalid_client: no such client", as far as the provider says so.
std::string SaidIn(const std::string& body) {
  const Json answer = Json::parse(body, nullptr, false);
  if (!answer.is_object()) return {};
  const std::string error = TextOf(answer, "error");
  const std::string description = TextOf(answer, "error_description");
  const std::string said =
      absl::StrCat(error.empty() ? "" : " ", error, description.empty() ? "" : ": ", description);
  return absl::CHexEscape(said.substr(0, kSaidBytesMax));
}

std::string CureOf(const state::HttpResponse& answer, const connectors::OidcSettings& settings) {
  const bool says_scope = answer.body.find("invalid_scope") != std::string::npos;
  if (says_scope) return "check sasl.oauthbearer.scope";
  if (answer.status != 400 && answer.status != 401 && answer.status != 403) {
    return "check sasl.oauthbearer.token.endpoint.url";
  }
  return absl::StrCat("check sasl.oauthbearer.client.id, which is ", settings.client_id,
                      ", and the secret in ",
                      settings.client_secret_file.empty() ? "sasl.oauthbearer.client.secret"
                                                          : settings.client_secret_file);
}

absl::Status RefusalOf(const state::HttpResponse& answer,
                       const connectors::OidcSettings& settings) {
  const std::string said = absl::StrCat("it answers ", answer.status, SaidIn(answer.body));
  const bool may_pass = answer.status >= 500 || answer.status == 429 || answer.status == 408;
  if (may_pass) return absl::UnavailableError(said);
  return absl::InvalidArgumentError(absl::StrCat(said, " (", CureOf(answer, settings), ")"));
}

// Of an exchange that could not be: what it names is an option of libcurl's, not ours.
absl::Status Unasked(const absl::Status& status) {
  const bool is_ours_to_mend = absl::IsInvalidArgument(status);
  return absl::Status(
      status.code(),
      absl::StrCat("no token for Kafka: ", status.message(),
                   is_ours_to_mend ? "; check sasl.oauthbearer.token.endpoint.url, and "
                                     "https.ca.location, which names that file"
                                   : ""));
}

absl::Status Named(const absl::Status& status, absl::string_view what) {
  return absl::Status(status.code(), absl::StrCat(what, ": ", status.message()));
}

}  // namespace

OidcTokens::OidcTokens(connectors::OidcSettings settings)
    : settings_(std::move(settings)), http_({.ca_bundle = settings_.ca_file}) {}

// The file may be replaced at any time.
absl::StatusOr<std::string> OidcTokens::Secret() {
  if (settings_.client_secret_file.empty()) return settings_.client_secret;
  absl::StatusOr<std::string> secret =
      state::ReadFile(settings_.client_secret_file, kSecretBytesMax);
  if (!secret.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        secret.status().message(), " (sasl.oauthbearer.client.secret.location names it)"));
  }
  absl::StripAsciiWhitespace(&*secret);
  if (secret->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(settings_.client_secret_file,
                     " is empty (sasl.oauthbearer.client.secret.location names it)"));
  }
  if (*secret != hidden_secret_) HideInLog(*secret);
  hidden_secret_ = *secret;
  return secret;
}

absl::StatusOr<state::HttpResponse> OidcTokens::Ask(const std::string& secret,
                                                    const std::atomic<bool>& stop) {
  const std::string credentials = absl::StrCat(settings_.client_id, ":", secret);
  std::string form = "grant_type=client_credentials";
  if (!settings_.scope.empty()) {
    absl::StrAppend(&form, "&scope=", state::UriEncode(settings_.scope, /*keep_slash=*/false));
  }
  return http_.Send(
      {.method = "POST",
       .url = settings_.token_url,
       .headers = {{"Authorization", absl::StrCat("Basic ", absl::Base64Escape(credentials))},
                   {"Content-Type", "application/x-www-form-urlencoded"},
                   {"Accept", "application/json"}},
       .body = form,
       .answer_bytes_max = kAnswerBytesMax,
       .timeout = kTimeout,
       .stop = &stop});
}

absl::StatusOr<OAuthToken> OidcTokens::Fetch(const std::atomic<bool>& stop) {
  const absl::StatusOr<std::string> secret = Secret();
  if (!secret.ok()) return Named(secret.status(), "no token for Kafka");
  const absl::StatusOr<state::HttpResponse> answer = Ask(*secret, stop);
  if (!answer.ok()) return Unasked(answer.status());
  absl::StatusOr<OAuthToken> token =
      answer->status == 200 ? TokenOf(answer->body, absl::Now()) : RefusalOf(*answer, settings_);
  if (!token.ok()) {
    return Named(token.status(), absl::StrCat("no token for Kafka from ", settings_.token_url));
  }
  if (token->principal.empty()) token->principal = settings_.client_id;
  token->extensions = settings_.extensions;
  return token;
}

}  // namespace turnout::runtime
