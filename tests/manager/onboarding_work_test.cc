// What onboarding makes at a Kubernetes API server, and takes back. How a real one merges what
// several have applied is tests/platform's; Kafka's side is tests/broker's.

#include "deploy/manager/onboarding_work.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "deploy/manager/onboarding_objects.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/files.h"
#include "tests/support/fake_kube.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

using testing::HasSubstr;

constexpr char kRouter[] =
    "/apis/turnout.dev/v1alpha1/namespaces/turnout-orders/eventrouters/orders";
constexpr char kRoute[] = "/apis/turnout.dev/v1alpha1/namespaces/orders-fraud/eventroutes/orders";
constexpr char kNamespace[] = "/api/v1/namespaces/orders-fraud";
constexpr char kDashboard[] = "/api/v1/namespaces/orders-fraud/configmaps/turnout-orders-fraud";

class OnboardingWorkTest : public testing::Test {
 protected:
  OnboardingWorkTest() {
    policy_.rules = RulesGo::kKubernetes;
    policy_.kubernetes.server = kube_.address();
    policy_.kubernetes.token_file = directory_.path() + "/token";
    policy_.kubernetes.router = "orders";
    policy_.kubernetes.router_namespace = "turnout-orders";
    EXPECT_TRUE(state::WriteFile(policy_.kubernetes.token_file, "token").ok());
    const std::string pipeline = directory_.path() + "/pipeline.yaml";
    EXPECT_TRUE(state::WriteFile(pipeline,
                                 "brokers: 127.0.0.1:1\nsource: {topic: in.events, group: in.g}\n"
                                 "rules: none\nstate_dir: none\n")
                    .ok());
    auto work = OnboardingWork::Open(policy_, pipeline);
    EXPECT_TRUE(work.ok()) << work.status();
    work_ = *std::move(work);
    kube_.Put(kRouter, R"({"apiVersion": "turnout.dev/v1alpha1", "kind": "EventRouter",
        "metadata": {"name": "orders", "namespace": "turnout-orders"}, "spec": {"replicas": 2}})");
  }

  std::vector<OnboardingStep> Objects() const {
    return ObjectsOf({.service = "orders",
                      .team = "fraud",
                      .owner = "o",
                      .rules = R"([{"name": "all", "match": {"type": ["a"]}, "to": "fraud.a"}])",
                      .rate = 1},
                     policy_);
  }
  void MakeAll() {
    for (const OnboardingStep& step : Objects()) {
      const absl::Status made = work_->Make(step);
      ASSERT_TRUE(made.ok()) << made;
    }
  }

  support::TempDirectory directory_;
  support::FakeKube kube_{{{"v1", "Namespace", "namespaces", false},
                           {"v1", "ConfigMap", "configmaps"},
                           {"turnout.dev/v1alpha1", "EventRouter", "eventrouters"},
                           {"turnout.dev/v1alpha1", "EventRoute", "eventroutes"}}};
  OnboardingPolicy policy_;
  std::unique_ptr<OnboardingWork> work_;
};

TEST_F(OnboardingWorkTest, WhatIsMadeIsFoundThereAndMadeAgainIsTheSame) {
  MakeAll();
  const std::vector<OnboardingStep> objects = Objects();
  std::vector<std::string> before;
  for (const OnboardingStep& step : objects) {
    EXPECT_TRUE(HasObject(kube_.At(step.path), step.text)) << step.name;
    before.push_back(kube_.At(step.path));
  }
  EXPECT_THAT(kube_.At(kRouter), HasSubstr("\"replicas\":2")) << "the rest is the platform's";
  MakeAll();
  for (size_t i = 0; i < objects.size(); ++i) EXPECT_EQ(kube_.At(objects[i].path), before[i]);
}

TEST_F(OnboardingWorkTest, WhatIsUndoneIsGoneAndNothingElse) {
  MakeAll();
  for (int times = 0; times < 2; ++times) {
    for (const OnboardingStep& step : Objects()) {
      if (step.stays) continue;
      const absl::Status undone = work_->Undo(step);
      EXPECT_TRUE(undone.ok()) << undone;
    }
    EXPECT_EQ(kube_.At(kRoute), "");
    EXPECT_EQ(kube_.At(kDashboard), "");
    EXPECT_NE(kube_.At(kNamespace), "") << "others may have put something in";
    EXPECT_THAT(kube_.At(kRouter), HasSubstr("\"replicas\":2"));
    EXPECT_FALSE(absl::StrContains(kube_.At(kRouter), "fraud"));
  }
}

TEST_F(OnboardingWorkTest, WhatTheServerRefusesIsSaidWithItsReason) {
  kube_.SetFault(
      [](const support::FakeKube::Request& request) -> std::optional<support::FakeKube::Reply> {
        if (request.method != "PATCH") return std::nullopt;
        return support::FakeKube::Reply{
            .status = 409, .body = R"({"kind": "Status", "reason": "Conflict", "code": 409,
                    "message": "Apply failed with 1 conflict: conflict with \"helm\""})"};
      });
  const absl::Status made = work_->Make(Objects()[2]);
  EXPECT_TRUE(absl::IsAborted(made)) << made;
  EXPECT_THAT(std::string(made.message()), HasSubstr("conflict with"));
}

TEST_F(OnboardingWorkTest, APolicyThatHasNotHeardOfTheRoutersTeamYetIsAskedAgain) {
  int refused = 0;
  kube_.SetFault(
      [&](const support::FakeKube::Request& request) -> std::optional<support::FakeKube::Reply> {
        if (request.method != "PATCH" || refused == 2) return std::nullopt;
        ++refused;
        return support::FakeKube::Reply{
            .status = 403, .body = R"({"kind": "Status", "reason": "Forbidden", "code": 403,
                    "message": "router orders has no team fraud"})"};
      });
  const absl::Status made = work_->Make(Objects()[2]);
  EXPECT_TRUE(made.ok()) << made;
  EXPECT_EQ(refused, 2);
  EXPECT_NE(kube_.At(kRoute), "");
}

TEST_F(OnboardingWorkTest, ATeamThatHasThePipelinesOwnNamesIsRefused) {
  EXPECT_TRUE(work_->CheckTeam("fraud").ok());
  const absl::Status refused = work_->CheckTeam("in");
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("the pipeline's own in."));
}

}  // namespace
}  // namespace turnout::manager
