#include "connectors/sasl_client.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "connectors/scram_client.h"

namespace turnout::connectors {
namespace {

constexpr char kPlain[] = "PLAIN";
constexpr char kOAuthBearer[] = "OAUTHBEARER";
constexpr size_t kNonceBytes = 24;
constexpr size_t kRefusalBytesMax = 300;          // of what a broker says, shown
constexpr int64_t kUnsecuredLifeSeconds = 3'600;  // librdkafka's default

class PlainClient final : public SaslClient {
 public:
  explicit PlainClient(const SaslCredentials& credentials)
      : message_(std::string(1, '\0') + credentials.username + '\0' + credentials.password) {}

  std::string_view mechanism() const override { return kPlain; }
  absl::StatusOr<std::string> First() override { return message_; }
  absl::StatusOr<std::string> Next(std::string_view) override {
    done_ = true;
    return std::string();
  }
  bool done() const override { return done_; }

 private:
  const std::string message_;
  bool done_ = false;
};

class OAuthBearerClient final : public SaslClient {
 public:
  explicit OAuthBearerClient(const SaslCredentials& credentials) : token_(credentials.token) {}

  std::string_view mechanism() const override { return kOAuthBearer; }

  absl::StatusOr<std::string> First() override {
    if (!token_) return absl::UnavailableError("there is nothing that gives an OAUTHBEARER token");
    const absl::StatusOr<OAuthToken> token = token_();
    if (!token.ok()) return token.status();
    std::string message = absl::StrCat("n,,\1auth=Bearer ", token->value);
    for (const auto& [key, value] : token->extensions) {
      absl::StrAppend(&message, "\1", key, "=", value);
    }
    return message + "\1\1";
  }

  // A broker that refuses says why as JSON, and says it again as an error once that is
  // acknowledged.
  absl::StatusOr<std::string> Next(std::string_view from_broker) override {
    if (from_broker.empty()) {
      done_ = true;
      return std::string();
    }
    refusal_ = std::string(from_broker.substr(0, kRefusalBytesMax));
    std::replace_if(
        refusal_.begin(), refusal_.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return std::string("\1");
  }
  bool done() const override { return done_; }
  std::string_view refusal() const override { return refusal_; }

 private:
  const std::function<absl::StatusOr<OAuthToken>()> token_;
  std::string refusal_;
  bool done_ = false;
};

}  // namespace

bool IsSaslMechanism(std::string_view name) {
  constexpr std::array<std::string_view, 4> kKnown = {kPlain, kScramSha256, kScramSha512,
                                                      kOAuthBearer};
  return std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end();
}

std::unique_ptr<SaslClient> MakeSaslClient(const SaslCredentials& credentials,
                                           const std::function<std::string()>& nonce) {
  if (credentials.mechanism == kPlain) return std::make_unique<PlainClient>(credentials);
  if (credentials.mechanism == kOAuthBearer) {
    return std::make_unique<OAuthBearerClient>(credentials);
  }
  return MakeScramClient(credentials, nonce());
}

std::string RandomNonce() {
  std::string bytes(kNonceBytes, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return absl::Base64Escape(bytes);
}

absl::StatusOr<OAuthToken> UnsecuredToken(std::string_view config, int64_t now_s) {
  std::string principal;
  int64_t life_s = kUnsecuredLifeSeconds;
  for (const absl::string_view word :
       absl::StrSplit(absl::string_view(config.data(), config.size()), ' ', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> setting =
        absl::StrSplit(word, absl::MaxSplits('=', 1));
    if (setting.first == "principal") {
      principal = std::string(setting.second);
    } else if (setting.first == "scope" || setting.first == "scopeClaimName" ||
               setting.first == "principalClaimName" ||
               absl::StartsWith(setting.first, "extension_")) {
      return absl::UnimplementedError(
          absl::StrFormat("`%s` of kafka.sasl.oauthbearer.config is one that only the librdkafka "
                          "sink honours",
                          setting.first));
    } else if (setting.first != "lifeSeconds" || !absl::SimpleAtoi(setting.second, &life_s)) {
      return absl::InvalidArgumentError(
          "kafka.sasl.oauthbearer.config: is of words like `principal=name` and `lifeSeconds=60`");
    }
  }
  if (principal.empty() || principal.find_first_of("\"\\") != std::string::npos) {
    return absl::InvalidArgumentError("kafka.sasl.oauthbearer.config: names no usable principal");
  }
  const std::string claims =
      absl::StrFormat(R"({"sub":"%s","iat":%d,"exp":%d})", principal, now_s, now_s + life_s);
  OAuthToken token;
  token.value = absl::StrFormat("%s.%s.", absl::WebSafeBase64Escape(R"({"alg":"none"})"),
                                absl::WebSafeBase64Escape(claims));
  token.principal = principal;
  token.expires = absl::FromUnixSeconds(now_s + life_s);
  return token;
}

}  // namespace turnout::connectors
