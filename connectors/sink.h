// Sink: where outputs go, a transaction at a time.
//
// One cycle is Begin, Produce any number of times, then Commit or Abort. With exactly-once delivery
// the outputs and the source offsets become visible together when Commit returns OK. With
// at-least-once delivery Begin and Abort only keep the books, and Commit returns OK when the
// brokers have acknowledged every record; the offsets are then committed by the Source.
//
// Where a sink says that transactions may overlap, the next one may begin while one ends:
//
//   Begin, Produce..., StartCommit, Begin, Produce..., Commit, StartCommit, Begin, ...
//
// Order is kept: Commit is of the one that was started; the next one's records go out when all of
// that one's are acknowledged, its offsets and its end after that one's end. An abort takes both.
//
// Implemented by KafkaSink (librdkafka) and by MemoryLog in the tests.
//
// Errors: four outcomes and no others.
//   Unavailable         retry: call the same method again with the same arguments; nothing is
//                       known to have failed. Each call gives up after the timeout it was made
//                       with.
//   Aborted             abort, rewind the source, redo. FailuresOfTransaction says whether a
//                       destination was the cause.
//   FailedPrecondition  fenced: another owner of our transactional id, or of our partitions, has
//                       taken over. Let go of all partitions, Open again, rejoin.
//   Internal            fatal for the producer: same steps as fenced, logged as an error.
// Threads: one thread calls everything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "connectors/record.h"

namespace turnout::connectors {

enum class Delivery { kExactlyOnce, kAtLeastOnce };

// A destination that made a transaction fail, and why. kRecordRefused: it is well, and takes
// others; this one has a time, or something else in it, that it takes from nobody.
struct DestinationFailure {
  enum class Kind { kMissing, kForbidden, kRecordTooLarge, kRecordRefused, kSlow, kOther };
  std::string topic;
  Kind kind = Kind::kOther;
  std::string reason;        // the broker's words
  int64_t record_bytes = 0;  // kRecordTooLarge: payload of the largest record refused
};

class Sink {
 public:
  virtual ~Sink() = default;

  // Makes a fresh producer and takes ownership of the transactional id: fences any other owner and
  // ends its open transaction. To be called before anything else, and again after
  // FailedPrecondition or Internal. May be called again while Unavailable.
  virtual absl::Status Open() = 0;

  virtual absl::Status Begin() = 0;

  // Adds a record to the transaction. The record's bytes are free again on return.
  virtual absl::Status Produce(const OutputRecord& record) = 0;

  // Ends the transaction with these source offsets in it. After Unavailable the outcome is not
  // known and only the same Commit again, or Open, may follow.
  virtual absl::Status Commit(absl::Span<const SourceOffset> offsets,
                              const GroupMetadata& group) = 0;

  // Whether a transaction may begin while the one before is ending.
  virtual bool may_overlap() const { return false; }

  // What Commit begins with, and no waiting. Commit with the same arguments follows; before it,
  // another transaction may begin. Only where they may overlap, and none is ending.
  virtual void StartCommit(absl::Span<const SourceOffset> /*offsets*/,
                           const GroupMetadata& /*group*/) {}

  // Nothing of what has not been committed will ever be seen by a read-committed consumer. OK when
  // there is none.
  virtual absl::Status Abort() = 0;

  // Destinations that made a transaction answer Aborted last; empty when it was something else.
  virtual std::vector<DestinationFailure> FailuresOfTransaction() = 0;

  // Ends the producer within `timeout`; an open transaction is aborted, by the broker if need be.
  virtual void Close(absl::Duration timeout) = 0;
};

}  // namespace turnout::connectors
