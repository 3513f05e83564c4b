#include "state/credential_sources.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "state/aws_xml.h"
#include "state/files.h"
#include "state/sigv4.h"

namespace turnout::state {
namespace {

constexpr size_t kTokenBytesMax = 64 * 1024;
constexpr size_t kAnswerBytesMax = 64 * 1024;
constexpr absl::Duration kTimeout = absl::Seconds(10);
constexpr char kInstanceEndpoint[] = "http://169.254.169.254";
constexpr char kInstanceRoles[] = "/latest/meta-data/iam/security-credentials/";

absl::Status WithPlace(absl::Status status, absl::string_view place) {
  return {status.code(), absl::StrCat(place, ": ", status.message())};
}

// OK for 200; else what the answer says. What may pass is Unavailable.
absl::Status StatusOf(const HttpResponse& answer, absl::string_view place, absl::string_view cure) {
  if (answer.status == 200) return absl::OkStatus();
  const AwsError error = ParseAwsError(answer.body);
  const std::string said =
      absl::StrCat(place, " answered ", answer.status, error.code.empty() ? "" : " ", error.code,
                   error.message.empty() ? "" : ": ", error.message);
  const bool may_pass = answer.status >= 500 || answer.status == 429 || answer.status == 408 ||
                        error.code == "Throttling" || error.code == "IDPCommunicationError";
  return may_pass ? absl::UnavailableError(said)
                  : absl::InvalidArgumentError(absl::StrCat(said, " (", cure, ")"));
}

absl::StatusOr<std::string> ReadToken(const std::string& path, absl::string_view variable) {
  absl::StatusOr<std::string> token = ReadFile(path, kTokenBytesMax);
  if (!token.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(token.status().message(), " (", variable, " names it)"));
  }
  absl::StripAsciiWhitespace(&*token);
  if (token->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is empty (", variable, " names it)"));
  }
  return token;
}

std::string TextOf(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// The JSON that the metadata service and the pod identity agent answer.
absl::StatusOr<AwsCredentials> FromJson(const std::string& text, absl::string_view place) {
  const nlohmann::json object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) {
    return absl::UnavailableError(absl::StrCat(place, " did not answer with JSON"));
  }
  AwsCredentials credentials{.access_key_id = TextOf(object, "AccessKeyId"),
                             .secret_access_key = TextOf(object, "SecretAccessKey"),
                             .session_token = TextOf(object, "Token")};
  const std::string expiration = TextOf(object, "Expiration");
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty() ||
      (!expiration.empty() &&
       !absl::ParseTime(absl::RFC3339_full, expiration, &credentials.expires, nullptr))) {
    return absl::UnavailableError(
        absl::StrCat(place, " answered without credentials: ",
                     absl::CHexEscape(TextOf(object, "Message").substr(0, 200))));
  }
  return credentials;
}

absl::StatusOr<HttpResponse> Ask(const AwsCredentialOptions& options, HttpClient* http,
                                 const std::string& method, const std::string& url,
                                 HttpHeaders headers, std::string_view body = {}) {
  return http->Send({.method = method,
                     .url = url,
                     .headers = std::move(headers),
                     .body = body,
                     .answer_bytes_max = kAnswerBytesMax,
                     .timeout = kTimeout,
                     .stop = options.stop});
}

// Whether what is sent there stays on the machine, or is encrypted.
bool IsPrivate(const std::string& url) {
  if (absl::StartsWith(url, "https://")) return true;
  for (const absl::string_view host :
       {"127.0.0.1", "localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"}) {
    const std::string start = absl::StrCat("http://", host);
    if (!absl::StartsWith(url, start)) continue;
    const char next = url.size() == start.size() ? '/' : url[start.size()];
    if (next == '/' || next == ':' || next == '?') return !absl::StrContains(url, '@');
  }
  return false;
}

}  // namespace

absl::StatusOr<AwsCredentials> CredentialsOfEnvironment(const Environment& environment) {
  AwsCredentials credentials{.access_key_id = environment("AWS_ACCESS_KEY_ID"),
                             .secret_access_key = environment("AWS_SECRET_ACCESS_KEY"),
                             .session_token = environment("AWS_SESSION_TOKEN"),
                             .source = "AWS_ACCESS_KEY_ID"};
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
    return absl::InvalidArgumentError(
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY come together: one of them is not set (set "
        "both, or neither)");
  }
  return credentials;
}

