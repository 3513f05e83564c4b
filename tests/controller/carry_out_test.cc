#include "deploy/controller/carry_out.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_kube.h"

namespace turnout::controller {
namespace {

using nlohmann::json;
using support::FakeKube;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Reply = FakeKube::Reply;
using Request = FakeKube::Request;

const std::string kRouterPath = "/apis/turnout.dev/v1alpha1/namespaces/shop/eventrouters/orders";
const std::string kMapPath = "/api/v1/namespaces/shop/configmaps/orders";
const std::string kPodPath = "/api/v1/namespaces/shop/pods/orders-0";

json MapNamed(const std::string& name, const std::string& value) {
  return {
      {"apiVersion", "v1"},
      {"kind", "ConfigMap"},
      {"metadata",
       {{"name", name}, {"namespace", "shop"}, {"annotations", {{"turnout.dev/rules", value}}}}},
      {"data", {{"k", value}}}};
}

class CarryOutTest : public ::testing::Test {
 protected:
  CarryOutTest() {
    Put(kRouterPath,
        {{"apiVersion", "turnout.dev/v1alpha1"},
         {"kind", "EventRouter"},
         {"metadata", {{"name", "orders"}, {"namespace", "shop"}, {"finalizers", {"other/x"}}}}});
  }

  void Put(const std::string& path, const json& object) { server_.Put(path, object.dump()); }
  kube::KubeWatch::ObjectPointer Live(const std::string& path) {
    return std::make_shared<const kube::KubeObject>(client_.Get(path).value());
  }
  // Against what is there now.
  absl::StatusOr<absl::Duration> CarryOut(const json& plan,
                                          const std::vector<std::string>& children = {},
                                          const std::vector<std::string>& pods = {}) {
    ControllerWatches::Objects live_children, live_pods;
    for (const std::string& path : children) live_children.push_back(Live(path));
    for (const std::string& path : pods) live_pods.push_back(Live(path));
    writes_from_ = Writes().size();
    return carrier_.CarryOut(plan.dump(), *Live(kRouterPath), routes_, live_children, live_pods);
  }
  std::vector<std::string> Writes() {
    std::vector<std::string> writes;
    server_.Count([&](const Request& request) {
      if (request.method != "GET") {
        const std::string path = request.target.substr(0, request.target.find('?'));
        writes.push_back(request.method + " " + path.substr(path.rfind("/namespaces/") + 12));
      }
      return false;
    });
    return writes;
  }
  // Of the last plan.
  std::vector<std::string> NewWrites() {
    std::vector<std::string> writes = Writes();
    return {writes.begin() + static_cast<std::ptrdiff_t>(writes_from_), writes.end()};
  }
  json At(const std::string& path) { return json::parse(server_.At(path)); }

