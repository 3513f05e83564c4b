#include "tests/controller/simulated_cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "deploy/controller/conditions.h"
#include "deploy/controller/decide.h"
#include "runtime/rule_loader.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

bool IsSame(const Json& a, const Json& b) {
  const std::string name_of_a = a.contains("metadata") ? a["metadata"]["name"] : a["name"];
  const std::string name_of_b = b.contains("metadata") ? b["metadata"]["name"] : b["name"];
  return a["kind"] == b["kind"] && name_of_a == name_of_b;
}

void Remove(const Json& removal, Json* objects) {
  for (size_t i = 0; i < objects->size(); ++i) {
    const Json& one = (*objects)[i].contains("pod") ? (*objects)[i]["pod"] : (*objects)[i];
    if (!IsSame(removal, one)) continue;
    objects->erase(i);
    return;
  }
}

}  // namespace

void SimulatedCluster::AdvanceSeconds(int64_t seconds) {
  const absl::Time now = ReadTime(observation_["now"].get<std::string>());
  observation_["now"] = TimeText(now + absl::Seconds(seconds));
}

Json* SimulatedCluster::StatefulSet() {
  for (Json& child : observation_["children"]) {
    if (child["kind"] == "StatefulSet") return &child;
  }
  return nullptr;
}

Json& SimulatedCluster::Child(std::string_view kind) {
  static Json none;
  for (Json& child : observation_["children"]) {
    if (child["kind"] == kind) return child;
  }
  ADD_FAILURE() << "there is no " << kind;
  return none;
}

Json SimulatedCluster::TeamsInForce() const {
  Json teams = Json::array();
  for (const Json& child : observation_["children"]) {
    if (child["kind"] != "ConfigMap") continue;
    for (const auto& [file, text] : child["data"].items()) {
      if (!file.ends_with(".json")) continue;
      const Json team = Json::parse(text.get<std::string>());
      teams.push_back({{"team", team["team"]}, {"rules", team["rules"].size()}});
    }
  }
  return teams;
}

// As pods do: by the reader that they have in common with the controller.
Json SimulatedCluster::TeamHashes() const {
  Json hashes = Json::object();
  for (const Json& child : observation_["children"]) {
    if (child["kind"] != "ConfigMap") continue;
    for (const auto& [file, text] : child["data"].items()) {
      std::vector<router::Problem> problems;
      if (!file.ends_with(".json")) continue;
      for (const router::Team& team :
           runtime::CompileRules(file, text.get<std::string>(), {}, &problems)) {
        hashes[team->team] = absl::StrFormat("%016x", team->content_hash);
      }
    }
  }
  return hashes;
}

Json SimulatedCluster::RunningPod(int ordinal, const Json& pod_template) const {
  const std::string name = absl::StrFormat(
      "%s-%d", observation_["router"]["metadata"]["name"].get<std::string>(), ordinal);
  Json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}};
  pod["metadata"] = pod_template["metadata"];
  pod["metadata"]["name"] = name;
  pod["metadata"]["namespace"] = observation_["router"]["metadata"]["namespace"];
  pod["metadata"]["uid"] = "uid-of-" + name;
  pod["spec"] = pod_template["spec"];
  pod["spec"]["nodeName"] = "node-1";
  const Json ready = {
      {"type", "Ready"}, {"status", "True"}, {"lastTransitionTime", observation_["now"]}};
  const Json container = {{"name", "turnout"},
                          {"ready", true},
                          {"restartCount", 0},
                          {"image", pod_template["spec"]["containers"][0]["image"]},
                          {"state", {{"running", Json::object()}}}};
  pod["status"] = {{"conditions", Json::array({ready})},
                   {"containerStatuses", Json::array({container})}};
  const Json partition = {{"partition", ordinal},
                          {"next_offset", 100},
                          {"end_offset", 100},
                          {"lag", 0},
                          {"last_event", observation_["now"]},
                          {"phase", "live"}};
  const Json topic = observation_["router"]["spec"]["source"]["topic"];
  const Json worker = {{"worker", 0},
                       {"topic", topic},
                       {"state", "running"},
                       {"partitions", Json::array({partition})}};
  const Json status = {
      {"version", "1.0.0"},
      {"source", topic},
      {"ready", true},
      {"reasons", Json::array()},
      {"troubles", Json::array()},
      {"checkpoints", {{"store", "s3://acme/state"}, {"tasks", 1}, {"oldest_age_seconds", 12.5}}},
      {"rules",
       {{"hash", "5f0c1d2e3a4b5c6d"}, {"teams", TeamsInForce()}, {"team_hashes", TeamHashes()}}},
      {"destinations_unwell", Json::array()},
      {"workers", Json::array({worker})}};
  return {{"pod", pod}, {"status", status}, {"error", ""}};
}

