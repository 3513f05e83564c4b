// What S3 and STS answer in XML, read strictly: what is not as it is published is refused.
//
// Of elements nobody asked for nothing is kept, entities other than XML's five are not expanded,
// and every number and key is checked, since an answer may come from anything that listens there.
// Errors: Unavailable, since what cut or garbled the answer may be gone when asked again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace turnout::state {

inline constexpr size_t kS3KeyBytesMax = 1024;
inline constexpr size_t kListPageKeysMax = 1000;

struct ListedKey {
  std::string key;
  uint64_t bytes = 0;
  int64_t modified_ms = 0;
};

struct ListPage {
  std::vector<ListedKey> keys;
  std::string next;  // the token of the page that follows; empty if this is the last
};

// A `<ListBucketResult>` of ListObjectsV2.
absl::StatusOr<ListPage> ParseListPage(std::string_view xml);

// The id in an `<InitiateMultipartUploadResult>`.
absl::StatusOr<std::string> ParseUploadId(std::string_view xml);

struct AwsError {
  std::string code;  // empty: it is none
  std::string message;
};

// An `<Error>` of S3, or the one in an `<ErrorResponse>` of STS, from whatever an answer holds.
// Fit to be shown: printable, and not longer than a few lines.
AwsError ParseAwsError(std::string_view text);

struct AssumedRole {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  absl::Time expires;
};

// An `<AssumeRoleWithWebIdentityResponse>`.
absl::StatusOr<AssumedRole> ParseAssumedRole(std::string_view xml);

}  // namespace turnout::state
