#include "deploy/manager/issuer_keys.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "deploy/manager/discovery.h"
#include "runtime/bearer_token.h"

namespace turnout::manager {
IssuerKeys::IssuerKeys(IssuerOptions options, runtime::Clock* clock)
    : options_(std::move(options)), clock_(clock), http_({.ca_bundle = options_.ca_bundle}) {}

absl::StatusOr<state::TokenClaims> IssuerKeys::Verify(std::string_view token) {
  return Verify(token, options_.demands.audience);
}

absl::StatusOr<state::TokenClaims> IssuerKeys::Verify(std::string_view token,
                                                      const std::string& audience) {
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
  state::TokenDemands demands = options_.demands;
  demands.audience = audience;
  const absl::Status checked =
      CheckClaims(*claims, demands, absl::ToUnixSeconds(clock_->TimeOfDay()));
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
    absl::StatusOr<ProviderDocument> found = ReadProviderDocument(*document, issuer);
    if (!found.ok()) return found.status();
    url = std::move(found->keys_url);
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
