// AWS Signature Version 4: pure functions from a request to the header that signs it.
//
// The steps are the published ones, each a function, so that each is tested by itself: the
// canonical request (what is signed of a request, in one order), the string to sign (its digest and
// scope), the signature (a chain of HMACs that ends in it). Format: paths are sent as they are
// signed, encoded once, which is S3's way and no other service's.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace turnout::state {

struct SigV4Request {
  std::string method;
  std::string path;                                          // encoded, beginning with `/`
  std::vector<std::pair<std::string, std::string>> query;    // decoded
  std::vector<std::pair<std::string, std::string>> headers;  // all of them are signed
  std::string payload_sha256;                                // hexadecimal
};

struct SigV4Scope {
  absl::Time time;
  std::string region;
  std::string service;
};

struct SigV4Keys {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty: none
};

// RFC 3986: all but letters, digits and `-._~` as %XX; `/` stays where `keep_slash`.
std::string UriEncode(std::string_view text, bool keep_slash);

// `a=1&b=2`: encoded, in the order that is signed.
std::string CanonicalQuery(const SigV4Request& request);

std::string CanonicalRequest(const SigV4Request& request);

// 20130524T000000Z: what the header `x-amz-date` says.
std::string SigV4Time(absl::Time time);

std::string StringToSign(const SigV4Scope& scope, std::string_view canonical_request);

std::string Signature(const SigV4Scope& scope, std::string_view secret_access_key,
                      std::string_view string_to_sign);

// The value of the header `authorization`. The request's headers hold `host` and `x-amz-date`
// already, and `x-amz-security-token` if the credentials have one.
std::string Authorization(const SigV4Request& request, const SigV4Scope& scope,
                          std::string_view access_key_id, std::string_view secret_access_key);

// The query of a link that is good for `life` (whole seconds) from the scope's time on, for whoever
// has it: the request's own, and all that signs it, the signature last. The request's headers hold
// `host`.
std::string PresignedQuery(SigV4Request request, const SigV4Scope& scope, const SigV4Keys& keys,
                           absl::Duration life);

}  // namespace turnout::state
