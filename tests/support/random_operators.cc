#include "tests/support/random_operators.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <vector>

#include "router/number.h"
#include "tests/support/json_tree.h"

namespace turnout::support {
namespace {

std::string Operator(const char* name, const std::string& operand) {
  return "{" + QuotedJson(name) + ":" + operand + "}";
}

std::string AnyText(const Vocabulary& words, Choices* choices) {
  return SpellText(PickText(words, choices), choices);
}

// A text's first or last characters, at least one where it has any.
std::string Cut(const std::string& text, bool front, Choices* choices) {
  const std::vector<size_t> cuts = CutsOf(text);
  if (cuts.size() < 2) return text;
  const size_t at =
      cuts[choices->Between(front ? 1 : 0, front ? cuts.size() - 1 : cuts.size() - 2)];
  return front ? text.substr(0, at) : text.substr(at);
}

// A number that `numeric` and `anything-but` take; a few are no double's, and make the rule one
// that is refused.
std::string Bound(const Vocabulary& words, Choices* choices) {
  const std::string& number = choices->Of(words.numbers);
  return router::ComparableNumber(number) || choices->OneIn(8) ? number : "1";
}

RandomEntry Text(const Vocabulary& words, Choices* choices) {
  const std::string text = PickText(words, choices);
  return {SpellText(text, choices), SpellText(text, choices)};
}

RandomEntry Number(const Vocabulary& words, Choices* choices) {
  const std::string& number = choices->Of(words.numbers);
  return {number, number};
}

RandomEntry Word(const Vocabulary&, Choices* choices) {
  static const std::vector<std::string>* const words =
      new std::vector<std::string>{"true", "false", "null"};
  const std::string& word = choices->Of(*words);
  return {word, word};
}

RandomEntry Exactly(const Vocabulary& words, Choices* choices) {
  const std::string text = PickText(words, choices);
  return {Operator("exactly", SpellText(text, choices)), SpellText(text, choices)};
}

RandomEntry Exists(const Vocabulary& words, Choices* choices) {
  return {Operator("exists", "true"), SpellScalar(words, choices)};
}

RandomEntry Absent(const Vocabulary&, Choices*) { return {Operator("exists", "false"), ""}; }

RandomEntry Affix(bool front, bool ignore_case, const Vocabulary& words, Choices* choices) {
  const std::string text = PickText(words, choices);
  std::string cut = Cut(text, front, choices);
  if (ignore_case) cut = SwapCase(cut, choices);
  std::string operand = SpellText(cut, choices);
  if (ignore_case) operand = Operator("equals-ignore-case", operand);
  return {Operator(front ? "prefix" : "suffix", operand), SpellText(text, choices)};
}

RandomEntry Prefix(const Vocabulary& words, Choices* choices) {
  return Affix(true, false, words, choices);
}
RandomEntry Suffix(const Vocabulary& words, Choices* choices) {
  return Affix(false, false, words, choices);
}
RandomEntry PrefixIgnoreCase(const Vocabulary& words, Choices* choices) {
  return Affix(true, true, words, choices);
}
RandomEntry SuffixIgnoreCase(const Vocabulary& words, Choices* choices) {
  return Affix(false, true, words, choices);
}

RandomEntry IgnoreCase(const Vocabulary& words, Choices* choices) {
  const std::string text = PickText(words, choices);
  return {Operator("equals-ignore-case", SpellText(SwapCase(text, choices), choices)),
          SpellText(text, choices)};
}

// A text with some runs of it starred, the rest escaped as wildcards want it. With `example`, a
// text that it matches.
std::string Starred(const Vocabulary& words, std::string* example, Choices* choices) {
  const std::string text = PickText(words, choices);
  const std::vector<size_t> cuts = CutsOf(text);
  std::string wildcard;
  bool after_star = false;
  const auto star = [&] {
    if (after_star) return;
    wildcard += '*';
    after_star = true;
    if (choices->OneIn(3)) *example += PickText(words, choices);
  };
  if (choices->OneIn(3)) star();
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    const std::string character = text.substr(cuts[i], cuts[i + 1] - cuts[i]);
    if (choices->OneIn(4)) {
      star();
      if (choices->OneIn(2)) continue;  // the star stands for it
    }
    if (character == "*" || character == "\\") wildcard += '\\';
    wildcard += character;
    *example += character;
    after_star = false;
  }
  if (choices->OneIn(3)) star();
  return wildcard;
}

RandomEntry Wildcard(const Vocabulary& words, Choices* choices) {
  std::string example;
  const std::string wildcard = Starred(words, &example, choices);
  return {Operator("wildcard", SpellText(wildcard, choices)), SpellText(example, choices)};
}

template <typename Make>
std::string List(size_t count, Make make) {
  std::string list = "[";
  for (size_t i = 0; i < count; ++i) list += (i == 0 ? "" : ",") + make();
  return list + "]";
}

RandomEntry AnythingBut(const Vocabulary& words, Choices* choices) {
  const bool numbers = choices->OneIn(3);
  const auto value = [&] { return numbers ? Bound(words, choices) : AnyText(words, choices); };
  const std::string operand = choices->OneIn(2) ? value() : List(choices->Between(1, 4), value);
  return {Operator("anything-but", operand), SpellScalar(words, choices)};
}

RandomEntry AnythingButOver(const Vocabulary& words, Choices* choices) {
  const size_t over = choices->Below(4);
  const char* const names[] = {"prefix", "suffix", "equals-ignore-case", "wildcard"};
  const auto text = [&]() -> std::string {
    std::string content = PickText(words, choices);
    std::string ignored;
    if (over < 2) content = Cut(content, over == 0, choices);
    if (content.empty() && choices->MostOf(8)) content = "a";
    if (over == 3) content = Starred(words, &ignored, choices);
    return SpellText(content, choices);
  };
  const std::string operand = choices->OneIn(2) ? text() : List(choices->Between(1, 4), text);
  return {Operator("anything-but", Operator(names[over], operand)), SpellScalar(words, choices)};
}

// One bound, or two where the vocabulary has two numbers in order.
RandomEntry Numeric(const Vocabulary& words, Choices* choices) {
  const std::string number = Bound(words, choices);
  const std::string other = Bound(words, choices);
  const double difference =
      std::strtod(other.c_str(), nullptr) - std::strtod(number.c_str(), nullptr);
  if (difference == 0 || choices->OneIn(2)) {
    const char* const one[] = {"=", "<", "<=", ">", ">="};
    return {Operator("numeric", std::string("[\"") + one[choices->Below(5)] + "\"," + number + "]"),
            other};
  }
  const std::string& low = difference > 0 ? number : other;
  const std::string& high = difference > 0 ? other : number;
  const std::string bounds = std::string("[\"") + (choices->OneIn(2) ? ">" : ">=") + "\"," + low +
                             ",\"" + (choices->OneIn(2) ? "<" : "<=") + "\"," + high + "]";
  return {Operator("numeric", bounds), choices->Of(words.numbers)};
}

// A block, and addresses in it or beside it.
RandomEntry CidrBlock(const Vocabulary&, Choices* choices) {
  static const std::vector<std::string>* const blocks = new std::vector<std::string>{
      "10.0.0.0/8",     "10.0.0.0/24", "10.0.0.1/31", "10.0.0.7/30",    "10.0.1.0/24",
      "0.0.0.0/0",      "0.0.0.0/1",   "255.0.0.0/8", "::1/127",        "2001:db8::/32",
      "2001:db8::1/64", "2001::/16",   "::/1",        "::ffff:a00:0/8", "a00::/8"};
  static const std::vector<std::string>* const inside = new std::vector<std::string>{
      "10.0.0.1",    "10.0.0.7",     "10.0.1.255", "0.0.0.0", "::1",
      "2001:DB8::1", "::ffff:a00:1", "255.1.2.3",  "a00::1",  "2001:0db8:0:0:0:0:0:1",
      "10.1"};
  return {Operator("cidr", SpellText(choices->Of(*blocks), choices)),
          SpellText(choices->Of(*inside), choices)};
}

// --- beyond EventBridge --------------------------------------------------------------------------

// What all-of may list; nothing that needs absence, and no further all-of.
RandomEntry Listed(const Vocabulary& words, Choices* choices) {
  constexpr RandomEntry (*kMakersOfValues[])(const Vocabulary&, Choices*) = {
      Text, Number, Word, Prefix, SuffixIgnoreCase, Wildcard, AnythingBut, Numeric, Exists};
  return kMakersOfValues[choices->Below(std::size(kMakersOfValues))](words, choices);
}

RandomEntry AllOf(const Vocabulary& words, Choices* choices) {
  std::string examples = "[";
  const std::string list = List(choices->Between(1, 3), [&] {
    const RandomEntry entry = Listed(words, choices);
    examples += (examples.size() > 1 ? "," : "") + entry.example;
    return entry.json;
  });
  return {Operator(choices->OneIn(3) ? "contains-all" : "all-of", list), examples + "]"};
}

// Two or three operators in one object, of one text.
RandomEntry Conditions(const Vocabulary& words, Choices* choices) {
  const std::string text = PickText(words, choices);
  const size_t characters = CutsOf(text).size() - 1;
  const std::string length = (choices->OneIn(2) ? "[\">=\"," : "[\"<=\",") +
                             std::to_string(characters + choices->Below(2)) + "]";
  const std::string pieces[] = {
      "\"prefix\":" + SpellText(Cut(text, true, choices), choices),
      "\"suffix\":" + SpellText(Cut(text, false, choices), choices),
      "\"length\":" + length,
      "\"anything-but\":" + AnyText(words, choices),
      "\"equals-ignore-case\":" + SpellText(SwapCase(text, choices), choices),
      "\"exists\":true",
  };
  std::string json = "{";
  size_t at = choices->Below(3);
  for (size_t left = choices->Between(2, 3); left > 0; --left, ++at) {
    json += (json.size() > 1 ? "," : "") + pieces[at % std::size(pieces)];
  }
  return {json + "}", SpellText(text, choices)};
}

// A text as a regular expression, some characters of it made any, many or optional.
std::string Expression(const std::string& text, Choices* choices) {
  const std::vector<size_t> cuts = CutsOf(text);
  std::string expression = choices->OneIn(5) ? "(?i)" : "";
  if (choices->OneIn(2)) expression += '^';
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    const std::string character = text.substr(cuts[i], cuts[i + 1] - cuts[i]);
    const auto byte = static_cast<unsigned char>(character[0]);
    if (choices->OneIn(8)) {
      constexpr const char* kAny[] = {".", "[a-z0-9]", "(?:a|b|order)", "(?:[^x]*)", "(?:\\w+)"};
      expression += kAny[choices->Below(std::size(kAny))];
    } else if (byte < 0x80 && std::isalnum(byte) == 0) {
      char escape[16];
      std::snprintf(escape, sizeof(escape), "\\x%02x", static_cast<unsigned>(byte));
      expression += escape;
    } else {
      expression += character;
    }
    if (choices->OneIn(10)) expression += choices->OneIn(2) ? '?' : '*';
  }
  if (choices->OneIn(2)) expression += '$';
  return expression;
}

