// NewTopicOf: what topics are created as, by `create_topics` of a config; the name is left open.
#pragma once

#include "absl/time/time.h"
#include "connectors/topic_admin.h"
#include "runtime/config.h"

namespace turnout::runtime {

inline connectors::NewTopic NewTopicOf(const Config::CreateTopics& create) {
  connectors::NewTopic topic;
  topic.partitions = create.partitions;
  topic.replication_factor = static_cast<int16_t>(create.replication_factor);
  topic.retention_ms = create.retention == absl::InfiniteDuration()
                           ? -1
                           : absl::ToInt64Milliseconds(create.retention);
  return topic;
}

}  // namespace turnout::runtime
