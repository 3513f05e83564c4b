#include "deploy/manager/http_answer.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/json_writer.h"
#include "router/suggest.h"
#include "runtime/browser_headers.h"
#include "runtime/log.h"

namespace turnout::manager {
namespace {

constexpr std::pair<int, std::string_view> kReasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {507, "Insufficient Storage"},
};

std::string_view ReasonOf(int status) {
  const auto* const found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                         [&](const auto& one) { return one.first == status; });
  return found == std::end(kReasons) ? "Refused" : found->second;
}

int StatusOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAborted:
      return 409;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kResourceExhausted:
      return 507;
    default:
      return 500;
  }
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> Decoded(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      plain += ' ';
    } else if (text[i] != '%') {
      plain += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = DigitOf(text[i + 1]);
      const int low = DigitOf(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      plain += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return plain;
}

}  // namespace

HttpAnswer JsonAnswer(int status, std::string json) {
  return {.status = status, .body = std::move(json) + "\n"};
}

HttpAnswer ErrorAnswer(int status, std::string_view what) {
  return JsonAnswer(status, JsonObject().Text("error", runtime::WithoutSecrets(what)).Done());
}

HttpAnswer ErrorAnswer(const absl::Status& status) {
  return ErrorAnswer(StatusOf(status.code()), MessageOf(status));
}

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

std::string BytesOf(const HttpAnswer& answer) {
  std::string_view common = runtime::kBrowserHeaders;
  const bool may_be_kept =
      std::any_of(answer.headers.begin(), answer.headers.end(),
                  [](const auto& one) { return one.first == "Cache-Control"; });
  if (may_be_kept) common.remove_prefix(runtime::kKeepNone.size());
  std::string bytes = absl::StrFormat("HTTP/1.1 %d %s\r\n%sConnection: close\r\n", answer.status,
                                      ReasonOf(answer.status), common);
  for (const auto& [name, value] : answer.headers)
    absl::StrAppend(&bytes, name, ": ", value, "\r\n");
  if (answer.status != 304 && answer.status != 204) {
    absl::StrAppend(&bytes, "Content-Type: ", answer.content_type,
                    "\r\nContent-Length: ", answer.body.size(), "\r\n\r\n", answer.body);
  } else {
    bytes += "\r\n";
  }
  return bytes;
}

absl::StatusOr<Query> ReadQuery(std::string_view text, const std::vector<std::string_view>& known,
                                bool passes_over_others) {
  Query query;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::optional<std::string> name = Decoded(pair.substr(0, equals));
    const std::optional<std::string> value =
        Decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) {
      return absl::InvalidArgumentError(
          "the query has a `%` that two hexadecimal digits don't follow");
    }
    if (std::find(known.begin(), known.end(), *name) == known.end()) {
      if (passes_over_others) continue;
      return absl::InvalidArgumentError(
          absl::StrFormat("the query has an unknown name %s: %s", router::Quoted(*name),
                          known.empty() ? "it takes none" : router::NearestNameCure(*name, known)));
    }
    if (!query.emplace(*name, *value).second) {
      return absl::InvalidArgumentError(absl::StrFormat("the query gives `%s` twice", *name));
    }
  }
  return query;
}

}  // namespace turnout::manager
