#include "deploy/manager/onboarding_plan.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "deploy/manager/onboarding_objects.h"
#include "deploy/manager/onboarding_request.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::manager {
namespace {

using runtime::Acl;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kGroup[] = "orders-routers";

OnboardingRequest Request(int64_t rate = 2'500) {
  return {.service = "orders",
          .team = "fraud",
          .owner = "fraud@example.com",
          .rules = R"([{"name": "all", "match": {"type": ["a"]}, "to": "fraud.a"}])",
          .rate = rate,
          .mean_bytes = 100};
}

OnboardingPolicy Policy() { return {.router = "User:router", .quota_percent = 200}; }

class OnboardingPlanTest : public testing::Test {
 protected:
  std::vector<OnboardingStep> Plan(const OnboardingRequest& request = Request()) const {
    return PlanOnboarding(request, policy_, {"fraud.a"}, kGroup, ObjectsOf(request, policy_),
                          facts_, made_);
  }
  // What a plan makes is there from then on, and on record.
  void Make(const std::vector<OnboardingStep>& steps) {
    for (const OnboardingStep& step : steps) {
      if (step.state != StepState::kMake) continue;
      made_[step.id()] = step;
      if (step.kind == StepKind::kTopic) facts_.topics[step.name] = step.topic.partitions;
      if (step.kind == StepKind::kAcl) facts_.acls.push_back(step.acl);
      if (step.kind == StepKind::kQuota) facts_.quota = static_cast<double>(step.bytes_per_second);
      if (step.kind == StepKind::kRules) facts_.rules = step.text;
      if (step.kind == StepKind::kObject) facts_.objects[step.path] = step.text;
    }
  }
  static std::vector<std::string> NamesOf(const std::vector<OnboardingStep>& steps,
                                          StepState state) {
    std::vector<std::string> names;
    for (const OnboardingStep& step : steps) {
      if (step.state == state) names.push_back(step.id());
    }
    return names;
  }
  static OnboardingStep Of(const std::vector<OnboardingStep>& steps, StepKind kind) {
    return *std::find_if(steps.begin(), steps.end(),
                         [kind](const OnboardingStep& step) { return step.kind == kind; });
  }

