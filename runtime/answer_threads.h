// AnswerThreads: threads that compute answers to requests, and a queue with an end.
//
// Each question has a number; its answer is taken by whoever gathers answers (`Take`), who is told
// by `on_answer` that there are some. A question whose deadline has passed before its turn is
// dropped. A question may be held: its answer is given later (`Give`), by whoever has it.
//
// Threads: Ask, Give and Take any; `on_answer` is called on these threads.
// Lifetime: destroying it waits for the answers that are being computed.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace turnout::runtime {

class AnswerThreads {
 public:
  // Nullopt: it is held.
  using Compute = std::function<std::optional<std::string>()>;
  using Answer = std::pair<uint64_t, std::optional<std::string>>;  // by the question's number

  AnswerThreads(int threads, size_t waiting_max, std::function<void()> on_answer);
  ~AnswerThreads();
  AnswerThreads(const AnswerThreads&) = delete;
  AnswerThreads& operator=(const AnswerThreads&) = delete;

  // False: too many wait.
  bool Ask(uint64_t number, absl::Time deadline, Compute compute);
  void Give(uint64_t number, std::string answer);
  std::vector<Answer> Take();

 private:
  struct Question {
    uint64_t number = 0;
    absl::Time deadline;
    Compute compute;
  };
  void Run();
  void Put(Answer answer);

  const size_t waiting_max_;
  const std::function<void()> on_answer_;
  std::mutex mu_;
  std::condition_variable changed_;
  std::deque<Question> waiting_;  // guarded by mu_
  std::vector<Answer> answers_;   // guarded by mu_
  bool is_ending_ = false;        // guarded by mu_
  std::vector<std::thread> threads_;
};

}  // namespace turnout::runtime
