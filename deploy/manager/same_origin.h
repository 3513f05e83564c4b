// SameOrigin: whether what comes with a browser's cookie was meant by the page, and not by another.
//
// A browser sends a cookie along whoever made it ask. Strict cookies stay away from what another
// site asks; that is not left to the browser alone. Whatever it asks has to come from here where it
// says from where (Sec-Fetch-Site); what changes anything has to name this origin (Origin), and the
// session's own word (X-Turnout-CSRF), which no other site's page can read or send.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/http_request.h"

namespace turnout::manager {

inline constexpr std::string_view kCsrfHeader = "x-turnout-csrf";

// A cookie of the request by its name; nullopt: it has none, or several, of which nobody knows
// which one was planted.
std::optional<std::string> CookieOf(const runtime::HttpRequest& request, std::string_view name);

// Why a request that counts by its cookie is not answered; empty: it is. `origin` is this
// manager's, as https://turnout.example.com; `csrf` the session's word.
std::string WhyNotOurs(const runtime::HttpRequest& request, std::string_view origin,
                       std::string_view csrf);

}  // namespace turnout::manager
