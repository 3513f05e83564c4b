#include "deploy/controller/controller_options.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"

namespace turnout::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(ControllerOptions, InAPodNothingNeedsToBeSaid) {
  const support::TempDirectory directory;
  directory.Write("namespace", "turnout-system");
  const auto options =
      CompleteOptions({}, {.host = "10.0.0.1", .port = "443", .directory = directory.path()});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->namespace_name, "turnout-system");
  EXPECT_EQ(options->kube.server, "https://10.0.0.1:443");
  const auto another =
      CompleteOptions({}, {.host = "10.0.0.1", .port = "443", .directory = directory.path()});
  EXPECT_NE(options->identity, another->identity) << "a process is not its former life";
}

TEST(ControllerOptions, WhatIsMissingOrNoneIsRefusedWithTheCure) {
  ControllerOptions good;
  good.kube.server = "http://127.0.0.1:1";
  good.namespace_name = "system";
  EXPECT_TRUE(CompleteOptions(good, {}).ok());
  good.image = "registry.example.com:5000/team/turnout";
  EXPECT_TRUE(CompleteOptions(good, {}).ok());
  const auto refused = [&good](auto change) {
    ControllerOptions options = good;
    change(&options);
    const absl::Status status = CompleteOptions(options, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(refused([](auto* o) { o->kube.server.clear(); }), HasSubstr("--server"));
  EXPECT_THAT(refused([](auto* o) { o->kube.token_file = "/nowhere/token"; }),
              AllOf(HasSubstr("--token-file"), HasSubstr("/nowhere/token")));
  EXPECT_THAT(refused([](auto* o) { o->kube.ca_file = "/nowhere/ca"; }), HasSubstr("--ca-file"));
  EXPECT_THAT(refused([](auto* o) { o->namespace_name.clear(); }), HasSubstr("--namespace"));
  EXPECT_THAT(refused([](auto* o) { o->lease.clear(); }), HasSubstr("--lease"));
  EXPECT_THAT(refused([](auto* o) { o->image = "turnout:1.0"; }), HasSubstr("--version"));
  EXPECT_THAT(refused([](auto* o) { o->image = "turnout@sha256:ab"; }), HasSubstr("--version"));
  EXPECT_THAT(refused([](auto* o) { o->version.clear(); }), HasSubstr("--version"));
}

}  // namespace
}  // namespace turnout::controller
