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

  // The same of the data of an event whose attributes are elsewhere: any JSON value, which stands
  // at `node` of the trie (kNoNode: nobody asks for it), one level below the event.
  absl::Status ParseData(std::string_view text, const FieldTrie& trie, FieldTrie::NodeId node,
                         GatheredEvent* event);

  // Where the structural characters stand in what was found right: braces, brackets, colons, commas
  // and the first byte of each scalar. One more says where the next thing begins, or the text ends.
  // Empty after what was not right, and Forget.
  absl::Span<const uint32_t> structurals() const;
  void Forget();

 private:
  struct Structure;

  // `text` becomes what can be walked through.
  absl::Status FindStructurals(std::string_view* text, bool is_data);
  std::unique_ptr<Structure> structure_;
};

}  // namespace turnout::router