RandomEntry RegularExpression(const Vocabulary& words, Choices* choices) {
  const std::string text = PickText(words, choices);
  return {Operator("regex", SpellText(Expression(text, choices), choices)),
          SpellText(text, choices)};
}

// Instants in order, and texts that are one of them otherwise spelled, or none.
RandomEntry Instant(const Vocabulary&, Choices* choices) {
  static const std::vector<std::string>* const instants = new std::vector<std::string>{
      "0001-01-01T00:00:00Z",      "1969-12-31T23:59:59Z",   "2026-01-01",
      "2026-01-01T00:00:00.0001Z", "2026-01-01T12:30:00.5Z", "2026-01-31T23:59:59.999999999Z",
      "2026-02-28T10:00:00+02:00", "2026-02-28T10:00:00Z",   "9999-12-31T23:59:59Z"};
  static const std::vector<std::string>* const others =
      new std::vector<std::string>{"2026-01-01T00:00:00Z",
                                   "2026-01-01T02:00:00+02:00",
                                   "2025-12-31t22:00:00-02:00",
                                   "2026-01-31T23:59:60Z",
                                   "2026-02-01T00:00:00Z",
                                   "2026-02-28T08:00:00.000z",
                                   "2026-02-30",
                                   "2026-01-01T00:00:00",
                                   "2026-01-01 00:00:00Z",
                                   "2026-01-01T24:00:00Z",
                                   "2026-1-1",
                                   "2026-01-01T00:00:00.0000000001Z"};
  const std::vector<std::string>& from = choices->OneIn(2) ? *instants : *others;
  const std::string example = QuotedJson(choices->Of(from));
  const size_t low = choices->Below(instants->size() - 1);
  if (choices->OneIn(2)) {
    const char* const one[] = {"=", "<", "<=", ">", ">="};
    return {Operator("timestamp", std::string("[\"") + one[choices->Below(5)] + "\"," +
                                      QuotedJson((*instants)[low]) + "]"),
            example};
  }
  const size_t high = choices->Between(low + 1, instants->size() - 1);
  return {Operator("timestamp", std::string("[\"") + (choices->OneIn(2) ? ">" : ">=") + "\"," +
                                    QuotedJson((*instants)[low]) + ",\"" +
                                    (choices->OneIn(2) ? "<" : "<=") + "\"," +
                                    QuotedJson((*instants)[high]) + "]"),
          example};
}

