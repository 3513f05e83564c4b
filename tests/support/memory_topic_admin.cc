#include "tests/support/memory_topic_admin.h"

namespace turnout::support {
namespace {

using connectors::NewTopic;
using connectors::TopicDescription;

constexpr FaultSet kFaults = {Fault::kCrashBefore, Fault::kCrashAfter, Fault::kPause,
                              Fault::kUnavailableBefore, Fault::kUnavailableAfter};

}  // namespace

absl::StatusOr<std::vector<TopicDescription>> MemoryTopicAdmin::Describe(
    absl::Span<const std::string> topics, bool may_write, absl::Duration /*timeout*/) {
  FaultedCall call(points_, process_, "describe topics", kFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  std::vector<TopicDescription> answer;
  for (const std::string& name : topics) {
    TopicDescription description{.topic = name};
    if (const MemoryTopic* const topic = log_->FindTopic(name); topic == nullptr) {
      description.reason = "UNKNOWN_TOPIC_OR_PARTITION";
    } else {
      const bool refused = may_write && topic->forbidden;
      description.state =
          refused ? TopicDescription::State::kForbidden : TopicDescription::State::kReady;
      if (refused) description.reason = "TOPIC_AUTHORIZATION_FAILED";
      description.partitions = static_cast<int32_t>(topic->partitions.size());
      description.batch_bytes_max = topic->batch_bytes_max;
    }
    answer.push_back(std::move(description));
  }
  if (absl::Status lost = call.After(absl::OkStatus()); !lost.ok()) return lost;
  return answer;
}

absl::StatusOr<std::vector<std::string>> MemoryTopicAdmin::List(absl::Duration /*timeout*/) {
  FaultedCall call(points_, process_, "list topics", kFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  std::vector<std::string> topics;
  for (const auto& [name, topic] : log_->topics()) topics.push_back(name);
  if (absl::Status lost = call.After(absl::OkStatus()); !lost.ok()) return lost;
  return topics;
}

absl::Status MemoryTopicAdmin::Create(absl::Span<const NewTopic> topics,
                                      absl::Duration /*timeout*/) {
  FaultedCall call(points_, process_, "create topics", kFaults);
  if (absl::Status refused = call.Before(); !refused.ok()) return refused;
  for (const NewTopic& topic : topics) log_->CreateTopic(topic.topic, topic.partitions);
  return call.After(absl::OkStatus());
}

}  // namespace turnout::support
