// BrowserHeaders: what every answer of an HTTP server here tells browsers: they run and show
// nothing but what came from here, in no frame of anybody else's, keep none of it, give it to no
// other site's pages, and take nothing for a script that isn't said to be one.
//
// Lifetime: a literal.
#pragma once

#include <string_view>

namespace turnout::runtime {

// Whole lines of an answer's head.
inline constexpr std::string_view kBrowserHeaders =
    "Cache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; connect-src 'self'; img-src data:; "
    "script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n";

// The first of them, which an answer that may be kept leaves out for a line of its own.
inline constexpr std::string_view kKeepNone = "Cache-Control: no-store\r\n";
static_assert(kBrowserHeaders.starts_with(kKeepNone));

}  // namespace turnout::runtime
