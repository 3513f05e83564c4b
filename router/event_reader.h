// EventReader: the values that an event has at the fields that are asked for, whatever its record
// is.
//
// Whoever judges or explains events reads them here, so that all see the same: the payload's JSON,
// or, where CloudEvents are read, a binary one's attributes at the top level and its payload below
// `data`, in place; nothing is copied. Its payload is parsed only where somebody asks for `data`
// or what is below. Data that is not JSON has no fields.
//
// Errors: InvalidArgument says what can't be read: a payload that is no JSON object (of a binary
//   event: no JSON value), or a binary event's attribute that is not UTF-8. Then reading() says
//   what is missing, and nothing that was found in it stays behind.
// Threads: one reader a thread. Allocates nothing once warm.
// Lifetime: as EventParser.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "router/cloud_event.h"
#include "router/event.h"
#include "router/event_parser.h"
#include "router/field_trie.h"
#include "router/gathered_event.h"

namespace turnout::router {

class EventReader {
 public:
  explicit EventReader(bool reads_cloud_events) : reads_cloud_events_(reads_cloud_events) {}

  // Adds the leaves at `fields` to those of the record's own that `gathered` has.
  absl::Status Read(const Event& event, const FieldTrie& fields, GatheredEvent* gathered);

  // The same as if the payload could not be read.
  void ReadRecord(const Event& event, const FieldTrie& fields, GatheredEvent* gathered);

  // Of the last event.
  Reading reading() const { return reading_; }
  const CloudEvent& cloud_event() const { return cloud_event_; }
  // Of its payload, as EventParser's; empty where it was not parsed, or is malformed.
  absl::Span<const uint32_t> structurals() const { return structurals_; }

 private:
  // All but the payload.
  absl::Status Start(const Event& event, const FieldTrie& fields, GatheredEvent* gathered);
  bool is_binary() const { return cloud_event_.mode == CloudEvent::Mode::kBinary; }
  void AddAttributes(const Event& event, const FieldTrie& fields, GatheredEvent* gathered) const;
  absl::Status ReadPayload(const Event& event, const FieldTrie& fields, GatheredEvent* gathered);

  const bool reads_cloud_events_;
  EventParser parser_;
  CloudEvent cloud_event_;
  Reading reading_;
  absl::Span<const uint32_t> structurals_;
};

}  // namespace turnout::router
