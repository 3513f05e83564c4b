// Wildcard: a text in which `*` stands for any run of characters, empty ones too.
//
// `\*` and `\\` are the characters themselves. WildcardIgnoreCase is the same with each character
// upper or lower case, as in letter_case.h.
//
// Cost: matching is greedy piece by piece, so it goes over the value once. At its worst it looks at
//   each byte of the value 64 times, ignoring case as often as the longest piece has characters.
// Threads: immutable once built.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/letter_case.h"

namespace turnout::router {

class Wildcard {
 public:
  // Nullopt with the reason in `error` when two stars stand together or a backslash escapes
  // nothing.
  static std::optional<Wildcard> Parse(std::string_view text, std::string* error);

  bool Matches(std::string_view value) const;

  // The literal pieces between the stars: one more than there are stars.
  std::vector<std::string> pieces() const;
  size_t star_count() const { return star_count_; }

 private:
  // Each piece behind its length, in the order in which they are looked at: the first one, the last
  // one, the others. One row of bytes, since many wildcards are held against one value.
  std::string row_;
  size_t star_count_ = 0;
};

class WildcardIgnoreCase {
 public:
  WildcardIgnoreCase() = default;
  explicit WildcardIgnoreCase(const Wildcard& wildcard);  // its text is valid UTF-8

  bool Matches(std::string_view value) const;

 private:
  std::vector<LetterCaseText> pieces_;
};

}  // namespace turnout::router