absl::StatusOr<AwsCredentials> CredentialsOfWebIdentity(const AwsCredentialOptions& options,
                                                        HttpClient* http) {
  const Environment& environment = options.environment;
  const std::string role = environment("AWS_ROLE_ARN");
  if (role.empty()) {
    return absl::InvalidArgumentError(
        "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not (annotate the pod's service "
        "account with eks.amazonaws.com/role-arn)");
  }
  const auto token =
      ReadToken(environment("AWS_WEB_IDENTITY_TOKEN_FILE"), "AWS_WEB_IDENTITY_TOKEN_FILE");
  if (!token.ok()) return token.status();
  std::string endpoint = options.sts_endpoint;
  if (endpoint.empty()) endpoint = environment("AWS_ENDPOINT_URL_STS");
  if (endpoint.empty()) {
    endpoint = absl::StrCat("https://sts.", options.region, ".amazonaws.com",
                            absl::StartsWith(options.region, "cn-") ? ".cn" : "");
  }
  const std::string session = environment("AWS_ROLE_SESSION_NAME");
  const std::string form = absl::StrCat(
      "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=", UriEncode(role, false),
      "&RoleSessionName=", UriEncode(session.empty() ? "turnout" : session, false),
      "&WebIdentityToken=", UriEncode(*token, false));
  const auto answer =
      Ask(options, http, "POST", endpoint + "/",
          {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "text/xml"}}, form);
  if (!answer.ok()) return WithPlace(answer.status(), "asking STS for the role " + role);
  const absl::Status status =
      StatusOf(*answer, "STS, asked for the role " + role + ",",
               "let the role's trust policy name the cluster's identity provider and this service "
               "account");
  if (!status.ok()) return status;
  auto assumed = ParseAssumedRole(answer->body);
  if (!assumed.ok()) return WithPlace(assumed.status(), endpoint);
  return AwsCredentials{.access_key_id = std::move(assumed->access_key_id),
                        .secret_access_key = std::move(assumed->secret_access_key),
                        .session_token = std::move(assumed->session_token),
                        .expires = assumed->expires,
                        .source = "the web identity's role " + role};
}

absl::StatusOr<AwsCredentials> CredentialsOfContainer(const AwsCredentialOptions& options,
                                                      HttpClient* http) {
  const Environment& environment = options.environment;
  const std::string url = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!IsPrivate(url)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI is ", url,
        " (it has to be https, or an address of this machine or of the pod identity agent)"));
  }
  std::string token = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  const std::string file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file.empty()) {
    auto read = ReadToken(file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!read.ok()) return read.status();
    token = *std::move(read);
  }
  HttpHeaders headers;
  if (!token.empty()) headers.emplace_back("Authorization", token);
  const auto answer = Ask(options, http, "GET", url, headers);
  if (!answer.ok()) return WithPlace(answer.status(), "asking the pod identity agent");
  const absl::Status status =
      StatusOf(*answer, "the pod identity agent at " + url,
               "associate a role with the pod's service account, then start the pod anew");
  if (!status.ok()) return status;
  auto credentials = FromJson(answer->body, url);
  if (credentials.ok()) credentials->source = "the pod identity agent at " + url;
  return credentials;
}

absl::StatusOr<AwsCredentials> CredentialsOfInstance(const AwsCredentialOptions& options,
                                                     HttpClient* http) {
  const Environment& environment = options.environment;
  std::string endpoint = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (endpoint.empty()) endpoint = kInstanceEndpoint;
  while (absl::EndsWith(endpoint, "/")) endpoint.pop_back();
  const auto token = Ask(options, http, "PUT", endpoint + "/latest/api/token",
                         {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}});
  if (!token.ok()) return absl::NotFoundError(token.status().message());
  constexpr char kCure[] = "let the machine's metadata options allow it, hop limit included";
  absl::Status status = StatusOf(*token, endpoint, kCure);
  if (!status.ok()) return status;
  const HttpHeaders headers = {{"X-aws-ec2-metadata-token", token->body}};

  const auto roles = Ask(options, http, "GET", endpoint + kInstanceRoles, headers);
  if (!roles.ok()) return roles.status();
  status = StatusOf(*roles, endpoint, "give the machine an instance profile with a role");
  if (!status.ok()) return status;
  const std::string role = roles->body.substr(0, roles->body.find_first_of("\r\n"));

  const auto answer = Ask(options, http, "GET",
                          absl::StrCat(endpoint, kInstanceRoles, UriEncode(role, false)), headers);
  if (!answer.ok()) return answer.status();
  status = StatusOf(*answer, endpoint, "give the machine an instance profile with a role");
  if (!status.ok()) return status;
  auto credentials = FromJson(answer->body, endpoint);
  if (credentials.ok()) credentials->source = "the machine's role " + role;
  return credentials;
}

}  // namespace turnout::state
