#include "runtime/config_parts.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(RuleLimits, WithoutAConfigTheyAreTheDefaults) {
  std::string problems;
  const auto limits = LoadRuleLimits("", &problems);
  ASSERT_TRUE(limits.has_value());
  EXPECT_EQ(limits->rules_per_team_max, router::RuleLimits{}.rules_per_team_max);
  EXPECT_THAT(problems, IsEmpty());
}

TEST(RuleLimits, ComeFromAConfigOfWhichNothingElseIsThere) {
  const support::TempDirectory directory;
  const std::string config =
      directory.Write("pipeline.yaml",
                      "limits: {rules_per_team_max: 2, pattern_bytes_max: 1KiB}\n"
                      "limits.pattern_wildcards_max: 3\n"
                      "kafka: {sasl.password: \"${file:/nowhere/secret}\"}\n"
                      "instance: ${env:TURNOUT_TEST_NO_SUCH_VARIABLE}\n");
  std::string problems;
  const auto limits = LoadRuleLimits(config, &problems);
  ASSERT_TRUE(limits.has_value()) << problems;
  EXPECT_EQ(limits->rules_per_team_max, 2);
  EXPECT_EQ(limits->pattern.pattern_bytes_max, 1024);
  EXPECT_EQ(limits->pattern.wildcards_max, 3);
  EXPECT_EQ(limits->destinations_per_rule_max, router::RuleLimits{}.destinations_per_rule_max);
  EXPECT_THAT(problems, IsEmpty());
}

TEST(RuleLimits, KnowTheTablesThatTheConfigNames) {
  const support::TempDirectory directory;
  const std::string config =
      directory.Write("pipeline.yaml",
                      "tables: {users: {topic: \"${env:TURNOUT_TEST_NO_SUCH_VARIABLE}\"}}\n"
                      "tables.merchants.topic: catalog.merchants\n");
  std::string problems;
  const auto limits = LoadRuleLimits(config, &problems);
  ASSERT_TRUE(limits.has_value()) << problems;
  EXPECT_TRUE(limits->enrich.tables_known);
  EXPECT_EQ(limits->enrich.tables, (std::vector<std::string>{"merchants", "users"}));
  EXPECT_FALSE(LoadRuleLimits("", &problems)->enrich.tables_known) << "nobody has said";
}

TEST(StateSettings, ComeFromAConfigOfWhichNothingElseIsThere) {
  const support::TempDirectory directory;
  const std::string config = directory.Write(
      "pipeline.yaml",
      "source: {partitioned_by: user.id, time_field: at, lateness: 2s, ahead_max: 5m,\n"
      "         cloud_events: true}\n"
      "limits.rule_state_bytes_max: 64KiB\n"
      "instance: ${env:TURNOUT_TEST_NO_SUCH_VARIABLE}\n");
  std::string problems;
  const auto settings = LoadStateSettings(config, &problems);
  ASSERT_TRUE(settings.has_value()) << problems;
  const router::StateSettings wanted = {.partitioned_by = "user.id",
                                        .time_field = "at",
                                        .lateness_ms = 2'000,
                                        .ahead_ms_max = 300'000,
                                        .rule_state_bytes_max = 65'536,
                                        .cloud_events = true};
  EXPECT_EQ(*settings, wanted);
  EXPECT_EQ(*LoadStateSettings("", &problems), router::StateSettings{});
}

TEST(RuleLimits, EveryProblemOfTheLimitsAndOfNamesIsTold) {
  const support::TempDirectory directory;
  const std::string config =
      directory.Write("pipeline.yaml", "limits:\n  rules_per_team_max: 0\nbrokrs: x\n");
  std::string problems;
  EXPECT_FALSE(LoadRuleLimits(config, &problems).has_value());
  EXPECT_THAT(problems, HasSubstr(config + ":2:23: limits.rules_per_team_max: `0`"));
  EXPECT_THAT(problems, HasSubstr(config + ":3:1: brokrs: is not known (did you mean `brokers`?"));
}

TEST(RuleLimits, AConfigThatCannotBeReadIsNamed) {
  std::string problems;
  EXPECT_FALSE(LoadRuleLimits("/nowhere/pipeline.yaml", &problems).has_value());
  EXPECT_THAT(problems, StartsWith("/nowhere/pipeline.yaml: can't be read: "));
}

TEST(S3Options, ComeFromTheSameConfigAndNothingElseOfItIsRead) {
  const support::TempDirectory directory;
  const std::string config = directory.Write(
      "pipeline.yaml",
      "checkpoints:\n"
      "  store: ${env:TURNOUT_TEST_NO_SUCH_VARIABLE}\n"
      "  s3: {region: eu-west-1, endpoint: \"http://store:9000\", addressing: host}\n"
      "checkpoints.s3.ca_bundle: tls/ca.pem\n");
  std::string problems;
  const auto s3 = LoadS3Options(config, &problems);
  ASSERT_TRUE(s3.has_value()) << problems;
  EXPECT_EQ(s3->region, "eu-west-1");
  EXPECT_EQ(s3->endpoint, "http://store:9000");
  EXPECT_EQ(s3->path_style, false);
  EXPECT_EQ(s3->ca_bundle, directory.path() + "/tls/ca.pem");
  EXPECT_THAT(problems, IsEmpty());
}

TEST(S3Options, WithoutAConfigTheyAreAwss) {
  std::string problems;
  const auto s3 = LoadS3Options("", &problems);
  ASSERT_TRUE(s3.has_value());
  EXPECT_EQ(s3->endpoint, "");
  EXPECT_EQ(s3->region, "us-east-1");
}

TEST(S3Options, AProblemOfTheirsIsTold) {
  const support::TempDirectory directory;
  const std::string config =
      directory.Write("pipeline.yaml", "checkpoints: {s3: {endpoint: store}}\n");
  std::string problems;
  EXPECT_FALSE(LoadS3Options(config, &problems).has_value());
  EXPECT_THAT(problems, HasSubstr("checkpoints.s3.endpoint: `store` begins neither with http://"));
}

}  // namespace
}  // namespace turnout::runtime
