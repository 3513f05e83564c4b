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

Ejection EjectionOf(TopicDescription::State state) {
  switch (state) {
    case TopicDescription::State::kMissing:
      return Ejection::kMissing;
    case TopicDescription::State::kForbidden:
      return Ejection::kForbidden;
    case TopicDescription::State::kReady:
    case TopicDescription::State::kUnwell:
      return Ejection::kUnwell;
  }
  return Ejection::kUnknown;
}

}  // namespace

Destinations::Destinations(DestinationOptions options, connectors::TopicAdmin* admin, Clock* clock)
    : options_(std::move(options)), admin_(admin), clock_(clock) {}

absl::StatusOr<const Destination*> Destinations::Find(std::string_view topic,
                                                      int64_t record_bytes) {
  auto known = known_.find(absl::string_view(topic.data(), topic.size()));
  if (known != known_.end()) {
    Destination& destination = known->second;
    const bool takes_it = destination.available && record_bytes <= destination.record_bytes_max;
    if (takes_it || clock_->Now() < destination.checked + options_.recheck) {
      return &destination;
    }
    if (options_.probes != nullptr) {
      // One that is unwell is asked about in any case.
      if (!unwell_.contains(topic)) options_.probes->Ask(topic);
      destination.checked = clock_->Now();
      return &destination;
    }
  }
  const std::string name(topic);
  absl::StatusOr<Destination> answer = Ask(name);
  if (!answer.ok()) return answer.status();
  if (known == known_.end() && known_.size() >= static_cast<size_t>(options_.destinations_max)) {
    known_.clear();
    unwell_.clear();
  }
  Keep(name, *std::move(answer));
  return &known_[name];
}

// What is learnt of a topic that is not being looked after by the probes.
void Destinations::Keep(const std::string& topic, Destination answer) {
  Destination& destination = known_[topic];
  answer.is_expected |= destination.is_expected || expected_.contains(topic);
  answer.told = destination.told;
  destination = std::move(answer);
  if (destination.available) return;
  FoundUnavailable(topic, &destination);
  if (!destination.is_expected) return;
  Observe(topic, &destination,
          {Observation::Kind::kRefused, destination.bulkhead.why, destination.reason});
}

void Destinations::FoundUnavailable(const std::string& topic, Destination* destination) {
  const absl::Time now = clock_->Now();
  if (now < destination->told + options_.recheck) return;
  destination->told = now;
  found_unavailable_.emplace_back(topic, destination->reason);
}

void Destinations::TellUnavailable(
    absl::FunctionRef<void(const std::string& topic, const std::string& reason)> tell) {
  for (const auto& [topic, reason] : std::exchange(found_unavailable_, {})) tell(topic, reason);
}

void Destinations::Observe(const std::string& topic, Destination* destination,
                           const Observation& observed) {
  if (options_.probes == nullptr) return;
  destination->bulkhead =
      Advance(std::move(destination->bulkhead), observed, clock_->Now(), options_.bulkhead);
  if (destination->bulkhead.state == BulkheadState::kHealthy) {
    unwell_.erase(topic);
  } else {
    unwell_.insert(topic);
  }
}

void Destinations::Prime(std::vector<std::string> topics) {
  primed_ = std::move(topics);
  expected_.insert(primed_.begin(), primed_.end());
  AskForPrimed();
}

void Destinations::Forget() {
  for (auto known = known_.begin(); known != known_.end();) {
    if (unwell_.contains(known->first)) {
      ++known;
    } else {
      known_.erase(known++);
    }
  }
  AskForPrimed();
}

void Destinations::AskForPrimed() {
  if (primed_.empty()) return;
  const auto descriptions =
      admin_->Describe(primed_, /*may_write=*/true, options_.describe_timeout);
  if (!descriptions.ok()) return;
  for (const TopicDescription& description : *descriptions) {
    if (unwell_.contains(description.topic)) continue;
    // What is missing is left to Find, which creates it where that is on.
    const bool is_left = description.state == TopicDescription::State::kMissing;
    if (is_left && (options_.probes == nullptr || options_.create)) continue;
    Keep(description.topic, Learn(description));
  }
}

bool Destinations::IsOpen(std::string_view topic) {
  const auto known = known_.find(absl::string_view(topic.data(), topic.size()));
  if (known != known_.end() && known->second.bulkhead.state != BulkheadState::kHealthy) {
    return known->second.available && known->second.bulkhead.is_open();
  }
  if (known != known_.end() && known->second.available) return true;
  const std::string name(topic);
  Destination& destination = known_[name];
  if (!destination.is_expected) destination.reason = "the brokers are asked about it";
  destination.is_expected = true;
  destination.checked = clock_->Now();
  Observe(name, &destination, {.reason = destination.reason});
  destination.bulkhead.probe_at = clock_->Now();
  return false;
}

