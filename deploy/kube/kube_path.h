// KubePath: the path of a resource of the API server: /apis/apps/v1/namespaces/shop/statefulsets/x.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace turnout::kube {

struct KubeResource {
  std::string api_version;  // "v1", "apps/v1"
  std::string kind;         // "StatefulSet"
  std::string plural;       // "statefulsets", as paths have it
  bool is_namespaced = true;
};

// Of the object, or with an empty name of the whole collection; an empty namespace: of all of them.
std::string KubePath(const KubeResource& resource, std::string_view namespace_name,
                     std::string_view name = "");

// `text` as a part of a path or a query.
std::string UrlEscaped(std::string_view text);

}  // namespace turnout::kube
