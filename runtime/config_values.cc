#include "runtime/config_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "absl/strings/str_format.h"
#include "runtime/json_text.h"

namespace turnout::runtime {
namespace {

struct Unit {
  std::string_view name;
  int64_t size;
};

// Largest first: a number is written in the first unit that divides it.
constexpr std::array<Unit, 5> kDurationUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 3> kBinaryUnits = {
    {{"GiB", int64_t{1} << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}};
constexpr std::array<Unit, 3> kDecimalUnits = {
    {{"GB", 1'000'000'000}, {"MB", 1'000'000}, {"KB", 1'000}}};

// Splits "10s" into 10 and "s".
std::optional<std::pair<int64_t, std::string_view>> NumberAndUnit(std::string_view text) {
  const size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + end, number);
  if (error != std::errc() || stop != text.data() + end) return std::nullopt;
  return std::pair(number, text.substr(end));
}

template <size_t kCount>
std::optional<int64_t> Scaled(int64_t number, std::string_view name,
                              const std::array<Unit, kCount>& units) {
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (number > std::numeric_limits<int64_t>::max() / unit.size) return std::nullopt;
    return number * unit.size;
  }
  return std::nullopt;
}

template <size_t kCount>
std::string InLargestUnit(int64_t number, const std::array<Unit, kCount>& units) {
  for (const Unit& unit : units) {
    if (number >= unit.size && number % unit.size == 0) {
      return absl::StrFormat("%d%s", number / unit.size, unit.name);
    }
  }
  return {};
}

std::optional<std::string> Lookup(std::string_view kind, const std::string& name,
                                  const ConfigEnvironment& environment, std::string_view directory,
                                  std::vector<TextProblem>* problems) {
  if (kind == "env") {
    std::optional<std::string> value = environment.variable(name);
    if (!value) {
      problems->push_back({absl::StrFormat("the environment variable `%s` is not set", name),
                           "set it, or write the value itself"});
    }
    return value;
  }
  if (kind == "secret" || kind == "config") {
    if (environment.managed == nullptr) {
      problems->push_back(
          {absl::StrFormat("`${%s:%s}` is not to be had here", kind, name),
           "only `turnout run` and what reads a whole config ask a config manager"});
      return std::nullopt;
    }
    absl::StatusOr<std::string> given = environment.managed(environment.secrets_from, kind, name);
    if (given.ok()) return *std::move(given);
    problems->push_back({absl::StrFormat("the %s `%s` can't be had: %s",
                                         kind == "secret" ? "secret" : "config value", name,
                                         given.status().message()),
                         "see that it is there, and released to this router"});
    return std::nullopt;
  }
  std::optional<std::string> value = environment.file(ResolvedPath(name, directory));
  if (!value) {
    problems->push_back(
        {absl::StrFormat("the file `%s` can't be read", name),
         absl::StrFormat("create it, readable for this user and of at most %s, or write the value "
                         "itself",
                         FormatBytes(kConfigFileBytesMax))});
    return std::nullopt;
  }
  if (!value->empty() && value->back() == '\n') value->pop_back();
  if (!value->empty() && value->back() == '\r') value->pop_back();
  return value;
}

bool IsReferenceKind(std::string_view kind) {
  return kind == "env" || kind == "file" || kind == "secret" || kind == "config";
}

// What stands in `${...}` is `inside`; `written` is all of it.
void AppendReference(std::string_view written, std::string_view inside,
                     const ConfigEnvironment& environment, std::string_view directory,
                     ExpandedText* out, std::vector<TextProblem>* problems) {
  const size_t colon = inside.find(':');
  const std::string_view kind = inside.substr(0, colon);
  const std::string name(colon == std::string_view::npos ? "" : inside.substr(colon + 1));
  if (name.empty() || !IsReferenceKind(kind)) {
    problems->push_back(
        {absl::StrFormat("`%s` names neither a variable nor a file", written),
         "write ${env:NAME}, ${file:/path}, or ${secret:NAME} and ${config:NAME} of "
         "a config manager, or $${ for the characters `${`"});
    return;
  }
  out->references.emplace_back(written);
  const std::optional<std::string> value = Lookup(kind, name, environment, directory, problems);
  if (!value) return;
  out->text += *value;
  if (!value->empty()) out->inputs.push_back({*value, kind == "file" || kind == "secret"});
}

// Words that YAML reads as something other than text, in whichever case.
bool IsYamlWord(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower == "true" || lower == "false" || lower == "null" || lower == "yes" ||
         lower == "no" || lower == "on" || lower == "off" || lower == "y" || lower == "n";
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<int64_t> ParseWholeNumber(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::optional<int64_t> ParseDurationMs(std::string_view text) {
  const auto parts = NumberAndUnit(text);
  if (!parts) return std::nullopt;
  return Scaled(parts->first, parts->second, kDurationUnits);
}

std::optional<int64_t> ParseBytes(std::string_view text) {
  const auto parts = NumberAndUnit(text);
  if (!parts) return std::nullopt;
  const auto& [number, unit] = *parts;
  if (unit.empty() || unit == "B") return number;
  if (const auto bytes = Scaled(number, unit, kBinaryUnits)) return bytes;
  return Scaled(number, unit, kDecimalUnits);
}

std::string FormatDurationMs(int64_t milliseconds) {
  const std::string text = InLargestUnit(milliseconds, kDurationUnits);
  return text.empty() ? "0ms" : text;
}

std::string FormatBytes(int64_t bytes) {
  std::string text = InLargestUnit(bytes, kBinaryUnits);
  if (text.empty()) text = InLargestUnit(bytes, kDecimalUnits);
  return text.empty() ? absl::StrFormat("%d", bytes) : text;
}

ExpandedText ExpandText(std::string_view text, const ConfigEnvironment& environment,
                        std::string_view directory, std::vector<TextProblem>* problems) {
  ExpandedText out;
  bool literal = false;
  while (!text.empty()) {
    if (text.substr(0, 3) == "$${") {
      out.text += "${";
      literal = true;
      text.remove_prefix(3);
      continue;
    }
    if (text.substr(0, 2) != "${") {
      out.text += text.front();
      literal = true;
      text.remove_prefix(1);
      continue;
    }
    const size_t end = text.find('}');
    if (end == std::string_view::npos) {
      problems->push_back({"`${` is not closed",
                           "write ${env:NAME} or ${file:/path}, or $${ for the "
                           "characters `${`"});
      break;
    }
    AppendReference(text.substr(0, end + 1), text.substr(2, end - 2), environment, directory, &out,
                    problems);
    text.remove_prefix(end + 1);
  }
  out.only_references = !literal && !out.references.empty();
  return out;
}

std::string ResolvedPath(std::string_view path, std::string_view directory) {
  if (path.empty() || path.front() == '/' || directory.empty()) return std::string(path);
  return absl::StrFormat("%s%s%s", directory, directory.back() == '/' ? "" : "/", path);
}

std::string QuotedText(std::string_view text) {
  // An address may begin with a digit: its colon tells it from a number.
  const bool begins_plain =
      !text.empty() && (IsLetter(text.front()) || text.front() == '/' ||
                        (IsDigit(text.front()) && text.find(':') != std::string_view::npos));
  const bool plain = begins_plain && !IsYamlWord(text) && text.back() != ':' &&
                     std::all_of(text.begin(), text.end(), [](char c) {
                       return IsLetter(c) || IsDigit(c) ||
                              std::string_view("._-/:").find(c) != std::string_view::npos;
                     });
  if (plain) return std::string(text);
  std::string escaped;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "${") escaped += '$';
    escaped += text[i];
  }
  return JsonString(escaped);
}

}  // namespace turnout::runtime
