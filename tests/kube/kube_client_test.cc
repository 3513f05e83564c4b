#include "deploy/kube/kube_client.h"

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "deploy/kube/kube_path.h"
#include "deploy/kube/kube_status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_kube.h"
#include "tests/support/temp_directory.h"

namespace turnout::kube {
namespace {

using support::FakeHttpServer;
using support::FakeKube;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Reply = FakeKube::Reply;
using Request = FakeKube::Request;

const KubeResource kConfigMaps = {"v1", "ConfigMap", "configmaps"};
const std::string kInShop = KubePath(kConfigMaps, "shop");

std::vector<FakeKube::Kind> Kinds() { return {{"v1", "ConfigMap", "configmaps"}}; }

std::string MapNamed(const std::string& name, const std::string& more = "") {
  return R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"shop","name":")" + name +
         R"(","labels":{"app":"x"}})" + more + "}";
}

std::string RefusalOf(int code, const std::string& reason, const std::string& message) {
  return R"({"kind":"Status","status":"Failure","code":)" + std::to_string(code) +
         R"(,"reason":")" + reason + R"(","message":")" + message + "\"}";
}

TEST(KubePath, NamesObjectsAndCollections) {
  const KubeResource sets = {"apps/v1", "StatefulSet", "statefulsets"};
  const KubeResource nodes = {"v1", "Node", "nodes", false};
  EXPECT_EQ(KubePath(sets, "shop", "x"), "/apis/apps/v1/namespaces/shop/statefulsets/x");
  EXPECT_EQ(KubePath(sets, ""), "/apis/apps/v1/statefulsets");
  EXPECT_EQ(KubePath(nodes, "shop", "n"), "/api/v1/nodes/n");
  EXPECT_EQ(KubePath(kConfigMaps, "../x", "a/b?c"),
            "/api/v1/namespaces/..%2Fx/configmaps/a%2Fb%3Fc");
}

TEST(KubeStatus, EachRefusalIsTheCodeOfItsRecovery) {
  const struct {
    int code;
    std::string reason;
    absl::StatusCode wanted;
  } cases[] = {
      {400, "BadRequest", absl::StatusCode::kInvalidArgument},
      {401, "Unauthorized", absl::StatusCode::kUnauthenticated},
      {403, "Forbidden", absl::StatusCode::kPermissionDenied},
      {404, "NotFound", absl::StatusCode::kNotFound},
      {409, "AlreadyExists", absl::StatusCode::kAlreadyExists},
      {409, "Conflict", absl::StatusCode::kAborted},
      {410, "Expired", absl::StatusCode::kOutOfRange},
      {413, "RequestEntityTooLarge", absl::StatusCode::kResourceExhausted},
      {418, "", absl::StatusCode::kInternal},
      {422, "Invalid", absl::StatusCode::kInvalidArgument},
      {429, "TooManyRequests", absl::StatusCode::kUnavailable},
      {500, "InternalError", absl::StatusCode::kUnavailable},
      {504, "Timeout", absl::StatusCode::kUnavailable},
  };
  for (const auto& [code, reason, wanted] : cases) {
    const absl::Status status =
        KubeStatus("GET /x", code, RefusalOf(code, reason, "because of y"), "");
    EXPECT_EQ(status.code(), wanted) << code;
    EXPECT_THAT(std::string(status.message()), HasSubstr("GET /x: " + std::to_string(code)));
    EXPECT_THAT(std::string(status.message()), HasSubstr("because of y"));
  }
}

TEST(KubeStatus, WhateverAProxyAnswersIsOneShortLine) {
  const absl::Status status =
      KubeStatus("GET /x", 502, "<html>\r\n" + std::string(100'000, 'x'), "");
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_LT(status.message().size(), kReasonBytesMax + 100);
  EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
}

TEST(KubeStatus, SaysHowLongTheServerAskedToBeLeftAlone) {
  EXPECT_EQ(RetryAfter(KubeStatus("x", 429, "", "7")), absl::Seconds(7));
  EXPECT_EQ(RetryAfter(KubeStatus("x", 503, R"({"details":{"retryAfterSeconds":3}})", "")),
            absl::Seconds(3));
  EXPECT_EQ(RetryAfter(KubeStatus("x", 429, "", "99999999999")), kRetryAfterMax);
  EXPECT_EQ(RetryAfter(KubeStatus("x", 429, "", "-5")), absl::ZeroDuration());
  EXPECT_EQ(RetryAfter(KubeStatus("x", 409, "", "7")), absl::ZeroDuration());
}

TEST(KubeOptions, InAPodAllIsKnown) {
  const support::TempDirectory directory;
  directory.Write("namespace", "turnout-system\n");
  const PodPlace place = {.host = "fd00::1", .port = "443", .directory = directory.path()};
  const auto options = CompleteKubeOptions({}, place);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->server, "https://[fd00::1]:443");
  EXPECT_EQ(options->token_file, directory.path() + "/token");
  EXPECT_EQ(options->ca_file, directory.path() + "/ca.crt");
  EXPECT_EQ(PodNamespace(place).value(), "turnout-system");
}

TEST(KubeOptions, WhatIsGivenGoesBeforeThePods) {
  const PodPlace place = {.host = "10.0.0.1", .port = "443"};
  const auto options =
      CompleteKubeOptions({.server = "https://api.example.com:6443/", .token_file = "t"}, place);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->server, "https://api.example.com:6443");
  EXPECT_EQ(options->token_file, "t");
  EXPECT_EQ(options->ca_file, "");
}

