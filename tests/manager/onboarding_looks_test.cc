#include "deploy/manager/onboarding_looks.h"

#include <string>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace turnout::manager {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

constexpr char kManager[] = "https://turnout.example.com";

OnboardingRequest Request(const std::string& value = "it's $HOME") {
  return {
      .service = "orders",
      .team = "fraud",
      .owner = "fraud@example.com",
      .rules = Json::array({{{"name", "all"}, {"match", {{"type", {value}}}}, {"to", "fraud.a"}}})
                   .dump(),
      .rate = 1};
}

OnboardingPolicy Policy(RulesGo rules) {
  OnboardingPolicy policy{.rules = rules};
  policy.kubernetes.router = "routes";
  policy.kubernetes.router_namespace = "turnout-orders";
  return policy;
}

std::vector<std::string> Titles(const std::string& json) {
  std::vector<std::string> titles;
  for (const Json& one : Json::parse(json)) titles.push_back(one["title"]);
  return titles;
}

Json Commands(const OnboardingRequest& request, RulesGo rules,
              std::string_view manager = kManager) {
  return Json::parse(CommandsJson(request, Policy(rules), {"fraud.a"}, "b:9092", manager));
}

TEST(OnboardingLooks, RoutersThatReportToNobodyAreNoLink) {
  EXPECT_THAT(Titles(LinksJson(Request(), Policy(RulesGo::kManager))),
              ElementsAre("rules", "explain an event", "routers", "dead letters"));
  EXPECT_THAT(Titles(LinksJson(Request(), Policy(RulesGo::kKubernetes))),
              ElementsAre("dead letters"));
}

TEST(OnboardingLooks, AnEventIsExplainedByTheManagerWithTheRulesThatWereAskedFor) {
  const Json commands = Commands(Request(), RulesGo::kKubernetes);
  ASSERT_EQ(commands.size(), 3);
  EXPECT_EQ(commands[1]["command"], "kubectl -n orders-fraud describe eventroute routes");
  const std::vector<std::string> lines =
      absl::StrSplit(commands[2]["command"].get<std::string>(), '\n');
  ASSERT_EQ(lines.size(), 3) << "of the shell's, JSON, and where that ends";
  EXPECT_THAT(lines[0], StartsWith("curl "));
  EXPECT_THAT(lines[0],
              HasSubstr(" https://turnout.example.com/v1/services/orders/explain <<'EOF'"));
  EXPECT_EQ(lines[2], "EOF");
  const Json body = Json::parse(lines[1]);
  EXPECT_EQ(body["team"], "fraud");
  EXPECT_EQ(body["alone"], true);
  EXPECT_EQ(body["text"], RuleFileOf(Request()));
}

TEST(OnboardingLooks, NoCommandAsksAManagerThatIsNotKnownOrRepeatsLargeRules) {
  EXPECT_EQ(Commands(Request(), RulesGo::kKubernetes, "").size(), 2);
  EXPECT_EQ(Commands(Request(std::string(kLooksRulesBytesMax, 'a')), RulesGo::kKubernetes).size(),
            2);
  EXPECT_EQ(Commands(Request(), RulesGo::kManager).size(), 1) << "the page explains";
}

TEST(OnboardingLooks, TheManagerIsWhereItWasAskedUnlessItHasAPublicUrl) {
  runtime::HttpRequest request;
  EXPECT_EQ(ManagerAsked(request, "", true), "");
  for (const char* const host : {"a b", "a;b", "$(id)", "'", "-o", "", "a/b", "a\"b"}) {
    request.headers = {{"host", host}};
    EXPECT_EQ(ManagerAsked(request, "", true), "") << host;
    EXPECT_EQ(ManagerAsked(request, kManager, true), kManager);
  }
  request.headers = {{"host", "turnout-manager.turnout-system.svc:8470"}};
  EXPECT_EQ(ManagerAsked(request, "", true), "https://turnout-manager.turnout-system.svc:8470");
  request.headers = {{"host", "[::1]:8470"}};
  EXPECT_EQ(ManagerAsked(request, "", false), "http://[::1]:8470");
}

}  // namespace
}  // namespace turnout::manager
