// The files of a RocksDB's snapshot on their way into a CheckpointStore, and as lines of what names
// them there.
//
// Errors: those of CheckpointStore and files.h.
// Threads: pure functions, but for what they write.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "state/checkpoint_store.h"
#include "state/sha256.h"

namespace turnout::state {

struct CheckpointFile {
  std::string name;
  uint64_t bytes = 0;
  std::string sha256;

  bool operator==(const CheckpointFile&) const = default;
};

// The snapshot's files, sorted: all but what RocksDB makes anew.
absl::StatusOr<std::vector<std::string>> ListSnapshot(const std::string& directory);

// Of the files of a RocksDB: those that hold its entries, and never change.
bool IsTable(std::string_view name);

// Its size and digest. DataLoss for a table that is damaged: a digest would make the damage part of
// the checkpoint.
absl::StatusOr<CheckpointFile> DescribeFile(const std::string& directory, const std::string& name);

// Stores it under `object`, reads it back and compares. Unavailable, and nothing is left under that
// name, if the store gives back other bytes.
absl::Status SendFile(CheckpointStore* store, const std::string& object, const std::string& path,
                      const FileDigest& digest);

// "NAME BYTES SHA-256".
std::string FileLine(const CheckpointFile& file);
// False: it is none, or its name is none of a file in a directory.
bool ReadFileLine(absl::string_view line, CheckpointFile* file);

}  // namespace turnout::state