void SimulatedCluster::RunKubelet() {
  const Json* set = StatefulSet();
  Json pods = Json::array();
  if (set != nullptr) {
    const Json& spec = (*set)["spec"];
    const int partition = spec["updateStrategy"]["rollingUpdate"]["partition"];
    for (int ordinal = 0; ordinal < spec["replicas"].get<int>(); ++ordinal) {
      // What was there below the partition stays of its template.
      Json pod_template = spec["template"];
      std::string since = observation_["now"];
      for (const Json& before : observation_["pods"]) {
        const Json& old = before["pod"];
        if (!old["metadata"]["name"].get<std::string>().ends_with(
                absl::StrFormat("-%d", ordinal))) {
          continue;
        }
        const std::string kRevision = "turnout.dev/revision";
        const bool is_new = old["metadata"]["annotations"][kRevision] ==
                            pod_template["metadata"]["annotations"][kRevision];
        if (ordinal < partition)
          pod_template = {{"metadata", old["metadata"]}, {"spec", old["spec"]}};
        const Json& condition = old["status"]["conditions"][0];
        if ((ordinal < partition || is_new) && condition.value("status", "") == "True") {
          since = condition.value("lastTransitionTime", since);
        }
      }
      Json pod = RunningPod(ordinal, pod_template);
      pod["pod"]["status"]["conditions"][0]["lastTransitionTime"] = since;
      pods.push_back(std::move(pod));
    }
  }
  observation_["pods"] = std::move(pods);
}

Json& SimulatedCluster::Pod(int ordinal) { return observation_["pods"].at(ordinal); }

Json SimulatedCluster::Decide() const {
  const absl::StatusOr<std::string> plan = controller::Decide(observation_.dump());
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? Json::parse(*plan) : Json::object();
}

void SimulatedCluster::CarryOut(const Json& plan) {
  Json& children = observation_["children"];
  for (Json object : plan["apply"]) {
    if (object["kind"] == "PersistentVolumeClaim") continue;  // no child, and it has an owner
    object["metadata"]["uid"] = "uid-of-" + object["metadata"]["name"].get<std::string>();
    const auto there = std::find_if(children.begin(), children.end(),
                                    [&](const Json& child) { return IsSame(child, object); });
    if (there == children.end()) {
      children.push_back(std::move(object));
    } else {
      *there = std::move(object);
    }
  }
  for (const Json& removal : plan["remove"]) {
    Remove(removal, &children);
    Remove(removal, &observation_["pods"]);
    Remove(removal, &observation_["claims"]);
  }
  observation_["router"]["status"] = plan["routerStatus"];
  observation_["router"]["metadata"]["finalizers"] = plan["finalizers"];
  for (const Json& written : plan["routeStatuses"]) {
    for (Json& route : observation_["routes"]) {
      if (route["metadata"]["name"] == written["name"] &&
          route["metadata"]["namespace"] == written["namespace"]) {
        route["status"] = written["status"];
      }
    }
  }
}

}  // namespace turnout::controller
