// What becomes of jobs: whichever way their processes end, and whatever the manager does meanwhile.
#include "deploy/manager/jobs.h"

#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "deploy/manager/job_runner.h"
#include "deploy/manager/job_words.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/files.h"
#include "tests/support/child_process.h"

namespace turnout::manager {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

class JobsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    support::KeepInMemory();
    directory_ = absl::StrCat(::testing::TempDir(), "/jobs-",
                              ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_TRUE(state::RemoveAll(directory_).ok());
    ASSERT_TRUE(state::MakeDirectory(directory_).ok());
    Open();
  }
  void TearDown() override {
    jobs_.reset();
    ASSERT_TRUE(state::RemoveAll(directory_).ok());
  }
  void Open() {
    jobs_.reset();
    auto jobs = Jobs::Open(directory_ + "/jobs", kNow, absl::ZeroDuration());
    ASSERT_TRUE(jobs.ok()) << jobs.status();
    jobs_ = *std::move(jobs);
  }
  static Job Wished(JobKind kind, const std::string& rule) {
    return {.service = "orders", .wish = {.kind = kind, .rule = rule}, .by = "ann"};
  }
  int64_t Add(JobKind kind, const std::string& rule) {
    const absl::StatusOr<Job> added = jobs_->Add(Wished(kind, rule), kNow);
    EXPECT_TRUE(added.ok()) << added.status();
    return added.ok() ? added->number : 0;
  }
  Job Now(int64_t number) { return *jobs_->Find("orders", number); }
  // Counted, and running.
  void Begin(int64_t number, int64_t total = 100) {
    ASSERT_EQ(jobs_->TakeNext(kNow)->state, JobState::kCounting);
    jobs_->OnReport(number, {.state = "counted", .total = total, .range = "0:9"}, kNow);
    EXPECT_EQ(jobs_->OnExit(number, {}, kNow).state, JobState::kQueued);
    const std::optional<Job> taken = jobs_->TakeNext(kNow);
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->state, JobState::kRunning);
    EXPECT_EQ(taken->number, number);
  }

  std::string directory_;
  std::unique_ptr<Jobs> jobs_;
};

TEST_F(JobsTest, AreCountedThenRunThenDone) {
  const int64_t number = Add(JobKind::kReplay, "shop/all");
  Begin(number);
  jobs_->OnReport(number, {.state = "running", .done = 0, .total = 100}, kNow);
  jobs_->OnReport(number, {.state = "running", .done = 40, .total = 100, .counts = {{"sent", 7}}},
                  kNow + absl::Seconds(4));
  EXPECT_EQ(Now(number).left, 60);
  EXPECT_EQ(Now(number).per_second, 10);
  jobs_->OnReport(number, {.state = "done", .done = 100, .total = 100, .counts = {{"sent", 9}}},
                  kNow);
  EXPECT_EQ(jobs_->OnExit(number, {}, kNow).state, JobState::kDone);
  Open();
  EXPECT_EQ(Now(number).state, JobState::kDone);
  EXPECT_EQ(Now(number).counts.at("sent"), 9);
  EXPECT_EQ(Now(number).left, 0);
  EXPECT_EQ(jobs_->TakeNext(kNow), std::nullopt);
}

TEST_F(JobsTest, GoOnWithinTheRangeThatWasCountedWhenTheManagerIsStartedAgain) {
  const int64_t number = Add(JobKind::kRedrive, "shop/all");
  Begin(number);
  const std::string name = Now(number).name;
  jobs_->OnReport(number, {.state = "running", .done = 30, .total = 100}, kNow);
  Open();
  EXPECT_EQ(Now(number).state, JobState::kQueued);
  const std::optional<Job> taken = jobs_->TakeNext(kNow);
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->state, JobState::kRunning);
  EXPECT_EQ(taken->name, name);
  EXPECT_THAT(RunningWords({"turnout", "p.yaml", "s"}, *taken), Contains("--before=0:9"));
  // What is left of it: 30 were put back before.
  jobs_->OnReport(number, {.state = "running", .done = 20, .total = 70}, kNow);
  EXPECT_EQ(Now(number).total - Now(number).left, 50);
}

