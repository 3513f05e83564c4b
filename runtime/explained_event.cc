#include "runtime/explained_event.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "router/canonical_text.h"
#include "router/suggest.h"
#include "router/timestamp.h"
#include "runtime/event_format.h"

namespace turnout::runtime {
namespace {

using router::Node;
using Kind = Node::Kind;

constexpr std::string_view kFields[] = {"value",     "key",   "headers",
                                        "timestamp", "topic", "partition"};

std::optional<std::string> Owned(std::string_view text) {
  return text.data() == nullptr ? std::nullopt : std::optional<std::string>(text);
}

std::string_view ViewOf(const std::optional<std::string>& text) {
  return text ? std::string_view(*text) : std::string_view();
}

absl::Status Wrong(std::string_view field, std::string_view cure) {
  return absl::InvalidArgumentError(
      absl::StrCat("`", std::string(field), "`: ", std::string(cure)));
}

// A text, or null for Kafka's.
absl::Status ReadText(std::string_view field, const Node& node, std::optional<std::string>* text) {
  if (node.kind == Kind::kNull) return absl::OkStatus();
  if (node.kind != Kind::kString) return Wrong(field, "write a text, or null");
  *text = node.text;
  return absl::OkStatus();
}

// An object is the payload with its blanks taken out; to the letter it has to be a text.
absl::Status ReadValue(const Node& node, ExplainedEvent* event) {
  if (node.kind == Kind::kObject) {
    event->value = router::JsonText(node);
    return absl::OkStatus();
  }
  if (node.kind != Kind::kString && node.kind != Kind::kNull) {
    return Wrong("value", "write the payload, as an object or as a text, or null");
  }
  return ReadText("value", node, &event->value);
}

absl::Status ReadHeaders(const Node& node, ExplainedEvent* event) {
  if (node.kind != Kind::kObject) return Wrong("headers", "write an object of texts");
  for (const router::Member& member : node.members) {
    auto& header = event->headers.emplace_back(member.name, std::nullopt);
    const absl::Status read =
        ReadText(absl::StrCat("headers.", member.name), member.value, &header.second);
    if (!read.ok()) return read;
  }
  return absl::OkStatus();
}

absl::Status ReadTimestamp(const Node& node, ExplainedEvent* event) {
  if (node.kind == Kind::kString) {
    const std::optional<router::Timestamp> time = router::ParseTimestamp(node.text);
    if (time) {
      event->timestamp_ms = time->seconds * 1000 + time->nanoseconds / 1'000'000;
      return absl::OkStatus();
    }
  } else if (node.kind == Kind::kNumber && absl::SimpleAtoi(node.text, &event->timestamp_ms)) {
    return absl::OkStatus();
  }
  return Wrong("timestamp", "write milliseconds since the epoch, or \"2026-01-31T12:30:00Z\"");
}

absl::Status ReadPartition(const Node& node, ExplainedEvent* event) {
  int32_t partition = 0;
  if (node.kind != Kind::kNumber || !absl::SimpleAtoi(node.text, &partition) || partition < 0) {
    return Wrong("partition", "write a partition's number");
  }
  event->partition = partition;
  return absl::OkStatus();
}

absl::Status Unknown(std::string_view field, const std::vector<std::string_view>& others) {
  std::vector<std::string_view> known(std::begin(kFields), std::end(kFields));
  known.insert(known.end(), others.begin(), others.end());
  return Wrong(field, "unknown field; " + router::NearestNameCure(field, known));
}

absl::Status ReadField(const router::Member& member, const std::vector<std::string_view>& others,
                       ExplainedEvent* event) {
  if (member.name == "value") return ReadValue(member.value, event);
  if (member.name == "key") return ReadText("key", member.value, &event->key);
  if (member.name == "headers") return ReadHeaders(member.value, event);
  if (member.name == "timestamp") return ReadTimestamp(member.value, event);
  if (member.name == "partition") return ReadPartition(member.value, event);
  if (member.name != "topic") return Unknown(member.name, others);
  if (member.value.kind != Kind::kString) return Wrong("topic", "write a topic's name");
  event->topic = member.value.text;
  return absl::OkStatus();
}

}  // namespace

router::Event ExplainedEvent::View(std::vector<router::Header>* storage) const {
  storage->clear();
  for (const auto& [name, content] : headers) storage->emplace_back(name, ViewOf(content));
  return {.value = ViewOf(value),
          .key = ViewOf(key),
          .topic = topic,
          .partition = partition.value_or(0),
          .timestamp_ms = timestamp_ms,
          .headers = *storage,
          .decoded = ViewOf(decoded),
          .undecodable = undecodable ? &*undecodable : nullptr};
}

void ExplainedEvent::Decode(SchemaRegistry* schemas, absl::Duration within) {
  EventFormat format(schemas);
  const PayloadReading reading = format.Read(ViewOf(value), within);
  decoded = Owned(reading.decoded);
  if (reading.undecodable != nullptr) undecodable = *reading.undecodable;
}

std::optional<std::string> ExplainedEvent::Header(std::string_view name) const {
  for (const auto& [header, content] : headers) {
    if (header == name) return content;
  }
  return std::nullopt;
}

std::string ExplainedEvent::Position() const {
  std::string position = topic;
  if (partition && offset) absl::StrAppend(&position, "/", *partition, "/", *offset);
  return position;
}

ExplainedEvent EventOfPayload(std::string_view payload, const std::string& topic) {
  ExplainedEvent event;
  event.topic = topic;
  event.value = std::string(payload);
  return event;
}

ExplainedEvent EventOfRecord(const connectors::Event& record, const std::string& topic) {
  ExplainedEvent event;
  event.topic = topic;
  event.partition = record.partition;
  event.offset = record.offset;
  event.timestamp_ms = record.timestamp_ms;
  event.key = Owned(record.key);
  event.value = Owned(record.value);
  for (const auto& [name, content] : record.headers) {
    event.headers.emplace_back(std::string(name), Owned(content));
  }
  return event;
}

absl::StatusOr<ExplainedEvent> EventOfNode(const Node& node, const std::string& topic,
                                           const std::vector<std::string_view>& others) {
  if (node.kind != Kind::kObject) {
    return absl::InvalidArgumentError(
        "an event is written as a JSON object with its `value`, such as {\"value\": {\"type\": "
        "\"order.created\"}}");
  }
  ExplainedEvent event;
  event.topic = topic;
  for (const router::Member& member : node.members) {
    if (std::find(others.begin(), others.end(), member.name) != others.end()) continue;
    if (absl::Status read = ReadField(member, others, &event); !read.ok()) return read;
  }
  if (node.Find("value") == nullptr) {
    return Wrong("value", "is missing: write the payload, as an object or as a text");
  }
  return event;
}

absl::StatusOr<ExplainedEvent> EventOfJson(std::string_view json, const std::string& topic) {
  std::vector<router::Problem> problems;
  const std::optional<Node> node = router::ParseJson(json, &problems);
  if (node) return EventOfNode(*node, topic);
  return absl::InvalidArgumentError(absl::StrCat(
      "not valid JSON at byte ", problems.front().at.column, ": ", problems.front().what));
}

}  // namespace turnout::runtime
