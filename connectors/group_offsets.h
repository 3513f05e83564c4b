// GroupOffsets: the committed offsets of a consumer group, with their notes, as somebody sees and
// sets them who is no member of it.
//
// Setting is for groups that have no members: brokers refuse it where somebody has joined.
//
// Errors: Unavailable - no broker answered in time, or a transaction that has newer offsets is open
//   (where that is waited for): call again. InvalidArgument - the group or the topic may not be
//   used. FailedPrecondition - the group has members.
// Threads: one thread calls everything.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/kafka_client.h"
#include "connectors/kafka_handle.h"
#include "connectors/record.h"

namespace turnout::connectors {

struct GroupOffsetsOptions {
  KafkaClientOptions client;
  std::string group;
  std::string topic;
  // Of a group whose transactions follow each other, there is always one that is open: who only
  // looks at it takes what is committed by now.
  bool waits_for_open_transactions = true;
};

class GroupOffsets {
 public:
  // Talks to nobody yet.
  static absl::StatusOr<std::unique_ptr<GroupOffsets>> Make(const GroupOffsetsOptions& options);

  // One for each partition asked for, in that order; -1 where nothing is committed.
  absl::StatusOr<std::vector<SourceOffset>> Read(absl::Span<const int32_t> partitions,
                                                 absl::Duration within);

  // All of them or none; two seconds at most.
  absl::Status Set(absl::Span<const SourceOffset> offsets);

 private:
  explicit GroupOffsets(const GroupOffsetsOptions& options)
      : options_(options), doing_("group " + options.group) {}

  const GroupOffsetsOptions options_;
  const std::string doing_;
  std::unique_ptr<KafkaHandle> client_;
};

}  // namespace turnout::connectors
