#include "connectors/delivery_failures.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "connectors/kafka_errors.h"

namespace turnout::connectors {

void DeliveryFailures::Begin() {
  const absl::MutexLock lock(&mu_);
  destinations_.clear();
  records_ = 0;
  brokers_down_ = false;
  timed_out_before_ = std::move(timed_out_);
  timed_out_.clear();
}

void DeliveryFailures::BeginAfter(const DeliveryFailures& before) {
  Begin();
  absl::flat_hash_set<std::string> timed_out;
  {
    const absl::MutexLock lock(&before.mu_);
    timed_out = before.timed_out_;
  }
  const absl::MutexLock lock(&mu_);
  timed_out_before_ = std::move(timed_out);
}

void DeliveryFailures::OnBrokersDown() {
  const absl::MutexLock lock(&mu_);
  brokers_down_ = true;
}

bool DeliveryFailures::are_brokers_down() const {
  const absl::MutexLock lock(&mu_);
  return brokers_down_;
}

void DeliveryFailures::Add(int code, std::string_view topic, int64_t record_bytes) {
  const absl::MutexLock lock(&mu_);
  ++records_;
  const absl::Status status = StatusOfKafkaCode(code, "");
  if (absl::IsFailedPrecondition(status) || code == RD_KAFKA_RESP_ERR__FATAL) return;
  // Records that waited for brokers that are away say nothing of their topic.
  if (code == RD_KAFKA_RESP_ERR__TRANSPORT) return;
  if (code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT) {
    // So does the first time-out. A topic that times out in the next transaction too is unwell.
    const std::string name(topic);
    timed_out_.insert(name);
    if (brokers_down_ || !timed_out_before_.contains(name)) return;
  }
  for (DestinationFailure& known : destinations_) {
    if (known.topic != topic) continue;
    // A batch is refused whole: its largest record is the one that can't fit.
    known.record_bytes = std::max(known.record_bytes, record_bytes);
    return;
  }
  destinations_.push_back(DestinationFailureOf(code, topic));
  destinations_.back().record_bytes = record_bytes;
}

void DeliveryFailures::AddSlow(std::string_view topic, std::string reason) {
  const absl::MutexLock lock(&mu_);
  ++records_;
  for (const DestinationFailure& known : destinations_) {
    if (known.topic == topic) return;
  }
  destinations_.push_back({.topic = std::string(topic),
                           .kind = DestinationFailure::Kind::kSlow,
                           .reason = std::move(reason)});
}

void DeliveryFailures::AddLogLine(std::string_view facility, std::string_view text) {
  if (facility != "ADDPARTS") return;
  constexpr std::string_view kBefore = "Failed to add partition \"";
  const size_t begin = text.find(kBefore);
  if (begin == std::string_view::npos) return;
  const size_t name = begin + kBefore.size();
  const size_t end = text.find("\" [", name);
  if (end == std::string_view::npos) return;
  for (const rd_kafka_resp_err_t code :
       {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION}) {
    if (absl::EndsWith({text.data(), text.size()}, rd_kafka_err2str(code))) {
      Add(code, text.substr(name, end - name));
    }
  }
}

uint64_t DeliveryFailures::records() const {
  const absl::MutexLock lock(&mu_);
  return records_;
}

std::vector<DestinationFailure> DeliveryFailures::destinations() const {
  const absl::MutexLock lock(&mu_);
  return destinations_;
}

bool DeliveryFailures::blames_any() const {
  const absl::MutexLock lock(&mu_);
  return !destinations_.empty();
}

absl::Status DeliveryFailures::ToStatus() const {
  const absl::MutexLock lock(&mu_);
  if (destinations_.empty()) return absl::AbortedError(doing_ + ": records were not delivered");
  const DestinationFailure& first = destinations_.front();
  return absl::AbortedError(absl::StrFormat("%s: topic %s: %s", doing_, first.topic, first.reason));
}

}  // namespace turnout::connectors
