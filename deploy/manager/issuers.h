// Issuers: who bears a token that an identity provider, or a Kubernetes API server, has signed.
//
// Several issuers may be trusted; a token says whose it is, and is checked against that one's keys.
// Its bearer's name is the claim `name_claim` behind `name_prefix`, its groups those of
// `groups_claim`, which grants name as `group:NAME`. Names of one issuer are kept apart from
// another's, and from those of static tokens, by prefixes: without them whoever may choose his name
// at an issuer chooses what he may do here.
//
// Errors: as IssuerKeys::Verify; NotFound for a text that is no token of any of them.
// Threads: any.
// Lifetime: the clock outlives them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/manager/access.h"
#include "deploy/manager/issuer_keys.h"
#include "runtime/clock.h"

namespace turnout::manager {

inline constexpr size_t kIssuersMax = 16;

// What the manager is to the issuer where people sign in there (sign_in.h).
struct ClientSettings {
  std::string id;           // empty: nobody signs in there from the page
  std::string secret_file;  // empty: a public client, known by its redirect address and PKCE alone
  std::string scopes = "openid";
  std::string title;  // what the page calls the provider; empty: the issuer's host
};

struct IssuerSettings {
  IssuerOptions issuer;
  PrincipalKind kind = PrincipalKind::kPerson;
  std::string name_claim = "sub";
  std::string name_prefix;
  std::string groups_claim = "groups";
  ClientSettings client;
};

// Whose a token says that it is, which says nothing until its signature holds; empty: of nobody.
std::string ClaimedIssuer(std::string_view token);

// Who the claims are of. PermissionDenied where they have no usable name.
absl::StatusOr<Principal> PrincipalOf(const IssuerSettings& issuer,
                                      const state::TokenClaims& claims);

class Issuers {
 public:
  // `grants` are those of the manager's config: over whichever services they name.
  Issuers(std::vector<IssuerSettings> issuers, std::vector<Grant> grants, runtime::Clock* clock);

  absl::StatusOr<Principal> WhoBears(std::string_view token);

  // Who an ID token is of that this issuer gave to the manager as its client, at the sign-in that
  // `nonce` began. PermissionDenied where it is of another client, sign-in or issuer.
  absl::StatusOr<Principal> WhoSignedIn(std::string_view issuer, std::string_view id_token,
                                        const std::string& nonce);

 private:
  struct Trusted {
    IssuerSettings settings;
    std::unique_ptr<IssuerKeys> keys;
  };
  // With the grants that it has by its name and groups.
  absl::StatusOr<Principal> Granted(const IssuerSettings& issuer,
                                    const state::TokenClaims& claims) const;
  std::vector<Trusted> trusted_;
  const std::vector<Grant> grants_;
};

}  // namespace turnout::manager
