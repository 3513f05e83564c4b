// SignIn: people who sign in at a provider from the manager's page (OpenID Connect's authorization
// code flow), and the sessions that they have then.
//
//   Begin: a ticket (sign_in_tickets.h), its cookie, and the provider's address to go to
//   Finish: the ticket back -> the code for an ID token -> who that is of -> a new session
//
// Cookies are HttpOnly and, by public_url's https, Secure under names with `__Host-`, which no
// sibling domain and no plain connection can set. At http://127.0.0.1 and http://localhost, which
// never leave the machine, they have neither: browsers differ in what they take for secure there.
// The session's is SameSite=Strict: the page is there without it, and asks as itself. The ticket's
// is Lax, since it comes back from the provider.
//
// Limits: kExchangesMax codes redeemed at once; a failed return costs its address a try, as a wrong
//   token does.
// Errors: PermissionDenied and Unavailable as the parts; ResourceExhausted where it is too much.
// Threads: any; Begin and Finish may block for as long as the provider may take.
// Lifetime: issuers and clock outlive it.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "deploy/manager/http_answer.h"
#include "deploy/manager/issuers.h"
#include "deploy/manager/sessions.h"
#include "deploy/manager/sign_in_provider.h"
#include "deploy/manager/sign_in_tickets.h"
#include "runtime/clock.h"
#include "runtime/http_request.h"
#include "runtime/wrong_tokens.h"

namespace turnout::manager {

inline constexpr int kExchangesMax = 4;
inline constexpr std::string_view kCallbackPath = "/v1/session/callback";

// `https://HOST[:PORT]`, or http of this machine alone, as a browser's Origin has it.
// InvalidArgument for anything else.
absl::StatusOr<std::string> OriginOf(std::string_view public_url);

class SignIn {
 public:
  // `origin` is empty where nobody signs in.
  SignIn(const std::vector<IssuerSettings>& issuers, std::string origin, Issuers* known,
         runtime::Clock* clock);

  const std::string& origin() const { return origin_; }
  const std::vector<std::unique_ptr<SignInProvider>>& providers() const { return providers_; }

  struct Leaving {
    std::string url;
    std::string set_cookie;
  };
  // NotFound: nobody signs in at this issuer.
  absl::StatusOr<Leaving> Begin(std::string_view issuer, std::string_view to);

  // What has become of a return; `status` tells whether there is a session.
  struct Arrival {
    absl::Status status;
    bool was_denied = false;  // the provider says so, or the person
    bool was_begun_here = false;
    std::string to;
    Principal principal;
    std::vector<std::string> set_cookies;
  };
  Arrival Finish(const runtime::HttpRequest& request, const Query& query, const std::string& peer);

  // Whose session's cookie the request has.
  std::optional<Session> SessionOf(const runtime::HttpRequest& request);
  bool HasCookie(const runtime::HttpRequest& request) const;
  // Its time of day, of this machine.
  absl::Time EndOf(const Session& session) const;

  // Ends it; the line that has the browser forget it.
  std::string End(const runtime::HttpRequest& request);

 private:
  SignInProvider* Find(std::string_view issuer) const;
  // Who has come back with the code.
  absl::StatusOr<Principal> Redeem(const SignInTicket& ticket, const Query& query);
  std::string SetCookie(const std::string& name, std::string_view value, std::string_view site,
                        absl::Duration for_time) const;

  const std::string origin_;
  const std::string session_cookie_;
  const std::string ticket_cookie_;
  Issuers* const known_;
  runtime::Clock* const clock_;
  std::vector<std::unique_ptr<SignInProvider>> providers_;
  SignInTickets tickets_;
  Sessions sessions_;
  runtime::WrongTokens failed_;
  std::atomic<int> exchanges_{0};
};

}  // namespace turnout::manager