TEST(KubeOptions, WhatCanBeNoServerIsRefusedWithTheCure) {
  const struct {
    KubeOptions options;
    std::string says;
  } cases[] = {
      {{}, "--server https://HOST:PORT"},
      {{.server = "api.example.com"}, "write https://HOST:PORT"},
      {{.server = "http://api.example.com"}, "would read the token"},
      {{.server = "http://127.0.0.1.example.com"}, "would read the token"},
      {{.server = "https://user:secret@api"}, "a host and a port"},
      {{.server = "https://api/x?y"}, "a host and a port"},
      {{.server = "https://api", .certificate_file = "c"}, "name both files"},
  };
  for (const auto& [options, says] : cases) {
    const absl::Status status = CompleteKubeOptions(options, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << options.server;
    EXPECT_THAT(std::string(status.message()), HasSubstr(says));
  }
  EXPECT_TRUE(CompleteKubeOptions({.server = "http://[::1]:8080"}, {}).ok());
}

TEST(KubeClient, MakesReadsChangesAndRemovesAnObject) {
  FakeKube server(Kinds());
  KubeClient client({.server = server.address()});
  const auto made = client.Create(kInShop, MapNamed("a"));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->Key(), "shop/a");
  EXPECT_EQ(client.Create(kInShop, MapNamed("a")).status().code(),
            absl::StatusCode::kAlreadyExists);

  const auto applied =
      client.Apply(kInShop + "/a", MapNamed("a", R"(,"data":{"k":"1","l":"2"})"), {"me"});
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(applied->uid, made->uid);
  EXPECT_NE(applied->resource_version, made->resource_version);
  const auto less = client.Apply(kInShop + "/a", MapNamed("a", R"(,"data":{"k":"1"})"), {"me"});
  ASSERT_TRUE(less.ok()) << less.status();
  EXPECT_THAT(less->json, HasSubstr(R"("data":{"k":"1"})"));

  // As it was when it was made: somebody has changed it since.
  EXPECT_EQ(client.Replace(kInShop + "/a", made->json).status().code(), absl::StatusCode::kAborted);
  ASSERT_TRUE(client.Merge(kInShop + "/a", R"({"data":{"m":"3"}})").ok());
  ASSERT_TRUE(client.ApplyStatus(kInShop + "/a", R"({"status":{"ok":true}})", {"me"}).ok());
  EXPECT_THAT(client.Get(kInShop + "/a")->json, HasSubstr(R"("status":{"ok":true})"));

  EXPECT_EQ(client.Delete(kInShop + "/a", {.uid = "another"}).code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(client.Delete(kInShop + "/a", {.uid = made->uid}).ok());
  EXPECT_EQ(client.Get(kInShop + "/a").status().code(), absl::StatusCode::kNotFound);
}

TEST(KubeClient, AsksForAllPagesAndGivesItemsTheirKind) {
  FakeKube server(Kinds());
  for (int i = 0; i < kPageItems + 3; ++i) {
    const std::string name = "m" + std::to_string(i);
    server.Put(kInShop + "/" + name, MapNamed(name));
  }
  server.Put(KubePath(kConfigMaps, "other", "z"),
             R"({"metadata":{"name":"z","namespace":"other","labels":{"app":"y"}}})");
  KubeClient client({.server = server.address()});
  const auto all = client.List(KubePath(kConfigMaps, ""), {.labels = "app=x"});
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->items.size(), static_cast<size_t>(kPageItems + 3));
  EXPECT_THAT(all->items[0].json, HasSubstr(R"("kind":"ConfigMap")"));
  EXPECT_THAT(all->items[0].json, HasSubstr(R"("apiVersion":"v1")"));
  EXPECT_EQ(all->resource_version, std::to_string(server.version()));
  EXPECT_EQ(server.Count([](const Request& r) { return r.method == "GET"; }), 2);
}

