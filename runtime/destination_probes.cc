#include "runtime/destination_probes.h"

namespace turnout::runtime {

void DestinationProbes::Ask(std::string_view topic) {
  const absl::MutexLock lock(&mu_);
  asked_.emplace(topic);
}

std::vector<DestinationProbes::Answer> DestinationProbes::Take() {
  if (!has_answers_.load(std::memory_order_acquire)) return {};
  const absl::MutexLock lock(&mu_);
  has_answers_ = false;
  return std::exchange(answers_, {});
}

// What comes of it is seen by the next question.
void DestinationProbes::CreateMissing(absl::Span<const connectors::TopicDescription> described,
                                      connectors::TopicAdmin* admin, absl::Duration timeout) const {
  for (const connectors::TopicDescription& one : described) {
    if (one.state != connectors::TopicDescription::State::kMissing) continue;
    connectors::NewTopic wanted = *create_;
    wanted.topic = one.topic;
    admin->Create({wanted}, timeout).IgnoreError();
  }
}

void DestinationProbes::Work(connectors::TopicAdmin* admin, absl::Duration timeout) {
  std::vector<std::string> topics;
  {
    const absl::MutexLock lock(&mu_);
    while (!asked_.empty() && topics.size() < kProbesMax) {
      topics.push_back(std::move(asked_.extract(asked_.begin()).value()));
    }
  }
  if (topics.empty()) return;
  auto described = admin->Describe(topics, /*may_write=*/true, timeout);
  if (described.ok() && create_) CreateMissing(*described, admin, timeout);
  const absl::MutexLock lock(&mu_);
  for (size_t i = 0; i < topics.size(); ++i) {
    Answer& answer = answers_.emplace_back(Answer{.status = described.status()});
    if (described.ok()) answer.description = std::move((*described)[i]);
    answer.description.topic = std::move(topics[i]);
  }
  has_answers_ = true;
}

}  // namespace turnout::runtime
