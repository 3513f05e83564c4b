#include "deploy/manager/issuers.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace turnout::manager {
namespace {

constexpr size_t kPrincipalBytesMax = 200;
constexpr size_t kGroupsMax = 500;

// Visible ASCII: it stands in logs, in grants and in histories.
bool IsUsableName(std::string_view name) {
  return !name.empty() && name.size() <= kPrincipalBytesMax &&
         std::all_of(name.begin(), name.end(), [](char byte) { return byte > ' ' && byte < 127; });
}

std::vector<std::string> ClaimOf(const state::TokenClaims& claims, const std::string& name) {
  if (name == "sub") return {claims.subject};
  const auto found = claims.texts.find(name);
  return found == claims.texts.end() ? std::vector<std::string>() : found->second;
}

}  // namespace

std::string ClaimedIssuer(std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  std::string claims;
  if (second == token.npos || token.size() > state::kTokenBytesMax ||
      !absl::WebSafeBase64Unescape({token.data() + first + 1, second - first - 1}, &claims)) {
    return {};
  }
  // Only the one claim is kept, whatever is nested in the others.
  std::string issuer;
  int depth = 0;
  bool is_issuer = false;
  const auto keep = [&](int at, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    depth = std::max(depth, at);
    if (at == 1 && event == Event::key) is_issuer = parsed == "iss";
    if (at == 1 && event == Event::value && is_issuer && parsed.is_string()) {
      issuer = parsed.get<std::string>();
    }
    return at <= 1;
  };
  return nlohmann::json::parse(claims, keep, false).is_object() ? issuer : std::string();
}

absl::StatusOr<Principal> PrincipalOf(const IssuerSettings& issuer,
                                      const state::TokenClaims& claims) {
  const std::vector<std::string> names = ClaimOf(claims, issuer.name_claim);
  Principal principal{.kind = issuer.kind};
  if (names.size() == 1) principal.name = issuer.name_prefix + names[0];
  if (names.size() != 1 || !IsUsableName(principal.name) ||
      principal.name.starts_with(kGroupPrefix)) {
    return absl::PermissionDeniedError(
        absl::StrFormat("the token is refused: its `%s` is no usable name", issuer.name_claim));
  }
  for (const std::string& group : ClaimOf(claims, issuer.groups_claim)) {
    if (principal.groups.size() == kGroupsMax) break;
    const std::string name = issuer.name_prefix + group;
    if (IsUsableName(name)) principal.groups.push_back(std::string(kGroupPrefix) + name);
  }
  return principal;
}

Issuers::Issuers(std::vector<IssuerSettings> issuers, std::vector<Grant> grants,
                 runtime::Clock* clock)
    : grants_(std::move(grants)) {
  for (IssuerSettings& issuer : issuers) {
    auto keys = std::make_unique<IssuerKeys>(issuer.issuer, clock);
    trusted_.push_back({std::move(issuer), std::move(keys)});
  }
}

absl::StatusOr<Principal> Issuers::WhoBears(std::string_view token) {
  const std::string claimed = ClaimedIssuer(token);
  for (Trusted& one : trusted_) {
    if (claimed.empty() || one.settings.issuer.demands.issuer != claimed) continue;
    const absl::StatusOr<state::TokenClaims> claims = one.keys->Verify(token);
    if (!claims.ok()) return claims.status();
    return Granted(one.settings, *claims);
  }
  return absl::NotFoundError("it is no token of an issuer that is trusted here");
}

absl::StatusOr<Principal> Issuers::Granted(const IssuerSettings& issuer,
                                           const state::TokenClaims& claims) const {
  absl::StatusOr<Principal> principal = PrincipalOf(issuer, claims);
  if (!principal.ok()) return principal.status();
  for (const Grant& grant : grants_) {
    if (IsNamed(*principal, grant.principal)) principal->grants.push_back(grant);
  }
  return principal;
}

absl::StatusOr<Principal> Issuers::WhoSignedIn(std::string_view issuer, std::string_view id_token,
                                               const std::string& nonce) {
  for (Trusted& one : trusted_) {
    if (one.settings.issuer.demands.issuer != issuer || one.settings.client.id.empty()) continue;
    const std::string& client = one.settings.client.id;
    const absl::StatusOr<state::TokenClaims> claims = one.keys->Verify(id_token, client);
    if (!claims.ok()) return claims.status();
    if (ClaimOf(*claims, "nonce") != std::vector<std::string>{nonce}) {
      return absl::PermissionDeniedError("the token is refused: it is of another sign-in");
    }
    // Of several it says who it was made for; of one it may.
    const std::vector<std::string> made_for = ClaimOf(*claims, "azp");
    const bool must_say = claims->audiences.size() > 1;
    if ((must_say || !made_for.empty()) && made_for != std::vector<std::string>{client}) {
      return absl::PermissionDeniedError("the token is refused: it was made for another client");
    }
    return Granted(one.settings, *claims);
  }
  return absl::NotFoundError("nobody signs in here at this issuer");
}

}  // namespace turnout::manager
