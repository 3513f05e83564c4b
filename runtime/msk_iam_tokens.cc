#include "runtime/msk_iam_tokens.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/log.h"
#include "state/sha256.h"
#include "state/sigv4.h"

namespace turnout::runtime {
namespace {

using connectors::OAuthToken;

constexpr char kService[] = "kafka-cluster";
constexpr char kAction[] = "kafka-cluster:Connect";
constexpr char kAgent[] = "turnout";  // AWS's logs show it; it is not signed

absl::Status Named(const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("no token for Kafka: ", status.message()));
}

}  // namespace

std::string MskIamToken(const std::string& region, const state::AwsCredentials& credentials,
                        absl::Time now) {
  const std::string host = absl::StrCat("kafka.", region, ".amazonaws.com");
  const state::SigV4Request request = {.method = "GET",
                                       .path = "/",
                                       .query = {{"Action", kAction}},
                                       .headers = {{"host", host}},
                                       .payload_sha256 = state::Sha256("")};
  const std::string query = state::PresignedQuery(
      request, {.time = now, .region = region, .service = kService},
      {credentials.access_key_id, credentials.secret_access_key, credentials.session_token},
      MskIamTokens::kLife);
  return absl::WebSafeBase64Escape(
      absl::StrCat("https://", host, "/?", query, "&User-Agent=", kAgent));
}

MskIamTokens::MskIamTokens(connectors::MskIamSettings settings, state::Environment environment)
    : settings_(std::move(settings)), environment_(std::move(environment)) {}

absl::StatusOr<OAuthToken> MskIamTokens::Fetch(const std::atomic<bool>& stop) {
  if (!credentials_) {
    // A role is asked for where the pod lives, which may be another region than the cluster's.
    const std::string own_region = environment_("AWS_REGION");
    credentials_.emplace(
        state::AwsCredentialOptions{.region = own_region.empty() ? settings_.region : own_region,
                                    .ca_bundle = settings_.ca_file,
                                    .environment = environment_,
                                    .stop = &stop},
        [] { return absl::Now(); });
  }
  const absl::StatusOr<state::AwsCredentials> credentials = credentials_->Get();
  if (!credentials.ok()) return Named(credentials.status());
  // Those that are renewed for ever would fill what the log hides.
  if (credentials->expires == absl::InfiniteFuture()) HideInLog(credentials->secret_access_key);
  const absl::Time now = absl::Now();
  OAuthToken token;
  token.value = MskIamToken(settings_.region, *credentials, now);
  token.principal = credentials->access_key_id;
  token.expires = std::min(now + kLife, credentials->expires);
  if (const absl::Status trouble = credentials_->trouble(); !trouble.ok()) {
    token.trouble = absl::Status(
        trouble.code(), absl::StrCat("the AWS credentials that Kafka's tokens are made of can't be "
                                     "renewed: ",
                                     trouble.message()));
  }
  return token;
}

}  // namespace turnout::runtime
