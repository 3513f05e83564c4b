#include "runtime/answer_threads.h"

#include "connectors/steady_clock.h"

namespace turnout::runtime {

AnswerThreads::AnswerThreads(int threads, size_t waiting_max, std::function<void()> on_answer)
    : waiting_max_(waiting_max), on_answer_(std::move(on_answer)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

AnswerThreads::~AnswerThreads() {
  {
    const std::lock_guard<std::mutex> lock(mu_);
    is_ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool AnswerThreads::Ask(uint64_t number, absl::Time deadline, Compute compute) {
  {
    const std::lock_guard<std::mutex> lock(mu_);
    if (waiting_.size() >= waiting_max_) return false;
    waiting_.push_back({number, deadline, std::move(compute)});
  }
  changed_.notify_one();
  return true;
}

void AnswerThreads::Give(uint64_t number, std::string answer) { Put({number, std::move(answer)}); }

void AnswerThreads::Put(Answer answer) {
  {
    const std::lock_guard<std::mutex> lock(mu_);
    answers_.push_back(std::move(answer));
  }
  on_answer_();
}

std::vector<AnswerThreads::Answer> AnswerThreads::Take() {
  const std::lock_guard<std::mutex> lock(mu_);
  return std::exchange(answers_, {});
}

void AnswerThreads::Run() {
  for (;;) {
    Question question;
    {
      std::unique_lock<std::mutex> lock(mu_);
      changed_.wait(lock, [this] { return !waiting_.empty() || is_ending_; });
      if (is_ending_) return;
      question = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (connectors::SteadyNow() >= question.deadline) continue;
    std::optional<std::string> answer = question.compute();
    Put({question.number, std::move(answer)});
  }
}

}  // namespace turnout::runtime
