#include "deploy/controller/controller_loop.h"

#include <atomic>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "deploy/controller/child_kinds.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_http_server.h"
#include "tests/support/fake_kube.h"

namespace turnout::controller {
namespace {

using nlohmann::json;
using support::FakeHttpServer;
using support::FakeKube;
using ::testing::HasSubstr;
using Reply = FakeKube::Reply;
using Request = FakeKube::Request;

std::vector<FakeKube::Kind> Kinds(bool with_optional) {
  std::vector<FakeKube::Kind> kinds = {
      {"turnout.dev/v1alpha1", "EventRouter", "eventrouters"},
      {"turnout.dev/v1alpha1", "EventRoute", "eventroutes"},
      {"v1", "Pod", "pods"},
      {"v1", "PersistentVolumeClaim", "persistentvolumeclaims"},
      {"coordination.k8s.io/v1", "Lease", "leases"},
      {"events.k8s.io/v1", "Event", "events"},
  };
  for (const ChildKind& kind : kChildKinds) {
    if (kind.is_optional && !with_optional) continue;
    kinds.push_back(
        {std::string(kind.api_version), std::string(kind.kind), std::string(kind.plural)});
  }
  return kinds;
}

std::string RouterPath(const std::string& name) {
  return "/apis/turnout.dev/v1alpha1/namespaces/shop/eventrouters/" + name;
}
std::string MapPath(const std::string& name) {
  return "/api/v1/namespaces/shop/configmaps/" + name;
}

std::string RouterNamed(const std::string& name, const std::string& value = "1") {
  return json{{"apiVersion", "turnout.dev/v1alpha1"},
              {"kind", "EventRouter"},
              {"metadata", {{"name", name}, {"namespace", "shop"}}},
              {"spec", {{"value", value}}}}
      .dump();
}

// In place of Decide: a ConfigMap with the spec's value, and a status with what was observed.
absl::StatusOr<std::string> PlanOf(std::string_view text) {
  const json seen = json::parse(text);
  const json& router = seen["router"];
  const std::string name = router["metadata"]["name"];
  if (router["spec"]["value"] == "refused") return absl::InvalidArgumentError("no such value");
  json plan = {{"routerStatus",
                {{"routes", seen["routes"].size()},
                 {"pods", seen["pods"]},
                 {"apis", seen["controller"]["apis"]}}},
               {"againInSeconds", 60}};
  if (router["metadata"].contains("deletionTimestamp")) {
    plan["finalizers"] = json::array();
    return plan.dump();
  }
  plan["finalizers"] = {"turnout.dev/lag"};
  plan["apply"] = json::array(
      {{{"apiVersion", "v1"},
        {"kind", "ConfigMap"},
        {"metadata",
         {{"name", name}, {"namespace", "shop"}, {"labels", {{"turnout.dev/router", name}}}}},
        {"data", {{"value", router["spec"]["value"]}}}}});
  return plan.dump();
}

class ControllerLoopTest : public ::testing::Test {
 protected:
  std::unique_ptr<ControllerLoop> Loop(bool is_once = false) {
    ControllerOptions options;
    options.kube.server = server_.address();
    options.namespace_name = "system";
    options.identity = "controller-" + std::to_string(++loops_);
    options.is_once = is_once;
    LoopTimes times;
    times.leader = {.lease_duration = absl::Seconds(3),
                    .renew_deadline = absl::Seconds(2),
                    .retry_period = absl::Milliseconds(100)};
    times.queue = {.gather_time = absl::Milliseconds(5),
                   .quiet_time = absl::Milliseconds(20),
                   .wait_min = absl::Milliseconds(20),
                   .wait_max = absl::Milliseconds(100)};
    times.pod_port = pod_port_;
    auto loop = std::make_unique<ControllerLoop>(options, PlanOf, times);
    loop->Start();
    return loop;
  }
  // Each change is a request, so that the condition is looked at again with each.
  bool Await(const std::function<bool()>& is_so) {
    for (const absl::Time end = absl::Now() + absl::Seconds(20); absl::Now() < end;) {
      if (is_so()) return true;
      server_.Await([](const Request&) { return true; },
                    server_.Count([](const Request&) { return true; }) + 1, 1);
    }
    return is_so();
  }
  bool AwaitValue(const std::string& name, const std::string& value) {
    return Await([&] {
      const json map = json::parse(server_.At(MapPath(name)), nullptr, false);
      return map.is_object() && map["data"]["value"] == value;
    });
  }
  json StatusOf(const std::string& name) {
    return json::parse(server_.At(RouterPath(name))).value("status", json::object());
  }

