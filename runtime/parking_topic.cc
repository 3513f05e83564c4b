#include "runtime/parking_topic.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace turnout::runtime {
namespace {

using connectors::TopicAdmin;
using connectors::TopicDescription;

constexpr absl::Duration kTimeout = absl::Seconds(3);

constexpr char kMeanwhile[] =
    "; outputs whose destination is unwell become dead letters (create the topic, or grant Create, "
    "Read, Write and Describe on it, and start anew)";

absl::StatusOr<TopicDescription> Look(const std::string& topic, bool may_write, TopicAdmin* admin) {
  auto described = admin->Describe({topic}, may_write, kTimeout);
  if (!described.ok()) return described.status();
  return std::move(described->front());
}

}  // namespace

absl::StatusOr<std::string> EnsureParkingTopic(const std::string& topic,
                                               const std::string& source_topic,
                                               connectors::NewTopic wanted, TopicAdmin* admin) {
  const absl::StatusOr<TopicDescription> found = Look(topic, /*may_write=*/true, admin);
  if (!found.ok()) return found.status();
  if (found->state == TopicDescription::State::kForbidden) {
    return absl::StrCat("the parking topic ", topic, " may not be written: ", found->reason,
                        kMeanwhile);
  }
  if (found->state != TopicDescription::State::kMissing) return "";
  const absl::StatusOr<TopicDescription> source = Look(source_topic, /*may_write=*/false, admin);
  if (!source.ok()) return source.status();
  if (source->partitions == 0) return absl::NotFoundError("there is no source topic yet");
  wanted.topic = topic;
  wanted.partitions = source->partitions;
  wanted.retention_ms = absl::ToInt64Milliseconds(kParkingRetention);
  wanted.goes_by_age_alone = true;
  const absl::Status created = admin->Create({wanted}, kTimeout);
  if (created.ok()) return "";
  if (absl::IsUnavailable(created)) return created;
  return absl::StrCat("the parking topic ", topic, " can't be created: ", created.message(),
                      kMeanwhile);
}

}  // namespace turnout::runtime
