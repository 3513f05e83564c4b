// IdTakeover: takes a transactional id over by librdkafka and does nothing with it, so that what a
// ghost has open under it is aborted, and can't be ended by the ghost any more.
//
// Internal to connectors/. For the ids that KafkaSink doesn't produce with; see transactional_ids.
// Errors: Unavailable: the same call again. An id that we may not use is no error: no process of
//   ours has used it either.
// Threads: one.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "connectors/kafka_client.h"
#include "connectors/kafka_handle.h"

namespace turnout::connectors {

class IdTakeover {
 public:
  explicit IdTakeover(std::string transactional_id) : id_(std::move(transactional_id)) {}

  // Goes on where an earlier call left off, for at most `wait_ms`; of `options`, neither the id nor
  // the call's timeout is looked at.
  absl::Status Work(const KafkaSinkOptions& options, int wait_ms);

 private:
  std::string id_;
  std::unique_ptr<KafkaHandle> client_;  // while it goes on
};

}  // namespace turnout::connectors
