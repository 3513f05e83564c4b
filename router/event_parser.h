// EventParser: one JSON event, validated whole and searched for the asked-for fields, in one walk.
//
// simdjson's first stage finds the structural characters and checks UTF-8 and strings' control
// characters; a walk of our own over them checks the grammar, numbers and escapes, and follows the
// trie of asked-for fields. What nobody asks for is checked but not decoded. Duplicate keys add up.
// Text after the event's closing brace is ignored.
//
// Errors: InvalidArgument, naming the byte and what is wrong: not an object, malformed anywhere up
//   to its end, nested deeper than kEventDepthMax.
// Threads: one parser a thread.
// Lifetime: reads only bytes of `text`, never beyond its end; no padding is needed. What was found
//   views `text` or the parser, until its next Parse.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "router/field_trie.h"
#include "router/gathered_event.h"

namespace turnout::router {

// Objects and arrays inside of each other, the event itself counted.
inline constexpr int kEventDepthMax = 1000;

class EventParser {
 public:
  EventParser();
  ~EventParser();

  // Fills `event`, which has been Reset, with the leaves at `trie`'s fields.
  absl::Status Parse(std::string_view text, const FieldTrie& trie, GatheredEvent* event);

  // Where the structural characters stand in the event that Parse found right: braces, brackets,
  // colons, commas and the first byte of each scalar.
  absl::Span<const uint32_t> structurals() const;

 private:
  struct Structure;
  std::unique_ptr<Structure> structure_;
};

}  // namespace turnout::router
