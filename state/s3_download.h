// An object into a local file, or read for its digest alone; resumed where it broke off.
//
// The digest is made of the bytes as they come.
// What is asked for again is the rest, of the very object that was begun (its ETag): if it was
// replaced meanwhile, or the server knows no ranges, the file is begun anew. The caller gives up
// when there was no progress for the deadline of S3Options::retry. Errors: those of S3Connection,
// and ResourceExhausted for a full disk. The file is gone then.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "state/s3_connection.h"
#include "state/sha256.h"

namespace turnout::state {

// Not synced.
absl::StatusOr<FileDigest> DownloadFile(S3Connection* s3, const std::string& key,
                                        const std::string& path);

absl::StatusOr<FileDigest> DigestObject(S3Connection* s3, const std::string& key);

}  // namespace turnout::state
