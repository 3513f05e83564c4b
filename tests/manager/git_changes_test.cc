#include "deploy/manager/git_changes.h"

#include <string>
#include <vector>

#include "deploy/manager/run_program.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::manager {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Change Putting(std::string name, std::string text) {
  return {.number = 7,
          .at_ms = 5'000,
          .by = "ann <x>\n",
          .why = "a reason",
          .edits = {{{"shop", ItemKind::kRules, std::move(name)}, ItemContent{std::move(text)}}}};
}

TEST(GitChanges, ACommitSaysWhoWhenWhyAndWhichChange) {
  FileTree tree = {{"shop/rules/fraud.json", "{}"}, {"shop/rules/other.yaml", "a"}};
  const GitCommit commit = CommitFor(Putting("fraud", "team: fraud\n"), "", &tree);
  EXPECT_EQ(commit.author, "ann x <ann x@turnout>");
  EXPECT_EQ(commit.message, "a reason\n\nTurnout-Change: 7\n");
  EXPECT_EQ(commit.at_s, 5);
  EXPECT_THAT(commit.removed, ElementsAre("shop/rules/fraud.json"));
  EXPECT_THAT(commit.written, ElementsAre(Pair("shop/rules/fraud.yaml", "team: fraud\n")));
  EXPECT_THAT(tree, ElementsAre(Pair("shop/rules/fraud.yaml", "team: fraud\n"),
                                Pair("shop/rules/other.yaml", "a")));
}

TEST(GitChanges, AChangeNamesTheCommitsItWasMadeOfAndNobodyElsesDoes) {
  const GitAuthor author{.who = "Zoe <z@x>", .subjects = std::string(kWhyBytesMax, 'w')};
  const ChangeRequest request = RequestOf({}, author, "abc");
  EXPECT_LE(request.why.size(), kWhyBytesMax);
  Change change{.by = request.by, .why = request.why, .approved_by = request.approved_by};
  EXPECT_EQ(CommitOf(change), "abc");
  change.by = "zoe";
  EXPECT_EQ(CommitOf(change), "");
}

TEST(GitChanges, BothSidesConflictWhereAnItemIsNotAlikeWhateverItsFile) {
  const FileTree ours = {{"s/rules/a.yaml", "1"}, {"s/config/b.yaml", "x"}};
  const FileTree theirs = {{"s/rules/a.json", "2"}, {"s/config/b.yaml", "x"}};
  EXPECT_THAT(Conflicting({"s/rules/a.yaml", "s/config/b.yaml"}, ours,
                          {"s/rules/a.json", "s/config/b.yaml"}, theirs),
              ElementsAre("s/rules/a.json"));
  EXPECT_THAT(Differing(ours, theirs), ElementsAre("s/rules/a.json", "s/rules/a.yaml"));
}

TEST(RunProgram, ItGetsWhatItIsGivenAndIsEndedInTime) {
  const auto end = RunProgram(
      {.words = {"sh", "-c", "cat; echo $A >&2; exit 3"}, .environment = {"A=b"}, .input = "in"});
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->out + end->err, "inb\n");
  EXPECT_EQ(end->exit_status, 3);
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      RunProgram({.words = {"sleep", "60"}, .timeout = absl::Milliseconds(10)}).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(
      RunProgram({.words = {"yes"}, .output_bytes_max = 1'000}).status()));
  EXPECT_THAT(RunProgram({.words = {"turnout-no-such-program"}}).status().message(),
              HasSubstr("there is no program"));
}

TEST(GitOptions, SayWhatMayStandThere) {
  EXPECT_TRUE(CheckGitOptions({.repository = "git@example.com:a/b.git"}).ok());
  EXPECT_TRUE(CheckGitOptions({.repository = "https://example.com/a.git", .path = "a/b"}).ok());
  for (const GitOptions& bad :
       std::vector<GitOptions>{{.repository = "ext::sh -c x"},
                               {.repository = "--upload-pack=x@y:z"},
                               {.repository = "http://example.com/a"},
                               {.repository = "https://ann:pw@example.com/a"},
                               {.repository = "file:///a", .branch = "a b"},
                               {.repository = "file:///a", .path = "../b"},
                               {.repository = "file:///a", .author = "nobody"},
                               {.repository = "file:///a", .poll_seconds = 0}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckGitOptions(bad))) << bad.repository;
  }
}

}  // namespace
}  // namespace turnout::manager
