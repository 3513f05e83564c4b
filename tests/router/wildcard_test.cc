#include "router/wildcard.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/letter_case_table.h"

namespace turnout::router {
namespace {

Wildcard Parsed(std::string_view text) {
  std::string error;
  std::optional<Wildcard> wildcard = Wildcard::Parse(text, &error);
  EXPECT_TRUE(wildcard.has_value()) << text << ": " << error;
  return wildcard.value_or(Wildcard());
}

TEST(WildcardIgnoreCase, LettersMatchUpperAndLowerCase) {
  const struct {
    const char* wildcard;
    std::vector<const char*> matching;
    std::vector<const char*> others;
  } cases[] = {
      {"*.PNG", {"a.png", ".pNg", "a.png.PNG"}, {"png", "a.pngx", ""}},
      {"img*", {"IMG", "imgX", "ImG1"}, {"im", "ximg"}},
      {"a*b*c", {"ABC", "axxBxxc", "abcbc", "aBBc"}, {"ac", "acb", "abcd", "xabc"}},
      {"a*a", {"aA", "aba"}, {"a", "A"}},
      {"ab*ba", {"abBA", "ABxBA"}, {"aba", "ab"}},
      {"*", {"", "x"}, {}},
      {"", {""}, {"x"}},
      {"exact", {"EXACT"}, {"exactly", "exac"}},
      {"*aab*", {"AaAaB", "xaab"}, {"aaa", "abab"}},
      {"a\\*b*", {"A*B", "a*bc"}, {"axb"}},
      // Small sharp s, lower case two bytes; its upper form is two letters.
      {"*stra\xC3\x9F"
       "e*",
       {"DIE STRASSE",
        "stra\xC3\x9F"
        "e 1"},
       {"strase"}},
      {"*\xC3\x9F*s",
       {"SSs", "aSSSS",
        "\xC3\x9F"
        "S"},
       {"ss", "SS"}},
      // k's upper form is K alone; the Kelvin sign's lower form is k.
      {"*\xE2\x84\xAA*", {"k", "xkx", "\xE2\x84\xAA"}, {"K"}},
      // A character beyond U+FFFF is itself only.
      {"*\xF0\x90\x90\x80", {"x\xF0\x90\x90\x80"}, {"x\xF0\x90\x90\xA8"}},
  };
  for (const auto& test : cases) {
    const WildcardIgnoreCase wildcard(Parsed(test.wildcard));
    for (const char* text : test.matching) {
      EXPECT_TRUE(wildcard.Matches(text)) << test.wildcard << " " << text;
    }
    for (const char* text : test.others) {
      EXPECT_FALSE(wildcard.Matches(text)) << test.wildcard << " " << text;
    }
  }
}

TEST(Wildcard, LongPiecesAreFoundAsShortOnesAre) {
  for (const size_t length : {size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{300}}) {
    const std::string piece = std::string(length, 'a') + "b";
    const Wildcard wildcard = Parsed("x*" + piece + "*y");
    EXPECT_TRUE(wildcard.Matches("x" + piece + "y"));
    EXPECT_TRUE(wildcard.Matches("xaa" + piece + "ay"));
    EXPECT_FALSE(wildcard.Matches("x" + std::string(length, 'a') + "cy"));
    EXPECT_FALSE(wildcard.Matches("x" + piece.substr(1) + "y"));
  }
}

// Tries every way to place the stars.
bool SlowMatches(const std::vector<std::string>& pieces, size_t piece, std::string_view value) {
  if (piece + 1 == pieces.size()) return LetterCaseText(pieces[piece]).EqualsText(value);
  for (size_t length = 0; length <= value.size(); ++length) {
    if (!LetterCaseText(pieces[piece]).EqualsText(value.substr(0, length))) continue;
    for (size_t skip = length; skip <= value.size(); ++skip) {
      if (SlowMatches(pieces, piece + 1, value.substr(skip))) return true;
    }
  }
  return false;
}

TEST(WildcardIgnoreCase, AgreesWithTryingEveryPlaceOfTheStars) {
  // Letters whose forms are of different lengths, beside their parts.
  const char* const parts[] = {"s", "S",        "\xC3\x9F", "k", "\xE2\x84\xAA",
                               "i", "\xC4\xB0", "\xCC\x87"};
  constexpr size_t kParts = 8;
  size_t matched = 0;
  uint32_t random = 1;
  const auto next = [&](size_t below) {
    random = random * 1664525 + 1013904223;
    return static_cast<size_t>(random >> 8) % below;
  };
  for (int round = 0; round < 20000; ++round) {
    std::string pattern;
    for (size_t i = next(6); i > 0; --i) {
      const bool star = next(3) == 0 && (pattern.empty() || pattern.back() != '*');
      pattern += star ? "*" : parts[next(kParts)];
    }
    std::string value;
    for (size_t i = next(7); i > 0; --i) value += parts[next(kParts)];
    const Wildcard wildcard = Parsed(pattern);
    const bool expected = SlowMatches(wildcard.pieces(), 0, value);
    matched += expected ? 1 : 0;
    ASSERT_EQ(WildcardIgnoreCase(wildcard).Matches(value), expected) << pattern << " " << value;
  }
  EXPECT_GT(matched, 500u);
}

// What greedy matching rests on: of a character's forms, none lies within the other one.
TEST(WildcardIgnoreCase, NoFormOfACharacterLiesWithinTheOther) {
  for (const SpecialCase& special : SpecialCases()) {
    const auto holds = [](const std::array<uint16_t, 3>& form, uint16_t character) {
      return form[0] == character || form[1] == character || form[2] == character;
    };
    const bool lower_is_one = special.lower[1] == 0;
    const bool upper_is_one = special.upper[1] == 0;
    EXPECT_TRUE(lower_is_one || upper_is_one) << special.character;
    EXPECT_TRUE(lower_is_one || !holds(special.lower, special.upper[0])) << special.character;
    EXPECT_TRUE(upper_is_one || !holds(special.upper, special.lower[0])) << special.character;
  }
}

}  // namespace
}  // namespace turnout::router
