// SchemaWaits: partitions that wait for a schema that one of their events was written by, while all
// others go on.
//
//   met --> passed over --(nothing is open)--> held --> schema at hand, refused or waited enough
//                                                         \--> read again from that event on
//
// An event waits for SchemaRegistry::wait_max at most, then it is one that can't be read. So that a
// producer who makes ids up can't hold a partition for longer than that, what a partition has
// waited for schemas that did not come counts: it is forgotten at a tenth of the time that passes,
// and while it is about wait_max the partition waits for none. A replay that has to come to what
// was decided live waits for as long as it takes, unless it may go on without.
//
// Threads: the worker's. Lifetime: what is borrowed outlives it.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "connectors/record.h"
#include "connectors/source.h"
#include "runtime/clock.h"
#include "runtime/event_routing.h"
#include "runtime/schema_registry.h"
#include "runtime/task_set.h"
#include "runtime/worker_observer.h"

namespace turnout::runtime {

struct SchemaWaitOptions {
  int worker = 0;
  std::string source_topic;
  bool replays_wait = true;  // a replay's event, for as long as it takes
};

class SchemaWaits {
 public:
  // Of the time that passes, what a partition's waiting in vain is forgotten at.
  static constexpr double kForgotten = 0.1;
  // For less than this part of wait_max it is not worth to stop.
  static constexpr double kWorthIt = 0.1;
  // A wait that lasted for so long is told.
  static constexpr absl::Duration kToldAfter = absl::Seconds(1);

  // `schemas` may be null: nothing ever waits.
  SchemaWaits(SchemaWaitOptions options, SchemaRegistry* schemas, TaskSet* tasks,
              connectors::Source* source, WorkerObserver* observer, Clock* clock);

  bool any() const { return any_; }

  // Whether the event waits, with its partition, for what `reading` lacks of its schema. If it does
  // not it is to be routed as one that can't be read.
  bool Begin(Task* task, const connectors::Event& event, bool is_replay,
             const PayloadReading& reading);
  // The partition is read again from an earlier offset: all of it is met anew.
  void Forget(Task* task);

  // When nothing is open: holds what waits, and lets go on what has waited enough. Whether anything
  // has changed.
  bool Advance();

 private:
  absl::Duration InVain(const Task& task) const;
  bool IsOver(const SchemaWait& wait, bool is_replay, std::string* why, bool* came) const;
  void End(Task* task, bool came);
  void Tell(const Task& task, const std::string& text) const;

  const SchemaWaitOptions options_;
  SchemaRegistry* const schemas_;
  TaskSet* const tasks_;
  connectors::Source* const source_;
  WorkerObserver* const observer_;
  Clock* const clock_;
  bool any_ = false;
};

}  // namespace turnout::runtime