  FakeKube server_{Kinds(true)};
  int pod_port_ = 1;
  int loops_ = 0;
};

TEST_F(ControllerLoopTest, ARouterGetsItsChildrenAndDriftIsUndone) {
  const auto loop = Loop();
  server_.Put(RouterPath("orders"), RouterNamed("orders"));
  ASSERT_TRUE(AwaitValue("orders", "1"));
  EXPECT_TRUE(loop->is_ready());
  json drifted = json::parse(server_.At(MapPath("orders")));
  drifted["data"]["value"] = "by hand";
  server_.Put(MapPath("orders"), drifted.dump());
  EXPECT_TRUE(AwaitValue("orders", "1"));
  server_.Remove(MapPath("orders"));
  EXPECT_TRUE(AwaitValue("orders", "1"));
  json router = json::parse(server_.At(RouterPath("orders")));
  router["spec"]["value"] = "2";
  server_.Put(RouterPath("orders"), router.dump());
  EXPECT_TRUE(AwaitValue("orders", "2"));
}

TEST_F(ControllerLoopTest, ARouterThatIsDeletedIsLetGoThroughItsFinalizer) {
  const auto loop = Loop();
  server_.Put(RouterPath("orders"), RouterNamed("orders"));
  ASSERT_TRUE(Await([&] {
    return server_.At(RouterPath("orders")).find("turnout.dev/lag") != std::string::npos;
  }));
  kube::KubeClient client({.server = server_.address()});
  ASSERT_TRUE(client.Delete(RouterPath("orders")).ok());
  EXPECT_TRUE(Await([&] { return server_.At(RouterPath("orders")).empty(); }));
}

TEST_F(ControllerLoopTest, ARouterThatFailsHoldsUpNoOtherAndIsTriedUntilItDoesNot) {
  server_.Put(RouterPath("bad"), RouterNamed("bad", "refused"));
  server_.Put(RouterPath("good"), RouterNamed("good"));
  const auto loop = Loop();
  ASSERT_TRUE(AwaitValue("good", "1"));
  ASSERT_TRUE(Await(
      [&] { return loop->MetricsText().find("outcome=\"failed\"} 0\n") == std::string::npos; }));
  server_.Put(RouterPath("bad"), RouterNamed("bad", "2"));
  EXPECT_TRUE(AwaitValue("bad", "2"));
}

TEST_F(ControllerLoopTest, PodsAreAskedAndOneThatDoesNotAnswerIsSaidToBeSo) {
  FakeHttpServer pod([](const Request& request) {
    return Reply{.body = request.target == "/v1/status" ? R"({"version":"9"})" : "no"};
  });
  pod_port_ = std::stoi(pod.address().substr(pod.address().rfind(':') + 1));
  const auto put = [this](const std::string& name, const std::string& address) {
    server_.Put("/api/v1/namespaces/shop/pods/" + name,
                json{{"metadata",
                      {{"name", name},
                       {"namespace", "shop"},
                       {"labels", {{"turnout.dev/router", "orders"}}}}},
                     {"status", {{"podIP", address}}}}
                    .dump());
  };
  put("orders-0", "127.0.0.1");
  put("orders-1", "127.0.0.2");
  put("orders-2", "");
  put("orders-3", "127.0.0.1/x?");
  server_.Put(RouterPath("orders"), RouterNamed("orders"));
  const auto loop = Loop();
  ASSERT_TRUE(Await([&] { return StatusOf("orders").value("pods", json::array()).size() == 4; }));
  const json pods = StatusOf("orders")["pods"];
  EXPECT_EQ(pods[0]["status"]["version"], "9");
  EXPECT_FALSE(pods[1].contains("status") && !pods[1]["status"].is_null());
  EXPECT_THAT(pods[1]["error"].get<std::string>(), HasSubstr("127.0.0.2"));
  EXPECT_THAT(pods[2]["error"].get<std::string>(), HasSubstr("no address yet"));
  EXPECT_THAT(pods[3]["error"].get<std::string>(), HasSubstr("address is none"));
}

TEST_F(ControllerLoopTest, OnlyTheLeaderActsAndAnotherTakesOverWhenItStops) {
  auto first = Loop();
  ASSERT_TRUE(Await([&] { return first->is_leader(); }));
  auto second = Loop();
  server_.Put(RouterPath("orders"), RouterNamed("orders"));
  ASSERT_TRUE(AwaitValue("orders", "1"));
  ASSERT_TRUE(Await([&] { return second->is_ready(); }));
  EXPECT_FALSE(second->is_leader());
  EXPECT_THAT(second->MetricsText(), HasSubstr("turnout_controller_leader 0\n"));
  EXPECT_THAT(second->MetricsText(), HasSubstr("outcome=\"succeeded\"} 0\n"));
  first->Stop();
  // While nobody acts.
  server_.Put(RouterPath("orders"), RouterNamed("orders", "2"));
  EXPECT_TRUE(AwaitValue("orders", "2"));
  EXPECT_TRUE(second->is_leader());
  EXPECT_THAT(second->MetricsText(), HasSubstr("turnout_controller_leader 1\n"));
}

TEST_F(ControllerLoopTest, ALeaderThatCannotRenewActsNoMore) {
  const auto loop = Loop();
  server_.Put(RouterPath("orders"), RouterNamed("orders"));
  ASSERT_TRUE(AwaitValue("orders", "1"));
  server_.SetFault([](const Request& request) -> std::optional<Reply> {
    if (request.target.find("/leases/") == std::string::npos) return std::nullopt;
    return Reply{.status = 500};
  });
  ASSERT_TRUE(Await([&] { return !loop->is_leader(); }));
  server_.Put(RouterPath("orders"), RouterNamed("orders", "2"));
  const auto is_apply = [](const Request& r) { return r.method == "PATCH"; };
  const int applied = server_.Count(is_apply);
  server_.Await(is_apply, applied + 1, 1);
  EXPECT_EQ(server_.Count(is_apply), applied);
  server_.SetFault(nullptr);
  EXPECT_TRUE(AwaitValue("orders", "2")) << "once it leads again";
}

TEST_F(ControllerLoopTest, ItLivesThroughAServerThatIsAwayAndForgetsItsHistory) {
  const auto loop = Loop();
  server_.Put(RouterPath("orders"), RouterNamed("orders"));
  ASSERT_TRUE(AwaitValue("orders", "1"));
  server_.SetFault([](const Request&) { return Reply{.status = 503}; });
  server_.CutWatches();
  server_.Put(RouterPath("orders"), RouterNamed("orders", "2"));
  server_.Put(RouterPath("new"), RouterNamed("new"));
  server_.Compact();
  server_.SetFault(nullptr);
  EXPECT_TRUE(AwaitValue("orders", "2"));
  EXPECT_TRUE(AwaitValue("new", "1"));
}

TEST_F(ControllerLoopTest, ARouteWithoutItsRouterIsToldAndJoinsItOnceItIsThere) {
  const std::string path = "/apis/turnout.dev/v1alpha1/namespaces/fraud/eventroutes/cards";
  server_.Put(path, json{{"metadata", {{"name", "cards"}, {"namespace", "fraud"}}},
                         {"spec", {{"router", {{"name", "orders"}, {"namespace", "shop"}}}}}}
                        .dump());
  const auto loop = Loop();
  ASSERT_TRUE(Await([&] { return server_.At(path).find("RouterNotFound") != std::string::npos; }));
  server_.Put(RouterPath("orders"), RouterNamed("orders"));
  EXPECT_TRUE(Await([&] { return StatusOf("orders").value("routes", 0) == 1; }));
}

TEST_F(ControllerLoopTest, OnceLooksAtEachRouterAndEnds) {
  server_.Put(RouterPath("a"), RouterNamed("a"));
  server_.Put(RouterPath("b"), RouterNamed("b"));
  const auto loop = Loop(true);
  const absl::Notification never;
  const absl::Status done = loop->Once(absl::Seconds(20), never);
  EXPECT_TRUE(done.ok()) << done;
  EXPECT_NE(server_.At(MapPath("a")), "");
  EXPECT_NE(server_.At(MapPath("b")), "");
  server_.Put(RouterPath("c"), RouterNamed("c", "refused"));
  loop->Stop();
  const auto again = Loop(true);
  EXPECT_EQ(again->Once(absl::Seconds(20), never).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(server_.At(MapPath("c")), "");
}

TEST_F(ControllerLoopTest, OnceEndsSoonWhenItIsToldToStop) {
  server_.Put(RouterPath("a"), RouterNamed("a"));
  const auto loop = Loop(true);
  absl::Notification stop;
  stop.Notify();
  EXPECT_EQ(loop->Once(absl::Minutes(10), stop).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(server_.At(MapPath("a")), "");
}

// Without what an optional kind brings, a router would be given something else in its place.
TEST_F(ControllerLoopTest, NothingIsDoneBeforeItIsKnownWhichKindsThereAre) {
  const auto is_asked = [](const Request& r) { return r.target.starts_with("/apis/keda.sh/"); };
  const Reply answers[] = {{.status = 503},
                           {.status = 401},
                           {.body = "<html>sign in</html>"},
                           {.body = R"({"kind":"Status"})"},
                           {.body = R"({"resources":"none"})"}};
  std::atomic<size_t> now = 0;
  server_.SetFault([&](const Request& request) -> std::optional<Reply> {
    if (!is_asked(request) || now == std::size(answers)) return std::nullopt;
    return answers[now];
  });
  server_.Put(RouterPath("orders"), RouterNamed("orders"));
  const auto loop = Loop();
  for (; now < std::size(answers); ++now) {
    const int asked = server_.Count(is_asked);
    ASSERT_TRUE(server_.Await(is_asked, asked + 2)) << "answer " << now;
    EXPECT_FALSE(loop->is_ready()) << "answer " << now;
    EXPECT_EQ(server_.Count([](const Request& r) { return r.method == "PATCH"; }), 0)
        << "answer " << now;
  }
  ASSERT_TRUE(AwaitValue("orders", "1"));
  EXPECT_TRUE(loop->is_ready());
  EXPECT_TRUE(Await([&] { return StatusOf("orders")["apis"].size() == 3u; }));
}

TEST_F(ControllerLoopTest, AServerThatMayNotBeAskedForAKindIsGoneOnWithWithoutIt) {
  server_.SetFault([](const Request& request) -> std::optional<Reply> {
    if (!request.target.starts_with("/apis/keda.sh/")) return std::nullopt;
    return Reply{.status = 403};
  });
  server_.Put(RouterPath("orders"), RouterNamed("orders"));
  testing::internal::CaptureStderr();
  const auto loop = Loop();
  ASSERT_TRUE(AwaitValue("orders", "1"));
  EXPECT_TRUE(loop->is_ready());
  EXPECT_TRUE(Await([&] { return StatusOf("orders")["apis"].size() == 2u; }));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("api_forbidden"), HasSubstr("system:discovery")));
}

TEST(ControllerApis, OptionalKindsAreLookedForAndFollowed) {
  for (const bool with_optional : {true, false}) {
    FakeKube server(Kinds(with_optional));
    kube::KubeClient client({.server = server.address()});
    ControllerWatches watches(&client, [](const std::string&) {});
    EXPECT_FALSE(watches.is_synced());
    EXPECT_TRUE(watches.LookForApis());
    EXPECT_TRUE(watches.AwaitSynced(absl::Seconds(20)));
    EXPECT_TRUE(watches.is_synced());
    EXPECT_EQ(watches.apis().size(), with_optional ? 3u : 0u);
  }
}

}  // namespace
}  // namespace turnout::controller
