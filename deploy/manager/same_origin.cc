#include "deploy/manager/same_origin.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "state/sha256.h"

namespace turnout::manager {

std::optional<std::string> CookieOf(const runtime::HttpRequest& request, std::string_view name) {
  std::optional<std::string> found;
  for (const auto& [header, value] : request.headers) {
    if (header != "cookie") continue;
    for (const absl::string_view pair : absl::StrSplit(value, ';')) {
      const absl::string_view one = absl::StripAsciiWhitespace(pair);
      const size_t equals = one.find('=');
      if (equals == one.npos || std::string_view(one.data(), equals) != name) continue;
      if (found) return std::nullopt;
      found = std::string(one.substr(equals + 1));
    }
  }
  return found;
}

std::string WhyNotOurs(const runtime::HttpRequest& request, std::string_view origin,
                       std::string_view csrf) {
  const std::string_view site = request.Header("sec-fetch-site").value_or("same-origin");
  if (site != "same-origin" && site != "none") {
    return "another site's page asks for this: the session counts for the manager's own";
  }
  if (request.method == "GET" || request.method == "HEAD") return {};
  if (request.Header("origin").value_or("") != origin) {
    return "a change by a session's cookie has to come from the manager's own page, at its "
           "public_url: send its Origin, or a token";
  }
  // Digests are compared, so that the time tells nothing of how near a guess is.
  const std::string_view said = request.Header(kCsrfHeader).value_or("");
  if (csrf.empty() || state::Sha256(said) != state::Sha256(csrf)) {
    return "a change by a session's cookie has to say the session's word in X-Turnout-CSRF: "
           "GET /v1/session has it";
  }
  return {};
}

}  // namespace turnout::manager
