// EventWalk: the grammar of an event, checked along its structural characters.
//
// EventParser's second half. Each structural index is the place of a brace, bracket, colon, comma
// or of the first byte of a scalar; between a scalar's end and the next index there is white space
// only, which the walk checks. A string's closing quote is found backwards from the next index, so
// that strings are not scanned byte by byte.
//
// Errors: Walk answers false; error() and error_offset() say what and where.
// Lifetime: borrows everything it is given.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/types/span.h"
#include "router/field_trie.h"
#include "router/gathered_event.h"

namespace turnout::router {

class EventWalk {
 public:
  // `structurals` ends with a sentinel equal to text.size().
  EventWalk(std::string_view text, absl::Span<const uint32_t> structurals, const FieldTrie& trie,
            GatheredEvent* event);

  bool Walk();

  const char* error() const { return error_; }
  size_t error_offset() const { return error_offset_; }

 private:
  // With no trie node to follow, a subtree is only checked.
  static constexpr FieldTrie::NodeId kSkip = FieldTrie::kNoNode;

  char Peek() const { return *next_ < text_.size() ? text_[*next_] : '\0'; }
  size_t Offset() const { return *next_; }
  bool Fail(const char* error) { return FailAt(error, Offset()); }
  bool FailAt(const char* error, size_t offset);

  bool Object(FieldTrie::NodeId node, int depth);
  bool Array(FieldTrie::NodeId node, int depth);
  bool Member(FieldTrie::NodeId node, int depth);
  bool Element(FieldTrie::NodeId node, uint32_t array, int depth);
  bool Value(FieldTrie::NodeId node, int depth);
  bool Container(FieldTrie::NodeId node, int depth);
  bool Scalar(Leaf* leaf);
  bool String(Leaf* leaf);
  bool Number(Leaf* leaf);
  bool Literal(std::string_view word, ValueKind kind, Leaf* leaf);
  bool ScalarEnd(size_t end);
  FieldTrie::NodeId Follow(FieldTrie::NodeId node, const Leaf& key) const;
  size_t FindBackslash(size_t from) const;

  const std::string_view text_;
  const uint32_t* next_;  // the next structural index
  const FieldTrie& trie_;
  GatheredEvent* const event_;
  uint32_t scope_ = 0;
  size_t next_backslash_;  // of the first backslash not yet passed, or the text's size
  const char* error_ = nullptr;
  size_t error_offset_ = 0;
};

}  // namespace turnout::router
