#include "runtime/log_line.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_format.h"
#include "runtime/json_text.h"

namespace turnout::runtime {
namespace {

constexpr std::string_view kHidden = "[secret]";
constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warning", "error"};

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

bool Hide(const std::string& secret, std::string* text) {
  bool found = false;
  for (size_t at = text->find(secret); at != std::string::npos;
       at = text->find(secret, at + kHidden.size())) {
    text->replace(at, secret.size(), kHidden);
    found = true;
  }
  return found;
}

// Of two parts of a text that a person reads: without the quotes unless they are needed.
std::string PlainOrQuoted(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=' && c != ',';
  });
  return plain ? text : JsonString(text);
}

// A sentence may hold anything, but never a line break or an escape sequence of the terminal's.
std::string OnOneLine(std::string_view text) {
  const std::string quoted = JsonString(text);
  std::string out;
  for (size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] == '\\' && (quoted[i + 1] == '"' || quoted[i + 1] == '\\')) ++i;
    out += quoted[i];
  }
  return out;
}

std::string_view Colour(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "\x1b[2m";
    case LogLevel::kInfo:
      return "\x1b[32m";
    case LogLevel::kWarning:
      return "\x1b[33m";
    case LogLevel::kError:
      return "\x1b[31m";
  }
  return "";
}

}  // namespace

std::optional<LogLevel> LogLevelOf(std::string_view name) {
  const auto found = std::find(kLevelNames.begin(), kLevelNames.end(), name);
  if (found == kLevelNames.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kLevelNames.begin());
}

std::string_view LogLevelName(LogLevel level) { return kLevelNames[static_cast<size_t>(level)]; }

bool HideSecrets(const std::vector<std::string>& longest_first, std::string* text) {
  bool found = false;
  for (const std::string& secret : longest_first) found = Hide(secret, text) || found;
  return found;
}

void HideSecrets(const std::vector<std::string>& longest_first, LogLine* line) {
  HideSecrets(longest_first, &line->sentence);
  for (LogLine::Field& field : line->fields) {
    if (HideSecrets(longest_first, &field.text)) field.quoted = true;
  }
}

std::string JsonLogLine(const LogLine& line) {
  std::string out =
      absl::StrFormat("{\"time\":\"%s\",\"level\":\"%s\",\"event\":", TimeText(line.time),
                      LogLevelName(line.level));
  AppendJsonString(line.event, &out);
  out += ",\"message\":";
  AppendJsonString(line.sentence, &out);
  for (const LogLine::Field& field : line.fields) {
    out += ',';
    AppendJsonString(field.name, &out);
    out += ':';
    if (field.quoted) {
      AppendJsonString(field.text, &out);
    } else {
      out += field.text;
    }
  }
  out += '}';
  return out;
}

std::string TextLogLine(const LogLine& line, bool coloured) {
  std::string out = TimeText(line.time);
  const std::string level = absl::StrFormat("%-7s", LogLevelName(line.level));
  out += absl::StrFormat(" %s%s%s ", coloured ? Colour(line.level) : "", level,
                         coloured ? "\x1b[0m" : "");
  out += absl::StrFormat("%s: %s", line.event, OnOneLine(line.sentence));
  for (const LogLine::Field& field : line.fields) {
    out += absl::StrFormat(" %s=%s", field.name, PlainOrQuoted(field.text));
  }
  return out;
}

}  // namespace turnout::runtime
