#include "deploy/manager/jobs.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/exit_status.h"
#include "runtime/log.h"

namespace turnout::manager {
namespace {

constexpr std::string_view kPrefix = "job/";

// In the order of the numbers.
std::string KeyOf(int64_t number) { return absl::StrFormat("%s%019d", kPrefix, number); }

absl::Status NotSo(const Job& job, std::string_view cure) {
  return absl::AbortedError(
      absl::StrFormat("job %d is %s: %s", job.number, StateName(job.state), cure));
}

void End(Job* job, JobState state, absl::Time now) {
  job->state = state;
  job->ended_ms = absl::ToUnixMillis(now);
  job->per_second = 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Jobs>> Jobs::Open(const std::string& directory, absl::Time now,
                                                 absl::Duration retry_wait) {
  auto store = state::DocumentStore::Open(directory);
  if (!store.ok()) return store.status();
  std::unique_ptr<Jobs> jobs(new Jobs(*std::move(store), retry_wait));
  const absl::MutexLock lock(&jobs->mu_);
  absl::Status read;
  const absl::Status scanned = jobs->store_->View().Scan(
      {.prefix = std::string(kPrefix)}, [&](std::string_view key, std::string_view value) {
        absl::StatusOr<Job> job = ReadJob(value, absl::StrCat(directory, ": ", std::string(key)));
        read = job.status();
        if (read.ok()) jobs->all_[job->number] = *std::move(job);
        return read.ok();
      });
  if (!scanned.ok()) return scanned;
  if (!read.ok()) return read;
  if (!jobs->all_.empty()) jobs->newest_ = jobs->all_.rbegin()->first;
  // Its process has ended with the manager that had started it.
  for (auto& [number, job] : jobs->all_) {
    if (!job.is_active()) continue;
    job.state = JobState::kQueued;
    if (!job.cancelled_by.empty()) End(&job, JobState::kCancelled, now);
    if (absl::Status put = jobs->Put(Job(job)); !put.ok()) return put;
  }
  return jobs;
}

absl::Status Jobs::Put(const Job& job) {
  if (absl::Status written = store_->Write({{KeyOf(job.number), ToJson(job)}}); !written.ok()) {
    return written;
  }
  all_[job.number] = job;
  return absl::OkStatus();
}

void Jobs::ForgetOldest() {
  size_t over = 0;
  for (const auto& [number, job] : all_) over += job.is_over();
  for (auto one = all_.begin(); one != all_.end() && over > kJobsOverMax;) {
    // The newest gives the next its number.
    if (!one->second.is_over() || one->first == newest_) {
      ++one;
      continue;
    }
    // If that fails it is forgotten at another time.
    if (!store_->Write({{KeyOf(one->first), std::nullopt}}).ok()) return;
    not_before_.erase(one->first);
    one = all_.erase(one);
    --over;
  }
}

absl::StatusOr<Job> Jobs::Add(Job job, absl::Time now) {
  const absl::MutexLock lock(&mu_);
  size_t waiting = 0;
  for (const auto& [number, one] : all_) {
    waiting += one.is_waiting();
    if (!one.is_over() && one.service == job.service && one.wish == job.wish) {
      return absl::AbortedError(
          absl::StrFormat("job %d is the same, and %s: wait for its end, or cancel it", number,
                          StateName(one.state)));
    }
  }
  if (waiting >= kJobsWaitingMax) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("%d jobs wait, as many as can: let some end, or cancel some", waiting));
  }
  job.number = newest_ + 1;
  job.created_ms = absl::ToUnixMillis(now);
  // The time too: numbers begin anew where the manager's data is lost, and a name is for ever.
  job.name = absl::StrCat("manager-", job.created_ms, "-", job.number);
  if (absl::Status put = Put(job); !put.ok()) return put;
  newest_ = job.number;
  ForgetOldest();
  return job;
}

absl::StatusOr<Job> Jobs::Find(const std::string& service, int64_t number) const {
  const absl::MutexLock lock(&mu_);
  const auto found = all_.find(number);
  if (found != all_.end() && found->second.service == service) return found->second;
  return absl::NotFoundError(absl::StrFormat("%s has no job %d", service, number));
}

std::vector<Job> Jobs::List(const std::string& service, size_t limit) const {
  const absl::MutexLock lock(&mu_);
  std::vector<Job> found;
  for (auto one = all_.rbegin(); one != all_.rend() && found.size() < limit; ++one) {
    if (one->second.service == service) found.push_back(one->second);
  }
  return found;
}

absl::StatusOr<Job> Jobs::Change(const std::string& service, int64_t number,
                                 absl::FunctionRef<absl::Status(Job*)> change) {
  const absl::MutexLock lock(&mu_);
  const auto found = all_.find(number);
  if (found == all_.end() || found->second.service != service) {
    return absl::NotFoundError(absl::StrFormat("%s has no job %d", service, number));
  }
  Job job = found->second;
  absl::Status changed = change(&job);
  if (changed.ok()) changed = Put(job);
  if (!changed.ok()) return changed;
  return job;
}

absl::StatusOr<Job> Jobs::Approve(const std::string& service, int64_t number,
                                  const std::string& by) {
  return Change(service, number, [&](Job* job) {
    if (job->state != JobState::kProposed) return NotSo(*job, "it waits for nobody's approval");
    job->state = JobState::kQueued;
    job->approved_by = by;
    return absl::OkStatus();
  });
}

absl::StatusOr<Job> Jobs::Cancel(const std::string& service, int64_t number, const std::string& by,
                                 absl::Time now) {
  return Change(service, number, [&](Job* job) {
    if (job->is_over()) return NotSo(*job, "there is nothing to cancel");
    job->cancelled_by = by;
    if (job->is_waiting()) End(job, JobState::kCancelled, now);
    return absl::OkStatus();
  });
}

absl::StatusOr<Job> Jobs::Resume(const std::string& service, int64_t number) {
  return Change(service, number, [&](Job* job) {
    // One that nobody had approved has not begun.
    const bool has_begun = job->started_ms > 0;
    if (job->state == JobState::kDone || !job->is_over() || !has_begun) {
      return NotSo(*job, "only what has begun, and failed or was cancelled, goes on");
    }
    job->state = JobState::kQueued;
    job->ended_ms = job->tries = 0;
    job->cancelled_by.clear();
    job->error.clear();
    return absl::OkStatus();
  });
}

bool Jobs::MayStart(const Job& job, absl::Time now) const {
  if (job.state != JobState::kQueued) return false;
  const auto wait = not_before_.find(job.number);
  if (wait != not_before_.end() && now < wait->second) return false;
  if (job.wish.kind == JobKind::kReplay) return true;
  return std::none_of(all_.begin(), all_.end(), [&](const auto& other) {
    const Job& one = other.second;
    return one.is_active() && one.service == job.service && one.wish.kind == JobKind::kRedrive;
  });
}

std::optional<Job> Jobs::TakeNext(absl::Time now) {
  const absl::MutexLock lock(&mu_);
  if (runs_.size() >= kJobsRunningMax) return std::nullopt;
  for (const auto& [number, one] : all_) {
    if (!MayStart(one, now)) continue;
    Job job = one;
    job.state = job.range.empty() ? JobState::kCounting : JobState::kRunning;
    if (job.started_ms == 0) job.started_ms = absl::ToUnixMillis(now);
    if (const absl::Status put = Put(job); !put.ok()) {
      runtime::LogError("job_not_kept", std::string(put.message()), {{"job", number}});
      not_before_[number] = now + retry_wait_;
      return std::nullopt;
    }
    runs_[number] = {.since = now};
    return job;
  }
  return std::nullopt;
}

void Jobs::OnReport(int64_t number, const JobReport& report, absl::Time now) {
  const absl::MutexLock lock(&mu_);
  const auto found = all_.find(number);
  const auto running = runs_.find(number);
  if (found == all_.end() || running == runs_.end()) return;
  Job& job = found->second;
  Run& run = running->second;
  run.state = report.state;
  const int64_t left = std::max<int64_t>(report.total - report.done, 0);
  if (job.state == JobState::kCounting) {
    job.range = report.range;
    job.total = job.left = left;
    job.counts = report.counts;
    return;
  }
  // A replay says what its range is now that it has begun; a redrive what is left of it.
  if (job.wish.kind == JobKind::kReplay) job.total = report.total;
  job.total = std::max(job.total, left);
  job.left = left;
  if (!report.counts.empty()) job.counts = report.counts;
  if (run.left < 0) run.left = left;
  run.moved = run.moved || left < run.left;
  const double seconds = absl::ToDoubleSeconds(now - run.since);
  if (seconds > 0) job.per_second = static_cast<double>(run.left - left) / seconds;
}

bool Jobs::IsToEnd(int64_t number) const {
  const absl::MutexLock lock(&mu_);
  const auto found = all_.find(number);
  return found != all_.end() && found->second.is_active() && !found->second.cancelled_by.empty();
}

Job Jobs::OnExit(int64_t number, const JobExit& exit, absl::Time now) {
  const absl::MutexLock lock(&mu_);
  Job job = all_[number];
  const Run run = runs_[number];
  runs_.erase(number);
  const bool was_counting = job.state == JobState::kCounting;
  const bool has_counted = was_counting && run.state == "counted";
  const bool has_done = job.state == JobState::kRunning && run.state == "done";
  if (run.moved) job.tries = 0;
  job.per_second = 0;
  if (exit.status == 0 && has_done) {
    End(&job, JobState::kDone, now);
    job.error.clear();
    job.tries = 0;
    job.cancelled_by.clear();  // too late
  } else if (!job.cancelled_by.empty()) {
    End(&job, JobState::kCancelled, now);
  } else if (exit.status == 0 && has_counted && !job.range.empty()) {
    job.state = JobState::kQueued;
    job.tries = 0;
    job.error.clear();
  } else {
    job.error = exit.error.empty() ? absl::StrCat("it ended with status ", exit.status)
                                   : exit.error.substr(0, kJobErrorBytesMax);
    ++job.tries;
    if (exit.status == runtime::kExitRefused || job.tries >= kJobTriesMax) {
      End(&job, JobState::kFailed, now);
    } else {
      job.state = JobState::kQueued;
      not_before_[number] = now + retry_wait_ * (int64_t{1} << (job.tries - 1));
    }
    if (was_counting) job.range.clear();
  }
  // What Kafka has stands: where this is not kept, the job is started again, and finds it done.
  if (const absl::Status put = Put(job); !put.ok()) {
    runtime::LogError("job_not_kept", std::string(put.message()), {{"job", number}});
    all_[number] = job;
  }
  if (job.is_over()) ForgetOldest();
  return job;
}

}  // namespace turnout::manager
