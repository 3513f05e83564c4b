// JobRunner: the processes of jobs and of questions to Kafka: starts them, reads what they say,
// ends them.
//
// A job is `turnout replay` or `turnout dlq redrive` as a child (job_words.h): so the manager needs
// no Kafka of its own, and nothing that goes wrong there can hurt it. A question is a command that
// ends soon: its output is an answer's.
//
//   queued jobs --> TakeNext --> process --> its lines --> OnReport
//                                       '--> its end  --> OnExit
//
// Units: none. Errors: of a job they become its state; of a question its result.
// Threads: its own; the others' calls on any. `on_change` and `on_answer` are called on its own.
// Lifetime: End, called on one thread, asks the processes to end, and kills those that don't: their
//   jobs go on with the next manager. Questions that wait are answered, and no others taken.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/manager/child_program.h"
#include "deploy/manager/jobs.h"

namespace turnout::manager {

inline constexpr size_t kQuestionsMax = 4;  // at once
inline constexpr size_t kQuestionBytesMax = 16u << 20;
inline constexpr absl::Duration kQuestionTimeout = absl::Seconds(25);

struct QuestionResult {
  JobExit exit;
  std::string out;
};

class JobRunner {
 public:
  // The program and its arguments by which the job is counted, or run.
  using WordsOf = std::function<std::vector<std::string>(const Job& job)>;
  // It begins or goes on, or is over.
  using OnChange = std::function<void(const Job& job, bool begins)>;
  using OnAnswer = std::function<void(const QuestionResult& result)>;

  // `jobs` is borrowed.
  JobRunner(Jobs* jobs, WordsOf words_of, OnChange on_change);
  ~JobRunner();

  void End();

  // Looks at the jobs at once.
  void Wake();
  // False: as many are asked as can be.
  bool Ask(std::vector<std::string> words, OnAnswer on_answer);

 private:
  struct Running {
    std::unique_ptr<ChildProgram> child;
    int64_t job = 0;  // 0: it is a question
    OnAnswer on_answer;
    absl::Time until = absl::InfiniteFuture();
    bool is_asked_to_end = false;
  };
  struct Question {
    std::vector<std::string> words;
    OnAnswer on_answer;
  };

  void Run();
  bool IsEnding() ABSL_LOCKS_EXCLUDED(mu_);
  void StartJobs();
  void StartQuestions();
  void Poll();
  // Whether it is over.
  bool Serve(Running* running, absl::Time now);
  void EndAll();

  Jobs* const jobs_;
  const WordsOf words_of_;
  const OnChange on_change_;
  int wake_ = -1;  // an eventfd
  absl::Mutex mu_;
  std::deque<Question> questions_ ABSL_GUARDED_BY(mu_);
  size_t asked_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_ending_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<Running> running_;  // of its own thread
  std::thread thread_;
};

}  // namespace turnout::manager