RandomEntry Length(const Vocabulary& words, Choices* choices) {
  const std::string text = PickText(words, choices);
  const size_t low = choices->Below(CutsOf(text).size() + 1);
  const char* const one[] = {"[\"=\",", "[\"<\",", "[\"<=\",", "[\">\",", "[\">=\","};
  const std::string bounds = choices->OneIn(3)
                                 ? "[\">=\"," + std::to_string(low) + ",\"<\"," +
                                       std::to_string(choices->Between(low + 1, low + 5)) + "]"
                                 : one[choices->Below(5)] + std::to_string(low) + "]";
  return {Operator("length", bounds), SpellText(text, choices)};
}

RandomEntry WildcardIgnoreCase(const Vocabulary& words, Choices* choices) {
  std::string example;
  const std::string wildcard = SwapCase(Starred(words, &example, choices), choices);
  return {Operator("wildcard", Operator("equals-ignore-case", SpellText(wildcard, choices))),
          SpellText(example, choices)};
}

RandomEntry AnythingButOverOurs(const Vocabulary& words, Choices* choices) {
  const RandomEntry excluded = choices->OneIn(3)   ? RegularExpression(words, choices)
                               : choices->OneIn(2) ? CidrBlock(words, choices)
                                                   : WildcardIgnoreCase(words, choices);
  return {Operator("anything-but", excluded.json),
          choices->OneIn(2) ? excluded.example : SpellScalar(words, choices)};
}

