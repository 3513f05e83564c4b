#include "tests/support/random_operators.h"

#include <cstdlib>
#include <vector>

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
  const auto value = [&] { return numbers ? choices->Of(words.numbers) : AnyText(words, choices); };
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

// One bound, or two where the vocabulary has two numbers in order. Few numbers are no double's, and
// make the rule one that is refused.
RandomEntry Numeric(const Vocabulary& words, Choices* choices) {
  const std::string& number = choices->Of(words.numbers);
  const std::string& other = choices->Of(words.numbers);
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

// Extensions of the language are added here, with `extension` set.
constexpr OperatorMaker kMakers[] = {
    {"text", 12, false, Text},
    {"number", 5, false, Number},
    {"word", 3, false, Word},
    {"exactly", 1, false, Exactly},
    {"exists", 2, false, Exists},
    {"exists false", 3, false, Absent},
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
