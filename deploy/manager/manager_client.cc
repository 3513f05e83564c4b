#include "deploy/manager/manager_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "runtime/bearer_token.h"
#include "runtime/http_request.h"

namespace turnout::manager {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";
constexpr absl::Duration kTimeout = absl::Seconds(60);
constexpr size_t kAnswerBytesMax = size_t{256} << 20;

absl::Status StatusOf(int status, std::string_view said) {
  const std::string text =
      said.empty() ? absl::StrFormat("the manager answers %d", status) : std::string(said);
  if (status == 409 || status == 412) return absl::AbortedError(text);
  if (status >= 500 || status == 429) return absl::UnavailableError(text);
  if (status == 401) {
    return absl::InvalidArgumentError(text + " (name a file with a token: --token-file FILE)");
  }
  return absl::InvalidArgumentError(text);
}

std::string ErrorIn(const std::string& body) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return {};
  const auto found = json.find("error");
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ManagerClient>> ManagerClient::Make(const ManagerAddress& address) {
  std::string url = address.url;
  while (url.ends_with('/')) url.pop_back();
  const bool is_https = url.starts_with(kHttps);
  if (!is_https && !url.starts_with(kHttp)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "`%s` is no config manager's address: write https://HOST:PORT", address.url));
  }
  std::string token;
  if (!address.token_file.empty()) {
    absl::StatusOr<std::string> read = runtime::ReadBearerToken(address.token_file);
    if (!read.ok()) return read.status();
    token = *std::move(read);
  }
  if (!token.empty() && !is_https && !runtime::IsLoopbackHost(url.substr(kHttp.size()))) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "nothing is asked: whoever is on the way to %s would read the token (write https://)",
        url));
  }
  return std::unique_ptr<ManagerClient>(
      new ManagerClient(std::move(url), std::move(token), address.ca_file));
}

ManagerClient::ManagerClient(std::string url, std::string token, const std::string& ca_file)
    : url_(std::move(url)), token_(std::move(token)), http_({.ca_bundle = ca_file}) {}

absl::StatusOr<ManagerAnswer> ManagerClient::Ask(std::string_view method, std::string_view path,
                                                 std::string_view body,
                                                 const state::HttpHeaders& headers,
                                                 std::initializer_list<int> also) {
  state::HttpRequest request{.method = std::string(method),
                             .url = url_ + std::string(path),
                             .headers = headers,
                             .body = body,
                             .answer_bytes_max = kAnswerBytesMax,
                             .timeout = kTimeout};
  if (!token_.empty()) request.headers.push_back({"Authorization", "Bearer " + token_});
  if (!body.empty()) request.headers.push_back({"Content-Type", "application/json"});
  absl::StatusOr<state::HttpResponse> answer = http_.Send(request);
  if (!answer.ok()) return answer.status();
  const bool is_asked_for = (answer->status >= 200 && answer->status < 300) ||
                            std::find(also.begin(), also.end(), answer->status) != also.end();
  if (!is_asked_for) return StatusOf(answer->status, ErrorIn(answer->body));
  return ManagerAnswer{answer->status, std::move(answer->body)};
}

}  // namespace turnout::manager
