// ChildKinds: the kinds of objects that an EventRouter may own, for who lists and watches them.
//
// Optional kinds are asked for only where the server knows them; Decide is told by
// `controller.apis`, in the form of Api().
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace turnout::controller {

struct ChildKind {
  std::string_view api_version;  // "apps/v1"
  std::string_view kind;         // "StatefulSet"
  std::string_view plural;       // "statefulsets"
  bool is_optional = false;      // of somebody else's CustomResourceDefinition
};

inline constexpr auto kChildKinds = std::to_array<ChildKind>({
    {"v1", "ServiceAccount", "serviceaccounts"},
    {"v1", "ConfigMap", "configmaps"},
    {"v1", "Service", "services"},
    {"networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"},
    {"networking.k8s.io/v1", "Ingress", "ingresses"},
    {"policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"},
    {"apps/v1", "StatefulSet", "statefulsets"},
    {"batch/v1", "Job", "jobs"},
    {"autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"},
    {"keda.sh/v1alpha1", "ScaledObject", "scaledobjects", true},
    {"monitoring.coreos.com/v1", "PodMonitor", "podmonitors", true},
    {"monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules", true},
});

// "keda.sh/v1alpha1/ScaledObject"
inline std::string Api(const ChildKind& kind) {
  return std::string(kind.api_version) + "/" + std::string(kind.kind);
}

}  // namespace turnout::controller
