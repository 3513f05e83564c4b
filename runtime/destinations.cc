#include "runtime/destinations.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace turnout::runtime {
namespace {

using connectors::DestinationFailure;
using connectors::TopicDescription;

// A refusal for size teaches a limit; below this the destination is unwell in another way.
constexpr int64_t kLearntLimitBytesMin = 256;

std::string ReasonOf(const TopicDescription& description) {
  switch (description.state) {
    case TopicDescription::State::kReady:
      return "";
    case TopicDescription::State::kMissing:
      return "the topic doesn't exist; create it, or set create_topics";
    case TopicDescription::State::kForbidden:
      return absl::StrFormat("the topic may not be written (%s); grant Write and Describe on it",
                             description.reason);
    case TopicDescription::State::kUnwell:
      return absl::StrFormat("the topic is unwell (%s)", description.reason);
  }
  return description.reason;
}

}  // namespace

Destinations::Destinations(DestinationOptions options, connectors::TopicAdmin* admin, Clock* clock)
    : options_(std::move(options)), admin_(admin), clock_(clock) {}

absl::StatusOr<const Destination*> Destinations::Find(std::string_view topic,
                                                       int64_t record_bytes) {
  auto known = known_.find(absl::string_view(topic.data(), topic.size()));
  if (known != known_.end()) {
    const Destination& destination = known->second;
    const bool takes_it = destination.available && record_bytes <= destination.record_bytes_max;
    if (takes_it || clock_->Now() < destination.checked + options_.recheck) {
      return &destination;
    }
  }
  absl::StatusOr<Destination> answer = Ask(std::string(topic));
  if (!answer.ok()) return answer.status();
  if (known == known_.end()) {
    if (known_.size() >= static_cast<size_t>(options_.destinations_max)) known_.clear();
    known = known_.try_emplace(std::string(topic)).first;
  }
  known->second = *std::move(answer);
  return &known->second;
}

absl::StatusOr<Destination> Destinations::Ask(const std::string& topic) {
  auto descriptions = admin_->Describe({topic}, /*may_write=*/true, options_.describe_timeout);
  if (!descriptions.ok()) return descriptions.status();

  if (descriptions->front().state == TopicDescription::State::kMissing && options_.create) {
    connectors::NewTopic wanted = options_.new_topic;
    wanted.topic = topic;
    const absl::Status created = admin_->Create({wanted}, options_.describe_timeout);
    if (absl::IsUnavailable(created)) return created;
    if (!created.ok()) {
      return Destination{.reason = std::string(created.message()), .checked = clock_->Now()};
    }
    descriptions = admin_->Describe({topic}, /*may_write=*/true, options_.describe_timeout);
    if (!descriptions.ok()) return descriptions.status();
    if (descriptions->front().state == TopicDescription::State::kMissing) {
      return absl::UnavailableError(
          absl::StrFormat("the topic '%s' was created but no broker knows it yet", topic));
    }
  }
  const TopicDescription& description = descriptions->front();
  return Destination{.available = description.state == TopicDescription::State::kReady,
                     .reason = ReasonOf(description),
                     .record_bytes_max = description.batch_bytes_max >= 0
                                             ? description.batch_bytes_max
                                             : std::numeric_limits<int64_t>::max(),
                     .checked = clock_->Now()};
}

void Destinations::MarkUnavailable(const DestinationFailure& failure) {
  const bool too_large = failure.kind == DestinationFailure::Kind::kRecordTooLarge;
  const bool learns_limit = too_large && failure.record_bytes > kLearntLimitBytesMin;
  Destination& destination = known_[failure.topic];
  if (too_large && clock_->Now() >= destination.checked + options_.recheck) {
    known_.erase(failure.topic);
    return;
  }
  destination.checked = clock_->Now();
  if (learns_limit) {
    // The topic's limit was not known or has been lowered: what was refused is now above it.
    destination.available = true;
    destination.record_bytes_max = std::min(
        destination.record_bytes_max == 0 ? failure.record_bytes : destination.record_bytes_max,
        failure.record_bytes);
    return;
  }
  destination.available = false;
  destination.reason = failure.reason;
}

}  // namespace turnout::runtime
