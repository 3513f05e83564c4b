// UpkeepChildren: what keeps a router's pods well from outside: who they are, how many may be away,
// who is told of trouble.
//
// Objects are JSON texts.
// Threads: pure functions.
#pragma once

#include <string>

#include "deploy/controller/pipeline_config.h"
#include "deploy/controller/router_spec.h"

namespace turnout::controller {

inline constexpr std::string_view kPodMonitorApi = "monitoring.coreos.com/v1/PodMonitor";
inline constexpr std::string_view kPrometheusRuleApi = "monitoring.coreos.com/v1/PrometheusRule";

std::string MakeServiceAccount(const RouterSpec& router);
std::string MakeConfigMap(const RouterSpec& router, const PipelineConfig& config);
std::string MakeDisruptionBudget(const RouterSpec& router);

// Of Prometheus: the labels that its operator gives to a pod's series, as a query's matchers.
std::string MatcherOf(const RouterSpec& router);

std::string MakePodMonitor(const RouterSpec& router);

// The alerts of deploy/monitoring/alerts.yml, each of this router's series alone.
std::string MakePrometheusRule(const RouterSpec& router);

// A query with this matcher in each of its selectors of Turnout's series (turnout_..., up).
std::string WithMatcher(std::string_view query, std::string_view matcher);

// `turnout replay` as spec.replay says; its name is made of it, so another replay is another Job.
std::string ReplayJobName(const RouterSpec& router);
std::string MakeReplayJob(const RouterSpec& router, const PipelineConfig& config);

}  // namespace turnout::controller