constexpr OperatorMaker kMakers[] = {
    {"text", 12, false, Text},
    {"number", 5, false, Number},
    {"word", 3, false, Word},
    {"exactly", 1, false, Exactly},
    {"exists", 2, false, Exists},
    {"exists false", 5, false, Absent},
    {"prefix", 3, false, Prefix},
    {"suffix", 3, false, Suffix},
    {"prefix ignore-case", 2, false, PrefixIgnoreCase},
    {"suffix ignore-case", 2, false, SuffixIgnoreCase},
    {"ignore-case", 2, false, IgnoreCase},
    {"wildcard", 5, false, Wildcard},
    {"anything-but", 3, false, AnythingBut},
    {"anything-but over", 3, false, AnythingButOver},
    {"numeric", 4, false, Numeric},
    {"cidr", 2, false, CidrBlock},
    {"all-of", 3, true, AllOf},
    {"conditions", 3, true, Conditions},
    {"regex", 2, true, RegularExpression},
    {"timestamp", 2, true, Instant},
    {"length", 2, true, Length},
    {"wildcard ignore-case", 2, true, WildcardIgnoreCase},
    {"anything-but over ours", 2, true, AnythingButOverOurs},
};

}  // namespace

absl::Span<const OperatorMaker> OperatorMakers() { return kMakers; }

RandomEntry MakeEntry(const Vocabulary& words, bool extensions, Choices* choices) {
  size_t total = 0;
  for (const OperatorMaker& maker : kMakers) {
    if (extensions || !maker.extension) total += maker.weight;
  }
  size_t at = choices->Below(total);
  for (const OperatorMaker& maker : kMakers) {
    if (!extensions && maker.extension) continue;
    if (at < maker.weight) return maker.make(words, choices);
    at -= maker.weight;
  }
  return Text(words, choices);
}

}  // namespace turnout::support
