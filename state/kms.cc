#include "state/kms.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "state/sha256.h"
#include "state/sigv4.h"

namespace turnout::state {
namespace {

constexpr absl::Duration kAnswerTimeout = absl::Seconds(10);
constexpr size_t kAnswerBytesMax = 16u << 10;
constexpr size_t kCiphertextBytesMax = 8'192;  // KMS takes 6,144 bytes

KmsOptions WithDefaults(KmsOptions options) {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (options.region.empty()) options.region = options.environment(name);
  }
  if (options.endpoint.empty()) options.endpoint = options.environment("AWS_ENDPOINT_URL_KMS");
  if (options.endpoint.empty() && !options.region.empty()) {
    options.endpoint = absl::StrCat("https://kms.", options.region, ".amazonaws.com",
                                    absl::StartsWith(options.region, "cn-") ? ".cn" : "");
  }
  while (!options.endpoint.empty() && options.endpoint.back() == '/') options.endpoint.pop_back();
  return options;
}

struct KmsError {
  std::string code;  // AccessDeniedException
  std::string message;
};

std::string TextOf(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return "";
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

KmsError ReadError(const std::string& body) {
  const nlohmann::json object = nlohmann::json::parse(body, nullptr, false);
  KmsError error{.code = TextOf(object, "__type"), .message = TextOf(object, "message")};
  if (error.message.empty()) error.message = TextOf(object, "Message");
  error.code = error.code.substr(error.code.rfind('#') + 1);  // com.amazonaws.kms#NotFound...
  return error;
}

bool IsOneOf(const std::string& code, std::initializer_list<std::string_view> codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

bool IsExpiry(const KmsError& error) {
  return IsOneOf(error.code,
                 {"ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"});
}

std::string_view CureOf(int status, const KmsError& error) {
  if (IsOneOf(error.code, {"InvalidCiphertextException", "ValidationException",
                           "IncorrectKeyException", "SerializationException"})) {
    return "see that the line holds all that `aws kms encrypt` printed, and that the region is its "
           "key's";
  }
  if (IsOneOf(error.code, {"DisabledException", "KMSInvalidStateException"})) {
    return "enable the KMS key, or take back its deletion";
  }
  if (error.code == "NotFoundException") return "set AWS_REGION to the region of the KMS key";
  if (IsExpiry(error) || error.code == "InvalidSignatureException") {
    return "give it AWS credentials that are right and have not expired";
  }
  if (status == 401 || status == 403 || error.code == "AccessDeniedException") {
    return "let the signer kms:Decrypt with the KMS key, in its policy and the key's";
  }
  return "see that the endpoint is one of KMS";
}

absl::Status StatusOf(const HttpResponse& answer, const std::string& doing,
                      const AwsCredentials& signer) {
  const KmsError error = ReadError(answer.body);
  const std::string said =
      absl::StrCat(doing, ": answered ", answer.status, error.code.empty() ? "" : " ", error.code,
                   error.message.empty() ? "" : ": ", error.message);
  if (answer.status >= 500 || answer.status == 429 || answer.status == 408 ||
      IsOneOf(error.code, {"ThrottlingException", "LimitExceededException"})) {
    return absl::UnavailableError(said);
  }
  const std::string_view cure = CureOf(answer.status, error);
  return absl::InvalidArgumentError(absl::StrFormat("%s (signed by %s of %s; %s)", said,
                                                    signer.access_key_id, signer.source, cure));
}

// The member `Plaintext` of the answer, which holds no escape, decoded; `body` is zeroed after it.
absl::StatusOr<SecretText> PlainOf(SecretText body, const std::string& doing) {
  constexpr std::string_view kMember = "\"Plaintext\"";
  const std::string_view text = body.view();
  size_t begin = text.find(kMember);
  if (begin != text.npos) begin = text.find('"', begin + kMember.size());
  const size_t end = begin == text.npos ? text.npos : text.find('"', begin + 1);
  std::string plain;
  const bool is_read =
      end != text.npos && absl::Base64Unescape({text.data() + begin + 1, end - begin - 1}, &plain);
  SecretText opened(std::move(plain));  // zeroed where it was not all of it
  if (is_read) return opened;
  return absl::InvalidArgumentError(
      absl::StrCat(doing, ": answered without a Plaintext (see that the endpoint is one of KMS)"));
}

}  // namespace

Kms::Kms(KmsOptions options, TimeAndChance time)
    : options_(WithDefaults(std::move(options))),
      time_(std::move(time)),
      credentials_({.region = options_.region,
                    .ca_bundle = options_.ca_bundle,
                    .environment = options_.environment},
                   time_.now),
      http_({.ca_bundle = options_.ca_bundle}) {}

absl::StatusOr<HttpResponse> Kms::Send(const std::string& body, const AwsCredentials& credentials,
                                       absl::Duration timeout, std::string* plain) {
  const absl::Time now = time_.now();
  SigV4Request call{.method = "POST", .path = "/", .payload_sha256 = Sha256(body)};
  call.headers = {{"content-type", "application/x-amz-json-1.1"},
                  {"host", options_.endpoint.substr(options_.endpoint.find("://") + 3)},
                  {"x-amz-date", SigV4Time(now)},
                  {"x-amz-target", "TrentService.Decrypt"}};
  if (!credentials.session_token.empty()) {
    call.headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  call.headers.emplace_back(
      "authorization",
      Authorization(call, {.time = now, .region = options_.region, .service = "kms"},
                    credentials.access_key_id, credentials.secret_access_key));
  plain->reserve(kAnswerBytesMax);  // it never moves, so that no piece of it is left anywhere
  return http_.Send({.method = "POST",
                     .url = options_.endpoint + "/",
                     .headers = call.headers,
                     .body = body,
                     .sink =
                         [plain](std::string_view piece) {
                           if (plain->size() + piece.size() > kAnswerBytesMax) {
                             return absl::DataLossError("KMS answered more than it can have");
                           }
                           plain->append(piece);
                           return absl::OkStatus();
                         },
                     .timeout = timeout});
}

absl::StatusOr<SecretText> Kms::Attempt(const std::string& doing, const std::string& body,
                                        absl::Duration timeout) {
  for (bool is_first = true;; is_first = false) {
    const absl::StatusOr<AwsCredentials> credentials = credentials_.Get();
    if (!credentials.ok()) {
      return absl::Status(credentials.status().code(),
                          absl::StrCat(doing, ": ", credentials.status().message()));
    }
    std::string plain;
    const absl::StatusOr<HttpResponse> answer = Send(body, *credentials, timeout, &plain);
    SecretText held(std::move(plain));
    if (!answer.ok()) {
      return absl::Status(answer.status().code(),
                          absl::StrCat(doing, ": ", answer.status().message()));
    }
    if (answer->status == 200) return PlainOf(std::move(held), doing);
    if (is_first && IsExpiry(ReadError(answer->body)) && credentials_.Forget(*credentials)) {
      continue;
    }
    return StatusOf(*answer, doing, *credentials);
  }
}

absl::StatusOr<SecretText> Kms::Decrypt(std::string_view name, std::string_view ciphertext) {
  const std::string doing =
      absl::StrFormat("asking KMS at %s to decrypt the master key `%s`", options_.endpoint, name);
  if (options_.region.empty() || options_.endpoint.find("://") == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the master key `%s` is encrypted by KMS, and it is not said where: set AWS_REGION to the "
        "region of its KMS key",
        name));
  }
  std::string bytes;
  if (ciphertext.size() > kCiphertextBytesMax ||
      !absl::Base64Unescape({ciphertext.data(), ciphertext.size()}, &bytes) || bytes.empty()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the master key `%s` is no base64 of what KMS encrypted: write what `aws kms encrypt "
        "--query CiphertextBlob --output text` printed",
        name));
  }
  const std::string body = absl::StrCat("{\"CiphertextBlob\":\"", absl::Base64Escape(bytes), "\"}");
  Backoff backoff(&time_, options_.retry);
  while (true) {
    absl::StatusOr<SecretText> plain =
        Attempt(doing, body, std::min(backoff.Remaining(), kAnswerTimeout));
    if (!absl::IsUnavailable(plain.status())) return plain;
    if (!backoff.Wait()) {
      return absl::UnavailableError(absl::StrCat(plain.status().message(), " (tried ",
                                                 backoff.waits() + 1,
                                                 " times; see that KMS can be reached)"));
    }
  }
}

}  // namespace turnout::state
