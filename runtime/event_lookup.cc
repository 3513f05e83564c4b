#include "runtime/event_lookup.h"

#include <memory>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "connectors/topic_range_reader.h"

namespace turnout::runtime {
namespace {

using connectors::OffsetRange;
using connectors::OffsetRanges;
using connectors::TopicRangeReader;

// Takes the text's last part off, and reads it.
template <typename Integer>
bool TakeNumber(std::string_view* text, char separator, Integer* number) {
  const size_t at = text->rfind(separator);
  const std::string_view part = at == std::string_view::npos ? *text : text->substr(at + 1);
  *text = at == std::string_view::npos ? std::string_view() : text->substr(0, at);
  return !part.empty() && absl::SimpleAtoi(absl::string_view(part.data(), part.size()), number) &&
         *number >= 0;
}

absl::Status CheckBounds(const RecordPosition& position, const OffsetRanges& bounds) {
  const auto found = bounds.find(position.partition);
  if (found == bounds.end()) {
    return absl::InvalidArgumentError(absl::StrCat("topic ", position.topic, " has no partition ",
                                                   position.partition, " (it has ", bounds.size(),
                                                   ")"));
  }
  const OffsetRange& log = found->second;
  if (position.offset >= log.begin && position.offset < log.end) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "partition ", position.partition, " of ", position.topic, " does not have offset ",
      position.offset, ": it has ", log.begin, " up to, but not including, ", log.end));
}

}  // namespace

std::optional<RecordPosition> ParsePosition(std::string_view text, char separator,
                                            const std::string& topic) {
  RecordPosition position;
  if (!TakeNumber(&text, separator, &position.offset) ||
      !TakeNumber(&text, separator, &position.partition)) {
    return std::nullopt;
  }
  position.topic = text.empty() ? topic : std::string(text);
  if (position.topic.empty()) return std::nullopt;
  return position;
}

absl::StatusOr<ExplainedEvent> FindRecord(const connectors::KafkaClientOptions& client,
                                          const RecordPosition& position, absl::Duration within) {
  const absl::Time deadline = absl::Now() + within;
  const auto reader = TopicRangeReader::Make({.client = client, .topic = position.topic});
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<OffsetRanges> bounds = (*reader)->Bounds(within / 2);
  if (!bounds.ok()) return bounds.status();
  if (absl::Status is_there = CheckBounds(position, *bounds); !is_there.ok()) return is_there;
  absl::Status status =
      (*reader)->Start({{position.partition, {position.offset, position.offset + 1}}});
  while (status.ok()) {
    const auto events = (*reader)->Poll(absl::Milliseconds(50));
    if (!events.ok()) return events.status();
    if (!events->empty()) return EventOfRecord(events->front(), position.topic);
    if ((*reader)->done()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "offset ", position.offset, " of partition ", position.partition, " of ", position.topic,
          " holds no record: it was compacted away, or is of an "
          "aborted transaction, or the mark of one's end"));
    }
    if (absl::Now() >= deadline) {
      status = absl::UnavailableError(
          absl::StrCat("topic ", position.topic, ": no record came in time"));
    }
  }
  return status;
}

}  // namespace turnout::runtime