TEST_F(JobsTest, AreTriedAgainUntilNothingComesOfIt) {
  const int64_t number = Add(JobKind::kReplay, "shop/all");
  Begin(number);
  for (int64_t tries = 1; tries < kJobTriesMax; ++tries) {
    EXPECT_EQ(jobs_->OnExit(number, {128 + SIGKILL, ""}, kNow).state, JobState::kQueued);
    EXPECT_EQ(Now(number).tries, tries);
    ASSERT_TRUE(jobs_->TakeNext(kNow).has_value());
  }
  // One that has come further has all tries once more.
  jobs_->OnReport(number, {.state = "running", .done = 1, .total = 100}, kNow);
  jobs_->OnReport(number, {.state = "running", .done = 2, .total = 100}, kNow);
  EXPECT_EQ(jobs_->OnExit(number, {1, "no broker"}, kNow).tries, 1);
  for (int64_t tries = 2; tries < kJobTriesMax; ++tries) {
    ASSERT_TRUE(jobs_->TakeNext(kNow).has_value());
    EXPECT_EQ(jobs_->OnExit(number, {1, "no broker"}, kNow).state, JobState::kQueued);
  }
  ASSERT_TRUE(jobs_->TakeNext(kNow).has_value());
  EXPECT_EQ(jobs_->OnExit(number, {1, "no broker"}, kNow).state, JobState::kFailed);
  EXPECT_EQ(Now(number).error, "no broker");
  ASSERT_TRUE(jobs_->Resume("orders", number).ok());
  EXPECT_EQ(jobs_->TakeNext(kNow)->state, JobState::kRunning);
}

TEST_F(JobsTest, FailAtOnceWhereTheCommandRefuses) {
  const int64_t number = Add(JobKind::kReplay, "shop/al");
  ASSERT_TRUE(jobs_->TakeNext(kNow).has_value());
  EXPECT_EQ(jobs_->OnExit(number, {2, "there is no rule"}, kNow).state, JobState::kFailed);
  EXPECT_EQ(Now(number).error, "there is no rule");
  // A count that came to nothing is none.
  ASSERT_TRUE(jobs_->Resume("orders", number).ok());
  EXPECT_EQ(jobs_->TakeNext(kNow)->state, JobState::kCounting);
}

TEST_F(JobsTest, StayCancelledWhateverHappens) {
  const int64_t number = Add(JobKind::kReplay, "shop/all");
  Begin(number);
  ASSERT_TRUE(jobs_->Cancel("orders", number, "bob", kNow).ok());
  EXPECT_TRUE(jobs_->IsToEnd(number));
  Open();
  EXPECT_EQ(Now(number).state, JobState::kCancelled);
  EXPECT_EQ(Now(number).cancelled_by, "bob");
  EXPECT_EQ(jobs_->TakeNext(kNow), std::nullopt);
  EXPECT_TRUE(absl::IsAborted(jobs_->Cancel("orders", number, "bob", kNow).status()));
}

TEST_F(JobsTest, ThatWaitForApprovalDoNotBegin) {
  Job job = Wished(JobKind::kReplay, "shop/all");
  job.state = JobState::kProposed;
  const int64_t number = jobs_->Add(job, kNow)->number;
  EXPECT_EQ(jobs_->TakeNext(kNow), std::nullopt);
  EXPECT_TRUE(absl::IsAborted(jobs_->Resume("orders", number).status()));
  ASSERT_TRUE(jobs_->Approve("orders", number, "eve").ok());
  EXPECT_EQ(jobs_->TakeNext(kNow)->approved_by, "eve");
  EXPECT_TRUE(absl::IsAborted(jobs_->Approve("orders", number, "eve").status()));
  // Cancelled before it was approved: it has not begun, so there is nothing to go on with.
  job.wish.rule = "shop/other";
  const int64_t other = jobs_->Add(job, kNow)->number;
  ASSERT_TRUE(jobs_->Cancel("orders", other, "bob", kNow).ok());
  EXPECT_TRUE(absl::IsAborted(jobs_->Resume("orders", other).status()));
}

TEST_F(JobsTest, OfOneServiceRedriveOneAtATime) {
  const int64_t first = Add(JobKind::kRedrive, "shop/a");
  Add(JobKind::kRedrive, "shop/b");
  const int64_t replay = Add(JobKind::kReplay, "shop/a");
  EXPECT_EQ(jobs_->TakeNext(kNow)->number, first);
  EXPECT_EQ(jobs_->TakeNext(kNow)->number, replay);
  EXPECT_EQ(jobs_->TakeNext(kNow), std::nullopt) << "as many run as may";
}

