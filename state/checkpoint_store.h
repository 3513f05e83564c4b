// CheckpointStore: where checkpoints are kept, as named objects: a directory, or a bucket of S3.
//
// An object is there in full or not at all, and never changes. Names are made of a-z, 0-9, `.`,
// `_`, `-` and, between the parts of a path, `/`.
// Errors: NotFound for an object that is not there, ResourceExhausted for a store or a local disk
// that is full, Unavailable for a store that does not answer (retry), InvalidArgument for a store
// that refuses (credentials, a bucket that is not there).
// Threads: any; calls block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/sha256.h"

namespace turnout::state {

struct StoredObject {
  std::string name;
  uint64_t bytes = 0;
  int64_t modified_ms = 0;  // Unix time, by the store's clock
};

class CheckpointStore {
 public:
  virtual ~CheckpointStore() = default;

  // Those whose names begin with `prefix`, in the order of their names.
  virtual absl::StatusOr<std::vector<StoredObject>> List(std::string_view prefix) = 0;

  // Stores a local file. Durable when it returns. An object of that name is replaced.
  virtual absl::Status Put(std::string_view name, const std::string& local_path) = 0;

  // Stores `bytes` unless there is an object of that name, and answers whether it did: of two
  // callers at the same time one is told true.
  virtual absl::StatusOr<bool> PutIfAbsent(std::string_view name, std::string_view bytes) = 0;

  // Writes the object to a local file and answers what it wrote. The file is not synced: what a
  // crash of the machine spoils of it can be had again.
  virtual absl::StatusOr<FileDigest> Get(std::string_view name, const std::string& local_path) = 0;

  // What the object holds, read from where it is kept.
  virtual absl::StatusOr<FileDigest> Digest(std::string_view name) = 0;

  // A small object. DataLoss if it is larger than `bytes_max`.
  virtual absl::StatusOr<std::string> Read(std::string_view name, size_t bytes_max) = 0;

  // OK if there is none.
  virtual absl::Status Remove(std::string_view name) = 0;
};

}  // namespace turnout::state
