// What is asked of a file of RocksDB's tables (*.sst) by itself, without a store around it.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace turnout::state {

// Reads all of it and compares each block with its checksum. DataLoss for damage, Unavailable for a
// disk that does not answer.
absl::Status VerifyTableFile(const std::string& path);

}  // namespace turnout::state