TEST_F(JobsTest, AreNotAddedTwiceNorWithoutBound) {
  Add(JobKind::kReplay, "shop/0");
  EXPECT_TRUE(absl::IsAborted(jobs_->Add(Wished(JobKind::kReplay, "shop/0"), kNow).status()));
  for (size_t i = 1; i < kJobsWaitingMax; ++i) Add(JobKind::kReplay, absl::StrCat("shop/", i));
  EXPECT_TRUE(
      absl::IsResourceExhausted(jobs_->Add(Wished(JobKind::kReplay, "shop/x"), kNow).status()));
}

TEST_F(JobsTest, ThatAreOverAreForgottenTheOldestFirst) {
  for (size_t i = 0; i < kJobsOverMax + 2; ++i) {
    ASSERT_TRUE(jobs_->Cancel("orders", Add(JobKind::kReplay, "shop/a"), "ann", kNow).ok());
  }
  Add(JobKind::kReplay, "shop/a");
  EXPECT_TRUE(absl::IsNotFound(jobs_->Find("orders", 1).status()));
  EXPECT_TRUE(absl::IsNotFound(jobs_->Find("other", kJobsOverMax).status()));
  EXPECT_EQ(jobs_->List("orders", 10'000).size(), kJobsOverMax + 1);
}

TEST_F(JobsTest, MeanTheSameTimesHoweverLongTheyWait) {
  std::string why;
  auto wish =
      ReadJobWish(R"({"kind": "replay", "rule": "a/b", "from": "2h", "to": "now"})", kNow, &why);
  ASSERT_TRUE(wish.ok()) << wish.status();
  EXPECT_EQ(wish->from, "2023-11-14T20:13:20.000Z");
  EXPECT_EQ(wish->to, "now");
  wish =
      ReadJobWish(R"({"kind": "redrive", "rule": "a", "since": "1h", "why": "back"})", kNow, &why);
  ASSERT_TRUE(wish.ok()) << wish.status();
  EXPECT_EQ(wish->since, "2023-11-14T21:13:20.000Z");
  EXPECT_EQ(why, "back");
  for (const char* wrong :
       {R"({"kind": "replay", "rule": "a", "from": "2h", "to": "now"})",
        R"({"kind": "replay", "rule": "a/b", "from": "2h", "to": "live"})",
        R"({"kind": "replay", "rule": "a/b", "from": "soon", "to": "now"})",
        R"({"kind": "replay", "rule": "a/b", "from": "2h", "to": "now", "since": "1h"})",
        R"({"kind": "redrive", "rule": "--set", "since": "1h"})",
        R"({"kind": "redrive", "reason": "a\nb"})", R"({"kind": "other"})", R"([])"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadJobWish(wrong, kNow, &why).status())) << wrong;
  }
}

TEST_F(JobsTest, NeverMakeAnOptionOfAValue) {
  Job job = Wished(JobKind::kRedrive, "shop");
  job.wish.reason = "--config=/etc/passwd";
  job.name = "n";
  EXPECT_THAT(CountingWords({"turnout", "p.yaml", "s"}, job),
              Contains("--reason=--config=/etc/passwd"));
  EXPECT_THAT(CountingWords({"turnout", "p.yaml", "s"}, job),
              Not(Contains("--config=/etc/passwd")));
}

// --- with processes -----------------------------------------------------------------------------

class JobRunnerTest : public JobsTest {
 protected:
  void TearDown() override {
    runner_.reset();
    JobsTest::TearDown();
  }
  // Runs `script` as the shell does, once it has been counted.
  void Run(const std::string& script) {
    runner_ = std::make_unique<JobRunner>(
        jobs_.get(),
        [script](const Job& job) -> std::vector<std::string> {
          const std::string counts =
              R"(echo '{"state":"counted","done":0,"total":8,"range":"0:8"}')";
          return {"/bin/sh", "-c", job.state == JobState::kCounting ? counts : script};
        },
        [this](const Job& job, bool begins) {
          const absl::MutexLock lock(&mu_);
          told_.push_back(absl::StrCat(begins ? "begins" : std::string(StateName(job.state))));
        });
  }
  void AwaitTold(const std::string& what) {
    const absl::MutexLock lock(&mu_);
    const auto has_come = [&] { return !told_.empty() && told_.back() == what; };
    ASSERT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&has_come), absl::Seconds(20))) << what;
  }
  void AwaitLeft(int64_t number, int64_t left) {
    const absl::Time until = absl::Now() + absl::Seconds(20);
    while (Now(number).left != left && absl::Now() < until) absl::SleepFor(absl::Milliseconds(2));
    ASSERT_EQ(Now(number).left, left);
  }
  std::string File(const std::string& name) { return absl::StrCat(directory_, "/", name); }

  absl::Mutex mu_;
  std::vector<std::string> told_;
  std::unique_ptr<JobRunner> runner_;
};

