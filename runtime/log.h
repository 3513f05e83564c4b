// Log: one line an occurrence, as JSON or text, on standard error.
//
// A line has a level, an event name that never changes (`destination_missing`), a sentence for people,
// and fields. Lines of one event name beyond the limit a second are counted, and the count is said
// when the second is over. Secrets registered with HideInLog are replaced wherever they appear.
//
// Threads: any.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"

namespace turnout::runtime {

struct LogOptions {
  bool json = true;
  std::string level = "info";
  int lines_per_second_max = 50;
};

class LogField {
 public:
  template <typename T>
  LogField(std::string_view name, const T& value);  // string-like, integer, floating point, bool

  std::string_view name() const { return name_; }
  const std::string& text() const { return text_; }
  bool quoted() const { return quoted_; }  // false for numbers and booleans

 private:
  std::string_view name_;
  std::string text_;
  bool quoted_ = false;
};

void StartLog(const LogOptions& options);
// `secret` never appears in a line from now on. Values shorter than 4 bytes are not hidden.
void HideInLog(std::string_view secret);

void LogDebug(std::string_view event, std::string_view sentence, std::initializer_list<LogField> = {});
void LogInfo(std::string_view event, std::string_view sentence, std::initializer_list<LogField> = {});
void LogWarning(std::string_view event, std::string_view sentence, std::initializer_list<LogField> = {});
void LogError(std::string_view event, std::string_view sentence, std::initializer_list<LogField> = {});

}  // namespace turnout::runtime
