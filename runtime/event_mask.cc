#include "runtime/event_mask.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/json_text.h"

namespace turnout::runtime {
namespace {

using router::Node;

constexpr std::string_view kKeyField = "$kafka.key";
constexpr std::string_view kHeadersField = "$kafka.headers";

bool IsSame(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase({a.data(), a.size()}, {b.data(), b.size()});
}

// What is left of the path behind that member; null data(): it doesn't lead there.
std::string_view Behind(std::string_view path, std::string_view member) {
  const bool leads = path.size() > member.size() && path[member.size()] == '.' &&
                     IsSame(path.substr(0, member.size()), member);
  return leads ? path.substr(member.size() + 1) : std::string_view();
}

// `paths` are those that lead on from here.
void Append(const Node& node, const std::vector<std::string_view>& paths, std::string* out) {
  const char* comma = "";
  switch (node.kind) {
    case Node::Kind::kNull:
      out->append("null");
      return;
    case Node::Kind::kBool:
    case Node::Kind::kNumber:
      out->append(node.text);
      return;
    case Node::Kind::kString:
      AppendJsonString(node.text, out);
      return;
    case Node::Kind::kArray:
      out->push_back('[');
      for (const Node& item : node.items) {
        out->append(std::exchange(comma, ","));
        Append(item, paths, out);
      }
      out->push_back(']');
      return;
    case Node::Kind::kObject:
      break;
  }
  out->push_back('{');
  for (const router::Member& member : node.members) {
    out->append(std::exchange(comma, ","));
    AppendJsonString(member.name, out);
    out->push_back(':');
    std::vector<std::string_view> on;
    bool is_masked = false;
    for (const std::string_view path : paths) {
      is_masked = is_masked || IsSame(path, member.name);
      const std::string_view rest = Behind(path, member.name);
      if (rest.data() != nullptr) on.push_back(rest);
    }
    if (is_masked) {
      AppendJsonString(kMasked, out);
    } else {
      Append(member.value, on, out);
    }
  }
  out->push_back('}');
}

}  // namespace

bool EventMask::Hides(std::string_view path) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [path](const std::string& field) { return IsSame(field, path); });
}

std::optional<std::string> EventMask::Payload(std::string_view json) const {
  std::vector<router::Problem> problems;
  const std::optional<Node> node = router::ParseJson(json, &problems);
  if (!node) return std::nullopt;
  std::string out;
  Append(*node, {fields_.begin(), fields_.end()}, &out);
  return out;
}

std::string EventMask::Key(std::string_view key) const {
  return std::string(Hides(kKeyField) ? kMasked : key);
}

std::string EventMask::Header(std::string_view name, std::string_view value) const {
  const std::string path = absl::StrCat(std::string(kHeadersField), ".", std::string(name));
  return std::string(Hides(kHeadersField) || Hides(path) ? kMasked : value);
}

}  // namespace turnout::runtime