TEST_F(JobRunnerTest, TakesWhatAProcessSaysForItsProgress) {
  const int64_t number = Add(JobKind::kReplay, "shop/all");
  Run(R"(echo '{"state":"running","done":3,"total":8,"sent":1}'; echo no line of ours
         echo '{"state":"done","done":8,"total":8,"sent":5}')");
  AwaitTold("done");
  EXPECT_EQ(Now(number).counts.at("sent"), 5);
  EXPECT_EQ(told_, (std::vector<std::string>{"begins", "done"}));
}

TEST_F(JobRunnerTest, StartsOneAgainThatWasKilled) {
  const int64_t number = Add(JobKind::kReplay, "shop/all");
  Run(absl::StrCat("test -e ", File("once"), " || { touch ", File("once"), R"(; kill -9 $$; }
      echo '{"state":"done","done":8,"total":8}')"));
  AwaitTold("done");
  EXPECT_EQ(Now(number).tries, 0);
  EXPECT_EQ(told_, (std::vector<std::string>{"begins", "begins", "done"}));
}

TEST_F(JobRunnerTest, SaysWhyOneFailed) {
  const int64_t number = Add(JobKind::kReplay, "shop/all");
  Run("echo a log line >&2; echo 'turnout replay: there is no rule' >&2; exit 2");
  AwaitTold("failed");
  EXPECT_THAT(Now(number).error, HasSubstr("turnout replay: there is no rule"));
}

TEST_F(JobRunnerTest, EndsACancelledOneByASignal) {
  const int64_t number = Add(JobKind::kReplay, "shop/all");
  Run(R"(trap 'exit 1' TERM; echo '{"state":"running","done":2,"total":8}'
         while :; do sleep 0.01; done)");
  AwaitLeft(number, 6);
  ASSERT_TRUE(jobs_->Cancel("orders", number, "bob", kNow).ok());
  runner_->Wake();
  AwaitTold("cancelled");
  EXPECT_EQ(Now(number).cancelled_by, "bob");
}

TEST_F(JobRunnerTest, LeavesWhatRunsToTheNextManager) {
  const int64_t number = Add(JobKind::kReplay, "shop/all");
  Run(R"(echo '{"state":"running","done":2,"total":8}'; while :; do sleep 0.01; done)");
  AwaitLeft(number, 6);
  runner_.reset();
  EXPECT_EQ(Now(number).state, JobState::kRunning);
  Open();
  told_.clear();
  Run(R"(echo '{"state":"done","done":8,"total":8}')");
  AwaitTold("done");
  EXPECT_EQ(told_, (std::vector<std::string>{"begins", "done"}));
}

TEST_F(JobRunnerTest, AnswersQuestionsAndTakesNoMoreThanItMay) {
  Run("exit 0");
  absl::Notification first;
  QuestionResult result;
  ASSERT_TRUE(runner_->Ask({"/bin/sh", "-c", "echo out; echo why >&2; exit 3"},
                           [&](const QuestionResult& came) {
                             result = came;
                             first.Notify();
                           }));
  first.WaitForNotification();
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.exit.status, 3);
  EXPECT_EQ(result.exit.error, "why");
  int answered = 0;
  for (size_t i = 0; i < kQuestionsMax; ++i) {
    EXPECT_TRUE(runner_->Ask({"/bin/sh", "-c", "while :; do sleep 0.01; done"},
                             [&](const QuestionResult&) { ++answered; }));
  }
  EXPECT_FALSE(runner_->Ask({"/bin/true"}, [](const QuestionResult&) {}));
  runner_->End();
  EXPECT_EQ(answered, kQuestionsMax) << "whoever waits is answered when the manager ends";
}

TEST_F(JobRunnerTest, SaysThatAProgramIsNotThere) {
  Run("exit 0");
  absl::Notification done;
  int status = 0;
  ASSERT_TRUE(runner_->Ask({File("nothing")}, [&](const QuestionResult& came) {
    status = came.exit.status;
    done.Notify();
  }));
  done.WaitForNotification();
  EXPECT_EQ(status, 127);
}

}  // namespace
}  // namespace turnout::manager
