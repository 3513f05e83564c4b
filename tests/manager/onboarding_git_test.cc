// Teams as files of a real repository: what they are, and one commit a request.

#include "deploy/manager/onboarding_git.h"

#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "deploy/manager/onboarding_files.h"
#include "deploy/manager/onboarding_objects.h"
#include "deploy/manager/run_program.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

OnboardingRequest RequestOf(const std::string& team) {
  return {.service = "orders",
          .team = team,
          .owner = "o",
          .rules = R"([{"name": "all", "match": {"type": ["a"]}, "to": "x.a"}])",
          .rate = 1};
}

class OnboardingGitTest : public testing::Test {
 protected:
  OnboardingGitTest() {
    policy_.rules = RulesGo::kKubernetes;
    policy_.kubernetes.router = "orders";
    policy_.kubernetes.router_namespace = "turnout-orders";
    policy_.git.repository = "file://" + bare_;
    policy_.git.path = "onboarded";
    EXPECT_EQ(Git({"init", "-q", "--bare", "-b", "main", bare_}), "");
  }

  // What git says in the repository itself.
  std::string Git(std::vector<std::string> words) const {
    words.insert(words.begin(), {"git", "--git-dir", bare_});
    const auto end =
        RunProgram({.words = words, .environment = {"PATH=/usr/bin:/bin", "HOME=/nowhere"}});
    EXPECT_TRUE(end.ok()) << end.status();
    EXPECT_EQ(end->exit_status, 0) << end->err;
    return std::string(absl::StripAsciiWhitespace(end->out));
  }
  OnboardingGit Open(const std::string& clone = "/clones") {
    auto git = OnboardingGit::Open(policy_, "orders", directory_.path() + clone, &stop_);
    EXPECT_TRUE(git.ok()) << git.status();
    return *std::move(git);
  }
  std::vector<OnboardingStep> Files(const std::string& team) const {
    return FilesOf(ObjectsOf(RequestOf(team), policy_), team);
  }
  FileEdits Edits(const std::string& team) const {
    FileEdits edits;
    for (const OnboardingStep& step : Files(team)) edits[step.name] = step.text;
    return edits;
  }
  static OnboardingCommit Said(const std::string& message) {
    return {.by = "ann", .message = message, .at_s = 1'700'000'000};
  }
  std::string Put(OnboardingGit& git, const std::string& team) {
    EXPECT_TRUE(git.Look().ok());
    const auto commit = git.Commit(Edits(team), Said(team));
    EXPECT_TRUE(commit.ok()) << commit.status();
    return *commit;
  }

  support::TempDirectory directory_;
  const std::string bare_ = directory_.path() + "/services.git";
  std::atomic<bool> stop_{false};
  OnboardingPolicy policy_;
};

TEST_F(OnboardingGitTest, ATeamIsAPatchANamespaceARouteAndADashboard) {
  std::vector<std::string> names;
  for (const OnboardingStep& step : Files("fraud")) names.push_back(step.name);
  EXPECT_THAT(names, ElementsAre("teams/fraud/namespace.json", "router/fraud.json",
                                 "teams/fraud/eventroute.json", "teams/fraud/dashboard.json"));
  EXPECT_THAT(Files("fraud")[0].text,
              HasSubstr(R"("kustomize.toolkit.fluxcd.io/prune": "disabled")"));
  EXPECT_THAT(Files("fraud")[1].text, HasSubstr(R"("path": "/spec/teams/-")"));
  EXPECT_THAT(Files("fraud")[1].text, HasSubstr(R"("fraud.*")"));
}

TEST_F(OnboardingGitTest, KustomizationsNameEachTeamOnceAndAreNeverEmpty) {
  FileTree tree{
      {"router/fraud.json", ""}, {"teams/fraud/a.json", ""}, {"teams/fraud/README.md", ""}};
  FileTree made = KustomizationsOf(tree, policy_.kubernetes);
  EXPECT_THAT(made["router/kustomization.yaml"],
              HasSubstr("  - path: fraud.json\n    target: {group: turnout.dev, kind: EventRouter, "
                        "name: orders, namespace: turnout-orders}\n"));
  EXPECT_THAT(made["teams/kustomization.yaml"], HasSubstr("resources:\n  - fraud/a.json\n"));
  EXPECT_THAT(made["teams/kustomization.yaml"], Not(HasSubstr("README")));
  made = KustomizationsOf({}, policy_.kubernetes);
  EXPECT_THAT(made["teams/kustomization.yaml"], Not(HasSubstr("resources")));
  EXPECT_THAT(made["router/kustomization.yaml"], HasSubstr("metadata: {name: onboarded-teams}"));
}

TEST_F(OnboardingGitTest, OneCommitHasAllOfATeamAndTheSameAgainIsNone) {
  OnboardingGit git = Open();
  const std::string commit = Put(git, "fraud");
  EXPECT_EQ(Git({"log", "--format=%H %an %s", "main"}), commit + " ann fraud");
  EXPECT_THAT(Git({"ls-tree", "-r", "--name-only", "main"}),
              HasSubstr("onboarded/orders/teams/fraud/eventroute.json"));
  EXPECT_EQ(Put(git, "fraud"), "");
  OnboardingGit after_a_restart = Open();
  EXPECT_EQ(Put(after_a_restart, "fraud"), "");
  const auto last = after_a_restart.LastOf({"teams/fraud/eventroute.json"});
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_EQ(*last, commit);
}

TEST_F(OnboardingGitTest, WhatIsTakenBackIsGoneAndOthersStay) {
  OnboardingGit git = Open();
  Put(git, "fraud");
  Put(git, "growth");
  FileEdits gone;
  for (const OnboardingStep& step : Files("fraud")) gone[step.name] = std::nullopt;
  ASSERT_TRUE(git.Commit(gone, Said("back")).ok());
  EXPECT_EQ(Git({"ls-tree", "-r", "--name-only", "main"}),
            "onboarded/orders/router/growth.json\nonboarded/orders/router/kustomization.yaml\n"
            "onboarded/orders/teams/growth/dashboard.json\n"
            "onboarded/orders/teams/growth/eventroute.json\n"
            "onboarded/orders/teams/growth/namespace.json\n"
            "onboarded/orders/teams/kustomization.yaml");
  EXPECT_THAT(Git({"show", "main:onboarded/orders/router/kustomization.yaml"}),
              Not(HasSubstr("fraud")));
}

TEST_F(OnboardingGitTest, WhoeverPushedMeanwhileIsBuiltUponUnlessItIsTheSameFile) {
  OnboardingGit git = Open();
  OnboardingGit other = Open("/others");
  Put(git, "fraud");
  ASSERT_TRUE(git.Look().ok());
  Put(other, "growth");
  const auto commit = git.Commit(Edits("search"), Said("search"));
  ASSERT_TRUE(commit.ok()) << commit.status();
  EXPECT_EQ(Git({"log", "--format=%s", "main"}), "search\ngrowth\nfraud");
  EXPECT_THAT(Git({"show", "main:onboarded/orders/router/kustomization.yaml"}),
              HasSubstr("growth.json"));
  // The same file at both ends.
  ASSERT_TRUE(other.Look().ok());
  ASSERT_TRUE(git.Commit({{"teams/fraud/eventroute.json", "theirs"}}, Said("theirs")).ok());
  const auto refused = other.Commit({{"teams/fraud/eventroute.json", "ours"}}, Said("ours"));
  EXPECT_TRUE(absl::IsAborted(refused.status())) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("teams/fraud/eventroute.json"));
  EXPECT_EQ(Git({"show", "main:onboarded/orders/teams/fraud/eventroute.json"}), "theirs");
}

