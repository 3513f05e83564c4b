// AwsCredentials: who signs, found where AWS's own tools look for it, and renewed ahead of expiry.
//
// The first of these sources that the environment names is taken, and no other one if it fails,
// since another identity is not what was asked for:
//   1. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//   2. AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN (an EKS service account's role), asked of STS
//   3. AWS_CONTAINER_CREDENTIALS_FULL_URI (EKS pod identity), with the token in
//      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
//   4. the instance metadata service (IMDSv2) of an EC2 machine, unless AWS_EC2_METADATA_DISABLED
// Errors: InvalidArgument if there are none or the source refuses, saying what was tried and the
// cure; Unavailable if the source does not answer (retry).
// Threads: any; calls may block, for one renewal at a time.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "state/http_client.h"

namespace turnout::state {

struct AwsCredentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty: none
  absl::Time expires = absl::InfiniteFuture();
  std::string source;  // for messages: "the role of the web identity (AWS_ROLE_ARN)"
};

// A variable's value; empty if it is not set.
using Environment = std::function<std::string(const std::string& name)>;
Environment ProcessEnvironment();

struct AwsCredentialOptions {
  std::string region;        // whose STS is asked
  std::string sts_endpoint;  // empty: AWS_ENDPOINT_URL_STS, else the region's
  std::string ca_bundle;     // for STS
  Environment environment = ProcessEnvironment();
  // Once true, nobody is waited for any more; outlives the provider.
  const std::atomic<bool>* stop = nullptr;
};

class AwsCredentialProvider {
 public:
  // Renewed so long before they expire; those at hand serve on while that fails.
  static constexpr absl::Duration kRenewAhead = absl::Minutes(5);
  static constexpr absl::Duration kRenewAgain = absl::Seconds(15);

  AwsCredentialProvider(AwsCredentialOptions options, std::function<absl::Time()> now);

  absl::StatusOr<AwsCredentials> Get();

  // Why the last renewal failed, also while those at hand serve on; OK once one has succeeded.
  absl::Status trouble() const;

  // These were refused as expired or unknown: the next Get asks for new ones. False if there are no
  // others to be had.
  bool Forget(const AwsCredentials& refused);

 private:
  absl::StatusOr<AwsCredentials> Fetch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const AwsCredentialOptions options_;
  const std::function<absl::Time()> now_;
  HttpClient sts_;
  HttpClient metadata_;
  mutable absl::Mutex mutex_;
  std::optional<AwsCredentials> current_ ABSL_GUARDED_BY(mutex_);
  absl::Time renew_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Status trouble_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace turnout::state
