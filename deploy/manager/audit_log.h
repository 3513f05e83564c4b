// AuditLog: who did what, and who was refused, one JSON line each, in a file that only grows.
//
// A line is synced before Append returns; lines that come at the same time share a sync. A line
// that a crash cut off is left where it is, and passed over by whoever reads.
//
// Format: {"at","by","peer","action","service","item","items","outcome","status",
//   "change","proposal","detail"}; times
//   are UTC by RFC 3339 with milliseconds; what does not apply is left out.
// Errors: ResourceExhausted for a full disk, else Unavailable, naming the file.
// Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace turnout::manager {

// What a question looks through, from the newest line backwards.
inline constexpr size_t kAuditReadBytesMax = 64u << 20;
inline constexpr size_t kAuditLinesMax = 1'000;  // of an answer
inline constexpr size_t kAuditDetailBytesMax = 1'000;
inline constexpr size_t kAuditItemsMax = 1'000;  // of a line; the change has all of them

struct AuditEntry {
  std::string by;  // empty: nobody known
  std::string peer;
  std::string action;  // "put", "read_secret", ...
  std::string service;
  std::string item;                // that it is about
  std::vector<std::string> items;  // that it changed, with a change's number
  std::string outcome;             // "done", "refused", "proposed"
  int status = 0;                  // of the answer
  int64_t change = 0;
  int64_t proposal = 0;
  std::string detail;
};

// Empty: any.
struct AuditQuery {
  std::string by;
  std::string action;
  std::string service;
  std::string item;  // that it is about, or changed
  std::string outcome;
  absl::Time since = absl::InfinitePast();
  absl::Time until = absl::InfiniteFuture();
  size_t lines_max = 100;
};

class AuditLog {
 public:
  // Makes the file where there is none.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(const std::string& file);
  ~AuditLog();

  absl::Status Append(const AuditEntry& entry, absl::Time now);

  // Lines as they are written, the newest first.
  absl::StatusOr<std::vector<std::string>> Find(const AuditQuery& query) const;

 private:
  AuditLog(std::string file, int descriptor) : file_(std::move(file)), descriptor_(descriptor) {}

  const std::string file_;
  const int descriptor_;
  absl::Mutex mu_;
  uint64_t written_ ABSL_GUARDED_BY(mu_) = 0;  // lines
  uint64_t synced_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_syncing_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace turnout::manager
