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

void Destinations::Prime(std::vector<std::string> topics) {
  primed_ = std::move(topics);
  AskForPrimed();
}

void Destinations::Forget() {
  known_.clear();
  AskForPrimed();
}

void Destinations::AskForPrimed() {
  if (primed_.empty()) return;
  const auto descriptions =
      admin_->Describe(primed_, /*may_write=*/true, options_.describe_timeout);
  if (!descriptions.ok()) return;
  for (const TopicDescription& description : *descriptions) {
    // What is missing is left to Find, which creates it where that is on.
    if (description.state == TopicDescription::State::kMissing) continue;
    known_[description.topic] = Learn(description);
  }
}

absl::StatusOr<Destination> Destinations::Ask(const std::string& topic) {
  const absl::StatusOr<bool> is_listed = IsListed(topic);
  if (!is_listed.ok()) return is_listed.status();
  if (!*is_listed) return Create(topic);
  const auto descriptions =
      admin_->Describe({topic}, /*may_write=*/true, options_.describe_timeout);
  if (!descriptions.ok()) return descriptions.status();
  return Learn(descriptions->front());
}

absl::StatusOr<bool> Destinations::IsListed(const std::string& topic) {
  if (clock_->Now() >= listed_at_ + options_.list_age_max) {
    const auto topics = admin_->List(options_.describe_timeout);
    if (!topics.ok()) return topics.status();
    listed_ = {topics->begin(), topics->end()};
    listed_at_ = clock_->Now();
  }
  return listed_.contains(topic);
}

// Creates a missing topic where that is on; says why not where it isn't.
absl::StatusOr<Destination> Destinations::Create(const std::string& topic) {
  const absl::Time now = clock_->Now();
  if (!options_.create) return Learn({.topic = topic});
  if (now >= creations_since_ + absl::Seconds(1)) {
    creations_since_ = now;
    creations_ = 0;
  }
  if (++creations_ > options_.creations_per_second_max) {
    // Asked for again at the next record: others may have their turn by then.
    return Destination{
        .reason = "the topic doesn't exist, and too many are being created; create it",
        .checked = now - options_.recheck};
  }
  connectors::NewTopic wanted = options_.new_topic;
  wanted.topic = topic;
  const absl::Status created = admin_->Create({wanted}, options_.describe_timeout);
  if (absl::IsUnavailable(created)) return created;
  if (!created.ok()) return Destination{.reason = std::string(created.message()), .checked = now};
  const auto descriptions =
      admin_->Describe({topic}, /*may_write=*/true, options_.describe_timeout);
  if (!descriptions.ok()) return descriptions.status();
  if (descriptions->front().state == TopicDescription::State::kMissing) {
    return absl::UnavailableError(
        absl::StrFormat("the topic '%s' was created but no broker knows it yet", topic));
  }
  listed_.insert(topic);
  return Learn(descriptions->front());
}

Destination Destinations::Learn(const TopicDescription& description) const {
  return Destination{.available = description.state == TopicDescription::State::kReady,
                     .compacted = description.compacted,
                     .reason = ReasonOf(description),
                     .record_bytes_max = description.batch_bytes_max >= 0
                                             ? description.batch_bytes_max
                                             : std::numeric_limits<int64_t>::max(),
                     .checked = clock_->Now()};
}

void Destinations::MarkUnavailable(const DestinationFailure& failure) {
  if (failure.kind == DestinationFailure::Kind::kRecordRefused) {
    // It is asked for again: it may have come to be compacted.
    known_.erase(failure.topic);
    return;
  }
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
