// LogLine: what a line of the log says, and its two spellings.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace turnout::runtime {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

std::optional<LogLevel> LogLevelOf(std::string_view name);  // "debug", "info", "warning", "error"
std::string_view LogLevelName(LogLevel level);

struct LogLine {
  struct Field {
    std::string name;
    std::string text;
    bool quoted = false;  // false: a number or a boolean
  };
  absl::Time time;
  LogLevel level = LogLevel::kInfo;
  std::string event;
  std::string sentence;
  std::vector<Field> fields;
};

// Replaces every occurrence of a secret by `[secret]`, and answers whether there was one. Longer
// ones go first, so that a secret within another leaves nothing of it behind.
bool HideSecrets(const std::vector<std::string>& longest_first, std::string* text);
void HideSecrets(const std::vector<std::string>& longest_first, LogLine* line);

// One line without its line break, whatever bytes came in.
std::string JsonLogLine(const LogLine& line);
std::string TextLogLine(const LogLine& line, bool coloured);

}  // namespace turnout::runtime
