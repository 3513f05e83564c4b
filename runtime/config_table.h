// ConfigTable: one row for each field of a config: what it is called, what it may be, what it does
// and what it costs to go either way.
//
// Reading, bounds, --print-config and the README's table all come from these rows. A field that is
// not given takes its default by the same way as one that is.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config.h"

namespace turnout::runtime {

enum class FieldType {
  kText,      // as `check` says
  kPath,      // text; relative ones are resolved
  kChoice,    // one of `choices`; its number in them
  kBool,      // 0 or 1
  kCount,     // a whole number
  kBytes,     // a size; its number of bytes
  kDuration,  // its number of milliseconds
};

// A value that has passed its field's checks.
struct FieldValue {
  std::string text;    // kText, kPath
  int64_t number = 0;  // all others
};

struct ConfigField {
  std::string_view key;
  FieldType type = FieldType::kText;
  // As one would write it; empty: the field is required, or `derive` makes the default.
  std::string_view default_text;
  std::string_view default_shown;  // in the README, where `derive` makes it
  std::string (*derive)(const Config& config, const ConfigEnvironment& environment) = nullptr;
  bool required = false;
  int64_t min = 0;  // kCount, kBytes, kDuration
  int64_t max = 0;
  // A word that may stand for a number outside of the bounds; empty: none.
  std::string_view word;
  int64_t word_number = 0;
  std::vector<std::string_view> choices;  // kChoice
  // kText, kPath: what the text must be, and what is wrong with one that isn't; empty when nothing
  // is.
  std::string_view allowed;
  std::string (*check)(std::string_view text) = nullptr;
  // kPath: whether a text is no path at all, and stays as it is; null: all are paths.
  bool (*is_no_path)(std::string_view text) = nullptr;
  std::string_view effect;
  std::string_view cost;
  void (*store)(const FieldValue& value, Config* config) = nullptr;
};

// In the order in which they are printed; a derived default depends on rows above it only.
const std::vector<ConfigField>& ConfigFields();

const ConfigField* FindConfigField(std::string_view key);

// What may be written: "a whole number from 1 to 256".
std::string AllowedText(const ConfigField& field);

// Nullopt, with `what` saying what is wrong, when the text is no value of the field.
std::optional<FieldValue> ParseField(const ConfigField& field, std::string_view text,
                                     std::string* what);

// As it would be written; ParseField reads it as the same value.
std::string FormatField(const ConfigField& field, const FieldValue& value);

}  // namespace turnout::runtime
