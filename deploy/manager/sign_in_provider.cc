#include "deploy/manager/sign_in_provider.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/bearer_token.h"
#include "runtime/log.h"
#include "state/sigv4.h"

namespace turnout::manager {
namespace {

constexpr size_t kErrorNameBytesMax = 40;

std::string Encoded(std::string_view text) { return state::UriEncode(text, false); }

std::string Form(const std::vector<std::pair<std::string_view, std::string_view>>& fields) {
  std::string form;
  for (const auto& [name, value] : fields) {
    form.append(form.empty() ? "" : "&").append(name).append("=").append(Encoded(value));
  }
  return form;
}

// A text of an object in JSON; empty: it has none.
std::string TextIn(const std::string& json, const char* name) {
  const nlohmann::json said = nlohmann::json::parse(json, nullptr, false);
  if (!said.is_object()) return {};
  const auto found = said.find(name);
  return found != said.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string ErrorName(std::string_view error) {
  const bool is_one = !error.empty() && error.size() <= kErrorNameBytesMax &&
                      std::all_of(error.begin(), error.end(), [](char byte) {
                        return (byte >= 'a' && byte <= 'z') || byte == '_';
                      });
  return is_one ? std::string(error) : "no reason";
}

SignInProvider::SignInProvider(IssuerSettings settings, std::string redirect_url,
                               runtime::Clock* clock)
    : settings_(std::move(settings)),
      redirect_url_(std::move(redirect_url)),
      clock_(clock),
      http_({.ca_bundle = settings_.issuer.ca_bundle}) {}

std::string SignInProvider::title() const {
  if (!settings_.client.title.empty()) return settings_.client.title;
  const size_t begin = issuer().find("://");
  const std::string host = begin == std::string::npos ? issuer() : issuer().substr(begin + 3);
  return host.substr(0, host.find('/'));
}

absl::StatusOr<ProviderDocument> SignInProvider::Document() {
  const absl::Time now = clock_->Now();
  {
    const absl::MutexLock lock(&mu_);
    if (document_ && now - fetched_ < kDiscoveryFor) return *document_;
    if (now - asked_ < kDiscoveryPause) {
      if (document_) return *document_;
      return absl::UnavailableError(
          absl::StrCat("issuer ", issuer(), " was asked a moment ago: try again in some seconds"));
    }
    asked_ = now;
  }
  absl::StatusOr<ProviderDocument> fetched = Fetch();
  const absl::MutexLock lock(&mu_);
  if (fetched.ok()) {
    document_ = *std::move(fetched);
    fetched_ = now;
  } else {
    runtime::LogWarning("sign_in_unavailable", std::string(fetched.status().message()));
  }
  if (document_) return *document_;
  return fetched.status();
}

absl::StatusOr<ProviderDocument> SignInProvider::Fetch() {
  const auto failed = [&](absl::string_view why) {
    return absl::UnavailableError(absl::StrFormat("issuer %s: %s", issuer(), why));
  };
  const absl::StatusOr<state::HttpResponse> answer =
      http_.Send({.url = DiscoveryUrl(issuer()),
                  .answer_bytes_max = kTokenAnswerBytesMax,
                  .timeout = kProviderTimeout});
  if (!answer.ok()) return failed(answer.status().message());
  if (answer->status != 200) {
    return failed(absl::StrCat("its discovery document answers ", answer->status));
  }
  absl::StatusOr<ProviderDocument> document = ReadProviderDocument(answer->body, issuer());
  if (!document.ok()) return failed(document.status().message());
  if (document->authorization_url.empty() || document->token_url.empty()) {
    return failed("its discovery document doesn't say where to sign in");
  }
  return document;
}

absl::StatusOr<std::string> SignInProvider::AuthorizationUrl(const std::string& state,
                                                             const std::string& nonce,
                                                             const std::string& challenge) {
  absl::StatusOr<ProviderDocument> document = Document();
  if (!document.ok()) return document.status();
  const std::string asked = Form({{"response_type", "code"},
                                  {"client_id", settings_.client.id},
                                  {"redirect_uri", redirect_url_},
                                  {"scope", settings_.client.scopes},
                                  {"state", state},
                                  {"nonce", nonce},
                                  {"code_challenge", challenge},
                                  {"code_challenge_method", "S256"}});
  const char* const joint = document->authorization_url.find('?') == std::string::npos ? "?" : "&";
  return absl::StrCat(document->authorization_url, joint, asked);
}

absl::StatusOr<std::string> SignInProvider::Redeem(const std::string& code,
                                                   const std::string& verifier) {
  const ClientSettings& client = settings_.client;
  absl::StatusOr<ProviderDocument> document = Document();
  if (!document.ok()) return document.status();
  state::HttpRequest request{.method = "POST",
                             .url = document->token_url,
                             .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                                         {"Accept", "application/json"}},
                             .answer_bytes_max = kTokenAnswerBytesMax,
                             .timeout = kProviderTimeout};
  std::string body = Form({{"grant_type", "authorization_code"},
                           {"code", code},
                           {"redirect_uri", redirect_url_},
                           {"client_id", client.id},
                           {"code_verifier", verifier}});
  if (!client.secret_file.empty()) {
    const absl::StatusOr<std::string> secret = runtime::ReadBearerToken(client.secret_file);
    if (!secret.ok()) return secret.status();
    if (document->takes_secret_in_body) {
      absl::StrAppend(&body, "&client_secret=", Encoded(*secret));
    } else {
      request.headers.emplace_back(
          "Authorization", absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(
                                                      Encoded(client.id), ":", Encoded(*secret)))));
    }
  }
  request.body = body;
  const absl::StatusOr<state::HttpResponse> answer = http_.Send(request);
  if (!answer.ok()) {
    return absl::UnavailableError(
        absl::StrFormat("issuer %s: its tokens: %s", issuer(), answer.status().message()));
  }
  if (answer->status >= 500) {
    return absl::UnavailableError(
        absl::StrFormat("issuer %s: its tokens: it answers %d", issuer(), answer->status));
  }
  if (answer->status != 200) {
    return absl::PermissionDeniedError(absl::StrFormat("issuer %s takes no such code: %s", issuer(),
                                                       ErrorName(TextIn(answer->body, "error"))));
  }
  std::string token = TextIn(answer->body, "id_token");
  if (token.empty()) {
    return absl::PermissionDeniedError(
        absl::StrCat("issuer ", issuer(), " gave no ID token: `scopes` is to have openid"));
  }
  return token;
}

}  // namespace turnout::manager