  FakeKube server_{{{"turnout.dev/v1alpha1", "EventRouter", "eventrouters"},
                    {"turnout.dev/v1alpha1", "EventRoute", "eventroutes"},
                    {"v1", "ConfigMap", "configmaps"},
                    {"v1", "Pod", "pods"},
                    {"events.k8s.io/v1", "Event", "events"}}};
  kube::KubeClient client_{{.server = server_.address()}};
  kube::EventRecorder events_{&client_, "c", "i", [] { return absl::FromUnixSeconds(1); }};
  bool may_write_ = true;
  PlanCarrier carrier_{&client_, &events_, [this] { return may_write_; }};
  ControllerWatches::Objects routes_;
  size_t writes_from_ = 0;
};

TEST_F(CarryOutTest, DoesAllOfAPlanInItsOrder) {
  Put(kMapPath + "-old", MapNamed("orders-old", "1"));
  Put(kPodPath, {{"metadata", {{"name", "orders-0"}, {"namespace", "shop"}}}});
  const std::string uid = At(kMapPath + "-old")["metadata"]["uid"];
  const auto again =
      CarryOut({{"apply", {MapNamed("orders", "2")}},
                {"remove",
                 {{{"apiVersion", "v1"},
                   {"kind", "ConfigMap"},
                   {"namespace", "shop"},
                   {"name", "orders-old"},
                   {"uid", uid}}}},
                {"routerStatus", {{"phase", "Running"}}},
                {"finalizers", {"other/x", "turnout.dev/lag"}},
                {"events",
                 {{{"type", "Normal"},
                   {"reason", "Made"},
                   {"note", "n"},
                   {"regarding", {{"kind", "EventRouter"}, {"namespace", "shop"}}}}}},
                {"againInSeconds", 7}},
               {}, {kPodPath});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, absl::Seconds(7));
  EXPECT_THAT(
      NewWrites(),
      ElementsAre("PATCH shop/eventrouters/orders", "PATCH shop/configmaps/orders",
                  "PATCH shop/eventrouters/orders/status", "DELETE shop/configmaps/orders-old",
                  "PATCH shop/pods/orders-0", "POST shop/events"));
  EXPECT_EQ(At(kRouterPath)["metadata"]["finalizers"], json({"other/x", "turnout.dev/lag"}));
  EXPECT_EQ(At(kRouterPath)["status"]["phase"], "Running");
  EXPECT_EQ(server_.At(kMapPath + "-old"), "");
  EXPECT_EQ(At(kPodPath)["metadata"]["annotations"].count("turnout.dev/rules"), 1u);
}

TEST_F(CarryOutTest, WhatIsAsItShouldBeIsNotWrittenAgainAndDriftIs) {
  const json plan = {{"apply", {MapNamed("orders", "2")}},
                     {"routerStatus", {{"phase", "Running"}}}};
  ASSERT_TRUE(CarryOut(plan).ok());
  ASSERT_TRUE(CarryOut(plan, {kMapPath}).ok());
  EXPECT_THAT(NewWrites(), IsEmpty());
  json drifted = At(kMapPath);
  drifted["data"]["k"] = "by hand";
  Put(kMapPath, drifted);
  ASSERT_TRUE(CarryOut(plan, {kMapPath}).ok());
  EXPECT_THAT(NewWrites(), ElementsAre("PATCH shop/configmaps/orders"));
  EXPECT_EQ(At(kMapPath)["data"]["k"], "2");
  server_.Remove(kMapPath);
  ASSERT_TRUE(CarryOut(plan).ok());
  EXPECT_EQ(At(kMapPath)["data"]["k"], "2") << "what was deleted is made again";
}

TEST_F(CarryOutTest, PodsAreMarkedWhenTheirRulesChangeAndOnlyThen) {
  Put(kPodPath, {{"metadata", {{"name", "orders-0"}, {"namespace", "shop"}}}});
  ASSERT_TRUE(CarryOut({{"apply", {MapNamed("orders", "2")}}}, {}, {kPodPath}).ok());
  const json before = At(kPodPath);
  ASSERT_TRUE(CarryOut({{"apply", {MapNamed("orders", "2")}}}, {kMapPath}, {kPodPath}).ok());
  EXPECT_THAT(NewWrites(), IsEmpty());
  ASSERT_TRUE(CarryOut({{"apply", {MapNamed("orders", "3")}}}, {kMapPath}, {kPodPath}).ok());
  EXPECT_THAT(NewWrites(), ElementsAre("PATCH shop/configmaps/orders", "PATCH shop/pods/orders-0"));
  EXPECT_NE(At(kPodPath), before);
}

TEST_F(CarryOutTest, AFinalizerGoesLastAndThoseOfOthersStay) {
  json router = At(kRouterPath);
  router["metadata"]["finalizers"] = {"turnout.dev/lag", "other/x"};
  router["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  Put(kRouterPath, router);
  ASSERT_TRUE(CarryOut({{"routerStatus", {{"phase", "Gone"}}}, {"finalizers", {"other/x"}}}).ok());
  EXPECT_THAT(NewWrites(), ElementsAre("PATCH shop/eventrouters/orders/status",
                                       "PATCH shop/eventrouters/orders"));
  EXPECT_EQ(At(kRouterPath)["metadata"]["finalizers"], json({"other/x"}));
}

TEST_F(CarryOutTest, WhatTheServerRefusesEndsTheApplyingAndIsSaid) {
  Put(kMapPath + "-old", MapNamed("orders-old", "1"));
  server_.SetFault([](const Request& request) -> std::optional<Reply> {
    if (request.target.find("configmaps/bad") == std::string::npos) return std::nullopt;
    return Reply{.status = 422,
                 .body = R"({"kind":"Status","reason":"Invalid","message":"data: too long"})"};
  });
  const auto done = CarryOut({{"apply", {MapNamed("bad", "1"), MapNamed("next", "1")}},
                              {"remove",
                               {{{"apiVersion", "v1"},
                                 {"kind", "ConfigMap"},
                                 {"namespace", "shop"},
                                 {"name", "orders-old"},
                                 {"uid", At(kMapPath + "-old")["metadata"]["uid"]}}}},
                              {"routerStatus", {{"phase", "Running"}}}});
  EXPECT_EQ(done.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(done.status().message()), HasSubstr("data: too long"));
  EXPECT_THAT(NewWrites(),
              ElementsAre("PATCH shop/configmaps/bad", "PATCH shop/eventrouters/orders/status",
                          "POST shop/events"));
}

TEST_F(CarryOutTest, AnObjectOfTheSameNameThatIsAnotherIsNotRemoved) {
  Put(kMapPath, MapNamed("orders", "1"));
  ASSERT_TRUE(CarryOut({{"remove",
                         {{{"apiVersion", "v1"},
                           {"kind", "ConfigMap"},
                           {"namespace", "shop"},
                           {"name", "orders"},
                           {"uid", "of-its-forerunner"}}}}})
                  .ok());
  EXPECT_NE(server_.At(kMapPath), "");
}

TEST_F(CarryOutTest, NoPlanReachesOtherNamespacesOrKindsThatAreNoChildren) {
  json elsewhere = MapNamed("orders", "1");
  elsewhere["metadata"]["namespace"] = "kube-system";
  json role = MapNamed("orders", "1");
  role["apiVersion"] = "rbac.authorization.k8s.io/v1";
  role["kind"] = "ClusterRoleBinding";
  const json nameless = MapNamed("", "1");
  for (const json& object : {elsewhere, role, nameless}) {
    EXPECT_EQ(CarryOut({{"apply", {object}}}).status().code(), absl::StatusCode::kInternal);
  }
  const json removal = {{"apiVersion", "v1"},
                        {"kind", "ConfigMap"},
                        {"namespace", "kube-system"},
                        {"name", "x"},
                        {"uid", "u"}};
  EXPECT_EQ(CarryOut({{"remove", {removal}}}).status().code(), absl::StatusCode::kInternal);
  for (const std::string& write : Writes()) EXPECT_THAT(write, HasSubstr("shop/events"));
  EXPECT_EQ(carrier_.CarryOut("[]", *Live(kRouterPath), {}, {}, {}).status().code(),
            absl::StatusCode::kInternal);
}

TEST_F(CarryOutTest, WhoLostTheLeaseWritesNothing) {
  may_write_ = false;
  const auto done = CarryOut({{"apply", {MapNamed("orders", "2")}},
                              {"routerStatus", {{"phase", "Running"}}},
                              {"events", {{{"type", "Normal"}, {"reason", "Made"}}}}});
  EXPECT_EQ(done.status().code(), absl::StatusCode::kAborted);
  EXPECT_THAT(NewWrites(), IsEmpty());
}

TEST_F(CarryOutTest, RoutesAreToldTheirVerdictsAndThatThereIsNoRouterOnce) {
  const std::string path = "/apis/turnout.dev/v1alpha1/namespaces/fraud/eventroutes/cards";
  Put(path, {{"metadata", {{"name", "cards"}, {"namespace", "fraud"}, {"generation", 3}}}});
  const auto tell = [&] {
    return carrier_.TellUnrouted({Live(path)}, "shop/orders", absl::FromUnixSeconds(1'800'000'000));
  };
  ASSERT_TRUE(tell().ok());
  const json condition = At(path)["status"]["conditions"][0];
  EXPECT_EQ(condition["reason"], "RouterNotFound");
  EXPECT_EQ(condition["observedGeneration"], 3);
  EXPECT_THAT(condition["message"].get<std::string>(), HasSubstr("EventRouter shop/orders"));
  const size_t writes = Writes().size();
  ASSERT_TRUE(tell().ok());
  EXPECT_EQ(Writes().size(), writes);
  routes_ = {Live(path)};
  ASSERT_TRUE(
      CarryOut({{"routeStatuses",
                 {{{"name", "cards"}, {"namespace", "fraud"}, {"status", {{"rules", 2}}}},
                  {{"name", "unknown"}, {"namespace", "fraud"}, {"status", {{"rules", 2}}}}}}})
          .ok());
  EXPECT_EQ(At(path)["status"]["rules"], 2);
  EXPECT_THAT(NewWrites(), ElementsAre("PATCH fraud/eventroutes/cards/status"));
}

}  // namespace
}  // namespace turnout::controller
