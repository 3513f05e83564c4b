#include "deploy/kube/kube_watch.h"

#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_kube.h"

namespace turnout::kube {
namespace {

using support::FakeKube;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Reply = FakeKube::Reply;
using Request = FakeKube::Request;

constexpr absl::Duration kPatience = absl::Seconds(20);
const std::string kInShop = "/api/v1/namespaces/shop/configmaps/";

std::string MapOf(const std::string& name, const std::string& router,
                  const std::string& data = "") {
  return R"({"metadata":{"namespace":"shop","name":")" + name + R"(","labels":{"router":")" +
         router + R"("}},"data":{"k":")" + data + "\"}}";
}

bool IsWatch(const Request& request) {
  return request.target.find("watch=true") != std::string::npos;
}
bool IsList(const Request& request) { return request.method == "GET" && !IsWatch(request); }

// A watch of all ConfigMaps by their router, and what it has told.
class Watched {
 public:
  explicit Watched(FakeKube* server)
      : client_({.server = server->address()}),
        watch_(&client_, {.resource = {"v1", "ConfigMap", "configmaps"},
                          .group_of =
                              [](const KubeObject& object) {
                                return TextAt(object.json, {"metadata", "labels", "router"});
                              },
                          .changed =
                              [this](const std::string& group) {
                                const absl::MutexLock lock(&mutex_);
                                told_.push_back(group);
                              },
                          .wait_min = absl::Milliseconds(5),
                          .wait_max = absl::Milliseconds(20)}) {}

  // Names of the group, with their data.
  std::vector<std::string> In(const std::string& group) const {
    std::vector<std::string> names;
    for (const auto& object : watch_.In(group)) {
      names.push_back(object->name + "=" + TextAt(object->json, {"data", "k"}));
    }
    return names;
  }

  bool Await(const std::function<bool()>& is_so) {
    const auto condition = [this, &is_so]() {
      mutex_.AssertHeld();
      return is_so();
    };
    const absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&condition), kPatience);
  }
  bool AwaitIn(const std::string& group, const std::vector<std::string>& wanted) {
    return Await([&] { return In(group) == wanted; });
  }
  // All that was told since ForgetTold, once it is that.
  bool AwaitTold(const std::vector<std::string>& wanted) {
    return Await([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return told_ == wanted; });
  }
  void ForgetTold() {
    const absl::MutexLock lock(&mutex_);
    told_.clear();
  }
  KubeWatch& watch() { return watch_; }

 private:
  KubeClient client_;
  absl::Mutex mutex_;
  std::vector<std::string> told_;
  KubeWatch watch_;
};

FakeKube Server() { return FakeKube({{"v1", "ConfigMap", "configmaps"}}); }

TEST(KubeWatch, KnowsWhatIsThereAndFollowsWhatChanges) {
  FakeKube server = Server();
  server.Put(kInShop + "a", MapOf("a", "x", "1"));
  server.Put(kInShop + "b", MapOf("b", "y", "1"));
  Watched watched(&server);
  ASSERT_TRUE(watched.watch().AwaitSynced(kPatience));
  EXPECT_THAT(watched.In("x"), ElementsAre("a=1"));
  EXPECT_THAT(watched.watch().Groups(), ElementsAre("x", "y"));
  server.Put(kInShop + "c", MapOf("c", "x", "2"));
  EXPECT_TRUE(watched.AwaitIn("x", {"a=1", "c=2"}));
  server.Put(kInShop + "a", MapOf("a", "x", "3"));
  EXPECT_TRUE(watched.AwaitIn("x", {"a=3", "c=2"}));
  server.Remove(kInShop + "c");
  EXPECT_TRUE(watched.AwaitIn("x", {"a=3"}));
  EXPECT_EQ(watched.watch().counts().lists, 1);
}

TEST(KubeWatch, AGroupIsToldOfWhatComesAndOfWhatLeavesIt) {
  FakeKube server = Server();
  server.Put(kInShop + "a", MapOf("a", "x"));
  Watched watched(&server);
  ASSERT_TRUE(watched.watch().AwaitSynced(kPatience));
  ASSERT_TRUE(server.Await(IsWatch, 1));
  watched.ForgetTold();
  server.Put(kInShop + "a", MapOf("a", "y"));
  EXPECT_TRUE(watched.AwaitIn("y", {"a="}));
  EXPECT_THAT(watched.In("x"), IsEmpty());
  EXPECT_TRUE(watched.AwaitTold({"x", "y"}));
}

