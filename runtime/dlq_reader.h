// DlqReader: the dead-letter topic, or the parking topic, from its beginning to the end that it has
// now, once or more often; and which of its records were put back already.
//
// Errors: those of TopicRangeReader; Unavailable once nothing has come for `kPatience`.
// Threads: one.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "connectors/kafka_client.h"
#include "connectors/topic_range_reader.h"
#include "runtime/dead_letter.h"

namespace turnout::runtime {

// What names the topic in a config.
inline const char* SettingOfTopic(bool is_parking) {
  return is_parking ? "parking_topic" : "dead_letter_topic";
}

class DlqReader {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(30);

  // Knows what lies in the topic from then on, and which of it was put back. `stopping` may be
  // null; once it is true, reading ends with Cancelled.
  static absl::StatusOr<std::unique_ptr<DlqReader>> Open(
      const connectors::KafkaClientOptions& client, const std::string& topic, int batch_events_max,
      const std::atomic<bool>* stopping);

  // Of what lies there, only what lies before these offsets is read from now on; of other
  // partitions nothing. Where these lie behind the end, it is the end.
  void EndAt(const std::map<int32_t, int64_t>& ends);
  // The offsets at which it ends, by partition.
  std::map<int32_t, int64_t> Ends() const;

  // All records, some at a time.
  using OnRecords = absl::FunctionRef<absl::Status(absl::Span<const connectors::Event> records)>;
  absl::Status ReadAll(OnRecords on_records);

  // All dead letters that were not put back.
  using OnLetter = absl::FunctionRef<absl::Status(const DeadLetter& letter)>;
  absl::Status ReadLetters(OnLetter on_letter);

  bool WasPutBack(const connectors::Event& record) const;
  int32_t partitions() const { return static_cast<int32_t>(ranges_.size()); }

 private:
  DlqReader(std::unique_ptr<connectors::TopicRangeReader> reader, const std::atomic<bool>* stopping)
      : reader_(std::move(reader)), stopping_(stopping) {}

  absl::Status FindBounds();

  const std::unique_ptr<connectors::TopicRangeReader> reader_;
  const std::atomic<bool>* const stopping_;
  connectors::OffsetRanges ranges_;
  std::map<int32_t, OffsetSet> put_back_;  // by partition
};

}  // namespace turnout::runtime
