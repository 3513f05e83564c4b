#include <gtest/gtest.h>

#include <string>

#include "deploy/manager/manager_options.h"
#include "state/files.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

class SharedOptionsTest : public testing::Test {
 protected:
  absl::StatusOr<ManagerOptions> Load(const std::string& text) {
    const std::string file = directory_.path() + "/manager.yaml";
    EXPECT_TRUE(state::WriteFile(file, "data: /d\ntokens: /t\n" + text).ok());
    return LoadManagerOptions(file, {.listen = ""});
  }

  support::TempDirectory directory_;
};

TEST_F(SharedOptionsTest, WhatIsSharedAndKeptIsRead) {
  const auto options = Load(
      "shared: s3://acme/turnout\n"
      "url: https://manager-0:8470\n"
      "lease: {renew_seconds: 1, expire_seconds: 4}\n"
      "backups: {to: /kept, every_minutes: 5, keep: 7}\n");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->shared, "s3://acme/turnout");
  EXPECT_EQ(options->url, "https://manager-0:8470");
  EXPECT_EQ(options->lease.renew_ms, 1'000);
  EXPECT_EQ(options->lease.expire_ms, 4'000);
  EXPECT_EQ(options->backups.to, "/kept");
  EXPECT_EQ(options->backups.every_minutes, 5);
  EXPECT_EQ(options->backups.keep, 7);
  EXPECT_TRUE(Load("")->shared.empty());
}

TEST_F(SharedOptionsTest, TheOneConfigOfAllPodsIsTheirsByTheirOwnUrl) {
  const std::string file = directory_.path() + "/manager.yaml";
  ASSERT_TRUE(state::WriteFile(file, "data: /d\ntokens: /t\nurl: https://any:8470\n").ok());
  const auto options = LoadManagerOptions(file, {.listen = "", .url = "https://manager-1:8470"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->url, "https://manager-1:8470");
}

TEST_F(SharedOptionsTest, WhatCannotBeIsRefusedAtItsPlace) {
  const struct {
    std::string text;
    std::string refusal;
  } cases[] = {
      {"lease: {renew_seconds: 5, expire_seconds: 10}",
       ":3:8: `expire_seconds` is to be more than"},
      {"lease: {renew_seconds: soon}", ":3:24: `renew_seconds` is to be a number from 1 to 3600"},
      {"lease: {renews: 1}", ":3:9: unknown key `renews`"},
      {"lease: 3", ":3:8: that is to be an object"},
      {"backups: {every_minutes: 5}", ":3:10: say where `to`"},
      {"backups: {to: /kept, keep: 0}", ":3:28: `keep` is to be a number from 1 to 10000"},
  };
  for (const auto& one : cases) {
    const absl::Status status = Load(one.text + "\n").status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << one.text;
    EXPECT_NE(status.message().find(one.refusal), std::string::npos) << status;
  }
}

TEST_F(SharedOptionsTest, APlaceOfAnotherKindIsRefusedByItsKey) {
  const absl::Status status = OpenObjects({}, "shared", "ftp://host/x", absl::Seconds(1)).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_NE(status.message().find("shared: `ftp://host/x`"), std::string::npos) << status;
  EXPECT_TRUE(OpenObjects({}, "shared", directory_.path(), absl::Seconds(1)).ok());
}

TEST_F(SharedOptionsTest, ABranchIsFollowedByOneManagerThatSharesNothing) {
  const std::string git = "git: {repository: 'file:///rules.git', poll_seconds: 5}\n";
  const auto alone = Load(git);
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(alone->git.repository, "file:///rules.git");
  EXPECT_EQ(alone->git.poll_seconds, 5);
  const absl::Status both = Load(git + "shared: /shared\n").status();
  EXPECT_TRUE(absl::IsInvalidArgument(both)) << both;
  for (const char* part : {"`git`", "`shared`", "one manager may follow a branch", "take one"}) {
    EXPECT_NE(both.message().find(part), std::string::npos) << both;
  }
  const std::string file = directory_.path() + "/manager.yaml";
  EXPECT_TRUE(
      absl::IsInvalidArgument(LoadManagerOptions(file, {.listen = "", .shared = "/s"}).status()));
  const absl::Status never = Load("git: {repository: 'file:///a', poll_seconds: 0}\n").status();
  EXPECT_NE(never.message().find("`poll_seconds` is to be a number from 1 to 3600"),
            std::string::npos)
      << never;
}

}  // namespace
}  // namespace turnout::manager
