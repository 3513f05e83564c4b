#include "state/s3_address.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "state/sigv4.h"

namespace turnout::state {
namespace {

constexpr size_t kBucketBytesMin = 3;
constexpr size_t kBucketBytesMax = 63;
constexpr size_t kPrefixBytesMax = 512;  // half of what a key may have

bool IsMadeOf(absl::string_view text, absl::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
           others.find(c) != absl::string_view::npos;
  });
}

absl::Status Check(const S3Options& options) {
  const std::string& bucket = options.bucket;
  if (bucket.size() < kBucketBytesMin || bucket.size() > kBucketBytesMax ||
      !IsMadeOf(bucket, ".-") || bucket.front() == '.' || bucket.front() == '-') {
    return absl::InvalidArgumentError(
        absl::StrCat("`", bucket, "` is no bucket's name (3 to 63 of a-z, 0-9, `.` and `-`)"));
  }
  if (options.region.empty() || !IsMadeOf(options.region, "-")) {
    return absl::InvalidArgumentError(
        absl::StrCat("`", options.region, "` is no region's name (us-east-1 is one)"));
  }
  const std::string& prefix = options.prefix;
  if (prefix.size() > kPrefixBytesMax || absl::StartsWith(prefix, "/") ||
      absl::EndsWith(prefix, "/") || absl::StrContains(prefix, "//")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the prefix `", prefix, "` has empty parts or more than ", kPrefixBytesMax, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string S3Address::PathOf(std::string_view key) const {
  return absl::StrCat(base, "/", UriEncode(key, true));
}

absl::StatusOr<S3Address> AddressOf(const S3Options& options) {
  if (absl::Status status = Check(options); !status.ok()) return status;
  std::string endpoint = options.endpoint;
  if (endpoint.empty()) {
    endpoint = absl::StrCat("https://s3.", options.region, ".amazonaws.com",
                            absl::StartsWith(options.region, "cn-") ? ".cn" : "");
  }
  if (absl::EndsWith(endpoint, "/")) endpoint.pop_back();
  const bool is_https = absl::StartsWith(endpoint, "https://");
  if (!is_https && !absl::StartsWith(endpoint, "http://")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the endpoint `", endpoint, "` begins neither with https:// nor with http://"));
  }
  const std::string scheme = is_https ? "https://" : "http://";
  std::string host = absl::AsciiStrToLower(endpoint.substr(scheme.size()));
  if (host.empty() || !IsMadeOf(host, ".-_:[]")) {
    return absl::InvalidArgumentError(
        absl::StrCat("the endpoint `", endpoint, "` is not made of a host's name and a port"));
  }
  const absl::string_view usual_port = is_https ? ":443" : ":80";
  if (absl::EndsWith(host, usual_port)) host.erase(host.size() - usual_port.size());
  const bool path_style = options.path_style.value_or(!options.endpoint.empty() ||
                                                      absl::StrContains(options.bucket, '.'));
  if (!path_style) host = absl::StrCat(options.bucket, ".", host);
  return S3Address{.origin = scheme + host,
                   .host = host,
                   .base = path_style ? absl::StrCat("/", options.bucket) : ""};
}

}  // namespace turnout::state
