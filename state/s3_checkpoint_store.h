// S3CheckpointStore: objects in a bucket of S3, or of any server that speaks its protocol.
//
// A name is a key below the prefix. PutIfAbsent is a conditional write (`If-None-Match: *`) that
// carries a mark of its own: when an answer got lost and the second attempt finds an object, the
// mark says whose it is. So the server has to know conditional writes, and strongly consistent
// reads. Errors: beside those of CheckpointStore, what S3Connection says; Unavailable only after
// the deadline of S3Options::retry.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/checkpoint_store.h"
#include "state/s3_connection.h"
#include "state/s3_options.h"
#include "state/time_and_chance.h"

namespace turnout::state {

class S3CheckpointStore : public CheckpointStore {
 public:
  // InvalidArgument for options that name no bucket. Asks the server nothing.
  static absl::StatusOr<std::unique_ptr<S3CheckpointStore>> Create(S3Options options,
                                                                   TimeAndChance time);

  absl::StatusOr<std::vector<StoredObject>> List(std::string_view prefix) override;
  absl::Status Put(std::string_view name, const std::string& local_path) override;
  absl::StatusOr<bool> PutIfAbsent(std::string_view name, std::string_view bytes) override;
  absl::StatusOr<FileDigest> Get(std::string_view name, const std::string& local_path) override;
  absl::StatusOr<FileDigest> Digest(std::string_view name) override;
  absl::StatusOr<std::string> Read(std::string_view name, size_t bytes_max) override;
  absl::Status Remove(std::string_view name) override;

 private:
  S3CheckpointStore(S3Options options, S3Address address, TimeAndChance time);

  std::string KeyOf(std::string_view name) const;
  absl::StatusOr<bool> IsMine(const std::string& key, const std::string& mark);

  S3Connection s3_;
};

}  // namespace turnout::state
