// Jobs: the jobs that there are, which of them runs next, and what becomes of them.
//
// Decisions over records that are kept durably, with I/O at the edge: JobRunner starts processes
// and tells what they say. A job that was running when the manager ended is queued again when it
// is opened. Figures of progress are kept with the next change of state; after a crash they come
// anew from the job itself.
//
// Errors: NotFound for a number that there is none of; Aborted for what its state doesn't allow;
//   ResourceExhausted where too many wait; those of DocumentStore.
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/manager/job.h"
#include "state/document_store.h"

namespace turnout::manager {

inline constexpr size_t kJobsRunningMax = 2;  // each has the memory and the CPU of a router
inline constexpr size_t kJobsWaitingMax = 50;
inline constexpr size_t kJobsOverMax = 500;  // of those that are over the oldest go
inline constexpr int64_t kJobTriesMax = 5;   // without any progress, before it has failed

// What a process ended with.
struct JobExit {
  int status = 0;  // 128 and more: by a signal
  std::string error;
};

class Jobs {
 public:
  // The wait before the first of further tries, doubled with each.
  static absl::StatusOr<std::unique_ptr<Jobs>> Open(const std::string& directory, absl::Time now,
                                                    absl::Duration retry_wait = absl::Seconds(2));

  // Gives it its number and its name. Aborted: the same is waiting or running.
  absl::StatusOr<Job> Add(Job job, absl::Time now);
  absl::StatusOr<Job> Find(const std::string& service, int64_t number) const;
  // The newest first.
  std::vector<Job> List(const std::string& service, size_t limit) const;

  absl::StatusOr<Job> Approve(const std::string& service, int64_t number, const std::string& by);
  // One that runs is over once its process is.
  absl::StatusOr<Job> Cancel(const std::string& service, int64_t number, const std::string& by,
                             absl::Time now);
  // One that has failed or was cancelled goes on from where it was.
  absl::StatusOr<Job> Resume(const std::string& service, int64_t number);

  // --- of the runner ---
  // The next one to start, as counting or running from now on. Of a service there is one redrive at
  // a time, since they share a transactional id.
  std::optional<Job> TakeNext(absl::Time now);
  void OnReport(int64_t number, const JobReport& report, absl::Time now);
  // The job as it is then.
  Job OnExit(int64_t number, const JobExit& exit, absl::Time now);
  // Whether it is active and was cancelled.
  bool IsToEnd(int64_t number) const;

 private:
  // What is known of an active one's run.
  struct Run {
    absl::Time since;
    int64_t left = -1;  // in its first report; -1: there was none
    std::string state;  // of its last
    bool moved = false;
  };

  Jobs(std::unique_ptr<state::DocumentStore> store, absl::Duration retry_wait)
      : store_(std::move(store)), retry_wait_(retry_wait) {}
  absl::Status Put(const Job& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Job> Change(const std::string& service, int64_t number,
                             absl::FunctionRef<absl::Status(Job*)> change);
  bool MayStart(const Job& job, absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::unique_ptr<state::DocumentStore> store_;
  const absl::Duration retry_wait_;
  mutable absl::Mutex mu_;
  std::map<int64_t, Job> all_ ABSL_GUARDED_BY(mu_);
  std::map<int64_t, Run> runs_ ABSL_GUARDED_BY(mu_);
  std::map<int64_t, absl::Time> not_before_ ABSL_GUARDED_BY(mu_);
  int64_t newest_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace turnout::manager
