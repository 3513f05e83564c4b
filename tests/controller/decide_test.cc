// The controller's core, by the cases in tests/controller/cases, and by what must hold of each plan
// that comes up in them.
#include "deploy/controller/decide.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "deploy/controller/child_kinds.h"
#include "tests/controller/plan_match.h"
#include "tests/controller/simulated_cluster.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

constexpr size_t kNameMax = 63;

std::string Directory() { return std::string(TURNOUT_SOURCE_DIR) + "/tests/controller/cases"; }

Json ReadJson(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  Json json = Json::parse(text.str(), nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << path << " is no JSON";
  return json;
}

struct Case {
  std::string file;
  Json json;
};

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const auto& entry : std::filesystem::directory_iterator(Directory())) {
    if (entry.path().filename() == "base.json") continue;
    for (Json& json : ReadJson(entry.path())) {
      cases.push_back({entry.path().stem().string(), std::move(json)});
    }
  }
  std::sort(cases.begin(), cases.end(),
            [](const Case& a, const Case& b) { return a.json["name"] < b.json["name"]; });
  return cases;
}

// "upgrade.a_canary_that_crashes_is_gone_back_from"
std::string NameOf(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.file + "_" + info.param.json["name"].get<std::string>();
  for (char& c : name) {
    if (!isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

void PrintTo(const Case& one, std::ostream* out) { *out << one.json["name"]; }

void ExpectSoundObject(const Json& object, const Json& router) {
  const Json& metadata = object["metadata"];
  const std::string what = object["kind"].get<std::string>() + " " + metadata["name"].dump();
  EXPECT_LE(metadata["name"].get<std::string>().size(), kNameMax) << what;
  EXPECT_EQ(metadata["namespace"], router["metadata"]["namespace"]) << what;
  EXPECT_EQ(metadata["labels"]["turnout.dev/router"], router["metadata"]["name"]) << what;
  if (object["kind"] == "PersistentVolumeClaim") return;
  EXPECT_EQ(metadata["labels"]["app.kubernetes.io/managed-by"], "turnout-controller") << what;
  EXPECT_EQ(metadata["ownerReferences"][0]["uid"], router["metadata"]["uid"]) << what;
  const bool is_known = std::any_of(kChildKinds.begin(), kChildKinds.end(), [&](const auto& kind) {
    return object["kind"] == kind.kind && object["apiVersion"] == kind.api_version;
  });
  EXPECT_TRUE(is_known) << what << " is of no kind that is listed and watched";
}

void ExpectSoundConditions(const Json& status) {
  std::set<std::string> types;
  for (const Json& condition : status["conditions"]) {
    EXPECT_TRUE(types.insert(condition["type"]).second) << condition;
    EXPECT_FALSE(condition["reason"].get<std::string>().empty()) << condition;
    EXPECT_FALSE(condition["message"].get<std::string>().empty()) << condition;
    EXPECT_FALSE(condition["lastTransitionTime"].get<std::string>().empty()) << condition;
    EXPECT_TRUE(condition.contains("observedGeneration")) << condition;
  }
}

// What holds of any plan.
void ExpectSoundPlan(const Json& plan, const Json& observation) {
  const Json& router = observation["router"];
  for (const Json& object : plan["apply"]) ExpectSoundObject(object, router);
  for (const Json& removal : plan["remove"]) {
    EXPECT_EQ(removal["namespace"], router["metadata"]["namespace"]) << removal;
    EXPECT_FALSE(removal["uid"].get<std::string>().empty()) << removal;
  }
  ExpectSoundConditions(plan["routerStatus"]);
  for (const Json& route : plan["routeStatuses"]) ExpectSoundConditions(route["status"]);
  EXPECT_GT(plan["againInSeconds"].get<double>(), 0);
}

// Once it is carried out and nothing else happens, nothing more is to be done: no other objects, no
// removals but of the config that a StatefulSet had before, no events.
void ExpectAtRest(SimulatedCluster cluster) {
  const Json first = cluster.Decide();
  cluster.CarryOut(first);
  const Json second = cluster.Decide();
  for (const Json& removal : second["remove"]) {
    EXPECT_EQ(removal["kind"], "ConfigMap") << "a second plan removes " << removal;
  }
  cluster.CarryOut(second);
  const Json third = cluster.Decide();
  EXPECT_EQ(third["remove"], Json::array());
  EXPECT_EQ(third["events"], Json::array());
  EXPECT_EQ(third["routerStatus"], second["routerStatus"]);
  EXPECT_EQ(third["finalizers"], first["finalizers"]);
  for (const Json& object : third["apply"]) {
    const auto same = std::find(second["apply"].begin(), second["apply"].end(), object);
    EXPECT_NE(same, second["apply"].end()) << "a third plan has another " << object;
  }
}

void RunStep(const Json& step, SimulatedCluster* cluster) {
  cluster->AdvanceSeconds(step.value("after_seconds", 10));
  if (step.contains("patch")) cluster->observation().merge_patch(step["patch"]);
  if (step.value("kubelet", true)) cluster->RunKubelet();
  for (const Json& patch : step.value("pod_patches", Json::array())) {
    cluster->Pod(patch["ordinal"]).merge_patch(patch["patch"]);
  }
  for (const Json& patch : step.value("child_patches", Json::array())) {
    cluster->Child(patch["kind"].get<std::string>()).merge_patch(patch["patch"]);
  }
  const Json plan = cluster->Decide();
  EXPECT_EQ(Mismatch(step.value("expect", Json::object()), &plan, "plan"), "");
  ExpectSoundPlan(plan, cluster->observation());
  // Of the steps that only begin a case, one is as good as the other.
  if (step.contains("patch") || step.contains("pod_patches")) ExpectAtRest(*cluster);
  cluster->CarryOut(plan);
}

class Deciding : public testing::TestWithParam<Case> {};

TEST_P(Deciding, IsAsTheCaseSays) {
  const Json& json = GetParam().json;
  SimulatedCluster cluster(ReadJson(Directory() + "/base.json"));
  if (json.contains("base")) cluster.observation().merge_patch(json["base"]);
  // Two steps until all pods run and say so.
  if (json.value("start", "running") == "running") {
    RunStep(Json::object(), &cluster);
    RunStep(Json::object(), &cluster);
  }
  int number = 0;
  for (const Json& step : json["steps"]) {
    SCOPED_TRACE(absl::StrFormat("step %d", ++number));
    RunStep(step, &cluster);
  }
  EXPECT_GT(number, 0);
}

INSTANTIATE_TEST_SUITE_P(Cases, Deciding, testing::ValuesIn(AllCases()), NameOf);

TEST(Decide, RefusesAnObservationThatIsNone) {
  EXPECT_EQ(Decide("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Decide("[]").status().code(), absl::StatusCode::kInvalidArgument);
  Json observation = ReadJson(Directory() + "/base.json");
  observation["now"] = "yesterday";
  EXPECT_EQ(Decide(observation.dump()).status().message(),
            "the observation's `now` is no time (RFC 3339)");
  observation = ReadJson(Directory() + "/base.json");
  observation["router"]["metadata"].erase("uid");
  EXPECT_EQ(Decide(observation.dump()).status().message(),
            "the observation's router has no metadata.uid");
}

TEST(Decide, GivesTheSamePlanForTheSameObservation) {
  const std::string observation = ReadJson(Directory() + "/base.json").dump();
  EXPECT_EQ(*Decide(observation), *Decide(observation));
}

TEST(Decide, MakesNamesThatFitForTheLongestNameThatARouterMayHave) {
  Json observation = ReadJson(Directory() + "/base.json");
  observation["router"]["metadata"]["name"] = std::string(40, 'r');
  observation["router"]["spec"]["replay"] = {{"rule", "a/b"}, {"from", "7d"}, {"to", "now"}};
  const Json plan = Json::parse(*Decide(observation.dump()));
  ExpectSoundPlan(plan, observation);
}

}  // namespace
}  // namespace turnout::controller
