// DestinationProbes: the questions that one worker has for the brokers about destinations that are
// unwell, and the answers. The worker leaves a question and goes on; another thread asks, and
// creates what is missing where that is wanted.
//
// Limits: kProbesMax topics in one request; the others go with the next.
// Threads: Ask and Take are the worker's, Work another thread's.
#pragma once

#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "connectors/topic_admin.h"

namespace turnout::runtime {

inline constexpr size_t kProbesMax = 200;

class DestinationProbes {
 public:
  struct Answer {
    connectors::TopicDescription description;  // its topic, whatever the status
    absl::Status status;                       // not OK: the brokers have not said
  };

  // `create`: as which what is missing is created; its name is not used.
  explicit DestinationProbes(std::optional<connectors::NewTopic> create = std::nullopt)
      : create_(std::move(create)) {}

  void Ask(std::string_view topic) ABSL_LOCKS_EXCLUDED(mu_);
  // Answers since the last call.
  std::vector<Answer> Take() ABSL_LOCKS_EXCLUDED(mu_);

  // Puts what is asked to the brokers, in one go. Returns at once where nothing is.
  void Work(connectors::TopicAdmin* admin, absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void CreateMissing(absl::Span<const connectors::TopicDescription> described,
                     connectors::TopicAdmin* admin, absl::Duration timeout) const;

  const std::optional<connectors::NewTopic> create_;
  absl::Mutex mu_;
  std::set<std::string> asked_ ABSL_GUARDED_BY(mu_);
  std::vector<Answer> answers_ ABSL_GUARDED_BY(mu_);
  std::atomic<bool> has_answers_{false};
};

}  // namespace turnout::runtime
