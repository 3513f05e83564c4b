// GatheredEvent: what the parser found in one event at the fields that were asked for.
//
// Leaves are the scalars found, in the order of the text; those of one field are chained. Every
// element of an asked-for array that is itself an object or an array opens a scope; a leaf knows
// its innermost scope and a scope its array and outer scope, so that two leaves can be told to come
// from different elements of one array. Scope 0 is the event itself.
//
// Cost: 32 bytes a leaf and 16 a scope; the vectors keep their capacity from event to event.
// Lifetime: leaves view the event's bytes or this object; valid until the next event.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "router/field_trie.h"
#include "router/value.h"

namespace turnout::router {

using LeafIndex = uint32_t;
inline constexpr LeafIndex kNoLeaf = UINT32_MAX;

struct Leaf {
  std::string_view text;  // a string as written between its quotes, or a number's spelling
  uint32_t scope = 0;
  LeafIndex next = kNoLeaf;  // the field's next one
  FieldId field = 0;
  ValueKind kind = ValueKind::kNull;
  bool escaped = false;  // `text` holds escapes
};

struct Scope {
  uint32_t parent = 0;
  uint32_t array = 0;
  uint32_t leaves_begin = 0;  // its leaves and its inner scopes' are [begin, end)
  uint32_t leaves_end = 0;
};

// The leaves of one field: a chain through Leaf::next, ascending.
struct FieldLeaves {
  LeafIndex first = kNoLeaf;
  LeafIndex last = kNoLeaf;
  uint32_t count = 0;
};

// What of an event somebody looks into: nothing, the data of a CloudEvent whose attributes are
// headers, or all that is not the record's own.
enum class EventPart : uint8_t { kNone, kData, kPayload };

// How an event was read.
struct Reading {
  EventPart missing = EventPart::kNone;     // what could not be read
  EventPart payload = EventPart::kPayload;  // what its payload is
};

struct GatheredEvent {
  std::vector<Leaf> leaves;
  std::vector<Scope> scopes;
  std::vector<uint32_t> array_leaves_end;  // by array
  std::vector<FieldId> array_scalars;      // by array: the field of leaves that are its elements
  std::vector<FieldLeaves> found;          // by FieldId
  std::vector<FieldId> touched;            // fields that have leaves

  // Forgets the last event and makes room for `field_count` fields.
  void Reset(size_t field_count) {
    for (const FieldId field : touched) found[field] = FieldLeaves();
    touched.clear();
    leaves.clear();
    scopes.resize(1);
    array_leaves_end.clear();
    array_scalars.clear();
    decoded_.clear();
    if (found.size() < field_count) found.resize(field_count);
  }

  // Whether some leaf lies in an array's element, so that leaves may contradict each other.
  bool has_scopes() const { return scopes.size() > 1; }

  void Add(FieldId field, Leaf leaf) {
    leaf.field = field;
    leaves.push_back(leaf);
    Chain(static_cast<LeafIndex>(leaves.size() - 1));
  }

  // Forgets all leaves but the first `count`, which lie in no array.
  void KeepFirst(size_t count);

  // The leaf with its escapes decoded; decoding happens once a leaf. `event_bytes` bounds what all
  // decoded texts of this event need together.
  const Leaf& Decoded(LeafIndex index, size_t event_bytes) {
    return leaves[index].escaped ? Decode(index, event_bytes) : leaves[index];
  }

 private:
  // The leaf is its field's last one.
  void Chain(LeafIndex index) {
    FieldLeaves& list = found[leaves[index].field];
    if (list.count++ == 0) {
      list.first = index;
      touched.push_back(leaves[index].field);
    } else {
      leaves[list.last].next = index;
    }
    list.last = index;
  }
  const Leaf& Decode(LeafIndex index, size_t event_bytes);

  std::vector<char> decoded_;
};

}  // namespace turnout::router
