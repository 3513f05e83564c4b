#include "state/sigv4.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "state/sha256.h"

namespace turnout::state {
namespace {

constexpr char kAlgorithm[] = "AWS4-HMAC-SHA256";
constexpr char kEnd[] = "aws4_request";

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// Names in lower case, in order; values without outer blanks and with single inner ones.
std::map<std::string, std::string> CanonicalHeaders(const SigV4Request& request) {
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : request.headers) {
    std::string plain = value;
    absl::RemoveExtraAsciiWhitespace(&plain);
    std::string& entry = headers[absl::AsciiStrToLower(name)];
    entry = entry.empty() ? plain : absl::StrCat(entry, ",", plain);
  }
  return headers;
}

std::string SignedHeaders(const SigV4Request& request) {
  return absl::StrJoin(CanonicalHeaders(request), ";",
                       [](std::string* out, const auto& header) { *out += header.first; });
}

std::string Day(absl::Time time) { return absl::FormatTime("%Y%m%d", time, absl::UTCTimeZone()); }

std::string ScopeText(const SigV4Scope& scope) {
  return absl::StrCat(Day(scope.time), "/", scope.region, "/", scope.service, "/", kEnd);
}

}  // namespace

std::string UriEncode(std::string_view text, bool keep_slash) {
  std::string encoded;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' ||
        c == '~' || (c == '/' && keep_slash)) {
      encoded.push_back(c);
    } else {
      absl::StrAppend(&encoded, "%", absl::AsciiStrToUpper(Hex({&c, 1})));
    }
  }
  return encoded;
}

std::string CanonicalQuery(const SigV4Request& request) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : request.query) {
    pairs.push_back(absl::StrCat(UriEncode(name, false), "=", UriEncode(value, false)));
  }
  std::sort(pairs.begin(), pairs.end());
  return absl::StrJoin(pairs, "&");
}

std::string CanonicalRequest(const SigV4Request& request) {
  std::string headers;
  for (const auto& [name, value] : CanonicalHeaders(request)) {
    absl::StrAppend(&headers, name, ":", value, "\n");
  }
  return absl::StrCat(request.method, "\n", request.path, "\n", CanonicalQuery(request), "\n",
                      headers, "\n", SignedHeaders(request), "\n", request.payload_sha256);
}

std::string SigV4Time(absl::Time time) {
  return absl::FormatTime("%Y%m%dT%H%M%SZ", time, absl::UTCTimeZone());
}

std::string StringToSign(const SigV4Scope& scope, std::string_view canonical_request) {
  return absl::StrCat(kAlgorithm, "\n", SigV4Time(scope.time), "\n", ScopeText(scope), "\n",
                      Sha256(canonical_request));
}

std::string Signature(const SigV4Scope& scope, std::string_view secret_access_key,
                      std::string_view string_to_sign) {
  std::string key = HmacSha256(absl::StrCat("AWS4", View(secret_access_key)), Day(scope.time));
  key = HmacSha256(key, scope.region);
  key = HmacSha256(key, scope.service);
  key = HmacSha256(key, kEnd);
  return Hex(HmacSha256(key, string_to_sign));
}

std::string Authorization(const SigV4Request& request, const SigV4Scope& scope,
                          std::string_view access_key_id, std::string_view secret_access_key) {
  const std::string text = StringToSign(scope, CanonicalRequest(request));
  return absl::StrCat(kAlgorithm, " Credential=", View(access_key_id), "/", ScopeText(scope),
                      ",SignedHeaders=", SignedHeaders(request),
                      ",Signature=", Signature(scope, secret_access_key, text));
}

std::string PresignedQuery(SigV4Request request, const SigV4Scope& scope, const SigV4Keys& keys,
                           absl::Duration life) {
  request.query.insert(
      request.query.end(),
      {{"X-Amz-Algorithm", kAlgorithm},
       {"X-Amz-Credential", absl::StrCat(keys.access_key_id, "/", ScopeText(scope))},
       {"X-Amz-Date", SigV4Time(scope.time)},
       {"X-Amz-Expires", absl::StrCat(absl::ToInt64Seconds(life))},
       {"X-Amz-SignedHeaders", SignedHeaders(request)}});
  if (!keys.session_token.empty()) {
    request.query.emplace_back("X-Amz-Security-Token", keys.session_token);
  }
  const std::string text = StringToSign(scope, CanonicalRequest(request));
  return absl::StrCat(CanonicalQuery(request),
                      "&X-Amz-Signature=", Signature(scope, keys.secret_access_key, text));
}

}  // namespace turnout::state
