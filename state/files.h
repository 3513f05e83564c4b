// Files of the state directory: what the standard library leaves out (syncing) and Status for the
// rest.
//
// A name that ends in kUnfinishedSuffix is one that was not finished: whoever finds it may remove
// it. Errors: NotFound for what is not there, ResourceExhausted for a full disk, else Unavailable;
// the message names the path.
#pragma once

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace turnout::state {

inline constexpr std::string_view kUnfinishedSuffix = ".unfinished";

// In the words of the house for an errno.
absl::Status ErrnoStatus(int error, std::string_view doing, std::string_view path);

bool Exists(const std::string& path);

// Makes it and what it lies in.
absl::Status MakeDirectory(const std::string& path);

// The same, and they are there after a power loss, too.
absl::Status MakeDirectoryDurably(const std::string& path);

// The directory and all in it, or the file; OK if there is none.
absl::Status RemoveAll(const std::string& path);

// Durable: the directory that holds `to` is synced. What was at `to` is replaced, unless it is a
// directory that is not empty.
absl::Status Rename(const std::string& from, const std::string& to);

absl::Status SyncFile(const std::string& path);
absl::Status SyncDirectory(const std::string& path);

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max);

// Writes and syncs it.
absl::Status WriteFile(const std::string& path, std::string_view bytes);

// Copies it and shows each piece on its way. Not synced.
absl::Status CopyFile(const std::string& from, const std::string& to,
                      absl::FunctionRef<void(std::string_view piece)> see);

// Copies and syncs it.
absl::Status CopyFile(const std::string& from, const std::string& to);

// The same file under a second name, which there must be none of. False if the two can't be one:
// file systems of their own, or one that has no links.
bool LinkFile(const std::string& from, const std::string& to);

}  // namespace turnout::state
