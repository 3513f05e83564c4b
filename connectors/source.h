// Source: the ingestion topic as one member of a consumer group sees it.
//
// Poll is the only call that waits for events and the only one in which the assignment changes; the
// listener is told in it. Between two Polls the assignment stands still, so a transaction that
// begins and ends there never loses a partition halfway without the broker refusing its offsets.
//
// Implemented by KafkaSource (librdkafka) and by MemoryLog in the tests.
//
// Errors: Unavailable - the brokers can't be reached or the group is rebalancing: call again.
//   FailedPrecondition - the member was thrown out of the group: Rejoin. InvalidArgument - the
//   topic doesn't exist or may not be read: a person must act; the message says what to do. Calling
//   again is right once they have. Internal - the client is unusable.
// Threads: one thread calls everything, except where said.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/record.h"

namespace turnout::connectors {

// Told of changes of the assignment, inside Source::Poll, Rejoin and Close.
class AssignmentListener {
 public:
  virtual ~AssignmentListener() = default;
  // These partitions are ours from now on, read from the committed offset (from the configured
  // start where it is -1).
  virtual void OnAssigned(absl::Span<const SourceOffset> committed) = 0;
  // These are being given up; until this returns they are still ours and may be committed.
  virtual void OnRevoked(absl::Span<const int32_t> partitions) = 0;
  // These already belong to somebody else: roll back whatever was begun.
  virtual void OnLost(absl::Span<const int32_t> partitions) = 0;
};

class Source {
 public:
  virtual ~Source() = default;

  // Waits up to `max_wait` for a first event, then takes what is there already, up to the limits it
  // was made with. Events of one partition are in order and without gaps but those of the log
  // itself. Empty when nothing came. Never returns events of partitions that are not ours.
  // Lifetime: events are valid until the next Poll, Rewind, Hold, Rejoin or Close.
  virtual absl::StatusOr<absl::Span<const Event>> Poll(absl::Duration max_wait,
                                                       AssignmentListener& listener) = 0;

  // More of what Poll returns: what is there already, while the assignment stands still. Empty also
  // where a change of it is due, which is for Poll.
  // Lifetime: as those of Poll, which they follow.
  virtual absl::StatusOr<absl::Span<const Event>> TakeMore() = 0;

  // Reads these partitions again from these offsets, held ones included; of others nothing changes.
  // An offset of -1 stands for where reading began, or would have begun as of now. Partitions that
  // are no longer ours are passed over.
  virtual absl::Status Rewind(absl::Span<const SourceOffset> to) = 0;

  // Delivers no events of these partitions until Rewind says from where to go on: for a task whose
  // state is not there yet. They stay ours, are revoked or lost as any, and the member goes on
  // living. What was taken of them but not yet returned is dropped. May be called inside OnAssigned
  // as well as between Polls. Holding what is held changes nothing; partitions that are not ours
  // are passed over. Never Unavailable.
  virtual absl::Status Hold(absl::Span<const int32_t> partitions) = 0;

  // The first offset that the log still has, asked of the broker: at most a second, then
  // Unavailable. The partition need not be ours.
  virtual absl::StatusOr<int64_t> BeginOffset(int32_t partition) = 0;

  // Commits offsets outside of any transaction (at-least-once delivery). Returns when the broker
  // has answered. FailedPrecondition: the partitions are somebody else's now.
  virtual absl::Status Commit(absl::Span<const SourceOffset> offsets) = 0;

  virtual GroupMetadata group_metadata() const = 0;

  // Offset after the last event of the log, as of the last fetch; -1 when not known. Where reading
  // has come to the end, what the log holds beyond its events (markers of transactions, aborted
  // records) doesn't count; before that it does, and records of an open transaction always do.
  // Never asks the broker.
  virtual int64_t EndOffset(int32_t partition) const = 0;

  // Why partitions that the group has assigned are not read yet, once that has lasted for seconds;
  // empty where there is nothing to say.
  virtual std::string waits_for() const { return {}; }

  // Gives up all partitions as lost and joins the group afresh. Used after fencing.
  virtual absl::Status Rejoin(AssignmentListener& listener) = 0;

  // Leaves the group, so that others take over at once. Bounded by `timeout`.
  virtual void Close(AssignmentListener& listener, absl::Duration timeout) = 0;
};

}  // namespace turnout::connectors
