// PlainReader: reads whole topics from their beginning, as somebody looking at them would: no
// group, no offsets committed, committed records only.
//
// It follows every topic of the cluster but those it is told to leave out, new ones from the moment
// they are seen (looked for every 200 ms). For the demo and for tests; the pipeline's own reading
// is Source's.
//
// Errors: InvalidArgument when the client can't be made. Brokers that are away are waited for.
// Threads: one thread calls everything.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace turnout::connectors {

// A record that owns its bytes; a null key or value is empty here.
struct ReadRecord {
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t timestamp_ms = 0;
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;
};

class PlainReader {
 public:
  // Topics whose names begin with "__" are Kafka's own and left out as well.
  static absl::StatusOr<std::unique_ptr<PlainReader>> Start(const std::string& bootstrap_servers,
                                                            std::vector<std::string> left_out);
  virtual ~PlainReader() = default;

  // Waits up to `max_wait` for a first record, then takes what is there, 1,000 at most.
  virtual std::vector<ReadRecord> Poll(absl::Duration max_wait) = 0;
};

}  // namespace turnout::connectors
