#include "deploy/manager/sign_in.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/same_origin.h"

namespace turnout::manager {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";
constexpr std::string_view kSessionName = "turnout";
constexpr std::string_view kTicketName = "turnout-sign-in";
constexpr std::string_view kTogether = "; Path=/; HttpOnly; SameSite=";

std::string CookieName(const std::string& origin, std::string_view name) {
  return std::string(origin.starts_with(kHttps) ? "__Host-" : "").append(name);
}

std::string Of(const Query& query, std::string_view name) {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

}  // namespace

absl::StatusOr<std::string> OriginOf(std::string_view public_url) {
  std::string origin = absl::AsciiStrToLower({public_url.data(), public_url.size()});
  if (origin.ends_with('/')) origin.pop_back();
  const bool is_https = origin.starts_with(kHttps);
  const std::string_view scheme = is_https ? kHttps : kHttp;
  if (!origin.starts_with(scheme) || origin.size() == scheme.size() ||
      origin.find_first_of("/?#@ \\\"<>;\r\n\t", scheme.size()) != origin.npos) {
    return absl::InvalidArgumentError(
        "`public_url` is to be https://HOST or https://HOST:PORT, where browsers find the manager");
  }
  if (!is_https && !runtime::IsLoopbackHost(origin.substr(scheme.size()))) {
    return absl::InvalidArgumentError(
        "`public_url` is to be https:// but on this machine alone: whoever is on the way would "
        "take over sessions");
  }
  const std::string_view implied = is_https ? ":443" : ":80";
  if (origin.ends_with(implied)) origin.resize(origin.size() - implied.size());
  return origin;
}

SignIn::SignIn(const std::vector<IssuerSettings>& issuers, std::string origin, Issuers* known,
               runtime::Clock* clock)
    : origin_(std::move(origin)),
      session_cookie_(CookieName(origin_, kSessionName)),
      ticket_cookie_(CookieName(origin_, kTicketName)),
      known_(known),
      clock_(clock) {
  for (const IssuerSettings& issuer : issuers) {
    if (issuer.client.id.empty()) continue;
    providers_.push_back(
        std::make_unique<SignInProvider>(issuer, origin_ + std::string(kCallbackPath), clock));
  }
}

SignInProvider* SignIn::Find(std::string_view issuer) const {
  for (const auto& provider : providers_) {
    if (provider->issuer() == issuer) return provider.get();
  }
  return nullptr;
}

std::string SignIn::SetCookie(const std::string& name, std::string_view value,
                              std::string_view site, absl::Duration for_time) const {
  std::string line = name + "=";
  line.append(value).append(kTogether).append(site);
  if (origin_.starts_with(kHttps)) line += "; Secure";
  // Without an age it goes with the browser.
  if (for_time != absl::InfiniteDuration()) {
    absl::StrAppend(&line, "; Max-Age=", absl::ToInt64Seconds(for_time));
  }
  return line;
}

absl::StatusOr<SignIn::Leaving> SignIn::Begin(std::string_view issuer, std::string_view to) {
  SignInProvider* const provider = Find(issuer);
  if (provider == nullptr) return absl::NotFoundError("nobody signs in here at this issuer");
  SignInTickets::Begun begun = tickets_.Begin(issuer, to, clock_->Now());
  absl::StatusOr<std::string> url =
      provider->AuthorizationUrl(begun.state, begun.nonce, begun.challenge);
  if (!url.ok()) return url.status();
  return Leaving{.url = *std::move(url),
                 .set_cookie = SetCookie(ticket_cookie_, begun.cookie, "Lax", kSignInFor)};
}

absl::StatusOr<Principal> SignIn::Redeem(const SignInTicket& ticket, const Query& query) {
  // Some say from whom the answer is (RFC 9207): not from one that another sign-in was begun at.
  const std::string from = Of(query, "iss");
  if (!from.empty() && from != ticket.issuer) {
    return absl::PermissionDeniedError("the answer is of another issuer than was asked");
  }
  const std::string code = Of(query, "code");
  if (code.empty()) return absl::PermissionDeniedError("the answer has no code");
  SignInProvider* const provider = Find(ticket.issuer);
  if (provider == nullptr) return absl::NotFoundError("nobody signs in here at this issuer");
  const bool is_too_much = exchanges_.fetch_add(1) >= kExchangesMax;
  absl::StatusOr<std::string> token =
      is_too_much ? absl::ResourceExhaustedError("too many sign in at this moment")
                  : provider->Redeem(code, ticket.verifier);
  exchanges_.fetch_sub(1);
  if (!token.ok()) return token.status();
  return known_->WhoSignedIn(ticket.issuer, *token, ticket.nonce);
}

SignIn::Arrival SignIn::Finish(const runtime::HttpRequest& request, const Query& query,
                               const std::string& peer) {
  Arrival arrival;
  const absl::Time now = clock_->Now();
  if (!failed_.MayTry(peer, now)) {
    arrival.status = absl::ResourceExhaustedError("too many sign-ins failed at this address");
    return arrival;
  }
  const absl::StatusOr<SignInTicket> ticket =
      tickets_.Take(CookieOf(request, ticket_cookie_).value_or(""), Of(query, "state"), now);
  if (!ticket.ok()) {
    failed_.Add(peer, now);
    arrival.status = ticket.status();
    return arrival;
  }
  arrival.was_begun_here = true;
  arrival.to = ticket->to;
  arrival.set_cookies.push_back(SetCookie(ticket_cookie_, "", "Lax", absl::ZeroDuration()));
  if (const std::string error = Of(query, "error"); !error.empty()) {
    arrival.was_denied = true;
    arrival.status = absl::PermissionDeniedError(
        absl::StrFormat("issuer %s lets nobody in: %s", ticket->issuer, ErrorName(error)));
  } else if (absl::StatusOr<Principal> who = Redeem(*ticket, query); who.ok()) {
    arrival.principal = *std::move(who);
    arrival.set_cookies.push_back(SetCookie(session_cookie_,
                                            sessions_.Begin(arrival.principal, clock_->Now()),
                                            "Strict", absl::InfiniteDuration()));
  } else {
    arrival.status = who.status();
  }
  if (!arrival.status.ok()) failed_.Add(peer, now);
  return arrival;
}

std::optional<Session> SignIn::SessionOf(const runtime::HttpRequest& request) {
  const std::optional<std::string> id = CookieOf(request, session_cookie_);
  return id ? sessions_.Find(*id, clock_->Now()) : std::nullopt;
}

bool SignIn::HasCookie(const runtime::HttpRequest& request) const {
  return CookieOf(request, session_cookie_).has_value();
}

absl::Time SignIn::EndOf(const Session& session) const {
  return clock_->TimeOfDay() + (session.ends - clock_->Now());
}

std::string SignIn::End(const runtime::HttpRequest& request) {
  if (const auto id = CookieOf(request, session_cookie_)) sessions_.End(*id);
  return SetCookie(session_cookie_, "", "Strict", absl::ZeroDuration());
}

}  // namespace turnout::manager
