#include "runtime/run_command.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using testing::ExitedWithCode;
using testing::HasSubstr;

class RunCommandTest : public testing::Test {
 protected:
  RunCommandTest() {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    std::string pattern = (std::filesystem::temp_directory_path() / "turnout-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    Write("rules.yaml",
          "team: orders\ndestinations: [orders]\n"
          "rules: [{name: all, match: {type: [order]}, to: orders}]\n");
  }
  ~RunCommandTest() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = (directory_ / name).string();
    std::ofstream(path) << text;
    return path;
  }
  std::string Config(const std::string& brokers, const std::string& more = "") const {
    return Write("pipeline.yaml", absl::StrCat("brokers: ", brokers,
                                               "\nsource: {topic: events, group: router}\n"
                                               "listen: 127.0.0.1:0\nrules: ",
                                               (directory_ / "rules.yaml").string(), "\n", more));
  }

  std::filesystem::path directory_;
};

// The signals come while the process starts, so nothing depends on the moment.
[[noreturn]] void RunWithSignals(const RunOptions& options, const std::vector<int>& signals) {
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int signal : signals) sigaddset(&blocked, signal);
  ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  for (const int signal : signals) ::kill(::getpid(), signal);
  std::exit(RunPipeline(options));
}

TEST_F(RunCommandTest, ASignalEndsItWithStatus0) {
  const std::string config = Config("127.0.0.1:1");
  EXPECT_EXIT(RunWithSignals({.config_path = config, .embedded = true}, {SIGTERM}),
              ExitedWithCode(0), "whoever takes over|will be redone");
  EXPECT_EXIT(RunWithSignals({.config_path = config}, {SIGINT}), ExitedWithCode(0),
              "whoever takes over|will be redone");
}

// The signal comes when the config has been opened and not yet read: a pipe knows that moment.
[[noreturn]] void RunWithSignalWhileItReads(const std::string& pipe, const std::string& text) {
  std::thread([pipe, text] {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    std::ofstream config(pipe);
    ::kill(::getpid(), SIGTERM);
    config << text;
  }).detach();
  std::exit(RunPipeline({.config_path = pipe}));
}

TEST_F(RunCommandTest, ASignalWhileTheConfigIsReadEndsItWithStatus0) {
  std::ifstream config(Config("127.0.0.1:1"));
  const std::string text(std::istreambuf_iterator<char>(config), {});
  const std::string pipe = (directory_ / "pipe.yaml").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EXIT(RunWithSignalWhileItReads(pipe, text), ExitedWithCode(0),
              "whoever takes over|will be redone");
}

TEST_F(RunCommandTest, OneRequestThatComesAsTwoSignalsIsNotTakenForTwo) {
  const std::string config = Config("127.0.0.1:1");
  EXPECT_EXIT(RunWithSignals({.config_path = config}, {SIGINT, SIGTERM}), ExitedWithCode(0),
              "whoever takes over|will be redone");
}

TEST_F(RunCommandTest, AConfigThatCannotBeReadIsStatus2) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunPipeline({.config_path = (directory_ / "none.yaml").string()}), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("none.yaml: can't be read"));
}

TEST_F(RunCommandTest, AConfigThatIsADirectoryOrEndlessIsStatus2) {
  for (const auto& [path, what] : std::vector<std::pair<std::string, std::string>>{
           {directory_.string(), "it is a directory"},
           {"/dev/zero", "neither a file nor a pipe"},
           {Write("long.yaml", std::string(2 << 20, '#')), "longer than 1MiB"}}) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(RunPipeline({.config_path = path}), 2) << path;
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr(what));
  }
}

TEST_F(RunCommandTest, ASecretIsInNoMessageThatEndsIt) {
  const std::string config = Config("127.0.0.1:1");
  const std::string secret = Write("secret", "tops3cret\n");
  for (const char* key : {"kafka.sasl.mechanism", "kafka.ssl.ca.location", "listen", "rules"}) {
    RunOptions options{.config_path = config,
                       .overrides = {absl::StrCat(key, "=${file:", secret, "}")}};
    if (options.overrides[0].find("sasl") != std::string::npos) {
      options.overrides.push_back("kafka.security.protocol=sasl_plaintext");
    }
    if (options.overrides[0].find("ssl.ca") != std::string::npos) {
      options.overrides.push_back("kafka.security.protocol=ssl");
    }
    // Of a process of its own, which the log's list of secrets ends with.
    EXPECT_EXIT(
        {
          testing::internal::CaptureStderr();
          const int status = RunPipeline(options);
          const std::string said = testing::internal::GetCapturedStderr();
          const bool leaks = said.find("tops3cret") != std::string::npos;
          std::fputs(leaks ? "it leaks\n" : "it is kept\n", stderr);
          std::exit(status);
        },
        ExitedWithCode(2), "it is kept")
        << key;
  }
}

TEST_F(RunCommandTest, AStopIsCutShortAfterTheShutdownTimeout) {
  const std::string config = Config("127.0.0.1:1", "limits: {shutdown_timeout: 100ms}\n");
  const absl::Time began = absl::Now();
  EXPECT_EXIT(RunWithSignals({.config_path = config}, {SIGTERM}), ExitedWithCode(0), "");
  EXPECT_LT(absl::Now() - began, absl::Seconds(8));
}

TEST_F(RunCommandTest, AllProblemsOfAConfigAreNamedWithStatus2) {
  const std::string config = Config("127.0.0.1:1", "workrs: 1\ndelivery: twice\n");
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunPipeline({.config_path = config}), 2);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("pipeline.yaml:5:"));
  EXPECT_THAT(said, HasSubstr("workers"));
  EXPECT_THAT(said, HasSubstr("pipeline.yaml:6:"));
  EXPECT_THAT(said, HasSubstr("at_least_once"));
}

TEST_F(RunCommandTest, RulesThatAreAllRefusedAreStatus2WithEveryProblem) {
  Write("rules.yaml", "team: orders\ndestinations: [orders]\nrules: 7\nowners: me\n");
  const std::string config = Config("127.0.0.1:1");
  EXPECT_EXIT(std::exit(RunPipeline({.config_path = config})), ExitedWithCode(2),
              "rules.yaml:3:.*rules.yaml:4:");
}

TEST_F(RunCommandTest, PrintConfigShowsDefaultsAndSourcesAndStartsNothing) {
  const std::string config = Config("127.0.0.1:1", "kafka: {sasl.password: hunter22}\n");
  testing::internal::CaptureStdout();
  EXPECT_EQ(RunPipeline({.config_path = config, .print_config = true}), 0);
  const std::string shown = testing::internal::GetCapturedStdout();
  EXPECT_THAT(shown, testing::ContainsRegex("delivery: exactly_once +# default"));
  EXPECT_THAT(shown, testing::ContainsRegex("source.topic: events +# .*pipeline.yaml:2"));
  EXPECT_THAT(shown, testing::Not(HasSubstr("hunter22")));
}

}  // namespace
}  // namespace turnout::runtime
