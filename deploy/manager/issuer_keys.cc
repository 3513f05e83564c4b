#include "deploy/manager/issuer_keys.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "runtime/bearer_token.h"

namespace turnout::manager {
namespace {

constexpr std::string_view kDiscoveryPath = "/.well-known/openid-configuration";

std::string DiscoveryUrl(std::string issuer) {
  if (issuer.ends_with('/')) issuer.pop_back();
  return issuer.append(kDiscoveryPath);
}

// Where the document says that the keys are.
absl::StatusOr<std::string> KeysUrl(const std::string& document, const std::string& issuer) {
  const nlohmann::json said = nlohmann::json::parse(document, nullptr, false);
  const auto text = [&said](const char* name) {
    const auto found = said.find(name);
    return found != said.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!said.is_object() || text("jwks_uri").empty()) {
    return absl::UnavailableError("its discovery document names no jwks_uri");
  }
  if (text("issuer") != issuer) {
    return absl::UnavailableError(
        "its discovery document is of another issuer; give the issuer as that says it");
  }
  return text("jwks_uri");
}

}  // namespace

IssuerKeys::IssuerKeys(IssuerOptions options, runtime::Clock* clock)
    : options_(std::move(options)), clock_(clock), http_({.ca_bundle = options_.ca_bundle}) {}

absl::StatusOr<state::TokenClaims> IssuerKeys::Verify(std::string_view token) {
  const absl::Time now = clock_->Now();
  absl::StatusOr<state::TokenClaims> claims = Ask(token, now);
  if (absl::IsNotFound(claims.status())) {
    if (absl::Status learnt = Learn(now); !learnt.ok()) return Named(learnt);
    claims = Ask(token, now);
    if (absl::IsNotFound(claims.status())) {
      return Named(absl::PermissionDeniedError(claims.status().message()));
    }
  }
  if (!claims.ok()) return Named(claims.status());
  const absl::Status checked =
      CheckClaims(*claims, options_.demands, absl::ToUnixSeconds(clock_->TimeOfDay()));
  if (!checked.ok()) return Named(checked);
  return claims;
}

absl::StatusOr<state::TokenClaims> IssuerKeys::Ask(std::string_view token, absl::Time now) {
  {
    const absl::ReaderMutexLock lock(&mu_);
    const absl::Duration age = now - fetched_;
    const bool is_due = age > options_.keys_for && now - asked_ >= options_.pause;
    if (keys_ && age <= options_.keys_kept_for && !(is_due && !is_fetching_)) {
      return keys_->Verify(token);
    }
    if (!keys_ || age > options_.keys_kept_for)
      return absl::NotFoundError("its keys are not known");
  }
  // Old ones are replaced in passing; whether that works, this token doesn't depend on it.
  (void)Learn(now);
  const absl::ReaderMutexLock lock(&mu_);
  return keys_->Verify(token);
}

absl::Status IssuerKeys::Learn(absl::Time now) {
  {
    const absl::MutexLock lock(&mu_);
    if (is_fetching_) return absl::UnavailableError("its keys are being fetched; ask again");
    if (now - asked_ < options_.pause) {
      if (!problem_.ok()) return problem_;
      return absl::OkStatus();  // they are as new as can be
    }
    is_fetching_ = true;
    asked_ = now;
  }
  absl::StatusOr<state::TokenKeys> fetched = Fetch();
  const absl::MutexLock lock(&mu_);
  is_fetching_ = false;
  problem_ = fetched.status();
  if (!fetched.ok()) return problem_;
  keys_ = *std::move(fetched);
  fetched_ = clock_->Now();
  return absl::OkStatus();
}

absl::StatusOr<state::TokenKeys> IssuerKeys::Fetch() {
  std::string url = options_.keys_url;
  if (url.empty()) {
    const std::string& issuer = options_.demands.issuer;
    absl::StatusOr<std::string> document = Get(DiscoveryUrl(issuer));
    if (!document.ok()) return document.status();
    absl::StatusOr<std::string> found = KeysUrl(*document, issuer);
    if (!found.ok()) return found.status();
    url = *std::move(found);
    // Whoever could read the way there must not be able to change the way from there.
    if (absl::StartsWith(issuer, "https://") && !absl::StartsWith(url, "https://")) {
      return absl::UnavailableError("its discovery document leads away from https");
    }
  }
  absl::StatusOr<std::string> set = Get(url);
  if (!set.ok()) return set.status();
  absl::StatusOr<state::TokenKeys> keys = state::TokenKeys::Read(*set);
  if (!keys.ok()) return absl::UnavailableError(keys.status().message());
  if (keys->size() == 0) return absl::UnavailableError("its key set has no key that is of use");
  return keys;
}

absl::StatusOr<std::string> IssuerKeys::Get(const std::string& url) {
  state::HttpRequest request{
      .url = url, .answer_bytes_max = state::kTokenKeySetBytesMax, .timeout = kAnswerTimeout};
  if (!options_.token_file.empty()) {
    absl::StatusOr<std::string> token = runtime::ReadBearerToken(options_.token_file);
    if (!token.ok()) return absl::UnavailableError(token.status().message());
    request.headers.push_back({"Authorization", "Bearer " + *token});
  }
  absl::StatusOr<state::HttpResponse> answer = http_.Send(request);
  if (!answer.ok()) {
    return absl::UnavailableError(absl::StrFormat("%s: %s", url, answer.status().message()));
  }
  if (answer->status != 200) {
    return absl::UnavailableError(absl::StrFormat("%s answers %d", url, answer->status));
  }
  return std::move(answer->body);
}

absl::Status IssuerKeys::Named(const absl::Status& status) const {
  return absl::Status(status.code(),
                      absl::StrFormat("issuer %s: %s", options_.demands.issuer, status.message()));
}

}  // namespace turnout::manager
