#include "deploy/manager/git_ssh.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "deploy/manager/git_repository.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"

namespace turnout::manager {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr uid_t kSomebody = 65'532;

class GitSshTest : public testing::Test {
 protected:
  std::string File(const std::string& name, mode_t mode) {
    const std::string path = directory_.Write(name, "what is in it");
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

  support::TempDirectory directory_;
  GitOptions options_{.repository = "ssh://git@git.example.com/a.git"};
};

TEST_F(GitSshTest, IsWhatAnAddressSays) {
  EXPECT_TRUE(IsBySsh(options_));
  EXPECT_TRUE(IsBySsh({.repository = "git@git.example.com:a.git"}));
  EXPECT_FALSE(IsBySsh({.repository = "https://git.example.com/a.git"}));
  EXPECT_FALSE(IsBySsh({.repository = "file:///a.git"}));
  EXPECT_FALSE(IsBySsh({}));
}

TEST_F(GitSshTest, TheCommandTakesNobodysConfigAndAsksNobody) {
  EXPECT_EQ(SshCommand(options_),
            "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=15");
  options_.ssh_key_file = "/k/identity";
  options_.known_hosts_file = "/k/known_hosts";
  EXPECT_THAT(SshCommand(options_), AllOf(HasSubstr(" -o IdentitiesOnly=yes -i '/k/identity'"),
                                          HasSubstr(" -o UserKnownHostsFile='/k/known_hosts'")));
}

TEST_F(GitSshTest, AFileThatTheShellWouldReadOtherwiseIsRefused) {
  EXPECT_TRUE(CheckGitOptions(options_).ok());
  for (const char* bad : {"/k/it's", "/k/a b", "/k/%h", "/k/$HOME", "~/key"}) {
    options_.ssh_key_file = bad;
    EXPECT_TRUE(absl::IsInvalidArgument(CheckGitOptions(options_))) << bad;
    options_.ssh_key_file.clear();
    options_.known_hosts_file = bad;
    EXPECT_TRUE(absl::IsInvalidArgument(CheckGitOptions(options_))) << bad;
    options_.known_hosts_file.clear();
  }
}

TEST_F(GitSshTest, ItsUsersOwnKeyIsNobodyElsesToRead) {
  options_.ssh_key_file = File("identity", 0600);
  EXPECT_TRUE(CheckSshFiles(options_).ok());
  options_.ssh_key_file = File("identity", 0440);
  EXPECT_THAT(CheckSshFiles(options_).message(),
              AllOf(HasSubstr("0440"), HasSubstr("make it 0400")));
}

TEST_F(GitSshTest, AKeyOfAnothersMayBeTheGroupsToRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  options_.ssh_key_file = File("identity", 0440);
  ASSERT_EQ(::chown(options_.ssh_key_file.c_str(), kSomebody, kSomebody), 0);
  EXPECT_TRUE(CheckSshFiles(options_).ok()) << CheckSshFiles(options_);
}

TEST_F(GitSshTest, AFileThatIsNotThereIsNamedWithTheCure) {
  options_.ssh_key_file = directory_.path() + "/identity";
  EXPECT_THAT(CheckSshFiles(options_).message(),
              AllOf(HasSubstr("git.ssh_key_file: " + options_.ssh_key_file),
                    HasSubstr("No such file"), HasSubstr("a Secret with this file")));
  options_.ssh_key_file.clear();
  options_.known_hosts_file = directory_.path() + "/known_hosts";
  EXPECT_THAT(CheckSshFiles(options_).message(), HasSubstr("git.known_hosts_file: "));
}

TEST_F(GitSshTest, NothingIsAskedWithAKeyThatIsNotThere) {
  std::atomic<bool> stop = false;
  options_.ssh_key_file = directory_.path() + "/identity";
  auto repository = GitRepository::Open(directory_.path() + "/clone", options_, &stop);
  ASSERT_TRUE(repository.ok()) << repository.status();
  const absl::Status asked = repository->Fetch().status();
  EXPECT_TRUE(absl::IsUnavailable(asked)) << asked;
  EXPECT_THAT(asked.message(),
              AllOf(HasSubstr("of ssh://git@git.example.com/a.git"), HasSubstr("can't be read")));
}

TEST_F(GitSshTest, WhatFailedIsToldByTheLineThatSaysWhyAndTheCure) {
  options_.known_hosts_file = "/k/known_hosts";
  const std::string changed = WhySshFailed(
      options_,
      "@@@@@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@@@@@@@\n"
      "Host key for git.example.com has changed and you have requested strict checking.\n"
      "Host key verification failed.\nfatal: Could not read from remote repository.\n");
  EXPECT_THAT(changed,
              AllOf(HasSubstr("Host key for git.example.com has changed"),
                    HasSubstr("git.known_hosts_file (/k/known_hosts)"), Not(HasSubstr("@"))));
  options_.known_hosts_file.clear();
  EXPECT_THAT(
      WhySshFailed(options_,
                   "No ED25519 host key is known for git.example.com and you have requested "
                   "strict checking.\nHost key verification failed.\n"),
      AllOf(HasSubstr("No ED25519 host key"),
            HasSubstr("git.known_hosts_file (which is not set)")));
  EXPECT_THAT(WhySshFailed(options_, "git@git.example.com: Permission denied (publickey).\n"),
              AllOf(HasSubstr("may write"), HasSubstr("no passphrase")));
  EXPECT_THAT(WhySshFailed(options_, "No user exists for uid 1000\nfatal: x\n"),
              HasSubstr("65532"));
  EXPECT_THAT(WhySshFailed(options_, "ssh: connect to host h port 22: Connection timed out\n"),
              HasSubstr("NetworkPolicy"));
  EXPECT_EQ(WhySshFailed(options_, "fatal: '/x' does not appear to be a git repository\n"), "");
}

}  // namespace
}  // namespace turnout::manager
