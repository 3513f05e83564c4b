// An object from a local file: one request for a small one, else parts that become one object.
//
// S3 shows nothing under the key until the last request is through, so an upload that ends half way
// shows nothing at all. Its parts are removed if it fails; those of a process that was killed are
// for the bucket's own rule (AbortIncompleteMultipartUpload).
// Errors: those of S3Connection and of files.h.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "state/s3_connection.h"

namespace turnout::state {

inline constexpr uint64_t kUploadPartsMax = 10'000;  // S3's

absl::Status UploadFile(S3Connection* s3, const std::string& key, const std::string& path);

}  // namespace turnout::state
