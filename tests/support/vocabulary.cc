#include "tests/support/vocabulary.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "tests/support/json_tree.h"

namespace turnout::support {
namespace {

using Words = std::vector<std::string>;

const Words& PlainKeys() {
  static const Words* const keys = new Words{"a", "b", "c", "d", "e", "id", "type"};
  return *keys;
}

// Among them two whose order differs in UTF-8 and UTF-16, and an operator's name.
const Words& OddKeys() {
  static const Words* const keys =
      new Words{"",
                "B",
                "a b",
                "k\"q",
                "\xC3\xA9",
                "x\\y",
                "\xEF\xBD\x9E",
                "\xF0\x9F\x98\x80",
                "prefix",
                "a\tb",
                "$or",
                "$",
                "a long key that is longer than any register of eight"};
  return *keys;
}

const Words& PlainTexts() {
  static const Words* const texts =
      new Words{"a",   "b",  "ab",    "abc",    "ba",    "abab",           "aab",
                "A",   "aB", "AB",    "x",      "x.png", "/img/x.png",     "order.created",
                "eu",  "us", "order", "order.", "true",  "null",           "1",
                "3e2", "",   "aaaa",  "abcabc", "b.png", "order.cancelled"};
  return *texts;
}

const Words& OddTexts() {
  static const Words* const texts = new Words{
      "x*y",
      "x\\y",
      "\\*",
      "*",
      "say \"a\"",
      "a\nb",
      std::string("a\0b", 3),
      "\xC3\xA9",  // a letter with another case, of two bytes
      "\xC3\x89",  // that other case
      "\xC3\x9F",  // sharp s, whose upper case is two letters
      "SS",
      "\xC4\xB0",   // dotted I
      "i\xCC\x87",  // what its lower case is
      "\xC4\xB1",   // dotless i
      "I",
      "i",
      "\xE2\x84\xAA",  // the Kelvin sign
      "k",
      "\xEF\xBD\x9E",
      "\xF0\x9F\x98\x80",
      "a\xF0\x9F\x98\x80"
      "b",
      "\xF0\x90\x90\x80",  // Deseret long I, a letter with case beyond U+FFFF
      "\xF0\x90\x90\xA8",
  };
  return *texts;
}

const Words& Addresses() {
  static const Words* const texts = new Words{
      "10.0.0.1",        "10.0.0.7",    "10.0.1.1",        "10.255.0.1",      "010.0.0.1",
      "::ffff:a00:1",    "::1",         "0:0:0:0:0:0:0:1", "2001:db8::1",     "2001:DB8::0001",
      "2001:db8:0:0::1", "::",          "0.0.0.0",         "255.255.255.255", "10.0.0.256",
      "10.0.0",          "2001:db8::g", "a00::1",          "1.2.3.4"};
  return *texts;
}

const Words& Instants() {
  static const Words* const texts =
      new Words{"2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00", "2026-01-01",
                "2026-01-31T23:59:60Z", "2026-02-28T08:00:00.000z",  "2026-02-30"};
  return *texts;
}

const Words& PlainNumbers() {
  static const Words* const numbers =
      new Words{"0", "1", "2", "3", "5", "10", "100", "300", "-1", "-5", "0.5", "12.5", "42"};
  return *numbers;
}

const Words& OddNumbers() {
  static const Words* const numbers = new Words{"-0",
                                                "0.0",
                                                "-0.0e5",
                                                "1.0",
                                                "1e0",
                                                "10e-1",
                                                "3e2",
                                                "3E+2",
                                                "300.0",
                                                "30000e-2",
                                                "0.1",
                                                "1e-1",
                                                "5e9",
                                                "5000000001",
                                                "-5e9",
                                                "-5000000001",
                                                "1e309",
                                                "-1e309",
                                                "1e-400",
                                                "5e-324",
                                                "4.9e-324",
                                                "1e23",
                                                "9007199254740992",
                                                "9007199254740993",
                                                "12345678901234567",
                                                "0.30000000000000004",
                                                "0.3",
                                                "123456789012345678",
                                                "1.7976931348623157e308",
                                                "2.2250738585072014e-308",
                                                "0.1000000000000000055511151231257827",
                                                "100000000000000000000"};
  return *numbers;
}

void PickSome(const Words& from, size_t count, Choices* choices, Words* out) {
  for (size_t i = 0; i < count; ++i) out->push_back(choices->Of(from));
}

}  // namespace

Vocabulary PickVocabulary(Choices* choices) {
  Vocabulary words;
  // With hardly any words fields are found again and again, in several elements of one array.
  if (choices->OneIn(4)) {
    PickSome(PlainKeys(), choices->Between(1, 2), choices, &words.keys);
    PickSome(PlainTexts(), 1, choices, &words.texts);
    PickSome(PlainNumbers(), 1, choices, &words.numbers);
    return words;
  }
  PickSome(PlainKeys(), choices->Between(2, 4), choices, &words.keys);
  if (choices->OneIn(3)) PickSome(OddKeys(), 1, choices, &words.keys);
  PickSome(PlainTexts(), choices->Between(2, 7), choices, &words.texts);
  if (choices->OneIn(2)) PickSome(OddTexts(), choices->Between(1, 4), choices, &words.texts);
  if (choices->OneIn(3)) PickSome(Addresses(), choices->Between(1, 5), choices, &words.texts);
  if (choices->OneIn(6)) PickSome(Instants(), 2, choices, &words.texts);
  PickSome(PlainNumbers(), choices->Between(1, 5), choices, &words.numbers);
  if (choices->OneIn(2)) PickSome(OddNumbers(), choices->Between(1, 4), choices, &words.numbers);
  return words;
}

std::string PickText(const Vocabulary& words, Choices* choices) {
  std::string text = choices->Of(words.texts);
  switch (choices->Below(12)) {
    case 0:
      return text + choices->Of(words.texts);
    case 1: {
      const std::vector<size_t> cuts = CutsOf(text);
      const size_t begin = choices->Of(cuts);
      const size_t end = choices->Of(cuts);
      return text.substr(std::min(begin, end), std::max(begin, end) - std::min(begin, end));
    }
    case 2:
      return SwapCase(text, choices);
    default:
      return text;
  }
}

std::string SpellText(std::string_view content, Choices* choices) {
  // Most texts are written plainly; where one is not, any of its characters may be an escape.
  const size_t escapes_one_in = choices->OneIn(6) ? choices->Between(1, 3) : 0;
  if (escapes_one_in == 0) return QuotedJson(content);
  std::string out = "\"";
  const std::vector<size_t> cuts = CutsOf(content);
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    const std::string_view character = content.substr(cuts[i], cuts[i + 1] - cuts[i]);
    if (!choices->OneIn(escapes_one_in)) {
      const std::string quoted = QuotedJson(character);
      out.append(quoted, 1, quoted.size() - 2);
      continue;
    }
    const auto lead = static_cast<unsigned char>(character[0]);
    uint32_t code = character.size() == 1 ? lead : lead & (0xFFu >> (character.size() + 1));
    for (size_t k = 1; k < character.size(); ++k) {
      code = code * 64 + (static_cast<unsigned char>(character[k]) & 0x3Fu);
    }
    char escape[16];
    const char* const format = choices->OneIn(2) ? "\\u%04x" : "\\u%04X";
    const char* const pair = choices->OneIn(2) ? "\\u%04x\\u%04x" : "\\u%04X\\u%04X";
    if (code == '/') {
      out += "\\/";
    } else if (code < 0x10000) {
      std::snprintf(escape, sizeof(escape), format, code);
      out += escape;
    } else {
      std::snprintf(escape, sizeof(escape), pair, 0xD800 + ((code - 0x10000) >> 10),
                    0xDC00 + ((code - 0x10000) & 0x3FF));
      out += escape;
    }
  }
  return out + "\"";
}

std::string SpellScalar(const Vocabulary& words, Choices* choices) {
  switch (choices->Below(10)) {
    case 0:
      return "null";
    case 1:
      return "true";
    case 2:
      return "false";
    case 3:
    case 4:
    case 5:
      return choices->Of(words.numbers);
    default:
      return SpellText(PickText(words, choices), choices);
  }
}

std::string SwapCase(std::string text, Choices* choices) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalpha(byte) == 0 || byte >= 0x80 || choices->OneIn(2)) continue;
    c = static_cast<char>(std::islower(byte) != 0 ? std::toupper(byte) : std::tolower(byte));
  }
  return text;
}

std::vector<size_t> CutsOf(std::string_view text) {
  std::vector<size_t> cuts;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) cuts.push_back(i);
  }
  cuts.push_back(text.size());
  return cuts;
}

}  // namespace turnout::support
