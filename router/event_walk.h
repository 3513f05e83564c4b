// EventWalk: the grammar of an event, checked along its structural characters.
//
// EventParser's second half. Each structural index is the place of a brace, bracket, colon, comma
// or of the first byte of a scalar; between a scalar's end and the next index there is white space
// only, which the walk checks for numbers and words (for strings the first stage has). A string's
// closing quote is found backwards from the next index, and only where somebody asks for the
// string, so that text is not scanned byte by byte. Subtrees that nobody asks for are checked by
// loops that look at nothing but their structural characters and numbers.
//
// The walk looks at text[text.size()] when the last structural character is not the event's closing
// brace; the caller then provides a NUL there.
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
  // The same of an event's data: any JSON value, one level below the event. `node` is what stands
  // for it in the trie, or kNoNode.
  bool WalkData(FieldTrie::NodeId node);

  // How many structurals what was found right has.
  size_t walked() const { return static_cast<size_t>(end_ - first_); }

  const char* error() const { return error_; }
  size_t error_offset() const { return error_offset_; }

 private:
  // Where a walk stands: the next structural index. Null: an error was found.
  using At = const uint32_t*;

  char CharAt(At at) const { return text_[*at]; }
  At Fail(const char* error, At at) { return FailAt(error, *at); }
  At FailAt(const char* error, size_t offset);
  At FailValue(At at);
  bool IsEnd(At at) const { return *at == size_; }

  // All take the first structural index of their kind of thing and answer the one after it.
  At SkipObject(At at, int depth);
  At SkipArray(At at, int depth);
  At SkipValue(At at, int depth);
  At Object(At at, FieldTrie::NodeId node, int depth);
  At Array(At at, FieldTrie::NodeId node, int depth);
  At ArrayElements(At at, FieldTrie::NodeId node, uint32_t array, int depth);
  At ScopedElement(At at, FieldTrie::NodeId node, uint32_t array, int depth);
  At Value(At at, FieldTrie::NodeId node, int depth);
  At Container(At at, FieldTrie::NodeId node, int depth);
  At Scalar(At at, FieldId field);
  At NumberOrWord(At at, char first);
  At Number(At at);
  template <size_t kLength>
  At Word(At at, const char* word);
  At ScalarEnd(At at, size_t end);

  size_t StringEnd(size_t next) const;
  FieldTrie::NodeId Follow(FieldTrie::NodeId node, At key) const;
  bool CheckEscapes(size_t end);
  At Data(FieldTrie::NodeId node);

  const char* const text_;
  const size_t size_;
  const At first_;
  const FieldTrie& trie_;
  GatheredEvent* const event_;
  const bool has_escapes_;
  At end_ = nullptr;
  uint32_t scope_ = 0;
  const char* error_ = nullptr;
  size_t error_offset_ = 0;
};

}  // namespace turnout::router
