#include "deploy/manager/option_nodes.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "router/suggest.h"

namespace turnout::manager {

absl::Status OptionFault(const std::string& file, const router::Position& at,
                         const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s:%d:%d: %s", file, at.line, at.column, what));
}

absl::Status ReadTexts(const std::string& file, const router::Node& node, const TextKeys& keys,
                       const std::vector<std::string_view>& others) {
  std::vector<std::string_view> known = others;
  for (const auto& [name, value] : keys) known.push_back(name);
  for (const router::Member& member : node.members) {
    if (std::find(others.begin(), others.end(), member.name) != others.end()) continue;
    const auto found = keys.find(member.name);
    if (found == keys.end()) {
      return OptionFault(file, member.at,
                         absl::StrFormat("unknown key %s: %s", router::Quoted(member.name),
                                         router::NearestNameCure(member.name, known)));
    }
    if (member.value.kind != router::Node::Kind::kString) {
      return OptionFault(file, member.value.at,
                         absl::StrFormat("`%s` is to be a text", member.name));
    }
    *found->second = member.value.text;
  }
  return absl::OkStatus();
}

absl::Status CheckKind(const std::string& file, const router::Node& node, router::Node::Kind kind,
                       const char* wanted) {
  if (node.kind == kind) return absl::OkStatus();
  return OptionFault(file, node.at, absl::StrFormat("that is to be %s", wanted));
}

absl::Status ReadNumber(const std::string& file, const router::Node& node, std::string_view name,
                        int64_t min, int64_t max, int64_t* number) {
  const router::Node* const found = node.Find(name);
  if (found == nullptr) return absl::OkStatus();
  if (found->kind == router::Node::Kind::kNumber && absl::SimpleAtoi(found->text, number) &&
      *number >= min && *number <= max) {
    return absl::OkStatus();
  }
  return OptionFault(file, found->at,
                     absl::StrFormat("`%s` is to be a number from %d to %d", name, min, max));
}

absl::Status ReadFlag(const std::string& file, const router::Node& node, std::string_view name,
                      bool* flag) {
  const router::Node* const found = node.Find(name);
  if (found == nullptr) return absl::OkStatus();
  if (found->kind != router::Node::Kind::kBool) {
    return OptionFault(file, found->at, absl::StrFormat("`%s` is to be true or false", name));
  }
  *flag = found->text == "true";
  return absl::OkStatus();
}

}  // namespace turnout::manager
