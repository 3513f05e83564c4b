// The API's document against the routes that there are: the same paths, methods, names and codes.
#include "deploy/manager/openapi.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "deploy/manager/api.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/document.h"

namespace turnout::manager {
namespace {

using router::Node;

// Of an operation: its id, the names of its query, its statuses.
struct Operation {
  std::string id;
  std::set<std::string> query;
  std::set<int> statuses;
};

const Node& At(const Node& node, std::string_view name) {
  static const Node none;
  const Node* const found = node.Find(name);
  return found == nullptr ? none : *found;
}

std::map<std::pair<std::string, std::string>, Operation> Documented() {
  std::vector<router::Problem> problems;
  const std::optional<Node> document = router::ParseYaml(OpenApiDocument(), &problems);
  EXPECT_TRUE(document.has_value()) << problems[0].what << " in line " << problems[0].at.line;
  std::map<std::pair<std::string, std::string>, Operation> operations;
  for (const router::Member& path : At(*document, "paths").members) {
    for (const router::Member& method : path.value.members) {
      if (method.name == "parameters") continue;
      Operation operation{.id = At(method.value, "operationId").text};
      for (const Node& parameter : At(method.value, "parameters").items) {
        const std::string ref = At(parameter, "$ref").text;
        const Node& known = ref.empty() ? parameter
                                        : At(At(At(*document, "components"), "parameters"),
                                             std::string_view(ref).substr(ref.rfind('/') + 1));
        if (At(known, "in").text == "query") operation.query.insert(At(known, "name").text);
      }
      for (const router::Member& response : At(method.value, "responses").members) {
        operation.statuses.insert(std::stoi(response.name));
      }
      std::string name = method.name;
      for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      operations[{name, path.name}] = std::move(operation);
    }
  }
  return operations;
}

TEST(OpenApi, HasEveryRouteAndNoOther) {
  const auto documented = Documented();
  EXPECT_EQ(documented.size(), Routes().size());
  for (const Route& route : Routes()) {
    const auto found = documented.find({std::string(route.method), std::string(route.path)});
    ASSERT_NE(found, documented.end()) << route.method << " " << route.path;
    EXPECT_EQ(found->second.id, route.action);
    EXPECT_EQ(found->second.query, std::set<std::string>(route.query.begin(), route.query.end()))
        << route.path;
  }
}

TEST(OpenApi, SaysOfEachRouteHowItsCallersAreRefused) {
  const auto documented = Documented();
  for (const Route& route : Routes()) {
    const auto& statuses =
        documented.at({std::string(route.method), std::string(route.path)}).statuses;
    EXPECT_TRUE(statuses.contains(400)) << route.path;
    EXPECT_EQ(statuses.contains(401), route.needs != Needs::kNothing) << route.path;
    EXPECT_EQ(statuses.contains(429), route.needs != Needs::kNothing) << route.path;
    const bool is_judged = route.needs > Needs::kToken || route.action == "query_audit" ||
                           route.action == "onboard" || route.action == "sign_out" ||
                           route.action == "get_master_keys";
    EXPECT_EQ(statuses.contains(403), is_judged) << route.path;
  }
}

TEST(Routes, FindAPathByItsMethodAndTellOthers) {
  Call call;
  std::vector<std::string_view> allowed;
  const Route* const found =
      FindRoute("PUT", "/v1/services/orders/items/rules/fraud", &call, &allowed);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->action, "put_item");
  EXPECT_EQ(call.service + " " + call.kind + " " + call.name, "orders rules fraud");
  EXPECT_THAT(allowed, testing::ElementsAre("GET", "PUT", "DELETE"));
  for (const char* path : {"/", "", "/v1", "/v1/services/", "/v1/services//items", "/v1/whoami/",
                           "/v1/services/a/items/b", "/v1/services/a/items/b/c/d"}) {
    allowed.clear();
    EXPECT_EQ(FindRoute("GET", path, &call, &allowed), nullptr) << path;
    EXPECT_TRUE(allowed.empty()) << path;
  }
}

}  // namespace
}  // namespace turnout::manager
