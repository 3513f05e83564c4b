#include "runtime/schema_registry_fields.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/config.h"
#include "runtime/config_checks.h"

namespace turnout::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kBase[] = "brokers: b:9092\nrules: rules\nsource: {topic: orders, format: ";

struct Reading {
  std::optional<LoadedConfig> loaded;
  std::vector<std::string> problems;
};

Reading Read(const std::string& format, const std::string& registry) {
  ConfigEnvironment environment;
  environment.variable = [](const std::string&) { return std::nullopt; };
  environment.file = [](const std::string&) { return std::nullopt; };
  environment.host_name = "host";
  Reading reading;
  std::vector<router::Problem> problems;
  reading.loaded = ReadConfig("/etc/turnout/p.yaml", absl::StrCat(kBase, format, "}\n", registry),
                              environment, &problems);
  for (const router::Problem& one : problems) {
    reading.problems.push_back(absl::StrCat(one.at.line, ":", one.at.column, " ", one.subject, ": ",
                                            one.what, " (", one.cure, ")"));
  }
  return reading;
}

TEST(SchemaRegistryFields, AreReadAndPathsAreTheFilesOwn) {
  const Reading reading = Read("schema_registry", R"(schema_registry:
  url: https://registry:8081/apis/ccompat/v7
  ca_bundle: ca.pem
  username: turnout
  password_file: /run/secrets/registry
  timeout: 2s
  wait_max: 5m
)");
  EXPECT_THAT(reading.problems, IsEmpty());
  ASSERT_TRUE(reading.loaded.has_value());
  const Config& config = reading.loaded->config;
  EXPECT_TRUE(config.has_schemas);
  EXPECT_EQ(config.schemas.url, "https://registry:8081/apis/ccompat/v7");
  EXPECT_EQ(config.schemas.ca_bundle, "/etc/turnout/ca.pem");
  EXPECT_EQ(config.schemas.username, "turnout");
  EXPECT_EQ(config.schemas.password_file, "/run/secrets/registry");
  EXPECT_EQ(config.schemas.token_file, "");
  EXPECT_EQ(config.schemas.timeout, absl::Seconds(2));
  EXPECT_EQ(config.schemas.wait_max, absl::Minutes(5));
}

TEST(SchemaRegistryFields, ByDefaultValuesAreJson) {
  const Reading reading = Read("json", "");
  ASSERT_TRUE(reading.loaded.has_value());
  EXPECT_FALSE(reading.loaded->config.has_schemas);
  EXPECT_EQ(reading.loaded->config.schemas.url, "");
}

TEST(SchemaRegistryFields, WhatIsMissingOrTooMuchIsNamed) {
  EXPECT_THAT(Read("schema_registry", "").problems,
              ElementsAre("0:0 schema_registry.url: is not given, and `source.format: "
                          "schema_registry` needs it (write where the registry is, such as "
                          "http://schema-registry:8081)"));
  const std::string url = "schema_registry:\n  url: http://r\n";
  EXPECT_THAT(Read("json", url + "  username: u\n").problems,
              ElementsAre("6:13 schema_registry.username: is given without "
                          "`schema_registry.password_file` (give both, or none of them)"));
  EXPECT_THAT(Read("json", url + "  password_file: p\n").problems,
              ElementsAre("6:18 schema_registry.password_file: is given without "
                          "`schema_registry.username` (give both, or none of them)"));
  EXPECT_THAT(
      Read("json", url + "  username: u\n  password_file: p\n  token_file: t\n").problems,
      ElementsAre("8:15 schema_registry.token_file: is given beside `schema_registry.username` "
                  "(keep one of them: a request has one way to say who asks)"));
}

TEST(SchemaRegistryFields, ADirtyUrlIsRefused) {
  EXPECT_EQ(CheckRegistryUrl("http://registry:8081"), "");
  EXPECT_EQ(CheckRegistryUrl("none"), "");
  EXPECT_EQ(CheckRegistryUrl("ftp://registry"), "begins neither with http:// nor with https://");
  EXPECT_EQ(CheckRegistryUrl("https://"), "names no host");
  EXPECT_EQ(CheckRegistryUrl("https://u:p@registry"),
            "holds a user: a name goes in schema_registry.username, its password in a file");
  EXPECT_EQ(CheckRegistryUrl("https://registry?x=1"), "holds a query, which has no place in it");
  EXPECT_EQ(CheckRegistryUrl("https://a b"), "holds a space, a control character or a `#`");
}

TEST(SchemaRegistryFields, AnUnknownFormatIsAnsweredWithThoseThereAre) {
  const Reading reading = Read("avro", "");
  ASSERT_EQ(reading.problems.size(), 1u);
  EXPECT_THAT(reading.problems[0], ::testing::HasSubstr("write json or schema_registry"));
}

}  // namespace
}  // namespace turnout::runtime
