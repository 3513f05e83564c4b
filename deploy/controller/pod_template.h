// PodTemplate: what a router's pods are made of.
//
// Fit for PodSecurity's `restricted`. A change of the config is another template, since its hash is
// in the config's name; a change of rules is not.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "deploy/controller/pipeline_config.h"
#include "deploy/controller/router_spec.h"

namespace turnout::controller {

// What the orchestrator waits beyond limits.shutdown_timeout before it kills: the process ends
// itself 0.7 s after that, and its node takes a moment.
inline constexpr absl::Duration kGraceBeyondShutdown = absl::Seconds(10);
// A node that is silent keeps its pods for so long; Kubernetes' own default is five minutes.
inline constexpr int kSilentNodeSeconds = 30;

struct PodTemplate {
  std::string json;
  std::string revision;  // the hash of all else of it
};

std::string ConfigMapName(const RouterSpec& router, const std::string& config_hash);

PodTemplate MakePodTemplate(const RouterSpec& router, const PipelineConfig& config);

// Of a Job that runs `turnout` with these arguments, a JSON array, instead.
std::string JobPodTemplate(const RouterSpec& router, const PipelineConfig& config,
                           const std::string& arguments);

}  // namespace turnout::controller
