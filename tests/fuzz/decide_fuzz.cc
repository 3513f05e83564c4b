// Any bytes as an observation: Decide refuses them in words, or makes a plan that reaches the
// router's own namespace and the kinds of children only. The plan is carried out as a server would,
// and what is decided of that holds to the same.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "deploy/controller/child_kinds.h"
#include "deploy/controller/decide.h"
#include "tests/fuzz/check.h"

namespace {

using Json = nlohmann::json;
using turnout::controller::ChildKind;
using turnout::controller::Decide;
using turnout::controller::kChildKinds;

bool IsChild(const Json& object) {
  return std::any_of(kChildKinds.begin(), kChildKinds.end(), [&](const ChildKind& kind) {
    return object["kind"] == kind.kind && object["apiVersion"] == kind.api_version;
  });
}

bool IsCore(const Json& object, std::string_view kind) {
  return object["apiVersion"] == "v1" && object["kind"] == kind;
}

void CheckApplied(const Json& object, const Json& router) {
  const Json& metadata = object["metadata"];
  FUZZ_CHECK(metadata["namespace"] == router["namespace"]);
  FUZZ_CHECK(!metadata["name"].get<std::string>().empty());
  if (IsCore(object, "PersistentVolumeClaim")) return;  // its owner is the StatefulSet
  FUZZ_CHECK(IsChild(object));
  FUZZ_CHECK(metadata["ownerReferences"].size() == 1);
  FUZZ_CHECK(metadata["ownerReferences"][0]["uid"] == router["uid"]);
  FUZZ_CHECK(metadata["labels"]["turnout.dev/router"] == router["name"]);
}

void CheckRemoved(const Json& removal, const Json& router) {
  FUZZ_CHECK(removal["namespace"] == router["namespace"]);
  FUZZ_CHECK(!removal["why"].get<std::string>().empty());
  FUZZ_CHECK(removal.contains("uid"));
}

// What is missing is read as empty, here as there.
std::string TextOf(const Json& object, const char* name) {
  const Json none = Json::object();
  const Json found = object.is_object() ? object.value("metadata", none) : none;
  const Json text = found.is_object() ? found.value(name, Json("")) : Json("");
  return text.is_string() ? text.get<std::string>() : std::string();
}

bool IsThere(const Json& route, const Json& status) {
  return TextOf(route, "name") == status["name"] &&
         TextOf(route, "namespace") == status["namespace"];
}

Json Decided(const Json& observed) {
  const auto decided = Decide(observed.dump());
  if (!decided.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(decided.status()));
    FUZZ_CHECK(!decided.status().message().empty());
    return nullptr;
  }
  Json plan = Json::parse(*decided, nullptr, false);
  FUZZ_CHECK(plan.is_object());
  const Json& router = observed["router"]["metadata"];
  for (const Json& object : plan["apply"]) CheckApplied(object, router);
  for (const Json& removal : plan["remove"]) CheckRemoved(removal, router);
  for (const Json& status : plan["routeStatuses"]) {
    const Json& routes = observed["routes"];
    FUZZ_CHECK(std::any_of(routes.begin(), routes.end(),
                           [&](const Json& route) { return IsThere(route, status); }));
  }
  FUZZ_CHECK(plan["routerStatus"].is_object());
  FUZZ_CHECK(plan["againInSeconds"].get<double>() > 0);
  return plan;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Json observed = Json::parse(data, data + size, nullptr, false);
  if (!observed.is_object()) return 0;
  const Json plan = Decided(observed);
  if (plan.is_null()) return 0;
  Json children = Json::array();
  for (Json object : plan["apply"]) {
    if (!IsChild(object)) continue;
    object["metadata"]["uid"] = "uid-of-a-child";
    children.push_back(std::move(object));
  }
  observed["children"] = std::move(children);
  observed["router"]["status"] = plan["routerStatus"];
  Decided(observed);
  return 0;
}
