// RandomEvent: JSON events out of a vocabulary, leaning towards what rules wish for.
//
// Objects, arrays of scalars, objects and arrays, duplicate keys, dotted keys, escapes in keys and
// values, empty containers, white space; wishes are put under one array element together or spread
// over several. BreakEvent makes an event malformed, or deep, or leaves text behind it.
//
// Threads: pure functions of the choices.
#pragma once

#include <string>
#include <vector>

#include "tests/support/choices.h"
#include "tests/support/random_pattern.h"
#include "tests/support/vocabulary.h"

namespace turnout::support {

class EventMaker {
 public:
  EventMaker(const Vocabulary& words, Choices* choices) : words_(words), choices_(choices) {}

  // The wishes' paths are those of the payload.
  std::string Make(const std::vector<Wish>& wishes);

 private:
  using Wishes = std::vector<const Wish*>;

  void WriteObject(Wishes wishes, size_t depth, size_t level);
  void WriteMember(const Wishes& wishes, size_t depth, size_t level);
  void WriteWished(const Wishes& wishes, size_t depth, size_t level);
  void WriteArray(const Wishes& wishes, size_t depth, size_t level);
  void WriteAny(size_t level);
  void Space();

  const Vocabulary& words_;
  Choices* const choices_;
  std::string out_;
};

// A variation of an event; most are malformed, some only look so.
std::string BreakEvent(std::string event, Choices* choices);

}  // namespace turnout::support
