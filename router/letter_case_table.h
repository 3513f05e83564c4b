// LetterCaseTable: lower and upper forms of the characters below U+10000, as data.
#pragma once

#include <array>
#include <cstdint>

#include "absl/types/span.h"

namespace turnout::router {

// Every `stride`th character from `first` to `last` maps to itself plus `delta`.
struct CaseRange {
  uint16_t first;
  uint16_t last;
  uint16_t stride;
  int32_t delta;
};

// A character one of whose forms is longer than one character; zeros fill up.
struct SpecialCase {
  uint16_t character;
  std::array<uint16_t, 3> lower;
  std::array<uint16_t, 3> upper;
};

// Each sorted by character.
absl::Span<const CaseRange> LowerCaseRanges();
absl::Span<const CaseRange> UpperCaseRanges();
absl::Span<const SpecialCase> SpecialCases();

}  // namespace turnout::router
