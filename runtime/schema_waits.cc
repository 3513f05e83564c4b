#include "runtime/schema_waits.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace turnout::runtime {
namespace {

using Kind = SchemaAnswer::Kind;

}  // namespace

SchemaWaits::SchemaWaits(SchemaWaitOptions options, SchemaRegistry* schemas, TaskSet* tasks,
                         connectors::Source* source, WorkerObserver* observer, Clock* clock)
    : options_(std::move(options)),
      schemas_(schemas),
      tasks_(tasks),
      source_(source),
      observer_(observer),
      clock_(clock) {}

absl::Duration SchemaWaits::InVain(const Task& task) const {
  if (task.waited_in_vain == absl::ZeroDuration()) return absl::ZeroDuration();
  return std::max(absl::ZeroDuration(),
                  task.waited_in_vain - kForgotten * (clock_->Now() - task.waited_at));
}

bool SchemaWaits::Begin(Task* task, const connectors::Event& event, bool is_replay,
                        const PayloadReading& reading) {
  const Kind kind = reading.lacks->kind;
  const bool is_patient = is_replay && options_.replays_wait;
  if (kind == Kind::kRefused || (kind == Kind::kUnanswered && !is_patient)) return false;
  const absl::Duration wait_max = schemas_->wait_max();
  const absl::Duration at_most = is_patient ? absl::InfiniteDuration() : wait_max - InVain(*task);
  if (at_most < kWorthIt * wait_max) return false;
  task->schema_wait = SchemaWait{.schema_id = reading.schema_id,
                                 .offset = event.offset,
                                 .since = clock_->Now(),
                                 .at_most = at_most,
                                 .why = reading.lacks->why};
  return any_ = true;
}

void SchemaWaits::Forget(Task* task) {
  if (task->schema_wait && task->schema_wait->is_told) Tell(*task, "");
  task->schema_wait.reset();
}

bool SchemaWaits::IsOver(const SchemaWait& wait, bool is_replay, std::string* why,
                         bool* came) const {
  const SchemaAnswer answer = schemas_->Find(wait.schema_id);
  *why = answer.why;
  *came = answer.kind == Kind::kKnown;
  if (answer.kind == Kind::kKnown || answer.kind == Kind::kRefused) return true;
  if (answer.kind == Kind::kUnanswered && !(is_replay && options_.replays_wait)) return true;
  return clock_->Now() - wait.since >= wait.at_most;
}

bool SchemaWaits::Advance() {
  if (!any_) return false;
  any_ = false;
  bool has_changed = false;
  for (const auto& [partition, task] : tasks_->all()) {
    if (!task->schema_wait) continue;
    SchemaWait& wait = *task->schema_wait;
    bool came = false;
    if (IsOver(wait, task->phase == TaskPhase::kReplaying, &wait.why, &came)) {
      const connectors::SourceOffset to = {.partition = partition, .offset = wait.offset};
      if (source_->Rewind({&to, 1}).ok()) {  // else the next turn tries again
        End(task.get(), came);
        has_changed = true;
        continue;
      }
    } else if (!wait.is_held) {
      wait.is_held = source_->Hold({&partition, 1}).ok();
      has_changed = true;
    } else if (!wait.is_told && clock_->Now() - wait.since >= kToldAfter) {
      wait.is_told = true;
      Tell(*task, wait.why);
    }
    any_ = true;
  }
  return has_changed;
}

void SchemaWaits::End(Task* task, bool came) {
  const absl::Time now = clock_->Now();
  if (!came) {
    const absl::Duration before = InVain(*task);
    task->waited_in_vain = before + (now - task->schema_wait->since);
    task->waited_at = now;
  }
  Forget(task);
}

void SchemaWaits::Tell(const Task& task, const std::string& text) const {
  observer_->OnTask(options_.worker, options_.source_topic, task.partition,
                    text.empty() ? task.phase : TaskPhase::kWaiting, text);
}

}  // namespace turnout::runtime