void Destinations::Turn(absl::FunctionRef<bool(std::string_view)> is_parked) {
  if (options_.probes == nullptr) return;
  for (const DestinationProbes::Answer& answer : options_.probes->Take()) TakeAnswer(answer);
  const absl::Time now = clock_->Now();
  for (auto next = unwell_.begin(); next != unwell_.end();) {
    const std::string topic = *next++;  // it may be taken out
    Destination& destination = known_[topic];
    const Bulkhead& bulkhead = destination.bulkhead;
    if (bulkhead.state == BulkheadState::kEjected && now >= bulkhead.probe_at) {
      options_.probes->Ask(topic);
      Observe(topic, &destination, {.kind = Observation::Kind::kAsked});
    } else if (bulkhead.state == BulkheadState::kDraining && !is_parked(topic)) {
      Observe(topic, &destination, {.kind = Observation::Kind::kDrained});
    }
  }
}

void Destinations::TakeAnswer(const DestinationProbes::Answer& answer) {
  const std::string& topic = answer.description.topic;
  const auto known = known_.find(topic);
  if (known == known_.end()) return;
  Destination& destination = known->second;
  if (!answer.status.ok()) {
    return Observe(topic, &destination, {.kind = Observation::Kind::kNoAnswer});
  }
  Destination learnt = Learn(answer.description);
  learnt.is_expected |= destination.is_expected;
  learnt.told = destination.told;
  const Ejection why = learnt.bulkhead.why;
  learnt.bulkhead = std::move(destination.bulkhead);
  destination = std::move(learnt);
  if (destination.bulkhead.state == BulkheadState::kEjected) {
    // It was asked about before it was ejected, for another thing.
    destination.available = false;
    destination.reason = destination.bulkhead.reason;
    return;
  }
  if (destination.available) {
    return Observe(topic, &destination, {.kind = Observation::Kind::kWell});
  }
  // It may have been asked about for another thing, while it was open.
  const bool was_open = destination.bulkhead.is_open();
  if (was_open) FoundUnavailable(topic, &destination);
  if (!destination.is_expected) return;
  Observe(topic, &destination,
          {was_open ? Observation::Kind::kRefused : Observation::Kind::kUnwell, why,
           destination.reason});
}

void Destinations::EachUnwell(
    absl::FunctionRef<void(const std::string& topic, const Bulkhead& bulkhead)> tell) const {
  for (const std::string& topic : unwell_) tell(topic, known_.at(topic).bulkhead);
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
  const bool is_ready = description.state == TopicDescription::State::kReady;
  const bool is_unwell = description.state == TopicDescription::State::kUnwell;
  return Destination{.available = is_ready,
                     .compacted = description.compacted,
                     .reason = ReasonOf(description),
                     .record_bytes_max = description.batch_bytes_max >= 0
                                             ? description.batch_bytes_max
                                             : std::numeric_limits<int64_t>::max(),
                     .partitions = description.partitions,
                     .is_expected = is_ready || is_unwell,
                     .checked = clock_->Now(),
                     .bulkhead = {.why = EjectionOf(description.state)}};
}

void Destinations::MarkUnavailable(const DestinationFailure& failure) {
  // One that is being drained would have the same record sent at once again: it waits.
  const bool is_refused = failure.kind == DestinationFailure::Kind::kRecordRefused;
  if (is_refused && !unwell_.contains(failure.topic)) {
    // It is asked for again: it may have come to be compacted.
    known_.erase(failure.topic);
    return;
  }
  const bool too_large = failure.kind == DestinationFailure::Kind::kRecordTooLarge;
  const bool learns_limit = too_large && failure.record_bytes > kLearntLimitBytesMin;
  Destination& destination = known_[failure.topic];
  const bool is_old = clock_->Now() >= destination.checked + options_.recheck;
  if (too_large && is_old && !unwell_.contains(failure.topic)) {
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
  destination.told = clock_->Now();
  destination.is_expected = true;  // records were on their way there
  destination.reason = failure.reason;
  Observe(failure.topic, &destination,
          {Observation::Kind::kRefused, EjectionOf(failure.kind), failure.reason});
}

}  // namespace turnout::runtime
