// RocksDB's statuses in the words of the house: one code, one recovery.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace rocksdb {
class Status;
}

namespace turnout::state {

// Corruption and lost files are DataLoss, a full disk ResourceExhausted, a store that another
// process holds and a disk that does not answer Unavailable; what is left is Internal. `doing` and
// `path` begin the message: "opening STORE: ...".
absl::Status FromRocksDb(const rocksdb::Status& status, std::string_view doing,
                         std::string_view path);

}  // namespace turnout::state
