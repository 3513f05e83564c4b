// LetterCase: the text of an `equals-ignore-case`, ready to be compared.
//
// Each character of the pattern's text matches its lower or its upper form, character by character
// and without Unicode folding, as event-ruler does it: the pattern "ss" does not match "\u00df",
// but the pattern "\u00df" matches "SS", its upper form. Characters from U+10000 on match
// themselves.
//
// Threads: immutable once built.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace turnout::router {

class LetterCaseText {
 public:
  LetterCaseText() = default;
  explicit LetterCaseText(std::string_view text);  // valid UTF-8

  bool EqualsText(std::string_view value) const;
  bool IsPrefixOf(std::string_view value) const;
  bool IsSuffixOf(std::string_view value) const;

  // Where a text that stands at the beginning of `value` ends, or npos when it does not stand
  // there.
  size_t EndAtFront(std::string_view value) const;
  // Where a text that stands at the end of `value` begins, or npos.
  size_t BeginAtBack(std::string_view value) const;
  // Looks for the first place in `value` where the text stands, and sets `end` to its end there.
  bool Find(std::string_view value, size_t* end) const;

 private:
  // One character's two forms, or a run of characters that have only one (both forms equal).
  struct Unit {
    std::string lower;
    std::string upper;
  };

  std::vector<Unit> units_;
};

}  // namespace turnout::router
