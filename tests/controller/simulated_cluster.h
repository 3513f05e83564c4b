// SimulatedCluster: as much of Kubernetes as a router's controller sees, around Decide.
//
// Carries a plan out: objects are kept, removals remove, statuses and finalizers are written. Its
// kubelet makes the pods of the StatefulSet as Kubernetes would: those from `partition` on by the
// template that is there, the others as they were, ready, with a status that says so.
//
// Threads: one.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace turnout::controller {

class SimulatedCluster {
 public:
  using Json = nlohmann::json;

  explicit SimulatedCluster(Json observation) : observation_(std::move(observation)) {}

  Json& observation() { return observation_; }

  void AdvanceSeconds(int64_t seconds);

  // The pods that the StatefulSet asks for now.
  void RunKubelet();

  // Of the pod of that ordinal, as in the observation.
  Json& Pod(int ordinal);

  // The live object that was made of that kind; none fails the test.
  Json& Child(std::string_view kind);

  // Decides once; a plan that is none fails the test.
  Json Decide() const;

  void CarryOut(const Json& plan);

 private:
  Json* StatefulSet();
  Json TeamsInForce() const;
  Json TeamHashes() const;
  Json RunningPod(int ordinal, const Json& pod_template) const;

  Json observation_;
};

}  // namespace turnout::controller
