// EventFormat: an event's payload as JSON, where it came in another format.
//
// A value that begins with a zero byte is what Confluent's serializers write: that byte, the
// schema's id in four (big-endian), and the payload, which the schema of that id turns into JSON:
// Avro, Protobuf or JSON itself, as the registry says. No JSON begins with a zero byte; what begins
// with a brace is JSON as it is. Anything else can't be read.
//
// Threads: one. Lifetime: an answer is valid until the next Read, and while the value's bytes live.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "connectors/payload_schema.h"
#include "runtime/schema_registry.h"

namespace turnout::runtime {

// For router::Event, and what of the value's schema is lacking.
struct PayloadReading {
  std::string_view decoded = {};             // null data(): the value is JSON, or can't be read
  const std::string* undecodable = nullptr;  // why it can't be
  const SchemaAnswer* lacks = nullptr;       // null: its schema is at hand, or it names none
  uint32_t schema_id = 0;                    // of `lacks`
};

class EventFormat {
 public:
  // `schemas` is borrowed; null: all values are JSON.
  explicit EventFormat(SchemaRegistry* schemas) : schemas_(schemas) {}

  bool is_json() const { return schemas_ == nullptr; }

  // A schema that is not at hand is asked for, and waited with for `within`.
  PayloadReading Read(std::string_view value, absl::Duration within = absl::ZeroDuration());
  // Of what was read last and lacks its schema: nobody waits for it.
  void SayNotAwaited();
  // Asks for the value's schema, for later.
  void AskFor(std::string_view value);

 private:
  const connectors::PayloadSchema* FindSchema(uint32_t id, absl::Duration within);

  SchemaRegistry* const schemas_;
  // Those that events had lately: an id never changes.
  absl::flat_hash_map<uint32_t, std::shared_ptr<const connectors::PayloadSchema>> known_;
  SchemaAnswer lacks_;
  std::string json_;
  std::string undecodable_;
};

}  // namespace turnout::runtime
