#include "runtime/event_sample.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "connectors/topic_range_reader.h"
#include "runtime/json_text.h"
#include "runtime/log.h"

namespace turnout::runtime {
namespace {

using connectors::OffsetRange;
using connectors::OffsetRanges;
using connectors::TopicRangeReader;

constexpr absl::Duration kPoll = absl::Milliseconds(50);

// The ends of some logs that hold anything, evenly spread over all that do, and others as events
// come: no partition is never looked at. Twice as much as is wanted, for markers of transactions
// lie between records.
OffsetRanges EndsOf(const OffsetRanges& bounds, size_t events) {
  std::vector<OffsetRanges::value_type> held;
  size_t first = 0;
  for (const auto& log : bounds) {
    if (log.second.end <= log.second.begin) continue;
    held.push_back(log);
    first += static_cast<size_t>(log.second.end);
  }
  const size_t looked_at = std::min(held.size(), kSamplePartitionsMax);
  const int64_t wanted = 2 * static_cast<int64_t>(events);
  OffsetRanges ends;
  for (size_t i = 0; i < looked_at; ++i) {
    const auto& [partition, log] = held[(first + i * held.size() / looked_at) % held.size()];
    ends[partition] = {std::max(log.begin, log.end - wanted), log.end};
  }
  return ends;
}

// Bytes that are not UTF-8 become three each.
bool Fits(std::string_view text) {
  return text.size() * (IsUtf8(text) ? 1 : 3) <= kSampledBytesMax;
}

void AppendText(std::string_view name, std::string_view text, std::string* out) {
  absl::StrAppend(out, ",\"", std::string(name), "\":");
  AppendJsonString(WithoutSecrets(std::string(text)), out);
}

void AppendEvent(const ExplainedEvent& event, const EventMask& mask, std::string* out) {
  absl::StrAppend(out, "{\"partition\":", event.partition.value_or(0),
                  ",\"offset\":", event.offset.value_or(0),
                  ",\"timestamp\":", std::max<int64_t>(-1, event.timestamp_ms));
  if (event.key && Fits(*event.key)) {
    AppendText("key", mask.Key(*event.key), out);
  }
  const std::optional<std::string>& json = event.decoded ? event.decoded : event.value;
  std::string shown;  // empty: it can't be
  if (json && json->size() <= kSampledBytesMax) shown = mask.Payload(*json).value_or("");
  if (!shown.empty() && shown.size() <= kSampledBytesMax) {
    AppendText("value", shown, out);
  } else {
    AppendText("note",
               !json ? "it has no value"
               : json->size() > kSampledBytesMax || !shown.empty()
                   ? "its value is too large to be shown"
                   : "its value can't be read, so nothing in it can "
                     "be masked: it is not shown",
               out);
  }
  out->append(",\"headers\":[");
  size_t headers = 0;
  for (const auto& [name, value] : event.headers) {
    if (headers == kSampledHeadersMax || !Fits(name) || !Fits(value.value_or(""))) continue;
    out->append(headers++ == 0 ? "{\"name\":" : ",{\"name\":");
    AppendJsonString(WithoutSecrets(name), out);
    AppendText("value", mask.Header(name, value.value_or("")), out);
    out->push_back('}');
  }
  out->append("]}");
}

}  // namespace

absl::StatusOr<std::vector<ExplainedEvent>> ReadSample(const connectors::KafkaClientOptions& client,
                                                       const std::string& topic, size_t events,
                                                       absl::Duration within) {
  const absl::Time deadline = absl::Now() + within;
  const auto reader = TopicRangeReader::Make({.client = client, .topic = topic});
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<OffsetRanges> bounds = (*reader)->Bounds(within / 2);
  if (!bounds.ok()) return bounds.status();
  std::vector<ExplainedEvent> found;
  if (absl::Status started = (*reader)->Start(EndsOf(*bounds, events)); !started.ok()) {
    return started;
  }
  while (!(*reader)->done() && absl::Now() < deadline) {
    const auto batch = (*reader)->Poll(kPoll);
    if (!batch.ok()) return batch.status();
    for (const connectors::Event& record : *batch) found.push_back(EventOfRecord(record, topic));
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.timestamp_ms != b.timestamp_ms ? a.timestamp_ms > b.timestamp_ms : a.offset > b.offset;
  });
  if (found.size() > events) found.resize(events);
  return found;
}

std::string SampleJson(const std::vector<ExplainedEvent>& events, const EventMask& mask) {
  std::string json = "[";
  for (const ExplainedEvent& event : events) {
    std::string one;
    AppendEvent(event, mask, &one);
    if (json.size() + one.size() > kSampledAllBytesMax) continue;
    absl::StrAppend(&json, json.size() > 1 ? "," : "", one);
  }
  return json + "]";
}

}  // namespace turnout::runtime
