// EventFields: all values that some patterns' fields have in one event, to be looked at at leisure.
//
// What a Matcher gathers on its way it keeps to itself; this is the same walk over the same fields
// (EventReader, GatheredEvent), kept for whoever wants to explain an answer. A record's own fields
// are leaves of no array.
//
// Errors: InvalidArgument when the payload can't be read; the record's own fields are there all the
//   same.
// Threads: one. Lifetime: leaves are valid until the next Read, and while the event's bytes live.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "router/event.h"
#include "router/event_reader.h"
#include "router/field_trie.h"
#include "router/gathered_event.h"
#include "router/pattern_content.h"
#include "router/value.h"

namespace turnout::router {

class EventFields {
 public:
  explicit EventFields(bool reads_cloud_events = false) : reader_(reads_cloud_events) {}

  // All of a pattern's fields. Before the first Read.
  void Ask(const PatternContent& pattern);

  absl::Status Read(const Event& event);

  // Those of the field, ascending; of one that nobody asked for, none. Valid until the next call.
  absl::Span<const LeafIndex> Leaves(const FieldRef& field);
  Value ValueOf(LeafIndex leaf);
  const GatheredEvent& event() const { return gathered_; }

  // How the last event was read, and as what.
  Reading reading() const { return reads_payload_ ? reader_.reading() : Reading(); }
  CloudEvent cloud_event() const { return reads_payload_ ? reader_.cloud_event() : CloudEvent(); }

 private:
  using KafkaFields = absl::flat_hash_map<std::string, FieldId>;

  void AddRecord(const Event& event);
  void Add(const FieldRef& field, std::string_view text, ValueKind kind);
  FieldId IdOf(const FieldRef& field) const;

  FieldTrie payload_;
  absl::flat_hash_map<std::string, FieldId> payload_ids_;  // by path
  KafkaFields kafka_;                                      // by FieldText; ids behind the payload's
  bool reads_payload_ = false;
  EventReader reader_;
  GatheredEvent gathered_;
  size_t event_bytes_ = 0;
  std::string partition_;
  std::vector<LeafIndex> leaves_;
};

}  // namespace turnout::router
