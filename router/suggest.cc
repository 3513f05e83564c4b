#include "router/suggest.h"

#include <algorithm>
#include <array>

namespace turnout::router {
namespace {

using Row = std::array<size_t, kSuggestWordBytesMax + 1>;

// Case, and the choice between `-` and `_`, are what people get wrong first.
char Fold(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '_' ? '-' : c;
}

bool SameLetter(char a, char b) { return Fold(a) == Fold(b); }

// Both at most kSuggestWordBytesMax bytes long.
size_t EditDistance(std::string_view a, std::string_view b) {
  Row before_last{};
  Row last{};
  Row current{};
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (SameLetter(a[i - 1], b[j - 1]) ? 0 : 1);
      current[j] = std::min({replaced, last[j] + 1, current[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && SameLetter(a[i - 1], b[j - 2]) &&
                           SameLetter(a[i - 2], b[j - 1]);
      if (swapped) current[j] = std::min(current[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = current;
  }
  return last[b.size()];
}

}  // namespace

std::string_view NearestName(std::string_view word, absl::Span<const std::string_view> known) {
  if (word.empty() || word.size() > kSuggestWordBytesMax) return {};
  std::string_view nearest;
  size_t nearest_distance = 0;
  for (const std::string_view name : known) {
    if (name.size() > kSuggestWordBytesMax) continue;
    const size_t longer = std::max(word.size(), name.size());
    const size_t edits_max = std::max<size_t>(1, longer / 3);
    const size_t distance = EditDistance(word, name);
    // A word that shares no letter with the name is not a misspelling of it, however short.
    if (distance > edits_max || distance >= longer) continue;
    if (nearest.empty() || distance < nearest_distance) {
      nearest = name;
      nearest_distance = distance;
    }
  }
  return nearest;
}

std::string NearestNameCure(std::string_view word, absl::Span<const std::string_view> known) {
  std::string cure;
  const std::string_view nearest = NearestName(word, known);
  if (!nearest.empty()) cure.append("did you mean `").append(nearest).append("`? ");
  cure.append("Known: ");
  for (size_t i = 0; i < known.size(); ++i) {
    if (i > 0) cure.append(", ");
    cure.append(known[i]);
  }
  return cure;
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShownBytesMax = 80;
  if (text.size() <= kShownBytesMax) return "`" + std::string(text) + "`";
  size_t end = kShownBytesMax;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;  // not within a character of UTF-8
  return "`" + std::string(text.substr(0, end)) + "...`";
}

}  // namespace turnout::router
