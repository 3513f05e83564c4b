#include "deploy/controller/group_taken.h"

#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "absl/strings/str_format.h"
#include "deploy/controller/json_look.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

std::string GroupOf(const RouterSpec& router) {
  if (!router.group.empty()) return router.group;
  const Json config = Json::parse(router.config, nullptr, false);
  return LookText(config, {"source", "group"}, absl::StrFormat("turnout-%s", router.topic));
}

std::set<std::string> BrokersOf(const RouterSpec& router) {
  std::set<std::string> all;
  for (const std::string& broker : router.brokers) {
    const bool is_of_namespace = broker.find('.') == std::string::npos;
    all.insert(is_of_namespace ? absl::StrFormat("%s %s", router.router_namespace, broker)
                               : broker);
  }
  return all;
}

bool ReadTheSame(const RouterSpec& a, const RouterSpec& b) {
  if (a.topic != b.topic || GroupOf(a) != GroupOf(b)) return false;
  const std::set<std::string> brokers = BrokersOf(a);
  for (const std::string& broker : BrokersOf(b)) {
    if (brokers.contains(broker)) return true;
  }
  return false;
}

// Times are RFC 3339 in UTC, of one length.
auto AgeOf(const RouterSpec& router) {
  return std::tie(router.created, router.router_namespace, router.name);
}

}  // namespace

std::string GroupTaken(const RouterSpec& router, std::string_view others) {
  const Json json = Json::parse(others, nullptr, false);
  if (!json.is_array()) return "";
  for (const Json& one : json) {
    const RouterSpec other = ReadRouterSpec(one.dump(), {});
    if (other.uid == router.uid || !ReadTheSame(router, other)) continue;
    if (AgeOf(router) < AgeOf(other)) continue;
    return absl::StrFormat(
        "the EventRouter %s/%s reads the topic %s as the group %s already, and each would have "
        "some of the partitions; give this one a spec.source.group of its own (in a new "
        "EventRouter, since it can't be changed), or delete the other one",
        other.router_namespace, other.name, router.topic, GroupOf(router));
  }
  return "";
}

}  // namespace turnout::controller
