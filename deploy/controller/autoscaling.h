// Autoscaling: who changes the number of a router's pods by the age of the oldest event that waits.
//
// KEDA asks Prometheus itself, by a ScaledObject. Where there is none, Kubernetes' own
// HorizontalPodAutoscaler asks the API of external metrics, which an adapter of Prometheus serves
// by the rule deploy/monitoring/lag-metric.yaml. Both have the same bounds and the same patience,
// and scale the EventRouter: the autoscaler writes spec.replicas through the scale subresource, and
// the controller alone writes the StatefulSet.
//
// Objects are JSON texts.
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "deploy/controller/router_spec.h"

namespace turnout::controller {

inline constexpr std::string_view kScaledObjectApi = "keda.sh/v1alpha1/ScaledObject";
inline constexpr std::string_view kLagMetric = "turnout_source_lag_seconds";

enum class Scaler {
  kNobody,       // spec.autoscaling is not there
  kKeda,         // a ScaledObject
  kMissingKeda,  // it is asked for by name, and the server doesn't know it
  kKubernetes,   // a HorizontalPodAutoscaler
};

// As spec.autoscaling.scaler says; without it KEDA where the server knows it, else Kubernetes.
Scaler ScalerOf(const RouterSpec& router, const ControllerFacts& controller);

// Whether pods are to be as many as another field says (paused, drain), or to go.
bool IsHeld(const RouterSpec& router);

std::string MakeScaledObject(const RouterSpec& router);

// While the router is held there should be none: it can't be told to wait.
std::string MakeAutoscaler(const RouterSpec& router);

// Why this HorizontalPodAutoscaler can't read its metric, in its own words; empty: it can, or has
// not tried yet.
std::string MetricTrouble(std::string_view autoscaler);

}  // namespace turnout::controller
