// An object into a local file, resumed where it broke off.
//
// What is asked for again is the rest, of the very object that was begun (its ETag): if it was
// replaced meanwhile, or the server knows no ranges, the file is begun anew. The caller gives up
// when there was no progress for the deadline of S3Options::retry. Errors: those of S3Connection,
// and ResourceExhausted for a full disk. The file is gone then.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "state/s3_connection.h"

namespace turnout::state {

absl::Status DownloadFile(S3Connection* s3, const std::string& key, const std::string& path);

}  // namespace turnout::state
