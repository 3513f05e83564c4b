// Calls of the page about signing in at a provider, and out.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "deploy/manager/api.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/same_origin.h"
#include "deploy/manager/sign_in.h"

namespace turnout::manager {
namespace {

constexpr int kElsewhere = 303;

std::string Asked(const Call& call, std::string_view name) {
  const auto found = call.query.find(name);
  return found == call.query.end() ? "" : found->second;
}

// The page, at a place of its own; `problem` is a word that it knows, never anybody else's.
std::string PageAt(std::string_view to, std::string_view problem = "") {
  std::string url = "/";
  if (!problem.empty()) url.append("?problem=").append(problem);
  return url.append(to);
}

HttpAnswer GoTo(const std::string& url, const std::vector<std::string>& set_cookies) {
  HttpAnswer answer{.status = kElsewhere, .content_type = "text/plain"};
  answer.headers.emplace_back("Location", url);
  for (const std::string& line : set_cookies) answer.headers.emplace_back("Set-Cookie", line);
  return answer;
}

std::string_view ProblemOf(const SignIn::Arrival& arrival) {
  if (arrival.was_denied) return "denied";
  if (absl::IsResourceExhausted(arrival.status)) return "busy";
  if (!arrival.was_begun_here) return "elsewhere";
  return absl::IsPermissionDenied(arrival.status) ? "refused" : "unavailable";
}

}  // namespace

std::optional<HttpAnswer> GetSession(Parts& parts, const Call& call) {
  const std::string providers = JsonArray(parts.sign_in->providers(), [](const auto& one) {
    return JsonObject().Text("issuer", one->issuer()).Text("title", one->title()).Done();
  });
  std::string shown = "null";
  const std::optional<Session> session = parts.sign_in->SessionOf(*call.request);
  if (session && WhyNotOurs(*call.request, parts.sign_in->origin(), session->csrf).empty()) {
    shown = JsonObject()
                .Text("name", session->principal.name)
                .Text("csrf", session->csrf)
                .Text("ends", absl::FormatTime(absl::RFC3339_sec, parts.sign_in->EndOf(*session),
                                               absl::UTCTimeZone()))
                .Done();
  }
  return JsonAnswer(200, JsonObject()
                             .Json("providers", providers)
                             .Text("public_url", parts.sign_in->origin())
                             .Json("session", shown)
                             .Done());
}

std::optional<HttpAnswer> BeginSignIn(Parts& parts, const Call& call) {
  const std::string to = Asked(call, "to");
  if (!IsPlace(to)) {
    return ErrorAnswer(400, "the query's `to` is to be a place of the page, as #/orders/rules");
  }
  absl::StatusOr<SignIn::Leaving> leaving = parts.sign_in->Begin(Asked(call, "issuer"), to);
  if (absl::IsNotFound(leaving.status())) {
    return ErrorAnswer(400, "nobody signs in here at this issuer: GET /v1/session has them");
  }
  if (!leaving.ok()) return GoTo(PageAt(to, "unavailable"), {});
  return GoTo(leaving->url, {leaving->set_cookie});
}

std::optional<HttpAnswer> SignInCallback(Parts& parts, const Call& call) {
  const SignIn::Arrival arrival = parts.sign_in->Finish(*call.request, call.query, call.peer);
  Call who = call;
  who.principal = arrival.principal;
  if (arrival.status.ok()) {
    Audit(parts, who, {.outcome = "done", .status = kElsewhere});
    return GoTo(PageAt(arrival.to), arrival.set_cookies);
  }
  // What was kept waiting is not in the log one by one.
  if (!absl::IsResourceExhausted(arrival.status)) {
    Audit(parts, who,
          {.outcome = "refused", .status = kElsewhere, .detail = MessageOf(arrival.status)});
  }
  return GoTo(PageAt(arrival.to, ProblemOf(arrival)), arrival.set_cookies);
}

std::optional<HttpAnswer> SignOut(Parts& parts, const Call& call) {
  if (!call.is_by_session) {
    return ErrorAnswer(400, "a token is no session: forget it, and it is out");
  }
  HttpAnswer answer{.status = 204};
  answer.headers.emplace_back("Set-Cookie", parts.sign_in->End(*call.request));
  Audit(parts, call, {.outcome = "done", .status = answer.status});
  return answer;
}

}  // namespace turnout::manager