TEST(KubeClient, AListWhosePageRanOutIsBegunAnewByWhoeverAsks) {
  FakeKube server(Kinds());
  server.SetFault([](const Request& request) -> std::optional<Reply> {
    if (request.target.find("continue=") != std::string::npos) return std::nullopt;
    return Reply{.body =
                     R"({"kind":"ConfigMapList","items":[],"metadata":{"continue":"expired"}})"};
  });
  KubeClient client({.server = server.address()});
  EXPECT_EQ(client.List(kInShop).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(KubeClient, APageThatNamesItselfAsItsNextEndsTheList) {
  FakeHttpServer server([](const Request&) {
    return Reply{.body = R"({"kind":"ConfigMapList","items":[],"metadata":{"continue":"again"}})"};
  });
  KubeClient client({.server = server.address()});
  EXPECT_EQ(client.List(kInShop).status().code(), absl::StatusCode::kDataLoss);
}

TEST(KubeClient, WhatIsNoObjectOrNestedTooDeepIsNotRead) {
  std::string body;
  FakeHttpServer server([&body](const Request&) { return Reply{.body = body}; });
  KubeClient client({.server = server.address()});
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  for (const std::string& bad : {std::string("<html>"), std::string("[]"), std::string("{\"a\":"),
                                 "{\"a\":" + deep + "}", std::string("{\"a\":\"\xff\"}")}) {
    body = bad;
    EXPECT_EQ(client.Get("/x").status().code(), absl::StatusCode::kDataLoss) << bad.substr(0, 20);
    EXPECT_EQ(client.List("/x").status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(ReadKubeChange(bad).status().code(), absl::StatusCode::kDataLoss);
  }
  body = R"({"metadata":[],"x":1})";
  EXPECT_EQ(client.Get("/x")->name, "");
}

TEST(KubeClient, TakesATokenThatHasBeenRenewed) {
  const support::TempDirectory directory;
  const std::string file = directory.Write("token", "first-token\n");
  FakeHttpServer server([](const Request&) { return Reply{.body = "{}"}; });
  KubeClient client({.server = server.address(), .token_file = file});
  ASSERT_TRUE(client.Get("/x").ok());
  directory.Write("token", "second-token\n");
  ASSERT_TRUE(client.Get("/x").ok());
  EXPECT_EQ(server.requests().at(0).headers.at("authorization"), "Bearer first-token");
  EXPECT_EQ(server.requests().at(1).headers.at("authorization"), "Bearer second-token");
  KubeClient without({.server = server.address(), .token_file = file + "x"});
  EXPECT_EQ(without.Get("/x").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(server.requests().size(), 2u) << "nobody is asked without the token";
}

TEST(KubeClient, AWatchBringsChangesAndBookmarksAsTheyCome) {
  FakeKube server(Kinds());
  server.Put(kInShop + "/old", MapNamed("old"));
  const std::string from = std::to_string(server.version());
  KubeClient client({.server = server.address()});
  std::vector<std::string> seen;
  server.Put(kInShop + "/a", MapNamed("a"));
  server.Put(kInShop + "/other", R"({"metadata":{"name":"other","namespace":"shop"}})");
  const absl::Status status = client.Watch(
      kInShop, {.selection = {.labels = "app=x"}, .resource_version = from},
      [&](const KubeChange& change) {
        using Type = KubeChange::Type;
        const std::string name = change.object.name;
        seen.push_back((change.type == Type::kAdded      ? "+"
                        : change.type == Type::kModified ? "~"
                        : change.type == Type::kDeleted  ? "-"
                                                         : "=") +
                       name);
        if (seen.size() == 1) server.Put(kInShop + "/a", MapNamed("a", R"(,"data":{"k":"1"})"));
        if (seen.size() == 2) server.Remove(kInShop + "/a");
        if (seen.size() == 3) server.SendBookmarks();
        return seen.size() == 4 ? absl::CancelledError("seen enough") : absl::OkStatus();
      });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
  EXPECT_THAT(seen, ElementsAre("+a", "~a", "-a", "="));
}

TEST(KubeClient, AWatchFromTooLongAgoIsOutOfRange) {
  FakeKube server(Kinds());
  server.Put(kInShop + "/a", MapNamed("a"));
  server.Compact();
  KubeClient client({.server = server.address()});
  const auto ignore = [](const KubeChange&) { return absl::OkStatus(); };
  EXPECT_EQ(client.Watch(kInShop, {.resource_version = "1"}, ignore).code(),
            absl::StatusCode::kOutOfRange);
  server.SetFault([](const Request&) {
    return Reply{.status = 410, .body = RefusalOf(410, "Gone", "too old")};
  });
  EXPECT_EQ(client.Watch(kInShop, {.resource_version = "1"}, ignore).code(),
            absl::StatusCode::kOutOfRange);
}

TEST(KubeClient, AWatchEndsWhenItIsToldToThoughNothingComes) {
  FakeKube server(Kinds());
  KubeClient client({.server = server.address()});
  std::atomic<bool> stop{true};
  const absl::Status status = client.Watch(kInShop, {.resource_version = "100", .stop = &stop},
                                           [](const KubeChange&) { return absl::OkStatus(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
}

TEST(KubeClient, ALineOfAWatchHasItsLimit) {
  FakeHttpServer server([](const Request&) {
    return Reply{.more = [](std::string* piece) {
      *piece = std::string(1 << 20, 'x');
      return true;
    }};
  });
  KubeClient client({.server = server.address()});
  EXPECT_EQ(client.Watch("/x", {}, [](const KubeChange&) { return absl::OkStatus(); }).code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace turnout::kube
