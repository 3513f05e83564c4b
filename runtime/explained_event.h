// ExplainedEvent: an event that somebody wants explained, with the bytes that are its own: read
// from a line, from a request's body, or from a topic.
//
// A line is the payload alone, or a record as JSON:
//   {"value": TEXT OR OBJECT, "key": TEXT, "headers": {"name": "text"}, "timestamp": MS OR TEXT,
//    "topic": TEXT, "partition": N}
// where all but `value` may be missing, null is Kafka's null, and a timestamp is milliseconds since
// the epoch or an RFC 3339 text.
//
// Errors: InvalidArgument names the field and what to write.
// Threads: values; pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/record.h"
#include "router/document.h"
#include "router/event.h"
#include "runtime/schema_registry.h"

namespace turnout::runtime {

struct ExplainedEvent {
  std::string topic;
  std::optional<int32_t> partition;
  std::optional<int64_t> offset;
  int64_t timestamp_ms = -1;  // Kafka's: none
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  // Once read as what it is: the value as JSON where it is none, or why it can't be.
  std::optional<std::string> decoded;
  std::optional<std::string> undecodable;

  // Where values may be of another format; a schema is waited with for `within`.
  void Decode(SchemaRegistry* schemas, absl::Duration within);
  // Views of this one; `storage` keeps the headers'.
  router::Event View(std::vector<router::Header>* storage) const;
  // The first header of that name, if it has a value.
  std::optional<std::string> Header(std::string_view name) const;
  // "topic/partition/offset", as far as it has them.
  std::string Position() const;
};

ExplainedEvent EventOfPayload(std::string_view payload, const std::string& topic);
ExplainedEvent EventOfRecord(const connectors::Event& record, const std::string& topic);

// A record as JSON. Members named in `others` are the caller's.
absl::StatusOr<ExplainedEvent> EventOfNode(const router::Node& node, const std::string& topic,
                                           const std::vector<std::string_view>& others = {});
absl::StatusOr<ExplainedEvent> EventOfJson(std::string_view json, const std::string& topic);

}  // namespace turnout::runtime
