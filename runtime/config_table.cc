#include "runtime/config_table.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "runtime/config_values.h"

namespace turnout::runtime {
namespace {

std::string FormatNumber(const ConfigField& field, int64_t number) {
  switch (field.type) {
    case FieldType::kDuration:
      return FormatDurationMs(number);
    case FieldType::kBytes:
      return FormatBytes(number);
    default:
      return absl::StrFormat("%d", number);
  }
}

std::optional<int64_t> ParseNumber(FieldType type, std::string_view text) {
  switch (type) {
    case FieldType::kDuration:
      return ParseDurationMs(text);
    case FieldType::kBytes:
      return ParseBytes(text);
    default:
      return ParseWholeNumber(text);
  }
}

std::string_view NumberName(FieldType type) {
  switch (type) {
    case FieldType::kDuration:
      return "a duration";
    case FieldType::kBytes:
      return "a size";
    default:
      return "a whole number";
  }
}

}  // namespace

const ConfigField* FindConfigField(std::string_view key) {
  for (const ConfigField& field : ConfigFields()) {
    if (field.key == key) return &field;
  }
  return nullptr;
}

std::string AllowedText(const ConfigField& field) {
  std::string out;
  switch (field.type) {
    case FieldType::kText:
    case FieldType::kPath:
      return std::string(field.allowed);
    case FieldType::kBool:
      return "true or false";
    case FieldType::kChoice:
      for (size_t i = 0; i < field.choices.size(); ++i) {
        if (i > 0) out += i + 1 == field.choices.size() ? " or " : ", ";
        out += field.choices[i];
      }
      return out;
    case FieldType::kCount:
    case FieldType::kBytes:
    case FieldType::kDuration:
      break;
  }
  out = absl::StrFormat("%s from %s to %s", NumberName(field.type), FormatNumber(field, field.min),
                        FormatNumber(field, field.max));
  if (!field.word.empty()) out += absl::StrFormat(", or %s", field.word);
  return out;
}

std::optional<FieldValue> ParseField(const ConfigField& field, std::string_view text,
                                     std::string* what) {
  switch (field.type) {
    case FieldType::kText:
    case FieldType::kPath:
      *what = field.check(text);
      if (!what->empty()) return std::nullopt;
      return FieldValue{.text = std::string(text)};
    case FieldType::kBool:
      if (text == "true" || text == "false") return FieldValue{.number = text == "true"};
      *what = "is neither true nor false";
      return std::nullopt;
    case FieldType::kChoice: {
      const auto found = std::find(field.choices.begin(), field.choices.end(), text);
      if (found != field.choices.end()) return FieldValue{.number = found - field.choices.begin()};
      *what = "is none of the allowed values";
      return std::nullopt;
    }
    case FieldType::kCount:
    case FieldType::kBytes:
    case FieldType::kDuration:
      break;
  }
  if (!field.word.empty() && text == field.word) return FieldValue{.number = field.word_number};
  const std::optional<int64_t> number = ParseNumber(field.type, text);
  if (!number) {
    *what = absl::StrFormat("is not %s", NumberName(field.type));
    return std::nullopt;
  }
  if (*number < field.min || *number > field.max) {
    *what = "is out of bounds";
    return std::nullopt;
  }
  return FieldValue{.number = *number};
}

std::string FormatField(const ConfigField& field, const FieldValue& value) {
  switch (field.type) {
    case FieldType::kText:
    case FieldType::kPath:
      return value.text;
    case FieldType::kBool:
      return value.number != 0 ? "true" : "false";
    case FieldType::kChoice:
      return std::string(field.choices[static_cast<size_t>(value.number)]);
    case FieldType::kCount:
    case FieldType::kBytes:
    case FieldType::kDuration:
      break;
  }
  if (!field.word.empty() && value.number == field.word_number) return std::string(field.word);
  return FormatNumber(field, value.number);
}

std::string ConfigTableMarkdown() {
  std::string out =
      "| key | default | allowed | what it does | what it costs |\n|---|---|---|---|---|\n";
  for (const ConfigField& field : ConfigFields()) {
    std::string default_text = "required";
    if (!field.default_text.empty()) default_text = absl::StrFormat("`%s`", field.default_text);
    if (!field.default_shown.empty()) default_text = field.default_shown;
    if (default_text.find('<') != std::string::npos) default_text = "`" + default_text + "`";
    out += absl::StrFormat("| `%s` | %s | %s | %s | %s |\n", field.key, default_text,
                           AllowedText(field), field.effect, field.cost);
  }
  out +=
      "| `tables.<name>.topic` | no tables | a topic's name; a table's: 1 to 64 of a-z, 0-9, `_`, "
      "`-` | A compacted topic that the table is kept from; rules name it in `enrich`. "
      "| All of it is kept on disk in `state_dir`, in every replica, and loaded before anything is "
      "routed. |\n";
  out +=
      "| `kafka.<property>` | librdkafka's | librdkafka's, but for what Turnout sets itself | Any "
      "property of librdkafka, for its clients in this process: security, sizes, timeouts. "
      "OAUTHBEARER by `sasl.oauthbearer.method: oidc` or `aws_msk_iam` is Turnout's own: see "
      "\"Kafka security\". "
      "| See its CONFIGURATION.md. Passwords, keys and tokens are never shown. |\n";
  return out;
}

}  // namespace turnout::runtime
