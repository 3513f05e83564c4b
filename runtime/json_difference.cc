#include "runtime/json_difference.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/canonical_text.h"
#include "router/number.h"

namespace turnout::runtime {
namespace {

using router::Member;
using router::Node;

constexpr size_t kShownBytesMax = 200;

std::string Shown(const Node& node) {
  std::string text = router::JsonText(node);
  if (text.size() > kShownBytesMax) text = text.substr(0, kShownBytesMax) + "...";
  return text;
}

std::string Named(const std::string& path) {
  return path.empty() ? "the value" : absl::StrCat("`", path, "`");
}

std::string Below(const std::string& path, const std::string& name) {
  return absl::StrCat(path, path.empty() ? "" : ".", name);
}

bool IsSameScalar(const Node& a, const Node& b) {
  if (a.kind != b.kind) return false;
  if (a.kind != Node::Kind::kNumber) return a.text == b.text;
  const std::optional<double> number = router::ComparableNumber(a.text);
  const std::optional<double> other = router::ComparableNumber(b.text);
  return number && other ? *number == *other : a.text == b.text;
}

std::optional<std::string> Difference(const std::string& path, const Node& expected,
                                      const Node& found);

std::optional<std::string> OfMembers(const std::string& path, const Node& expected,
                                     const Node& found) {
  for (const Member& member : expected.members) {
    const std::string below = Below(path, member.name);
    const Node* const other = found.Find(member.name);
    if (other == nullptr) return absl::StrCat("`", below, "` is missing");
    if (auto difference = Difference(below, *expected.Find(member.name), *other)) {
      return difference;
    }
  }
  for (const Member& member : found.members) {
    if (expected.Find(member.name) != nullptr) continue;
    return absl::StrCat("`", Below(path, member.name),
                        "` is one field too many: ", Shown(member.value));
  }
  return std::nullopt;
}

std::optional<std::string> OfItems(const std::string& path, const Node& expected,
                                   const Node& found) {
  const size_t common = std::min(expected.items.size(), found.items.size());
  for (size_t i = 0; i < common; ++i) {
    const std::string below = absl::StrFormat("%s[%d]", path, i);
    if (auto difference = Difference(below, expected.items[i], found.items[i])) return difference;
  }
  if (expected.items.size() == found.items.size()) return std::nullopt;
  return absl::StrFormat("%s has %d elements, not %d", Named(path), found.items.size(),
                         expected.items.size());
}

std::optional<std::string> Difference(const std::string& path, const Node& expected,
                                      const Node& found) {
  const bool same_kind = expected.kind == found.kind;
  if (same_kind && expected.kind == Node::Kind::kObject) return OfMembers(path, expected, found);
  if (same_kind && expected.kind == Node::Kind::kArray) return OfItems(path, expected, found);
  if (IsSameScalar(expected, found)) return std::nullopt;
  return absl::StrCat(Named(path), " is ", Shown(found), ", not ", Shown(expected));
}

}  // namespace

std::optional<std::string> JsonDifference(const Node& expected, const Node& found) {
  return Difference("", expected, found);
}

}  // namespace turnout::runtime
