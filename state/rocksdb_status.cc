#include "state/rocksdb_status.h"

#include <rocksdb/status.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace turnout::state {
namespace {

bool IsFullDisk(const rocksdb::Status& status) {
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::SubCode::kSpaceLimit) return true;
  // A write that waits for a flush which then fails is told of it by its text alone.
  return status.IsIncomplete() && status.ToString().find("No space left") != std::string::npos;
}

// A directory is open in one process at a time.
bool IsOpenElsewhere(const rocksdb::Status& status) {
  return status.IsIOError() && status.ToString().find("/LOCK") != std::string::npos;
}

}  // namespace

absl::Status FromRocksDb(const rocksdb::Status& status, std::string_view doing,
                         std::string_view path) {
  if (status.ok()) return absl::OkStatus();
  const std::string message =
      absl::StrCat(absl::string_view(doing.data(), doing.size()), " ",
                   absl::string_view(path.data(), path.size()), ": ", status.ToString());
  if (IsFullDisk(status)) {
    return absl::ResourceExhaustedError(absl::StrCat(message, " (free some of the disk)"));
  }
  if (IsOpenElsewhere(status)) {
    return absl::UnavailableError(absl::StrCat(
        message, " (it is open in another process; end that one, or use another directory)"));
  }
  if (status.IsCorruption() || status.IsPathNotFound() || status.IsNotFound()) {
    return absl::DataLossError(message);
  }
  if (status.IsIOError() || status.IsBusy() || status.IsTimedOut() || status.IsAborted() ||
      status.IsIncomplete() || status.IsTryAgain() || status.IsShutdownInProgress()) {
    return absl::UnavailableError(message);
  }
  return absl::InternalError(message);
}

}  // namespace turnout::state
