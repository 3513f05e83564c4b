#include "router/letter_case.h"

#include <algorithm>
#include <cstdint>

#include "router/json_string.h"
#include "router/letter_case_table.h"

namespace turnout::router {
namespace {

std::string Encoded(uint32_t character) {
  char bytes[4];
  return std::string(bytes, EncodeUtf8(character, bytes));
}

std::string EncodedForm(const std::array<uint16_t, 3>& form) {
  std::string out;
  for (const uint16_t character : form) {
    if (character != 0) out += Encoded(character);
  }
  return out;
}

uint32_t Mapped(absl::Span<const CaseRange> ranges, uint32_t character) {
  const auto range = std::lower_bound(
      ranges.begin(), ranges.end(), character,
      [](const CaseRange& candidate, uint32_t wanted) { return candidate.last < wanted; });
  if (range == ranges.end() || character < range->first ||
      (character - range->first) % range->stride != 0) {
    return character;
  }
  return static_cast<uint32_t>(static_cast<int32_t>(character) + range->delta);
}

const SpecialCase* FindSpecial(uint32_t character) {
  const absl::Span<const SpecialCase> cases = SpecialCases();
  const auto found = std::lower_bound(
      cases.begin(), cases.end(), character,
      [](const SpecialCase& candidate, uint32_t wanted) { return candidate.character < wanted; });
  return found != cases.end() && found->character == character ? &*found : nullptr;
}

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

}  // namespace

LetterCaseText::LetterCaseText(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const uint32_t character = DecodeUtf8(text, &at);
    Unit unit;
    if (const SpecialCase* special = FindSpecial(character)) {
      unit = {EncodedForm(special->lower), EncodedForm(special->upper)};
    } else {
      unit = {Encoded(Mapped(LowerCaseRanges(), character)),
              Encoded(Mapped(UpperCaseRanges(), character))};
    }
    const bool joins =
        unit.lower == unit.upper && !units_.empty() && units_.back().lower == units_.back().upper;
    if (joins) {
      units_.back().lower += unit.lower;
      units_.back().upper += unit.upper;
    } else {
      units_.push_back(std::move(unit));
    }
  }
}

// Trying one form and then the other is enough: no form of a character begins or ends another one.
size_t LetterCaseText::EndAtFront(std::string_view value) const {
  size_t at = 0;
  for (const Unit& unit : units_) {
    const std::string_view rest = value.substr(at);
    if (StartsWith(rest, unit.lower)) {
      at += unit.lower.size();
    } else if (StartsWith(rest, unit.upper)) {
      at += unit.upper.size();
    } else {
      return std::string_view::npos;
    }
  }
  return at;
}

size_t LetterCaseText::BeginAtBack(std::string_view value) const {
  for (auto unit = units_.rbegin(); unit != units_.rend(); ++unit) {
    if (EndsWith(value, unit->lower)) {
      value.remove_suffix(unit->lower.size());
    } else if (EndsWith(value, unit->upper)) {
      value.remove_suffix(unit->upper.size());
    } else {
      return std::string_view::npos;
    }
  }
  return value.size();
}

bool LetterCaseText::Find(std::string_view value, size_t* end) const {
  *end = 0;
  if (units_.empty()) return true;
  const char firsts[] = {units_[0].lower[0], units_[0].upper[0]};
  for (size_t at = 0;; ++at) {
    at = value.find_first_of(std::string_view(firsts, 2), at);
    if (at == std::string_view::npos) return false;
    const size_t length = EndAtFront(value.substr(at));
    if (length == std::string_view::npos) continue;
    *end = at + length;
    return true;
  }
}

bool LetterCaseText::EqualsText(std::string_view value) const {
  return EndAtFront(value) == value.size();
}

bool LetterCaseText::IsPrefixOf(std::string_view value) const {
  return EndAtFront(value) != std::string_view::npos;
}

bool LetterCaseText::IsSuffixOf(std::string_view value) const {
  return BeginAtBack(value) != std::string_view::npos;
}

}  // namespace turnout::router
