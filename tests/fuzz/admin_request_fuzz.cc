// Any bytes as a request to the admin API: its head is refused with a status of its own, or read in
// one way only; and its body, as /v1/explain takes one, becomes an event or is refused by name.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "router/document.h"
#include "runtime/explained_event.h"
#include "runtime/http_request.h"
#include "tests/fuzz/check.h"

using turnout::router::Problem;
using turnout::runtime::EventOfNode;
using turnout::runtime::HttpHeadSize;
using turnout::runtime::HttpRequest;
using turnout::runtime::IsLoopbackHost;
using turnout::runtime::ReadHttpHead;

namespace {

constexpr size_t kBodyBytesMax = 64 << 10;

bool IsPlain(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

// As it would be written by who wants to be understood.
std::string Written(const HttpRequest& request) {
  std::string head = request.method + " " + request.path;
  head += request.is_one_1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n";
  for (const auto& [name, value] : request.headers) head += name + ": " + value + "\r\n";
  return head + "\r\n";
}

void CheckRead(const HttpRequest& request) {
  FUZZ_CHECK(!request.path.empty() && request.path[0] == '/');
  FUZZ_CHECK(IsPlain(request.method) && IsPlain(request.path));
  FUZZ_CHECK(request.path.find_first_of(" ?") == std::string::npos);
  FUZZ_CHECK(request.headers.size() <= turnout::runtime::kHttpHeadersMax);
  FUZZ_CHECK(request.body_bytes <= kBodyBytesMax);
  FUZZ_CHECK(!request.Header("transfer-encoding"));
  FUZZ_CHECK(request.Header("host") || !request.is_one_1);
  for (const auto& [name, value] : request.headers) {
    FUZZ_CHECK(!name.empty() && IsPlain(name) && IsPlain(value));
    FUZZ_CHECK(name.find_first_of(" \t:") == std::string::npos);
  }
  HttpRequest again;
  const std::string written = Written(request);
  FUZZ_CHECK(HttpHeadSize(written) == written.size());
  FUZZ_CHECK(!ReadHttpHead(written, kBodyBytesMax, &again).has_value());
  FUZZ_CHECK(again.method == request.method && again.path == request.path);
  FUZZ_CHECK(again.headers == request.headers && again.body_bytes == request.body_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string_view body = bytes;
  const size_t head_bytes = HttpHeadSize(bytes);
  if (head_bytes != std::string_view::npos) {
    HttpRequest request;
    const auto fault = ReadHttpHead(bytes.substr(0, head_bytes), kBodyBytesMax, &request);
    if (fault) {
      FUZZ_CHECK(fault->status >= 400 && fault->status < 600);
      FUZZ_CHECK(!fault->what.empty() && IsPlain(fault->what));
      FUZZ_CHECK(fault->what.find('"') == std::string::npos);  // it goes into JSON as it is
    } else {
      CheckRead(request);
      IsLoopbackHost(request.Header("host").value_or(""));
    }
    body = bytes.substr(head_bytes);
  }
  std::vector<Problem> problems;
  const auto node = turnout::router::ParseJson(body, &problems);
  FUZZ_CHECK(node.has_value() == problems.empty());
  if (!node) return 0;
  const auto event = EventOfNode(*node, "orders", {"offset", "rule"});
  if (!event.ok()) FUZZ_CHECK(!event.status().message().empty());
  return 0;
}