TEST(KubeWatch, AWatchThatIsCutGoesOnWhereItWas) {
  FakeKube server = Server();
  server.Put(kInShop + "a", MapOf("a", "x", "1"));
  Watched watched(&server);
  ASSERT_TRUE(server.Await(IsWatch, 1));
  server.Put(kInShop + "a", MapOf("a", "x", "2"));
  ASSERT_TRUE(watched.AwaitIn("x", {"a=2"}));
  const std::string seen = std::to_string(server.version());
  server.CutWatches();
  ASSERT_TRUE(server.Await(
      [&](const Request& request) {
        return IsWatch(request) &&
               request.target.find("resourceVersion=" + seen + "&") != std::string::npos;
      },
      1));
  server.Put(kInShop + "b", MapOf("b", "x", "1"));
  EXPECT_TRUE(watched.AwaitIn("x", {"a=2", "b=1"}));
  EXPECT_EQ(watched.watch().counts().lists, 1);
}

TEST(KubeWatch, ABookmarkMovesItPastChangesOfOthers) {
  FakeKube server = Server();
  Watched watched(&server);
  ASSERT_TRUE(server.Await(IsWatch, 1));
  server.SendBookmarks();
  const std::string marked = std::to_string(server.version());
  server.Put(kInShop + "a", MapOf("a", "x", "1"));  // seen behind the bookmark
  ASSERT_TRUE(watched.AwaitIn("x", {"a=1"}));
  server.CutWatches();
  ASSERT_TRUE(server.Await(IsWatch, 2));
  EXPECT_EQ(server.Count([&](const Request& request) {
    return IsWatch(request) && request.target.find("resourceVersion=100&") != std::string::npos;
  }),
            1)
      << "not from the list's version again; the bookmark was " << marked;
  EXPECT_EQ(watched.watch().counts().lists, 1);
}

TEST(KubeWatch, AVersionThatIsTooOldIsListedAnewAndWhatWentMeanwhileIsTold) {
  FakeKube server = Server();
  server.Put(kInShop + "gone", MapOf("gone", "x", "1"));
  server.Put(kInShop + "kept", MapOf("kept", "y", "1"));
  Watched watched(&server);
  ASSERT_TRUE(server.Await(IsWatch, 1));
  // Nothing is answered while all this happens.
  server.SetFault([](const Request&) { return Reply{.status = 503}; });
  server.CutWatches();
  ASSERT_TRUE(server.Await(IsWatch, 2));
  watched.ForgetTold();
  server.Remove(kInShop + "gone");
  server.Put(kInShop + "new", MapOf("new", "z", "1"));
  server.Compact();
  server.SetFault(nullptr);
  ASSERT_TRUE(watched.AwaitIn("z", {"new=1"}));
  EXPECT_THAT(watched.In("x"), IsEmpty());
  EXPECT_TRUE(watched.AwaitTold({"x", "z"})) << "y is as it was";
}

TEST(KubeWatch, AWatchThatBringsNothingButErrorsIsListedAnew) {
  FakeKube server = Server();
  server.SetFault([](const Request& request) -> std::optional<Reply> {
    if (!IsWatch(request)) return std::nullopt;
    return Reply{.status = 504, .body = "Too large resource version"};
  });
  Watched watched(&server);
  ASSERT_TRUE(server.Await(IsList, 2));
  server.SetFault(nullptr);
  server.Put(kInShop + "a", MapOf("a", "x", "1"));
  EXPECT_TRUE(watched.AwaitIn("x", {"a=1"}));
}

TEST(KubeWatch, AListThatIsRefusedIsTriedUntilItIsNot) {
  FakeKube server = Server();
  server.Put(kInShop + "a", MapOf("a", "x", "1"));
  server.SetFault([](const Request&) { return Reply{.status = 403, .body = "{}"}; });
  Watched watched(&server);
  ASSERT_TRUE(server.Await(IsList, 3));
  EXPECT_FALSE(watched.watch().is_synced());
  server.SetFault(nullptr);
  EXPECT_TRUE(watched.watch().AwaitSynced(kPatience));
  EXPECT_THAT(watched.In("x"), ElementsAre("a=1"));
}

TEST(KubeWatch, WhatCannotBeReadDoesNotEndIt) {
  FakeKube server = Server();
  Watched watched(&server);
  ASSERT_TRUE(server.Await(IsWatch, 1));
  server.SetFault([](const Request& request) -> std::optional<Reply> {
    if (!IsWatch(request)) return std::nullopt;
    return Reply{.body = "{\"type\":\"NEWS\"}\n"};
  });
  server.CutWatches();
  ASSERT_TRUE(server.Await(IsWatch, 3));
  server.SetFault(nullptr);
  server.Put(kInShop + "a", MapOf("a", "x", "1"));
  EXPECT_TRUE(watched.AwaitIn("x", {"a=1"}));
}

}  // namespace
}  // namespace turnout::kube
