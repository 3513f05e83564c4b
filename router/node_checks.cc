#include "router/node_checks.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/destination_template.h"
#include "router/suggest.h"

namespace turnout::router {
namespace {

void Add(std::vector<Problem>* problems, Position at, std::string what, std::string cure) {
  problems->push_back({at, "", std::move(what), std::move(cure)});
}

}  // namespace

bool CheckObject(const Node& node, std::string_view name, std::string_view example,
                 std::vector<Problem>* problems) {
  if (node.kind == Node::Kind::kObject && !node.members.empty()) return true;
  Add(problems, node.at,
      node.kind == Node::Kind::kObject
          ? absl::StrFormat("`%s` is empty", name)
          : absl::StrFormat("`%s` must be an object, not of type %s", name, KindName(node.kind)),
      absl::StrFormat("write it as `%s`, or leave it out", example));
  return false;
}

void CheckKeys(const Node& object, absl::Span<const std::string_view> known,
               std::vector<Problem>* problems) {
  std::set<std::string_view> seen;
  for (const Member& member : object.members) {
    if (!seen.insert(member.name).second) {
      Add(problems, member.at, absl::StrFormat("key %s is given twice", Quoted(member.name)),
          "keep one");
    } else if (!known.empty() &&
               std::find(known.begin(), known.end(), member.name) == known.end()) {
      Add(problems, member.at, absl::StrFormat("unknown key %s", Quoted(member.name)),
          NearestNameCure(member.name, known));
    }
  }
}

bool CheckPath(Position at, std::string_view path, std::string_view of,
               std::vector<Problem>* problems) {
  const std::string_view fault = FieldPathFault(path);
  if (fault.empty()) return true;
  Add(problems, at, absl::StrFormat("the path %s of `%s` %s", Quoted(path), of, fault),
      "write names joined by dots, such as `customer.id`");
  return false;
}

}  // namespace turnout::router
