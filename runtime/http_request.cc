#include "runtime/http_request.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace turnout::runtime {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr size_t kLengthDigitsMax = 10;

// What the standard calls a token.
bool IsTokenChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         (c != '\0' && absl::StrContains("!#$%&'*+-.^_`|~", c));
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

// Any byte of a header's value but control characters; names in other alphabets come as UTF-8.
bool IsValueChar(char c) {
  return c == '\t' || !absl::ascii_iscntrl(static_cast<unsigned char>(c));
}

bool IsTargetChar(char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); }

HttpFault Bad(std::string_view what) { return {400, std::string(what)}; }

std::optional<HttpFault> ReadRequestLine(std::string_view line, HttpRequest* request) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return Bad("the request line is not METHOD PATH HTTP/1.1");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!IsToken(method)) return Bad("the method is none");
  if (target.size() > kHttpTargetBytesMax) return HttpFault{414, "the path is too long"};
  if (target.empty() || target[0] != '/' ||
      !std::all_of(target.begin(), target.end(), IsTargetChar)) {
    return Bad("the path does not begin with a slash, or holds what a path can't");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return HttpFault{505, "the version is neither HTTP/1.1 nor HTTP/1.0"};
  }
  request->method = std::string(method);
  const size_t path_end = std::min(target.find('?'), target.size());
  request->path = std::string(target.substr(0, path_end));
  if (path_end < target.size()) request->query = std::string(target.substr(path_end + 1));
  request->is_one_1 = version == "HTTP/1.1";
  return std::nullopt;
}

std::optional<HttpFault> ReadHeaderLine(std::string_view line, HttpRequest* request) {
  if (request->headers.size() == kHttpHeadersMax) {
    return HttpFault{431, "there are more headers than 64"};
  }
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || !IsToken(name)) return Bad("a header has no name");
  const std::string_view value = line.substr(colon + 1);
  if (!std::all_of(value.begin(), value.end(), IsValueChar)) {
    return Bad("a header holds control characters");
  }
  request->headers.emplace_back(
      absl::AsciiStrToLower(absl::string_view(name.data(), name.size())),
      std::string(absl::StripAsciiWhitespace(absl::string_view(value.data(), value.size()))));
  return std::nullopt;
}

std::optional<HttpFault> ReadLength(size_t body_bytes_max, HttpRequest* request) {
  if (request->Header("transfer-encoding")) {
    if (request->Header("content-length")) {
      return Bad("a request has a Content-Length or a Transfer-Encoding, not both");
    }
    return HttpFault{411, "bodies are taken with a Content-Length only"};
  }
  const std::optional<std::string_view> length = request->Header("content-length");
  if (!length) return std::nullopt;
  const bool is_number =
      !length->empty() && std::all_of(length->begin(), length->end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      });
  if (!is_number) return Bad("the Content-Length is no number");
  size_t bytes = 0;
  const bool is_small = length->size() <= kLengthDigitsMax &&
                        absl::SimpleAtoi(absl::string_view(length->data(), length->size()), &bytes);
  if (!is_small || bytes > body_bytes_max) return HttpFault{413, "the body is too large"};
  request->body_bytes = bytes;
  return std::nullopt;
}

size_t Count(const HttpRequest& request, std::string_view name) {
  return static_cast<size_t>(
      std::count_if(request.headers.begin(), request.headers.end(),
                    [&](const auto& header) { return header.first == name; }));
}

}  // namespace

std::optional<std::string_view> HttpRequest::Header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return std::nullopt;
}

size_t HttpHeadSize(std::string_view bytes) {
  const size_t end = bytes.find("\r\n\r\n");
  return end == std::string_view::npos ? end : end + 4;
}

std::optional<HttpFault> ReadHttpHead(std::string_view head, size_t body_bytes_max,
                                      HttpRequest* request) {
  *request = {};
  bool is_first = true;
  while (head.size() > kLineEnd.size()) {
    const size_t end = head.find(kLineEnd);
    if (end == std::string_view::npos) return Bad("a line does not end");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + kLineEnd.size());
    std::optional<HttpFault> fault =
        is_first ? ReadRequestLine(line, request) : ReadHeaderLine(line, request);
    if (fault) return fault;
    is_first = false;
  }
  if (is_first) return Bad("there is no request");
  for (const char* const name : {"content-length", "transfer-encoding", "host", "authorization"}) {
    if (Count(*request, name) > 1) return Bad("a header that stands alone is there twice");
  }
  if (request->is_one_1 && !request->Header("host")) return Bad("there is no Host header");
  if (const auto expected = request->Header("expect")) {
    if (!absl::EqualsIgnoreCase({expected->data(), expected->size()}, "100-continue")) {
      return HttpFault{417, "nothing can be expected but 100-continue"};
    }
    request->expects_continue = request->is_one_1;
  }
  return ReadLength(body_bytes_max, request);
}

bool IsLoopbackHost(std::string_view host) {
  std::string name(host);
  const size_t bracket = name.rfind(']');
  const size_t colon = name.rfind(':');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  if (has_port) {
    const std::string port = name.substr(colon + 1);
    if (!std::all_of(port.begin(), port.end(), absl::ascii_isdigit)) return false;
    name.resize(colon);
  }
  if (absl::EqualsIgnoreCase(name, "localhost") || name == "[::1]") return true;
  in_addr v4 = {};
  return ::inet_pton(AF_INET, name.c_str(), &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

}  // namespace turnout::runtime
