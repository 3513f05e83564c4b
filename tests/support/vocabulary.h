// Vocabulary: the few keys, texts and numbers that one random case is made of.
//
// Few, so that rules and events meet; chosen anew for every case from lists that hold the awkward:
// one address in several spellings, numbers at the edges of a double, letters whose case is odd,
// keys with dots and escapes.
//
// Threads: pure functions of the choices.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/choices.h"

namespace turnout::support {

struct Vocabulary {
  std::vector<std::string> keys;     // steps of paths; none holds a dot
  std::vector<std::string> texts;    // contents, unescaped
  std::vector<std::string> numbers;  // spellings
};

Vocabulary PickVocabulary(Choices* choices);

// A text of the vocabulary, a piece of one, or two put together.
std::string PickText(const Vocabulary& words, Choices* choices);

// A text as JSON, some characters of it as escapes, between quotes.
std::string SpellText(std::string_view content, Choices* choices);

// A text or a number or a word, as JSON.
std::string SpellScalar(const Vocabulary& words, Choices* choices);

// The same text, some ASCII letters in their other case.
std::string SwapCase(std::string text, Choices* choices);

// Offsets at which a text may be cut without cutting a character, both ends among them.
std::vector<size_t> CutsOf(std::string_view text);

}  // namespace turnout::support
