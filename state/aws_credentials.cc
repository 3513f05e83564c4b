#include "state/aws_credentials.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "state/credential_sources.h"

namespace turnout::state {
namespace {

// The machine's own services answer at once or not at all.
constexpr absl::Duration kMetadataConnectTimeout = absl::Seconds(1);

}  // namespace

Environment ProcessEnvironment() {
  return [](const std::string& name) {
    const char* const value = std::getenv(name.c_str());
    return std::string(value == nullptr ? "" : value);
  };
}

AwsCredentialProvider::AwsCredentialProvider(AwsCredentialOptions options,
                                             std::function<absl::Time()> now)
    : options_(std::move(options)),
      now_(std::move(now)),
      sts_({.ca_bundle = options_.ca_bundle}),
      metadata_({.connect_timeout = kMetadataConnectTimeout, .direct = true}) {}

absl::StatusOr<AwsCredentials> AwsCredentialProvider::Fetch() {
  const Environment& environment = options_.environment;
  if (!environment("AWS_ACCESS_KEY_ID").empty() || !environment("AWS_SECRET_ACCESS_KEY").empty()) {
    return CredentialsOfEnvironment(environment);
  }
  // A role by itself is named for other reasons too; a token file is not.
  if (!environment("AWS_WEB_IDENTITY_TOKEN_FILE").empty()) {
    return CredentialsOfWebIdentity(options_, &sts_);
  }
  if (!environment("AWS_CONTAINER_CREDENTIALS_FULL_URI").empty()) {
    return CredentialsOfContainer(options_, &metadata_);
  }
  std::string instance = "AWS_EC2_METADATA_DISABLED forbids to ask the instance metadata service";
  if (absl::AsciiStrToLower(environment("AWS_EC2_METADATA_DISABLED")) != "true") {
    auto credentials = CredentialsOfInstance(options_, &metadata_);
    // Whoever had some from there waits for it to answer again.
    if (credentials.ok() || absl::IsUnavailable(credentials.status())) return credentials;
    if (absl::IsNotFound(credentials.status()) && current_.has_value()) {
      return absl::UnavailableError(credentials.status().message());
    }
    instance = absl::StrCat("the instance metadata service: ", credentials.status().message());
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "no AWS credentials: AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE and "
      "AWS_CONTAINER_CREDENTIALS_FULL_URI are not set; ",
      instance,
      " (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the pod's service account or the "
      "machine a role)"));
}

absl::StatusOr<AwsCredentials> AwsCredentialProvider::Get() {
  const absl::MutexLock lock(&mutex_);
  const absl::Time now = now_();
  if (current_.has_value() && now < renew_at_) return *current_;
  absl::StatusOr<AwsCredentials> fresh = Fetch();
  trouble_ = fresh.status();
  if (fresh.ok()) {
    current_ = *fresh;
    // Short-lived ones are not asked for at every call.
    renew_at_ = std::max(fresh->expires - kRenewAhead, now + kRenewAgain);
    return fresh;
  }
  if (current_.has_value() && now < current_->expires) {
    renew_at_ = now + kRenewAgain;
    return *current_;
  }
  return fresh;
}

absl::Status AwsCredentialProvider::trouble() const {
  const absl::MutexLock lock(&mutex_);
  return trouble_;
}

bool AwsCredentialProvider::Forget(const AwsCredentials& refused) {
  const absl::MutexLock lock(&mutex_);
  if (!current_.has_value() || current_->expires == absl::InfiniteFuture()) return false;
  // Another caller may have renewed them meanwhile.
  if (current_->access_key_id == refused.access_key_id &&
      current_->session_token == refused.session_token) {
    current_->expires = absl::InfinitePast();
    renew_at_ = absl::InfinitePast();
  }
  return true;
}

}  // namespace turnout::state
