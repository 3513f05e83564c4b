#include "state/s3_connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "state/aws_xml.h"
#include "state/sha256.h"
#include "state/sigv4.h"

namespace turnout::state {
namespace {

constexpr absl::Duration kAnswerTimeout = absl::Minutes(1);

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

bool IsOneOf(absl::string_view code, std::initializer_list<absl::string_view> codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// The credentials were good once.
bool IsExpiry(const AwsError& error) {
  return IsOneOf(error.code, {"ExpiredToken", "InvalidToken", "TokenRefreshRequired",
                              "InvalidAccessKeyId", "ExpiredTokenException"});
}

// Whether the same request may succeed later.
bool MayPass(int status, const AwsError& error) {
  if (status == 408 || status == 409 || status == 429) return true;
  if (status >= 500) return status != 501 && status != 505;
  // What the server received was not what was sent, or it came too slowly.
  return IsOneOf(error.code, {"RequestTimeout", "IncompleteBody", "BadDigest", "InvalidDigest",
                              "XAmzContentSHA256Mismatch", "SlowDown", "ThrottlingException"});
}

absl::string_view CureOf(int status, const AwsError& error) {
  if (error.code == "NoSuchBucket") return "create the bucket, or mend its name or the region";
  if (IsOneOf(error.code, {"InvalidAccessKeyId", "SignatureDoesNotMatch"})) {
    return "mend the access key id and its secret";
  }
  if (IsExpiry(error)) return "give it credentials that have not expired";
  if (error.code == "RequestTimeTooSkewed") return "set this machine's clock";
  if (IsOneOf(error.code, {"AuthorizationHeaderMalformed", "PermanentRedirect", "Redirect",
                           "TemporaryRedirect", "IllegalLocationConstraintException"}) ||
      (status >= 300 && status < 400)) {
    return "set the bucket's own region and endpoint";
  }
  if (status == 401 || status == 403) {
    return "let the signer s3:ListBucket the bucket, and s3:GetObject, s3:PutObject, "
           "s3:DeleteObject and s3:AbortMultipartUpload its objects";
  }
  if (status == 501) return "use a server that knows conditional writes (If-None-Match)";
  return "see that the endpoint is one of S3";
}

}  // namespace

absl::Status StatusOfAnswer(const HttpResponse& answer, std::string_view doing,
                            std::string_view signer) {
  if (answer.status >= 200 && answer.status < 300) return absl::OkStatus();
  const AwsError error = ParseAwsError(answer.body);
  const std::string said =
      absl::StrCat(View(doing), ": answered ", answer.status, error.code.empty() ? "" : " ",
                   error.code, error.message.empty() ? "" : ": ", error.message);
  // A page of some other server is no word on an object.
  if (answer.status == 404 && IsOneOf(error.code, {"NoSuchKey", "NoSuchUpload", "NoSuchVersion"})) {
    return absl::NotFoundError(said);
  }
  if (answer.status == 412) return absl::FailedPreconditionError(said);
  if (answer.status == 416) return absl::OutOfRangeError(said);
  if (answer.status == 507 || absl::StrContains(error.code, "StorageFull") ||
      IsOneOf(error.code, {"QuotaExceeded", "InsufficientCapacity"})) {
    return absl::ResourceExhaustedError(absl::StrCat(said, " (give the store more room)"));
  }
  if (MayPass(answer.status, error)) return absl::UnavailableError(said);
  const std::string_view region = answer.Header("x-amz-bucket-region");
  return absl::InvalidArgumentError(
      absl::StrCat(said, " (signed by ", View(signer), "; ", CureOf(answer.status, error),
                   region.empty() ? "" : "; the bucket is in ", View(region), ")"));
}

S3Connection::S3Connection(S3Options options, S3Address address, TimeAndChance time)
    : options_(std::move(options)),
      address_(std::move(address)),
      time_(std::move(time)),
      credentials_({.region = options_.region,
                    .sts_endpoint = options_.sts_endpoint,
                    .ca_bundle = options_.ca_bundle,
                    .environment = options_.environment},
                   time_.now),
      http_({.ca_bundle = options_.ca_bundle,
             .connect_timeout = options_.connect_timeout,
             .stall_timeout = options_.stall_timeout}) {}

absl::StatusOr<HttpResponse> S3Connection::Send(const S3Call& call,
                                                const AwsCredentials& credentials,
                                                absl::Duration timeout) {
  const absl::Time now = time_.now();
  SigV4Request signed_request{
      .method = call.method,
      .path = address_.PathOf(call.key),
      .query = call.query,
      .headers = call.headers,
      .payload_sha256 = call.file_path.empty() ? Sha256(call.body) : call.file_sha256};
  HttpHeaders& headers = signed_request.headers;
  headers.emplace_back("host", address_.host);
  headers.emplace_back("x-amz-date", SigV4Time(now));
  headers.emplace_back("x-amz-content-sha256", signed_request.payload_sha256);
  if (!credentials.session_token.empty()) {
    headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  const std::string authorization =
      Authorization(signed_request, {.time = now, .region = options_.region, .service = "s3"},
                    credentials.access_key_id, credentials.secret_access_key);
  headers.emplace_back("authorization", authorization);
  const std::string query = CanonicalQuery(signed_request);
  return http_.Send(
      {.method = call.method,
       .url = absl::StrCat(address_.origin, signed_request.path, query.empty() ? "" : "?", query),
       .headers = headers,
       .body = call.body,
       .file_path = call.file_path,
       .file_offset = call.file_offset,
       .file_bytes = call.file_bytes,
       .sink = call.sink,
       .on_headers = call.on_headers,
       .answer_bytes_max = call.answer_bytes_max,
       .timeout = timeout,
       .may_stall = call.may_stall});
}

absl::StatusOr<HttpResponse> S3Connection::Attempt(const S3Call& call, absl::Duration timeout) {
  const std::string doing = absl::StrCat(call.method, " s3://", options_.bucket, "/", call.key);
  for (bool is_first = true;; is_first = false) {
    const absl::StatusOr<AwsCredentials> credentials = credentials_.Get();
    if (!credentials.ok()) return credentials.status();
    absl::StatusOr<HttpResponse> answer = Send(call, *credentials, timeout);
    if (!answer.ok()) return answer;
    if (is_first && answer->status >= 400 && IsExpiry(ParseAwsError(answer->body)) &&
        credentials_.Forget(*credentials)) {
      continue;
    }
    absl::Status status = StatusOfAnswer(
        *answer, doing, absl::StrCat(credentials->access_key_id, " of ", credentials->source));
    if (status.ok() && call.accept != nullptr) status = call.accept(*answer);
    if (!status.ok()) return status;
    return answer;
  }
}

absl::StatusOr<HttpResponse> S3Connection::Call(const S3Call& call) {
  Backoff backoff(&time_, options_.retry);
  const bool is_transfer = !call.file_path.empty();
  while (true) {
    absl::Duration timeout = backoff.Remaining();
    if (is_transfer)
      timeout = kTransferTimeout;
    else if (!call.may_stall)
      timeout = std::min(timeout, kAnswerTimeout);
    absl::StatusOr<HttpResponse> answer = Attempt(call, timeout);
    if (!absl::IsUnavailable(answer.status())) return answer;
    if (!backoff.Wait()) {
      return absl::UnavailableError(
          absl::StrCat(answer.status().message(), " (tried ", backoff.waits() + 1, " times)"));
    }
  }
}

}  // namespace turnout::state