TEST_F(OnboardingGitTest, ARepositoryThatIsAwayIsSaid) {
  policy_.git.repository = "file://" + directory_.path() + "/nowhere.git";
  OnboardingGit git = Open();
  const auto tree = git.Look();
  EXPECT_TRUE(absl::IsUnavailable(tree.status())) << tree.status();
  EXPECT_THAT(std::string(tree.status().message()), HasSubstr("nowhere.git"));
}

TEST_F(OnboardingGitTest, AFileThatSomebodyElseWroteIsInTheWay) {
  OnboardingFacts facts;
  const auto plan = [&](const StepsMade& made) {
    std::vector<std::string> blocked;
    for (const OnboardingStep& step :
         PlanOnboarding(RequestOf("fraud"), policy_, {}, "g", Files("fraud"), facts, made)) {
      if (step.state == StepState::kBlocked) blocked.push_back(step.name);
    }
    return blocked;
  };
  StepsMade made;
  for (const OnboardingStep& step : Files("fraud")) facts.files[step.name] = step.text;
  EXPECT_THAT(plan(made), IsEmpty());
  facts.files["router/fraud.json"] = "[]";
  EXPECT_THAT(plan(made), ElementsAre("router/fraud.json"));
  for (const OnboardingStep& step : Files("fraud")) made[step.id()] = step;
  EXPECT_THAT(plan(made), IsEmpty()) << "it was changed since, and stays so";
}

}  // namespace
}  // namespace turnout::manager
