#include "deploy/manager/job_runner.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/time/clock.h"
#include "runtime/log.h"

namespace turnout::manager {
namespace {

constexpr int kLookEveryMs = 200;  // at those that wait to be tried again, or are to end
constexpr absl::Duration kEndWithin = absl::Seconds(2);
// What a command may take to end in good order, as it does itself at a signal.
constexpr absl::Duration kCancelWithin = absl::Seconds(30);
constexpr int kExitNotStarted = 1;

}  // namespace

JobRunner::JobRunner(Jobs* jobs, WordsOf words_of, OnChange on_change)
    : jobs_(jobs),
      words_of_(std::move(words_of)),
      on_change_(std::move(on_change)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  thread_ = std::thread([this] { Run(); });
}

JobRunner::~JobRunner() {
  End();
  ::close(wake_);
}

void JobRunner::End() {
  {
    const absl::MutexLock lock(&mu_);
    is_ending_ = true;
  }
  Wake();
  if (thread_.joinable()) thread_.join();
}

void JobRunner::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof(one));
}

bool JobRunner::Ask(std::vector<std::string> words, OnAnswer on_answer) {
  {
    const absl::MutexLock lock(&mu_);
    if (is_ending_ || asked_ >= kQuestionsMax) return false;
    ++asked_;
    questions_.push_back({std::move(words), std::move(on_answer)});
  }
  Wake();
  return true;
}

bool JobRunner::IsEnding() {
  const absl::MutexLock lock(&mu_);
  return is_ending_;
}

void JobRunner::Run() {
  while (!IsEnding()) {
    StartJobs();
    StartQuestions();
    Poll();
    const absl::Time now = absl::Now();
    std::erase_if(running_, [&](Running& one) { return Serve(&one, now); });
  }
  EndAll();
}

void JobRunner::StartJobs() {
  while (const std::optional<Job> job = jobs_->TakeNext(absl::Now())) {
    if (job->state == JobState::kRunning) on_change_(*job, /*begins=*/true);
    auto child = ChildProgram::Start(words_of_(*job));
    if (child.ok()) {
      running_.push_back({.child = *std::move(child), .job = job->number});
      continue;
    }
    const Job ended = jobs_->OnExit(
        job->number, {kExitNotStarted, std::string(child.status().message())}, absl::Now());
    if (ended.is_over()) on_change_(ended, /*begins=*/false);
  }
}

void JobRunner::StartQuestions() {
  std::deque<Question> questions;
  {
    const absl::MutexLock lock(&mu_);
    questions.swap(questions_);
  }
  for (Question& question : questions) {
    auto child = ChildProgram::Start(question.words);
    if (child.ok()) {
      running_.push_back({.child = *std::move(child),
                          .on_answer = std::move(question.on_answer),
                          .until = absl::Now() + kQuestionTimeout});
      continue;
    }
    {
      const absl::MutexLock lock(&mu_);
      --asked_;
    }
    question.on_answer({.exit = {kExitNotStarted, std::string(child.status().message())}});
  }
}

void JobRunner::Poll() {
  std::vector<pollfd> ends = {{.fd = wake_, .events = POLLIN}};
  for (const Running& one : running_) {
    for (const int end : {one.child->out(), one.child->err()}) {
      if (end >= 0) ends.push_back({.fd = end, .events = POLLIN});
    }
  }
  ::poll(ends.data(), ends.size(), kLookEveryMs);
  uint64_t ignored = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_, &ignored, sizeof(ignored));
}

bool JobRunner::Serve(Running* running, absl::Time now) {
  ChildProgram& child = *running->child;
  child.Read();
  std::optional<int> status = child.Ended();
  if (running->job == 0) {
    if (!status && (now > running->until || child.out_bytes() > kQuestionBytesMax)) {
      child.Signal(SIGKILL);
    }
    if (!status) return false;
    {
      const absl::MutexLock lock(&mu_);
      --asked_;
    }
    running->on_answer({.exit = {*status, child.WhyEnded()}, .out = child.TakeOut()});
    return true;
  }
  for (const std::string& line : child.TakeLines()) {
    if (const std::optional<JobReport> report = ReadJobReport(line)) {
      jobs_->OnReport(running->job, *report, now);
    }
  }
  if (status) {
    const Job job = jobs_->OnExit(running->job, {*status, child.WhyEnded()}, now);
    if (job.is_over()) on_change_(job, /*begins=*/false);
    return true;
  }
  if (now > running->until) child.Signal(SIGKILL);
  if (!running->is_asked_to_end && jobs_->IsToEnd(running->job)) {
    running->is_asked_to_end = true;
    running->until = now + kCancelWithin;
    child.Signal(SIGTERM);
  }
  return false;
}

// Their jobs stay as they are, and go on with the next manager.
void JobRunner::EndAll() {
  for (Running& one : running_) one.child->Signal(SIGTERM);
  const absl::Time until = absl::Now() + kEndWithin;
  while (!running_.empty() && absl::Now() < until) {
    Poll();
    std::erase_if(running_, [](Running& one) {
      one.child->Read();
      const bool is_over = one.child->Ended().has_value();
      if (is_over && one.job == 0) one.on_answer({.exit = {kExitNotStarted, "the manager ends"}});
      return is_over;
    });
  }
  for (Running& one : running_) {
    if (one.job == 0) one.on_answer({.exit = {kExitNotStarted, "the manager ends"}});
  }
  running_.clear();
  std::deque<Question> unasked;
  {
    const absl::MutexLock lock(&mu_);
    unasked.swap(questions_);
  }
  for (Question& one : unasked) {
    one.on_answer({.exit = {kExitNotStarted, "the manager ends"}});
  }
}

}  // namespace turnout::manager
