// S3Connection: signed calls to one bucket, tried again while that may help.
//
// What S3 answers becomes a Status here, once, for all calls: see StatusOfAnswer.
// Threads: any; calls block.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "state/aws_credentials.h"
#include "state/backoff.h"
#include "state/http_client.h"
#include "state/s3_address.h"
#include "state/s3_options.h"
#include "state/time_and_chance.h"

namespace turnout::state {

struct S3Call {
  std::string method;
  std::string key;  // empty: the bucket itself
  std::vector<std::pair<std::string, std::string>> query;
  HttpHeaders headers;

  // As in HttpRequest; of a file the digest is said, since it is read once for it.
  std::string_view body;
  std::string file_path;
  uint64_t file_offset = 0;
  uint64_t file_bytes = 0;
  std::string file_sha256;
  std::function<absl::Status(std::string_view)> sink;
  std::function<absl::Status(int status, const HttpHeaders& headers)> on_headers;
  size_t answer_bytes_max = 1 << 20;
  bool may_stall = false;

  // Looks at an answer of 200 to 299, and says Unavailable if it is to be asked for again.
  std::function<absl::Status(const HttpResponse&)> accept;
};

class S3Connection {
 public:
  // Of a file on its way. What ends one sooner is that it stalls.
  static constexpr absl::Duration kTransferTimeout = absl::Hours(1);

  S3Connection(S3Options options, S3Address address, TimeAndChance time);

  // One attempt; a second one with new credentials if those at hand have expired.
  // Errors, as for all of this class: NotFound for a key or an upload that is not there,
  // FailedPrecondition for a condition in the headers that is not met, OutOfRange for a range,
  // ResourceExhausted for a full store, InvalidArgument for what a person has to mend, saying the
  // bucket, who signed, and the cure; Unavailable for all that may pass; those of HttpClient.
  absl::StatusOr<HttpResponse> Attempt(const S3Call& call, absl::Duration timeout);

  // Until it is anything but Unavailable, or the deadline of `options().retry` passes.
  absl::StatusOr<HttpResponse> Call(const S3Call& call);

  const S3Options& options() const { return options_; }
  const TimeAndChance& time() const { return time_; }

 private:
  absl::StatusOr<HttpResponse> Send(const S3Call& call, const AwsCredentials& credentials,
                                    absl::Duration timeout);

  const S3Options options_;
  const S3Address address_;
  const TimeAndChance time_;
  AwsCredentialProvider credentials_;
  HttpClient http_;
};

// What an answer means; OK for 200 to 299. Pure.
absl::Status StatusOfAnswer(const HttpResponse& answer, std::string_view doing,
                            std::string_view signer);

}  // namespace turnout::state
