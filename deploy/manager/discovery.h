// Discovery: what an identity provider says of itself (OpenID Connect Discovery 1.0).
//
// Errors: Unavailable, with what is wrong in the document.
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace turnout::manager {

struct ProviderDocument {
  std::string keys_url;
  std::string authorization_url;      // empty: it doesn't say
  std::string token_url;              // empty: it doesn't say
  bool takes_secret_in_body = false;  // and not in a header
};

// Where the document lies.
std::string DiscoveryUrl(std::string issuer);

// It has to be of that issuer, name its keys, and stay on https where the issuer is: whoever could
// read the way there must not be able to change the way from there.
absl::StatusOr<ProviderDocument> ReadProviderDocument(std::string_view json,
                                                      const std::string& issuer);

}  // namespace turnout::manager
