// ChildObject: what all children of a router have in common: name, labels, owner.
//
// Templates over the library's type of a JSON value, which is the .cc files' to include.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "deploy/controller/router_spec.h"

namespace turnout::controller {

inline constexpr std::string_view kRouterLabel = "turnout.dev/router";
// Of pods that the router's NetworkPolicy holds for: its own, and those of its jobs.
inline constexpr std::string_view kNetworkLabel = "turnout.dev/network";

// By which pods of a router are selected; never changes.
template <typename Json>
Json SelectorLabels(const RouterSpec& router) {
  return {{"app.kubernetes.io/name", "turnout"},
          {"app.kubernetes.io/instance", router.name},
          {"turnout.dev/router", router.name}};
}

template <typename Json>
Json ChildLabels(const RouterSpec& router, std::string_view component) {
  Json labels = SelectorLabels<Json>(router);
  labels["app.kubernetes.io/managed-by"] = "turnout-controller";
  labels["app.kubernetes.io/component"] = component;
  return labels;
}

// An object of that kind, without what makes it one.
template <typename Json>
Json ChildObject(const RouterSpec& router, std::string_view api_version, std::string_view kind,
                 std::string_view name, std::string_view component) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata",
           {{"name", name},
            {"namespace", router.router_namespace},
            {"labels", ChildLabels<Json>(router, component)},
            {"ownerReferences", Json::array({{{"apiVersion", kApiVersion},
                                              {"kind", "EventRouter"},
                                              {"name", router.name},
                                              {"uid", router.uid},
                                              {"controller", true},
                                              {"blockOwnerDeletion", true}}})}}}};
}

}  // namespace turnout::controller
