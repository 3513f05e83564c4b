#include "deploy/manager/discovery.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace turnout::manager {
namespace {

constexpr std::string_view kDiscoveryPath = "/.well-known/openid-configuration";
constexpr std::string_view kHttps = "https://";

std::string TextOf(const nlohmann::json& said, const char* name) {
  const auto found = said.find(name);
  return found != said.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// OpenID Connect has a client send its secret in a header where nothing is said.
bool TakesSecretInBody(const nlohmann::json& said) {
  const auto found = said.find("token_endpoint_auth_methods_supported");
  if (found == said.end() || !found->is_array()) return false;
  const auto has = [&](const char* method) {
    return std::find(found->begin(), found->end(), method) != found->end();
  };
  return has("client_secret_post") && !has("client_secret_basic");
}

}  // namespace

std::string DiscoveryUrl(std::string issuer) {
  if (issuer.ends_with('/')) issuer.pop_back();
  return issuer.append(kDiscoveryPath);
}

absl::StatusOr<ProviderDocument> ReadProviderDocument(std::string_view json,
                                                      const std::string& issuer) {
  const nlohmann::json said = nlohmann::json::parse(json, nullptr, false);
  if (!said.is_object() || TextOf(said, "jwks_uri").empty()) {
    return absl::UnavailableError("its discovery document names no jwks_uri");
  }
  if (TextOf(said, "issuer") != issuer) {
    return absl::UnavailableError(
        "its discovery document is of another issuer; give the issuer as that says it");
  }
  ProviderDocument document{.keys_url = TextOf(said, "jwks_uri"),
                            .authorization_url = TextOf(said, "authorization_endpoint"),
                            .token_url = TextOf(said, "token_endpoint"),
                            .takes_secret_in_body = TakesSecretInBody(said)};
  for (const std::string& url :
       {document.keys_url, document.authorization_url, document.token_url}) {
    if (issuer.starts_with(kHttps) && !url.empty() && !url.starts_with(kHttps)) {
      return absl::UnavailableError("its discovery document leads away from https");
    }
  }
  return document;
}

}  // namespace turnout::manager
