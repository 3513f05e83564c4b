// HttpRequest: what the head of an HTTP/1 request says, read strictly.
//
// Whatever two readers could understand in two ways is refused: bare line feeds, folded lines,
// white space before a colon, a length that is said twice, any Transfer-Encoding. So nobody can
// hide a request in another one behind a proxy that reads less strictly.
//
// Errors: HttpFault: the status to answer with, and why in our own words, without the client's.
// Threads: pure functions. Lifetime: a request owns what it says.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace turnout::runtime {

inline constexpr size_t kHttpHeadBytesMax = 16 << 10;
inline constexpr size_t kHttpTargetBytesMax = 4 << 10;
inline constexpr size_t kHttpHeadersMax = 64;

struct HttpRequest {
  std::string method;
  std::string path;                                          // of the target, up to a `?`
  std::string query;                                         // of the target, behind the `?`
  bool is_one_1 = false;                                     // HTTP/1.1, else HTTP/1.0
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  size_t body_bytes = 0;
  bool expects_continue = false;
  std::string body;

  // Nullopt: there is no such header.
  std::optional<std::string_view> Header(std::string_view lower_case_name) const;
};

struct HttpFault {
  int status = 400;
  std::string what;
};

// How long the head is at the beginning of `bytes`, its empty line included; npos: it isn't whole.
size_t HttpHeadSize(std::string_view bytes);

// `head` is all of one. Nullopt: it was read into `request`, but for the body.
std::optional<HttpFault> ReadHttpHead(std::string_view head, size_t body_bytes_max,
                                      HttpRequest* request);

// Whether `host`, as a Host header or a URL has it, is a name of this machine for itself:
// localhost, 127.0.0.0/8 or [::1], with a port or without.
bool IsLoopbackHost(std::string_view host);

}  // namespace turnout::runtime
