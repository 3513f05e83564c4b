// Log: one line an occurrence, as JSON or text, on standard error.
//
// A line has a level, an event name that never changes (`destination_missing`), a sentence for
// people, and fields. Lines of one event name beyond the limit a second are counted, and the count
// is said when the second is over. Secrets registered with HideInLog are replaced wherever they
// appear. Before StartLog lines are text at level info.
//
// Format: JSON lines {"time","level","event","message", fields...}; time is UTC by RFC 3339 with
//   milliseconds. Text is for people and may change; it is coloured on a terminal only.
// Threads: any.
#pragma once

#include <cmath>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_format.h"

namespace turnout::runtime {

struct LogOptions {
  bool json = true;
  std::string level = "info";     // debug | info | warning | error
  int lines_per_second_max = 50;  // of one event name
};

// A named value. Borrows the name, which is a literal; owns the value's text.
class LogField {
 public:
  template <typename T>
  LogField(std::string_view name, const T& value) : name_(name) {  // NOLINT: for {"name", value}
    if constexpr (std::is_same_v<T, bool>) {
      text_ = value ? "true" : "false";
    } else if constexpr (std::is_integral_v<T>) {
      text_ = absl::StrFormat("%d", value);
    } else if constexpr (std::is_floating_point_v<T>) {
      text_ = absl::StrFormat("%.10g", value);
      quoted_ = !std::isfinite(value);  // JSON has no word for the others
    } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      text_ = std::string_view(value);
      quoted_ = true;
    } else {
      text_.assign(value.data(), value.size());  // absl::string_view
      quoted_ = true;
    }
  }

  std::string_view name() const { return name_; }
  const std::string& text() const { return text_; }
  bool quoted() const { return quoted_; }  // false for numbers and booleans

 private:
  std::string_view name_;
  std::string text_;
  bool quoted_ = false;
};

// May be called again; the last options are in force. A level that is none of the four is "info".
void StartLog(const LogOptions& options);
// `secret` never appears in a line from now on. Values shorter than 4 bytes are not hidden.
void HideInLog(std::string_view secret);
// `text` as a line would hold it: for whatever else leaves the process.
std::string WithoutSecrets(std::string_view text);

void LogDebug(std::string_view event, std::string_view sentence,
              std::initializer_list<LogField> = {});
void LogInfo(std::string_view event, std::string_view sentence,
             std::initializer_list<LogField> = {});
void LogWarning(std::string_view event, std::string_view sentence,
                std::initializer_list<LogField> = {});
void LogError(std::string_view event, std::string_view sentence,
              std::initializer_list<LogField> = {});

}  // namespace turnout::runtime
