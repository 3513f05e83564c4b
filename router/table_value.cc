#include "router/table_value.h"

#include "absl/strings/str_cat.h"
#include "router/canonical_text.h"
#include "router/json_string.h"

namespace turnout::router {
namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

}  // namespace

// The parser reads objects, so the text is read as an object's only member.
bool TableValueReader::IsOneJsonValue(std::string_view text) {
  if (text.empty()) return false;
  text_.assign("{\"v\":");
  text_.append(text);
  text_.push_back('}');
  gathered_.Reset(0);
  if (!parser_.Parse(text_, no_fields_, &gathered_).ok()) return false;
  // It ends where the text does and no sooner, and has no second member.
  absl::Span<const uint32_t> structurals = parser_.structurals();
  structurals.remove_suffix(1);  // a sentinel
  int depth = 0;
  for (const uint32_t at : structurals) {
    const char c = text_[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c == ',' && depth == 1) return false;
    if (depth == 0) return at == text_.size() - 1;
  }
  return false;
}

std::optional<std::string_view> TableValueReader::Read(std::string_view bytes) {
  const std::string_view text = Trimmed(bytes);
  if (IsOneJsonValue(text)) return text;
  if (FindBadUtf8(bytes) != std::string_view::npos) return std::nullopt;
  text_.clear();
  AppendJsonString(bytes, &text_);
  return text_;
}

}  // namespace turnout::router
