#include "runtime/keep_tokens.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "connectors/msk_iam_settings.h"
#include "connectors/oidc_settings.h"
#include "runtime/log.h"
#include "runtime/msk_iam_tokens.h"
#include "runtime/oidc_tokens.h"

namespace turnout::runtime {
namespace {

template <typename Provider>
std::unique_ptr<TokenKeeper> KeepTokensOf(std::shared_ptr<Provider> provider,
                                          TokenKeeper::Report report) {
  return std::make_unique<TokenKeeper>(
      [provider](const std::atomic<bool>& stop) { return provider->Fetch(stop); },
      std::move(report));
}

std::shared_ptr<OidcTokens> OidcTokensOf(connectors::OidcSettings settings) {
  if (connectors::ShowsSecretOnTheWay(settings)) {
    LogWarning("token_url", absl::StrCat(settings.token_url,
                                         ": by http:// anybody on the way reads the client's "
                                         "secret and the tokens (use https:// in "
                                         "kafka.sasl.oauthbearer.token.endpoint.url)"));
  }
  return std::make_shared<OidcTokens>(std::move(settings));
}

absl::StatusOr<std::shared_ptr<MskIamTokens>> MskIamTokensOf(
    connectors::MskIamSettings settings, const state::Environment& environment) {
  for (const char* const name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (settings.region.empty()) settings.region = environment(name);
  }
  if (settings.region.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "kafka.", connectors::kAwsRegion,
        ": is missing, and no region is in the brokers' names, "
        "AWS_REGION or AWS_DEFAULT_REGION: give it, since tokens for MSK are of one region"));
  }
  return std::make_shared<MskIamTokens>(std::move(settings), environment);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenKeeper>> KeepTokens(
    const std::string& brokers, const std::vector<connectors::KafkaProperty>& properties,
    TokenKeeper::Report report, const state::Environment& environment) {
  auto oidc = connectors::OidcSettingsOf(properties);
  if (!oidc.ok()) return oidc.status();
  if (oidc->has_value()) return KeepTokensOf(OidcTokensOf(**std::move(oidc)), std::move(report));
  auto msk_iam = connectors::MskIamSettingsOf(properties, brokers);
  if (!msk_iam.ok()) return msk_iam.status();
  if (!msk_iam->has_value()) return nullptr;
  auto provider = MskIamTokensOf(**std::move(msk_iam), environment);
  if (!provider.ok()) return provider.status();
  return KeepTokensOf(*std::move(provider), std::move(report));
}

}  // namespace turnout::runtime