  OnboardingPolicy policy_ = Policy();
  OnboardingFacts facts_;
  StepsMade made_;
};

TEST(OnboardingPartitions, GoByTheRateWithinBounds) {
  OnboardingPolicy policy;
  policy.per_partition_rate = 1'000;
  policy.partitions_min = 2;
  policy.partitions_max = 6;
  EXPECT_EQ(PartitionsFor(1, policy), 2);
  EXPECT_EQ(PartitionsFor(2'001, policy), 3);
  EXPECT_EQ(PartitionsFor(3'000, policy), 3);
  EXPECT_EQ(PartitionsFor(kOnboardingRateMax, policy), 6);
}

TEST_F(OnboardingPlanTest, ATeamIsGivenWhatItsRateNeedsAndNobodyElseHas) {
  const std::vector<OnboardingStep> steps = Plan();
  EXPECT_THAT(NamesOf(steps, StepState::kMake),
              ElementsAre("topic fraud.a", "acl User:fraud may read topic fraud.a",
                          "acl User:router may write topic fraud.a",
                          "acl User:fraud may read group fraud.*",
                          "acl User:router may write transactional id orders-routers-*",
                          "quota fraud", "rules fraud"));
  EXPECT_EQ(Of(steps, StepKind::kTopic).topic.partitions, 3);
  EXPECT_EQ(Of(steps, StepKind::kQuota).bytes_per_second, 2'500 * 100 * 2);
  EXPECT_TRUE(absl::StrContains(Of(steps, StepKind::kRules).text, "\"fraud.*\""));
}

TEST_F(OnboardingPlanTest, TheSameAgainFindsAllOfItThere) {
  Make(Plan());
  EXPECT_THAT(NamesOf(Plan(), StepState::kThere), testing::SizeIs(7));
}

TEST_F(OnboardingPlanTest, OneThatWasCutShortMakesTheRestAlone) {
  const std::vector<OnboardingStep> steps = Plan();
  for (size_t done = 0; done <= steps.size(); ++done) {
    facts_ = {};
    made_ = {};
    Make({steps.begin(), steps.begin() + static_cast<ptrdiff_t>(done)});
    for (const OnboardingStep& step : steps) made_[step.id()] = step;
    EXPECT_EQ(NamesOf(Plan(), StepState::kMake).size(), steps.size() - done) << done;
  }
}

TEST_F(OnboardingPlanTest, TopicsOfOthersStayAsTheyAre) {
  facts_.topics["fraud.a"] = 2;
  EXPECT_EQ(Of(Plan(), StepKind::kTopic).state, StepState::kOther);
  EXPECT_THAT(Of(Plan(), StepKind::kTopic).note, HasSubstr("it has 2 partitions"));
  facts_.topics["fraud.a"] = 20;
  EXPECT_EQ(Of(Plan(), StepKind::kTopic).state, StepState::kThere);
}

TEST_F(OnboardingPlanTest, AQuotaThatSomebodyElseHasSetStays) {
  facts_.quota = 5'000;
  EXPECT_EQ(Of(Plan(), StepKind::kQuota).state, StepState::kOther);
  // Its own follows the rate.
  facts_ = {};
  Make(Plan());
  EXPECT_EQ(Of(Plan(Request(5'000)), StepKind::kQuota).state, StepState::kMake);
  // Not once somebody has set another.
  facts_.quota = 77;
  EXPECT_EQ(Of(Plan(Request(5'000)), StepKind::kQuota).state, StepState::kOther);
}

TEST_F(OnboardingPlanTest, RulesOfATeamThatHasSomeAlreadyAreInTheWay) {
  facts_.rules = "{\"team\": \"fraud\"}";
  EXPECT_EQ(Of(Plan(), StepKind::kRules).state, StepState::kBlocked);
}

TEST_F(OnboardingPlanTest, RulesThatTheTeamHasChangedSinceStayTheTeams) {
  Make(Plan());
  facts_.rules = *facts_.rules + " ";
  EXPECT_EQ(Of(Plan(), StepKind::kRules).state, StepState::kThere);
  OnboardingRequest other = Request();
  other.owner = "somebody else";
  EXPECT_EQ(Of(Plan(other), StepKind::kRules).state, StepState::kBlocked);
}

TEST_F(OnboardingPlanTest, RulesThatWereMadeOtherwiseAreChanged) {
  Make(Plan());
  OnboardingRequest other = Request();
  other.owner = "somebody else";
  EXPECT_THAT(NamesOf(Plan(other), StepState::kMake), ElementsAre("rules fraud"));
}

TEST_F(OnboardingPlanTest, WithoutAclsAndQuotasThereAreNone) {
  policy_.acls = false;
  policy_.quota_percent = 0;
  EXPECT_THAT(NamesOf(Plan(), StepState::kMake), ElementsAre("topic fraud.a", "rules fraud"));
}

TEST_F(OnboardingPlanTest, StepsAreReadAsTheyWereWritten) {
  policy_.rules = RulesGo::kKubernetes;
  policy_.kubernetes.router = "orders";
  policy_.kubernetes.router_namespace = "turnout-orders";
  for (const OnboardingStep& step : Plan()) {
    const auto read = ReadSteps("[" + ToJson(step) + "]");
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->size(), 1u);
    EXPECT_EQ(ToJson(read->front()), ToJson(step));
    EXPECT_EQ(read->front().acl, step.acl);
  }
  EXPECT_TRUE(absl::IsDataLoss(ReadSteps("{}").status()));
  EXPECT_TRUE(absl::IsDataLoss(ReadSteps("[{\"kind\": \"x\"}]").status()));
}

class OnboardingObjectsTest : public OnboardingPlanTest {
 protected:
  OnboardingObjectsTest() {
    policy_.rules = RulesGo::kKubernetes;
    policy_.kubernetes.router = "orders";
    policy_.kubernetes.router_namespace = "turnout-orders";
    facts_.objects[ObjectsOf(Request(), policy_)[1].path] = R"({"spec": {"teams": []}})";
  }
};

TEST_F(OnboardingObjectsTest, ARouterThatIsNotThereIsThePlatformsToMake) {
  facts_.objects.clear();
  EXPECT_THAT(NamesOf(Plan(), StepState::kBlocked),
              ElementsAre("object team of EventRouter turnout-orders/orders"));
}

TEST_F(OnboardingObjectsTest, ATeamIsGivenANamespaceARightARouteAndADashboard) {
  const std::vector<OnboardingStep> steps = ObjectsOf(Request(), policy_);
  std::vector<std::string> paths;
  for (const OnboardingStep& step : steps) paths.push_back(step.path);
  EXPECT_THAT(
      paths, ElementsAre("/api/v1/namespaces/orders-fraud",
                         "/apis/turnout.dev/v1alpha1/namespaces/turnout-orders/eventrouters/orders",
                         "/apis/turnout.dev/v1alpha1/namespaces/orders-fraud/eventroutes/orders",
                         "/api/v1/namespaces/orders-fraud/configmaps/turnout-orders-fraud"));
  EXPECT_THAT(steps[1].text, HasSubstr(R"("destinations":["fraud.*"])"));
  EXPECT_FALSE(absl::StrContains(steps[2].text, "destinations")) << "the team may not say that";
  EXPECT_THAT(steps[3].text, HasSubstr(R"("grafana_dashboard":"1")"));
}

TEST_F(OnboardingObjectsTest, TheRightIsThereBesideOtherTeams) {
  const OnboardingStep right = ObjectsOf(Request(), policy_)[1];
  const std::string ours =
      R"({"name": "fraud", "namespace": "orders-fraud", "destinations": ["fraud.*"]})";
  const std::string other = R"({"name": "a", "namespace": "b", "destinations": ["*"]})";
  EXPECT_TRUE(HasObject(R"({"spec": {"teams": [)" + other + "," + ours + "]}}", right.text));
  const std::string wider = absl::StrReplaceAll(ours, {{R"(["fraud.*"])", R"(["a", "fraud.*"])"}});
  EXPECT_TRUE(HasObject(R"({"spec": {"teams": [)" + wider + "]}}", right.text));
  const std::string elsewhere = absl::StrReplaceAll(ours, {{"orders-fraud", "default"}});
  EXPECT_FALSE(HasObject(R"({"spec": {"teams": [)" + elsewhere + "]}}", right.text));
  EXPECT_FALSE(HasObject(R"({"spec": {"teams": [)" + other + "]}}", right.text));
  EXPECT_FALSE(HasObject(R"({"spec": {}})", right.text));
  EXPECT_FALSE(HasObject("no JSON", right.text));
  EXPECT_TRUE(IsPartOfAnother(right.text));
  EXPECT_FALSE(absl::StrContains(WithoutPart(right.text), "teams"));
}

TEST_F(OnboardingObjectsTest, ARouteIsKnownByWhatItWasMadeOf) {
  Make(Plan());
  EXPECT_THAT(NamesOf(Plan(), StepState::kMake), testing::IsEmpty());
  OnboardingRequest other = Request();
  other.owner = "somebody else";
  EXPECT_THAT(NamesOf(Plan(other), StepState::kMake),
              ElementsAre("object EventRoute orders-fraud/orders"));
  // One that was there before is in the way.
  made_ = {};
  EXPECT_THAT(NamesOf(Plan(other), StepState::kBlocked),
              ElementsAre("object EventRoute orders-fraud/orders"));
}

TEST_F(OnboardingObjectsTest, ANamespaceOfAnotherTeamOrOfNoneIsInTheWay) {
  const OnboardingStep space = ObjectsOf(Request(), policy_)[0];
  EXPECT_EQ(WhyNotTheirs(R"({"metadata": {"labels": {"turnout.dev/team": "fraud"}}})", space.text),
            "");
  facts_.objects[space.path] = R"({"metadata": {"labels": {"turnout.dev/team": "growth"}}})";
  EXPECT_THAT(NamesOf(Plan(), StepState::kBlocked), ElementsAre("object Namespace orders-fraud"));
  EXPECT_THAT(Of(Plan(), StepKind::kObject).note, HasSubstr("growth"));
  facts_.objects[space.path] = R"({"metadata": {}})";
  EXPECT_THAT(NamesOf(Plan(), StepState::kBlocked), ElementsAre("object Namespace orders-fraud"));
  EXPECT_THAT(Of(Plan(), StepKind::kObject).note, HasSubstr("no team's"));
}

TEST_F(OnboardingPlanTest, RulesOfTheManagerHaveADashboardTooWhereThereIsAPlaceForIt) {
  EXPECT_FALSE(policy_.applies());
  policy_.kubernetes.dashboards_namespace = "monitoring";
  EXPECT_TRUE(policy_.applies());
  std::vector<std::string> objects;
  for (const OnboardingStep& step : Plan()) {
    if (step.kind == StepKind::kObject) objects.push_back(step.path);
  }
  EXPECT_THAT(objects,
              ElementsAre("/api/v1/namespaces/monitoring/configmaps/turnout-orders-fraud"));
}

TEST_F(OnboardingObjectsTest, ADashboardIsAboutOneTeam) {
  const std::string dashboard = TeamDashboard("orders", "fraud");
  EXPECT_THAT(dashboard, HasSubstr(R"("title":"Turnout: fraud of orders")"));
  EXPECT_THAT(dashboard, HasSubstr(R"("name":"team","type":"constant","query":"fraud")"));
  EXPECT_THAT(dashboard, HasSubstr("turnout_rule_events_matched_total"));
  EXPECT_FALSE(absl::StrContains(dashboard, "turnout_checkpoint")) << "that is the platform's";
  EXPECT_NE(dashboard, TeamDashboard("orders", "growth"));
}

}  // namespace
}  // namespace turnout::manager
