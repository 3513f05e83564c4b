// RangeSource: a Source that ends: ranges of a topic's partitions, all of them ours from the first
// Poll on, as fast as it may.
//
// How far it has come is in the committed offsets of a group that nobody joins: they begin where
// the group stands, and transactions carry them as those of any other. Whoever else reads the topic
// is not touched. `done` says that Poll had nothing more to return: whoever polls between two
// transactions, as a worker does, has committed all of it by then.
//
// Errors: as Source; InvalidArgument also where the log has lost what is to be read.
// FailedPrecondition never: nobody can be thrown out.
// Threads: one thread calls everything.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "connectors/group_offsets.h"
#include "connectors/rate_limit.h"
#include "connectors/source.h"
#include "connectors/topic_range_reader.h"

namespace turnout::connectors {

struct RangeSourceOptions {
  KafkaClientOptions client;
  std::string topic;
  std::string group;    // has an offset committed in every partition of `ranges`
  OffsetRanges ranges;  // of each partition; what is committed decides where it begins
  int64_t events_per_second_max = 0;  // 0: any
  int poll_events_max = 10'000;
  int64_t poll_bytes_max = 16 << 20;
};

class RangeSource : public Source {
 public:
  static absl::StatusOr<std::unique_ptr<RangeSource>> Make(const RangeSourceOptions& options);

  absl::StatusOr<absl::Span<const Event>> Poll(absl::Duration max_wait,
                                               AssignmentListener& listener) override;
  absl::StatusOr<absl::Span<const Event>> TakeMore() override;
  absl::Status Rewind(absl::Span<const SourceOffset> to) override;
  absl::Status Hold(absl::Span<const int32_t> partitions) override;
  absl::StatusOr<int64_t> BeginOffset(int32_t partition) override;
  absl::Status Commit(absl::Span<const SourceOffset> offsets) override;
  GroupMetadata group_metadata() const override;
  // The range's end; once all is returned, the offset after the partition's last event.
  int64_t EndOffset(int32_t partition) const override;
  std::string waits_for() const override;
  absl::Status Rejoin(AssignmentListener& listener) override;
  void Close(AssignmentListener& listener, absl::Duration timeout) override;

  bool done() const { return done_; }
  // Why it will never be; OK: it may.
  const absl::Status& refusal() const { return refusal_; }

 private:
  explicit RangeSource(const RangeSourceOptions& options);

  absl::Status Assign(AssignmentListener& listener);
  absl::Status StartReading();
  absl::StatusOr<absl::Span<const Event>> Take(absl::Duration max_wait);
  bool is_all_returned() const;

  const RangeSourceOptions options_;
  std::unique_ptr<GroupOffsets> offsets_;
  std::unique_ptr<TopicRangeReader> reader_;
  RateLimit rate_;
  std::map<int32_t, int64_t> next_;  // of each partition that is ours: the next offset to return
  std::set<int32_t> held_;
  bool is_reading_ = false;          // false: to be started from `next_`
  absl::Span<const Event> untaken_;  // of the reader's last answer
  bool done_ = false;
  absl::Status refusal_;
  OffsetRanges bounds_;  // of the log, when they were asked for last
  absl::Time last_event_ = absl::InfinitePast();
};

}  // namespace turnout::connectors
