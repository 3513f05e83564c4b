// ReplayJob: one rule over a range of the source, as a pipeline of its own that ends.
//
// It is a Worker as live traffic has it, so exactly once, redone and recovered in the same way; its
// source is a RangeSource. It shares nothing with live traffic but the topics: a group of its own
// that nobody joins, transactional ids, a directory for what steps remember. All that is known of
// how far it has come is in that group's committed offsets, so whoever starts it again, anywhere,
// goes on.
//
//   group              <source.group>.replay.<job>
//   transactional ids  <source.group>-replay:<job>, and .2 to .6
//   state              <state_dir>/replay/<job>, removed once the job is done
//
// Errors: InvalidArgument - a person must act: what is asked for can't be had. Others - it could
//   not go on; the same job again goes on from where it was.
// Threads: Run on one; RequestStop on any.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "connectors/topic_range_reader.h"
#include "runtime/config.h"
#include "runtime/replay_observer.h"

namespace turnout::runtime {

struct ReplayOptions {
  std::string rule;  // "team/name"
  std::string from;  // as in topic_range.h
  std::string to;
  std::string to_topic;               // empty: where the rule sends
  std::string job;                    // empty: the rule's, with a dot for the slash
  int64_t events_per_second_max = 0;  // read of the source; 0: any
  bool dry_run = false;               // finds the range, and begins nothing
  OnReplayProgress on_progress;       // empty: nobody asks
};

struct ReplaySummary {
  std::string job;
  connectors::OffsetRanges ranges;
  bool is_done = false;  // false: a stop was asked for
  bool was_done_before = false;
  bool was_empty = false;  // there is nothing in the range, so the job has not begun
  ReplayCounts counts;     // of this run
  absl::Duration took;
};

class ReplayJob {
 public:
  // `config` is borrowed.
  ReplayJob(const Config& config, ReplayOptions options);
  ~ReplayJob();

  absl::StatusOr<ReplaySummary> Run();

  void RequestStop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::runtime
