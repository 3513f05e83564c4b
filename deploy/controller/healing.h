// Healing: what is taken away so that Kubernetes makes it anew.
//
// A pod of a node that is silent stays for ever, since nobody says that it has ended; a StatefulSet
// makes no other of its name meanwhile. It is taken away by force: should it run on all the same,
// its successor of the same name fences it at Kafka, so nothing is doubled. A claim whose disk is
// lost goes too where checkpoints are kept elsewhere: state is brought back from there.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deploy/controller/pod_facts.h"
#include "deploy/controller/router_spec.h"

namespace turnout::controller {

struct Removal {
  std::string api_version, kind, name, object_namespace, uid;
  int grace_seconds = -1;  // -1: as the object says
  std::string propagation;
  std::string why;
};

struct LostClaim {
  std::string claim, pod;
  bool is_healed = false;  // else a person has to
};

struct Healing {
  std::vector<Removal> removals;
  std::vector<LostClaim> lost_claims;
};

// `claims` as in an observation.
Healing Heal(const RouterSpec& router, const std::vector<PodFacts>& pods, std::string_view claims);

}  // namespace turnout::controller
