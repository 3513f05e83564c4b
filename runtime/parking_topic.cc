#include "runtime/parking_topic.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace turnout::runtime {
namespace {

using connectors::TopicAdmin;
using connectors::TopicDescription;

constexpr absl::Duration kTimeout = absl::Seconds(3);

constexpr char kMeanwhile[] =
    "; outputs whose destination is unwell become dead letters (create the topic, or grant Create, "
    "Write and Describe on it, and start anew)";

absl::StatusOr<TopicDescription> Look(const std::string& topic, bool may_write, TopicAdmin* admin) {
  auto described = admin->Describe({topic}, may_write, kTimeout);
  if (!described.ok()) return described.status();
  return std::move(described->front());
}

}  // namespace

std::string EnsureParkingTopic(const std::string& topic, const std::string& source_topic,
                               connectors::NewTopic wanted, TopicAdmin* admin) {
  absl::StatusOr<TopicDescription> found = Look(topic, /*may_write=*/true, admin);
  if (found.ok() && found->state == TopicDescription::State::kMissing) {
    const absl::StatusOr<TopicDescription> source = Look(source_topic, /*may_write=*/false, admin);
    wanted.topic = topic;
    wanted.partitions = source.ok() ? std::max(1, source->partitions) : 1;
    wanted.retention_ms = absl::ToInt64Milliseconds(kParkingRetention);
    wanted.goes_by_age_alone = true;
    const absl::Status created = admin->Create({wanted}, kTimeout);
    if (created.ok()) return "";
    return absl::StrCat("the parking topic ", topic, " can't be created: ", created.message(),
                        kMeanwhile);
  }
  const absl::Status status = found.status();
  if (!status.ok()) return absl::StrCat("the parking topic ", topic, ": ", status.message());
  if (found->state == TopicDescription::State::kForbidden) {
    return absl::StrCat("the parking topic ", topic, " may not be written: ", found->reason,
                        kMeanwhile);
  }
  return "";
}

}  // namespace turnout::runtime
