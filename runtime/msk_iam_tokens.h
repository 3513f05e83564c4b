// MskIamTokens: OAUTHBEARER tokens for Amazon MSK, made of AWS credentials.
//
// A token is a link to `kafka-cluster:Connect` in the cluster's region, signed by SigV4 as one that
// carries its own signature, in base64url: MSK's brokers ask AWS whose it is and what he may do. So
// making one asks nobody; only the credentials are fetched, by `state/aws_credentials`, ahead of
// their expiry. A token never outlives the credentials that signed it, since MSK refuses it then.
//
// Format:
// https://kafka.REGION.amazonaws.com/?Action=kafka-cluster:Connect&X-Amz-...&User-Agent=...,
//   good for 15 minutes by this machine's clock, as Amazon's own signers make it.
// Errors: those of the credentials, which name what was asked and the cure. No message holds a
//   secret.
// Threads: any, one at a time.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/msk_iam_settings.h"
#include "connectors/token_source.h"
#include "state/aws_credentials.h"

namespace turnout::runtime {

class MskIamTokens {
 public:
  static constexpr absl::Duration kLife = absl::Minutes(15);

  // The settings name a region.
  MskIamTokens(connectors::MskIamSettings settings, state::Environment environment);

  // Blocks while credentials are fetched, and until about a second after `stop`, which outlives
  // this, has become true.
  absl::StatusOr<connectors::OAuthToken> Fetch(const std::atomic<bool>& stop);

 private:
  const connectors::MskIamSettings settings_;
  const state::Environment environment_;
  std::optional<state::AwsCredentialProvider> credentials_;  // from the first Fetch on
};

// What the brokers are shown.
std::string MskIamToken(const std::string& region, const state::AwsCredentials& credentials,
                        absl::Time now);

}  // namespace turnout::runtime
