// Situation: all that is known and decided of a router when its status is written.
//
// Lifetime: borrows what it points to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "deploy/controller/autoscaling.h"
#include "deploy/controller/drain.h"
#include "deploy/controller/healing.h"
#include "deploy/controller/pipeline_config.h"
#include "deploy/controller/pod_facts.h"
#include "deploy/controller/restore.h"
#include "deploy/controller/route_rules.h"
#include "deploy/controller/router_spec.h"
#include "deploy/controller/upgrade.h"

namespace turnout::controller {

// Whether a router that is deleted may go.
struct Leaving {
  bool may_go = false;
  std::string reason, message;  // of the condition `Deletable`
};

// How the Job of spec.replay stands.
struct ReplayFacts {
  std::string job, phase, message;
};

struct Situation {
  const RouterSpec* router = nullptr;
  const PipelineConfig* config = nullptr;
  const TeamFiles* files = nullptr;
  const std::vector<PodFacts>* pods = nullptr;
  const Healing* healing = nullptr;
  std::string status_before;  // JSON
  absl::Time now;
  int replicas = 0;            // pods that there should be
  bool has_pods_spec = false;  // there is a StatefulSet, or will be
  Scaler scaler = Scaler::kNobody;
  std::string autoscaler;  // the live HorizontalPodAutoscaler; empty: there is none
  LagFacts lag;
  int64_t source_partitions = 0;     // SourcePartitions
  std::optional<std::string> blind;  // WhyBlind
  UpgradeState upgrade;
  std::optional<DrainAnswer> drain;
  std::optional<Leaving> leaving;
  std::optional<ReplayFacts> replay;
  std::optional<RestoreFacts> restore;
};

}  // namespace turnout::controller
