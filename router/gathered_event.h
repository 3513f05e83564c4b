// GatheredEvent: what the parser found in one event at the fields that were asked for.
//
// Leaves are the scalars found, in the order of the text. Every element of an asked-for array that
// is itself an object or an array opens a scope; a leaf knows its innermost scope and a scope its
// array and outer scope, so that two leaves can be told to come from different elements of one
// array. Scope 0 is the event itself.
//
// Cost: 24 bytes a leaf and 20 a scope; the vectors keep their capacity from event to event.
// Lifetime: leaves view the event's bytes or this object; valid until the next event.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "router/field_trie.h"
#include "router/value.h"

namespace turnout::router {

struct Leaf {
  std::string_view text;  // a string as written between its quotes, or a number's spelling
  uint32_t scope = 0;
  ValueKind kind = ValueKind::kNull;
  bool escaped = false;  // `text` holds escapes
};

struct Scope {
  uint32_t parent = 0;
  uint32_t array = 0;
  uint32_t leaves_begin = 0;  // its leaves and its inner scopes' are [begin, end)
  uint32_t leaves_end = 0;
};

struct GatheredEvent {
  std::vector<Leaf> leaves;
  std::vector<Scope> scopes;
  std::vector<uint32_t> array_leaves_end;    // by array
  std::vector<std::vector<uint32_t>> found;  // by FieldId: indices into `leaves`, ascending
  std::vector<FieldId> touched;              // fields that have leaves

  // Forgets the last event and makes room for `field_count` fields.
  void Reset(size_t field_count) {
    for (const FieldId field : touched) found[field].clear();
    touched.clear();
    leaves.clear();
    scopes.assign(1, Scope{});
    array_leaves_end.clear();
    decoded_.clear();
    if (found.size() < field_count) found.resize(field_count);
  }

  void Add(FieldId field, const Leaf& leaf) {
    std::vector<uint32_t>& list = found[field];
    if (list.empty()) touched.push_back(field);
    list.push_back(static_cast<uint32_t>(leaves.size()));
    leaves.push_back(leaf);
  }

  // The leaf with its escapes decoded; decoding happens once a leaf. `event_bytes` bounds what all
  // decoded texts of this event need together.
  const Leaf& Decoded(uint32_t index, size_t event_bytes);

 private:
  std::vector<char> decoded_;
};

}  // namespace turnout::router
