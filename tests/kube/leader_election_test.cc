#include "deploy/kube/leader_election.h"

#include <string>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_kube.h"

namespace turnout::kube {
namespace {

using support::FakeKube;
using ::testing::HasSubstr;
using Reply = FakeKube::Reply;
using Request = FakeKube::Request;

const std::string kPath = "/apis/coordination.k8s.io/v1/namespaces/system/leases/turnout";

// A process that contends, with clocks of its own.
struct Contender {
  Contender(FakeKube* server, const std::string& identity, absl::Time wall)
      : client({.server = server->address()}),
        election(&client, {.namespace_name = "system", .lease = "turnout", .identity = identity},
                 {.steady_ms = [this] { return steady_ms; }, .now = [wall] { return wall; }}) {}

  void Pass(absl::Duration time) { steady_ms += absl::ToInt64Milliseconds(time); }

  int64_t steady_ms = 1'000'000;
  KubeClient client;
  LeaderElection election;
};

FakeKube Server() { return FakeKube({{"coordination.k8s.io/v1", "Lease", "leases"}}); }

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

TEST(LeaderElection, TheFirstMakesTheLeaseAndRenewsIt) {
  FakeKube server = Server();
  Contender a(&server, "a", kNow);
  EXPECT_FALSE(a.election.holds());
  ASSERT_TRUE(a.election.Tick().ok());
  EXPECT_TRUE(a.election.holds());
  EXPECT_EQ(a.election.holder(), "a");
  EXPECT_THAT(server.At(kPath), HasSubstr(R"("holderIdentity":"a")"));
  EXPECT_THAT(server.At(kPath), HasSubstr(R"("leaseDurationSeconds":15)"));
  a.Pass(absl::Seconds(9));
  ASSERT_TRUE(a.election.Tick().ok());
  a.Pass(absl::Seconds(9));
  EXPECT_TRUE(a.election.holds());
  EXPECT_THAT(server.At(kPath), HasSubstr(R"("leaseTransitions":0)"));
}

TEST(LeaderElection, AnotherTakesItOnlyAfterItHasStoodStillForItsDurationByItsOwnClock) {
  FakeKube server = Server();
  Contender a(&server, "a", kNow);
  // Whose wall clock says that the lease ran out a year ago.
  Contender b(&server, "b", kNow + absl::Hours(24 * 365));
  ASSERT_TRUE(a.election.Tick().ok());
  ASSERT_TRUE(b.election.Tick().ok());
  EXPECT_FALSE(b.election.holds());
  EXPECT_EQ(b.election.holder(), "a");
  b.Pass(absl::Seconds(14));
  ASSERT_TRUE(b.election.Tick().ok());
  EXPECT_FALSE(b.election.holds());
  ASSERT_TRUE(a.election.Tick().ok());  // renews: its clock stood still
  EXPECT_TRUE(a.election.holds());
}

TEST(LeaderElection, ALeaderThatIsGoneIsSucceeded) {
  FakeKube server = Server();
  Contender a(&server, "a", kNow), b(&server, "b", kNow - absl::Hours(5));
  ASSERT_TRUE(a.election.Tick().ok());
  ASSERT_TRUE(b.election.Tick().ok());
  b.Pass(absl::Seconds(15));
  ASSERT_TRUE(b.election.Tick().ok());
  EXPECT_TRUE(b.election.holds());
  EXPECT_THAT(server.At(kPath), HasSubstr(R"("leaseTransitions":1)"));
  // It comes back and learns of it, whatever it believed.
  EXPECT_TRUE(a.election.holds());
  ASSERT_TRUE(a.election.Tick().ok());
  EXPECT_FALSE(a.election.holds());
  EXPECT_EQ(a.election.holder(), "b");
}

TEST(LeaderElection, WhoCannotRenewHoldsItNoLongerBeforeAnotherMayTakeIt) {
  FakeKube server = Server();
  Contender a(&server, "a", kNow), b(&server, "b", kNow);
  ASSERT_TRUE(a.election.Tick().ok());
  ASSERT_TRUE(b.election.Tick().ok());
  server.SetFault([](const Request&) { return Reply{.status = 503}; });
  for (int second = 1; second <= 15; ++second) {
    a.Pass(absl::Seconds(1));
    b.Pass(absl::Seconds(1));
    EXPECT_EQ(a.election.Tick().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(a.election.holds(), second < 10) << second;
    EXPECT_FALSE(b.election.holds());
  }
  server.SetFault(nullptr);
  ASSERT_TRUE(b.election.Tick().ok());
  EXPECT_TRUE(b.election.holds());
  ASSERT_TRUE(a.election.Tick().ok());
  EXPECT_FALSE(a.election.holds());
}

TEST(LeaderElection, OfTwoThatTakeItAtOnceOneIsRefused) {
  FakeKube server = Server();
  Contender a(&server, "a", kNow), b(&server, "b", kNow), c(&server, "c", kNow);
  ASSERT_TRUE(a.election.Tick().ok());
  ASSERT_TRUE(b.election.Tick().ok());
  ASSERT_TRUE(c.election.Tick().ok());
  b.Pass(absl::Seconds(20));
  c.Pass(absl::Seconds(20));
  // Between b's look and its write c takes it.
  bool is_first = true;
  std::string taken;
  server.SetFault([&](const Request& request) -> std::optional<Reply> {
    if (request.method != "PUT" || !is_first) return std::nullopt;
    is_first = false;
    return Reply{
        .status = 409,
        .body = R"({"kind":"Status","reason":"Conflict","message":"modified","code":409})"};
  });
  EXPECT_EQ(b.election.Tick().code(), absl::StatusCode::kAborted);
  EXPECT_FALSE(b.election.holds());
  ASSERT_TRUE(c.election.Tick().ok());
  EXPECT_TRUE(c.election.holds());
  ASSERT_TRUE(b.election.Tick().ok());
  EXPECT_FALSE(b.election.holds());
}

TEST(LeaderElection, WhoLetsGoIsSucceededAtOnce) {
  FakeKube server = Server();
  Contender a(&server, "a", kNow), b(&server, "b", kNow);
  ASSERT_TRUE(a.election.Tick().ok());
  ASSERT_TRUE(b.election.Tick().ok());
  ASSERT_TRUE(b.election.Release().ok());
  EXPECT_THAT(server.At(kPath), HasSubstr(R"("holderIdentity":"a")")) << "it is not b's";
  ASSERT_TRUE(a.election.Release().ok());
  EXPECT_FALSE(a.election.holds());
  ASSERT_TRUE(b.election.Tick().ok());
  EXPECT_TRUE(b.election.holds());
}

TEST(LeaderElection, ALeaseThatSomebodyDeletedIsMadeAnew) {
  FakeKube server = Server();
  Contender a(&server, "a", kNow);
  ASSERT_TRUE(a.election.Tick().ok());
  server.Remove(kPath);
  ASSERT_TRUE(a.election.Tick().ok());
  EXPECT_TRUE(a.election.holds());
  server.Put(kPath, R"({"metadata":{"name":"turnout"},"spec":"no object"})");
  ASSERT_TRUE(a.election.Tick().ok());
  EXPECT_TRUE(a.election.holds()) << "what says nothing is nobody's";
}

}  // namespace
}  // namespace turnout::kube
