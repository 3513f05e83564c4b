#include "router/destination_template.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace turnout::router {
namespace {

bool IsTopicCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

constexpr std::string_view kBadCharacter = "has a character that topic names can't have";
constexpr std::string_view kTooLong = "is longer than 249 bytes";

std::string_view LiteralFault(std::string_view literal) {
  for (const char c : literal) {
    if (!IsTopicCharacter(c)) return kBadCharacter;
  }
  return {};
}

absl::Status Fault(std::string_view what) {
  return absl::InvalidArgumentError(absl::string_view(what.data(), what.size()));
}

// Whether one of the two begins with the other.
bool BeginAlike(std::string_view a, std::string_view b) {
  const size_t common = std::min(a.size(), b.size());
  return a.substr(0, common) == b.substr(0, common);
}

bool EndAlike(std::string_view a, std::string_view b) {
  const size_t common = std::min(a.size(), b.size());
  return a.substr(a.size() - common) == b.substr(b.size() - common);
}

}  // namespace

std::string_view TopicNameFault(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name == "." || name == "..") return "is `.` or `..`, which Kafka refuses";
  if (name.size() > kTopicNameBytesMax) return kTooLong;
  return LiteralFault(name);
}

std::string_view FieldPathFault(std::string_view path) {
  if (path.empty()) return "is empty";
  if (path.size() > kFieldPathBytesMax) return "is longer than 1024 bytes";
  if (path.front() == '.' || path.back() == '.' || path.find("..") != std::string_view::npos) {
    return "has an empty name between its dots";
  }
  if (path.find_first_of("{}") != std::string_view::npos) return "has a brace in it";
  if (path == "$kafka" || path.substr(0, 7) == "$kafka.") {
    return "asks for `$kafka`, which only a `match` can; name a field of the payload";
  }
  return {};
}

absl::StatusOr<DestinationTemplate> ParseDestinationTemplate(std::string_view text) {
  DestinationTemplate result;
  result.text = std::string(text);
  size_t literal_bytes = 0;
  size_t at = 0;
  while (true) {
    const size_t brace = text.find_first_of("{}", at);
    const std::string_view literal = text.substr(at, brace - at);
    const std::string_view fault = LiteralFault(literal);
    if (!fault.empty()) return Fault(fault);
    literal_bytes += literal.size();
    result.literals.emplace_back(literal);
    if (brace == std::string_view::npos) break;
    if (text[brace] == '}') return Fault("has a `}` without its `{`");
    const size_t close = text.find('}', brace + 1);
    if (close == std::string_view::npos) return Fault("has a `{` without its `}`");
    const std::string_view field = text.substr(brace + 1, close - brace - 1);
    const std::string_view field_fault = FieldPathFault(field);
    if (!field_fault.empty()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("has a `{field}` whose path %s", field_fault));
    }
    result.fields.emplace_back(field);
    at = close + 1;
  }
  if (result.is_constant()) {
    const std::string_view fault = TopicNameFault(text);
    if (!fault.empty()) return Fault(fault);
  } else if (literal_bytes + result.fields.size() > kTopicNameBytesMax) {
    return Fault(kTooLong);
  }
  return result;
}

bool GlobMatches(std::string_view glob, std::string_view name) {
  size_t g = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;  // the last star met, and what it has taken so far
  size_t taken = 0;
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      taken = n;
    } else if (g < glob.size() && glob[g] == name[n]) {
      ++g;
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool GlobCanMatch(std::string_view glob, const DestinationTemplate& destination) {
  if (destination.is_constant()) return GlobMatches(glob, destination.text);
  const size_t star = glob.find('*');
  const bool fits = BeginAlike(glob.substr(0, star), destination.literals.front()) &&
                    EndAlike(glob.substr(glob.rfind('*') + 1), destination.literals.back());
  if (star != std::string_view::npos) return fits;
  size_t literal_bytes = 0;
  for (const std::string& literal : destination.literals) literal_bytes += literal.size();
  return fits && literal_bytes + destination.fields.size() <= glob.size();
}

bool GlobAlwaysMatches(std::string_view glob, const DestinationTemplate& destination) {
  if (destination.is_constant()) return GlobMatches(glob, destination.text);
  const size_t star = glob.find('*');
  if (star == std::string_view::npos || star + 1 != glob.size()) return false;
  return destination.literals[0].compare(0, star, glob, 0, star) == 0;
}

}  // namespace turnout::router
