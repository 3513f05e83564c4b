// Kms: opens what AWS KMS has encrypted, by one Decrypt call a text.
//
// The key that encrypted it is named in the text itself, so that a role with kms:Decrypt over that
// key is all that is needed. The call is signed (sigv4.h) by whoever aws_credentials.h finds. What
// was opened is zeroed wherever this code had it; libcurl's own buffers are libcurl's.
//
// Errors: InvalidArgument for what a person has to mend: the text, the rights, the key, the region,
//   with the cure; Unavailable if KMS did not answer until the deadline.
// Threads: any; calls block.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "state/aws_credentials.h"
#include "state/backoff.h"
#include "state/envelope.h"
#include "state/http_client.h"
#include "state/time_and_chance.h"

namespace turnout::state {

struct KmsOptions {
  std::string region;     // empty: AWS_REGION, else AWS_DEFAULT_REGION
  std::string endpoint;   // `https://HOST`; empty: AWS_ENDPOINT_URL_KMS, else the region's
  std::string ca_bundle;  // a PEM file; empty: the system's
  Environment environment = ProcessEnvironment();
  BackoffLimits retry = {.deadline = absl::Seconds(30)};
};

class Kms {
 public:
  Kms(KmsOptions options, TimeAndChance time);

  // `ciphertext` as base64, as `aws kms encrypt` prints it; `name` names it in messages.
  absl::StatusOr<SecretText> Decrypt(std::string_view name, std::string_view ciphertext);

 private:
  absl::StatusOr<SecretText> Attempt(const std::string& doing, const std::string& body,
                                     absl::Duration timeout);
  // The answer's body, and of one that is no success its status.
  absl::StatusOr<HttpResponse> Send(const std::string& body, const AwsCredentials& credentials,
                                    absl::Duration timeout, std::string* plain);

  const KmsOptions options_;
  const TimeAndChance time_;
  AwsCredentialProvider credentials_;
  HttpClient http_;
};

}  // namespace turnout::state
