// ConfigValues: how values are written in a config: durations, sizes, numbers, and text that takes
// in variables and files.
//
// Units: durations are `500ms`, `10s`, `5m`, `2h`, `7d`; sizes are bytes, or `64KiB`, `16MiB`,
// `1GiB`
//   (powers of 1,024), `64KB`, `1MB`, `2GB` (powers of 1,000). Whole numbers only.
// Threads: pure functions, but for what the environment does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config.h"

namespace turnout::runtime {

// Nullopt for what is not a number of that kind, or does not fit 64 bits.
std::optional<int64_t> ParseWholeNumber(std::string_view text);
std::optional<int64_t> ParseDurationMs(std::string_view text);
std::optional<int64_t> ParseBytes(std::string_view text);

// The shortest text that the parsers above read as the same number.
std::string FormatDurationMs(int64_t milliseconds);
std::string FormatBytes(int64_t bytes);

// A text with its references replaced.
struct ExpandedText {
  std::string text;
  std::vector<std::string> references;  // as written: "${env:X}", "${file:/run/secrets/x}"
  struct Input {
    std::string text;
    bool from_file = false;  // or a secret of the config manager: not to be shown
  };
  std::vector<Input> inputs;     // what they stood for, without the empty ones
  bool only_references = false;  // nothing of it was written in the config itself
};

// What is wrong with a text, and what to do about it.
struct TextProblem {
  std::string what;
  std::string cure;
};

// Replaces `${env:NAME}`, `${file:PATH}`, `${secret:NAME}` and `${config:NAME}`; `$${` stands for
// `${`; what came in is not looked at again. A relative PATH is resolved against `directory`; one
// line break at a file's end is left out. All problems of the text are appended to `problems`.
ExpandedText ExpandText(std::string_view text, const ConfigEnvironment& environment,
                        std::string_view directory, std::vector<TextProblem>* problems);

// `path` itself when it is absolute or `directory` is empty.
std::string ResolvedPath(std::string_view path, std::string_view directory);

// `text` so that ExpandText and the config's YAML read it as the string it is.
std::string QuotedText(std::string_view text);

}  // namespace turnout::runtime
