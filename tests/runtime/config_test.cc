#include "runtime/config.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/config_table.h"

namespace turnout::runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kSmallest[] = "brokers: b:9092\nsource: {topic: orders}\nrules: rules\n";

ConfigEnvironment Environment() {
  ConfigEnvironment environment;
  environment.variable = [](const std::string& name) -> std::optional<std::string> {
    static const std::map<std::string, std::string> variables = {{"BROKERS", "env:1"},
                                                                 {"WORKERS", "3"},
                                                                 {"EMPTY", ""},
                                                                 {"PASSWORD", "pa55word-env"},
                                                                 {"REFERENCE", "${env:BROKERS}"},
                                                                 {"LIST", "[1, 2]"}};
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  environment.file = [](const std::string& path) -> std::optional<std::string> {
    static const std::map<std::string, std::string> files = {
        {"/run/secrets/password", "hunter2-file\n"},
        {"/run/secrets/twolines", "line-one\nline-two\n\n"},
        {"/run/secrets/crlf", "crlf-secret\r\n"},
        {"/run/workers", "5"},
        {"/run/secrets/topic", "secret-topic\n"},
        {"/run/secrets/empty", ""},
        {"/run/secrets/nul", std::string("a\0b", 3)},
        {"/etc/turnout/beside", "beside-the-config"},
        {"in-the-shell", "shell-secret"}};
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return found->second;
  };
  environment.host_name = "host-7";
  return environment;
}

struct Reading {
  std::optional<LoadedConfig> loaded;
  std::vector<std::string> problems;  // as a person sees them
};

Reading Read(std::string_view text, const ConfigOverrides& overrides = {}) {
  Reading reading;
  std::vector<router::Problem> problems;
  reading.loaded = ReadConfig("/etc/turnout/p.yaml", text, Environment(), &problems, overrides);
  for (const router::Problem& problem : problems) {
    EXPECT_FALSE(problem.cure.empty()) << problem.what;
    reading.problems.push_back(absl::StrFormat("%d:%d: %s: %s (%s)", problem.at.line,
                                               problem.at.column, problem.subject, problem.what,
                                               problem.cure));
  }
  EXPECT_EQ(reading.loaded.has_value(), problems.empty());
  return reading;
}

// The one problem of the smallest config with `line` as its fourth line.
std::string ProblemOf(std::string_view line) {
  const Reading reading = Read(std::string(kSmallest) + std::string(line) + "\n");
  if (reading.problems.size() != 1) {
    return absl::StrFormat("%d problems: %s", reading.problems.size(),
                           absl::StrJoin(reading.problems, "\n"));
  }
  return reading.problems[0];
}

// The config in force, or a failure and an empty one.
Config ConfigOf(std::string_view text, const ConfigOverrides& overrides = {}) {
  Reading reading = Read(text, overrides);
  EXPECT_THAT(reading.problems, IsEmpty());
  return reading.loaded ? reading.loaded->config : Config{};
}

const ConfigValue* FindValue(const LoadedConfig& loaded, std::string_view key) {
  for (const ConfigValue& value : loaded.values) {
    if (value.key == key) return &value;
  }
  return nullptr;
}

TEST(Config, TheSmallestOneIsBrokersTopicAndRules) {
  const Config config = ConfigOf(kSmallest);
  EXPECT_EQ(config.brokers, "b:9092");
  EXPECT_EQ(config.topic, "orders");
  EXPECT_EQ(config.group, "turnout-orders");
  EXPECT_EQ(config.rules, "/etc/turnout/rules");
  EXPECT_EQ(config.instance, "host-7");
  EXPECT_EQ(config.dead_letter_topic, "orders.dead-letter");
  EXPECT_EQ(config.listen, "127.0.0.1:9464");
  EXPECT_EQ(config.state_dir, "/var/lib/turnout");
}

TEST(Config, DefaultsOfTheTableAreThoseOfTheStruct) {
  const Config config = ConfigOf(kSmallest);
  const Config plain;
  EXPECT_EQ(config.start_at_earliest, plain.start_at_earliest);
  EXPECT_EQ(config.session_timeout_ms, plain.session_timeout_ms);
  EXPECT_EQ(config.delivery, plain.delivery);
  EXPECT_EQ(config.sink, plain.sink);
  EXPECT_EQ(config.workers, plain.workers);
  EXPECT_EQ(config.provenance_headers, plain.provenance_headers);
  EXPECT_EQ(config.create_topics.enabled, plain.create_topics.enabled);
  EXPECT_EQ(config.create_topics.partitions, plain.create_topics.partitions);
  EXPECT_EQ(config.create_topics.replication_factor, plain.create_topics.replication_factor);
  EXPECT_EQ(config.create_topics.retention, plain.create_topics.retention);
  EXPECT_EQ(config.limits.batch_events_max, plain.limits.batch_events_max);
  EXPECT_EQ(config.limits.batch_bytes_max, plain.limits.batch_bytes_max);
  EXPECT_EQ(config.limits.transaction_timeout, plain.limits.transaction_timeout);
  EXPECT_EQ(config.limits.destination_recheck, plain.limits.destination_recheck);
  EXPECT_EQ(config.limits.rules_recheck, plain.limits.rules_recheck);
  EXPECT_EQ(config.limits.shutdown_timeout, plain.limits.shutdown_timeout);
  const router::RuleLimits& rules = config.limits.rules;
  EXPECT_EQ(rules.rules_per_team_max, plain.limits.rules.rules_per_team_max);
  EXPECT_EQ(rules.destinations_per_rule_max, plain.limits.rules.destinations_per_rule_max);
  EXPECT_EQ(rules.destination_globs_max, plain.limits.rules.destination_globs_max);
  EXPECT_EQ(rules.file_bytes_max, plain.limits.rules.file_bytes_max);
  EXPECT_EQ(rules.pattern.fields_max, plain.limits.rules.pattern.fields_max);
  EXPECT_EQ(rules.pattern.branches_max, plain.limits.rules.pattern.branches_max);
  EXPECT_EQ(rules.pattern.values_max, plain.limits.rules.pattern.values_max);
  EXPECT_EQ(rules.pattern.wildcards_max, plain.limits.rules.pattern.wildcards_max);
  EXPECT_EQ(rules.pattern.regexes_max, plain.limits.rules.pattern.regexes_max);
  EXPECT_EQ(rules.pattern.pattern_bytes_max, plain.limits.rules.pattern.pattern_bytes_max);
  EXPECT_EQ(config.log.json, plain.log.json);
  EXPECT_EQ(config.log.level, plain.log.level);
  EXPECT_EQ(config.log.lines_per_second_max, plain.log.lines_per_second_max);
}

TEST(Config, RulesMayComeFromAnEndpointOrATopic) {
  const Config config = ConfigOf(R"(
brokers: b:1
source.topic: t
rules: https://config.example.com/rules?group=a
rules_from: {token_file: token, ca_bundle: ca.pem, wait: 5s, report_to: "topic:rule-reports"}
admin.token_file: none
)");
  EXPECT_EQ(config.rules, "https://config.example.com/rules?group=a");
  EXPECT_EQ(config.rules_from.token_file, "/etc/turnout/token");
  EXPECT_EQ(config.rules_from.ca_bundle, "/etc/turnout/ca.pem");
  EXPECT_EQ(config.rules_from.wait, absl::Seconds(5));
  EXPECT_EQ(config.rules_from.report_to, "topic:rule-reports");
  EXPECT_EQ(config.admin_token_file, "");
  EXPECT_EQ(ConfigOf(kSmallest).rules_from.report_to, "");
  EXPECT_EQ(ConfigOf("brokers: b:1\nsource.topic: t\nrules: 'topic:rules'\n").rules, "topic:rules");
}

TEST(Config, TheAdminApisCertificateComesWithItsKey) {
  const std::string plain = "brokers: b:1\nsource.topic: t\nrules: r\n";
  const Config config =
      ConfigOf(plain + "admin.tls: {certificate_file: tls.crt, key_file: tls.key}");
  EXPECT_EQ(config.admin_certificate_file, "/etc/turnout/tls.crt");
  EXPECT_EQ(config.admin_key_file, "/etc/turnout/tls.key");
  EXPECT_EQ(ConfigOf(plain).admin_certificate_file, "");
  EXPECT_THAT(Read(plain + "admin.tls.key_file: tls.key\n").problems,
              ElementsAre(HasSubstr("admin.tls.key_file is given without a certificate_file")));
  EXPECT_THAT(Read(plain + "admin.tls.certificate_file: tls.crt\n").problems,
              ElementsAre(HasSubstr("is given without a key_file (a server's TLS needs both)")));
}

TEST(Config, EveryFieldCanBeSet) {
  const Config config = ConfigOf(R"(
brokers: a:1,b:2
source:
  topic: t
  group: g
  start: latest
  session_timeout: 45s
rules: /abs/rules
delivery: at_least_once
sink: librdkafka
instance: pod-3
workers: 4
state_dir: state
listen: 0.0.0.0:80
dead_letter_topic: dead
provenance_headers: false
create_topics: {enabled: true, partitions: 6, replication_factor: 3, retention: 7d}
limits:
  batch_events_max: 7
  batch_bytes_max: 1MB
  transaction_timeout: 2m
  event_tries_max: 0
  destination_recheck: 1h
  rules_recheck: 0s
  shutdown_timeout: 500ms
  rules_per_team_max: 11
  destinations_per_rule_max: 12
  destination_globs_max: 13
  rule_file_bytes_max: 14KiB
  rule_state_bytes_max: 5GiB
  team_state_bytes_max: 6GiB
  team_pattern_cost_max: 77
  pattern_fields_max: 15
  pattern_branches_max: 16
  pattern_values_max: 17
  pattern_wildcards_max: 0
  pattern_regexes_max: 1
  pattern_bytes_max: 1900
log: {format: text, level: debug, lines_per_second_max: 9}
kafka:
  socket.timeout.ms: 20000
  fetch: {wait.max.ms: 50}
)");
  EXPECT_EQ(config.brokers, "a:1,b:2");
  EXPECT_EQ(config.topic, "t");
  EXPECT_EQ(config.group, "g");
  EXPECT_FALSE(config.start_at_earliest);
  EXPECT_EQ(config.session_timeout_ms, 45'000);
  EXPECT_EQ(config.rules, "/abs/rules");
  EXPECT_EQ(config.delivery, connectors::Delivery::kAtLeastOnce);
  EXPECT_EQ(config.sink, connectors::SinkKind::kLibrdkafka);
  EXPECT_EQ(config.instance, "pod-3");
  EXPECT_EQ(config.workers, 4);
  EXPECT_EQ(config.state_dir, "/etc/turnout/state");
  EXPECT_EQ(config.listen, "0.0.0.0:80");
  EXPECT_EQ(config.dead_letter_topic, "dead");
  EXPECT_FALSE(config.provenance_headers);
  EXPECT_TRUE(config.create_topics.enabled);
  EXPECT_EQ(config.create_topics.partitions, 6);
  EXPECT_EQ(config.create_topics.replication_factor, 3);
  EXPECT_EQ(config.create_topics.retention, absl::Hours(168));
  EXPECT_EQ(config.limits.batch_events_max, 7);
  EXPECT_EQ(config.limits.batch_bytes_max, 1'000'000);
  EXPECT_EQ(config.limits.transaction_timeout, absl::Minutes(2));
  EXPECT_EQ(config.limits.event_tries_max, 0);
  EXPECT_EQ(config.limits.destination_recheck, absl::Hours(1));
  EXPECT_EQ(config.limits.rules_recheck, absl::ZeroDuration());
  EXPECT_EQ(config.limits.shutdown_timeout, absl::Milliseconds(500));
  EXPECT_EQ(config.limits.rules.rules_per_team_max, 11);
  EXPECT_EQ(config.limits.rules.destinations_per_rule_max, 12);
  EXPECT_EQ(config.limits.rules.destination_globs_max, 13);
  EXPECT_EQ(config.limits.rules.file_bytes_max, 14 << 10);
  EXPECT_EQ(config.time.rule_state_bytes_max, int64_t{5} << 30);
  EXPECT_EQ(config.time.team_state_bytes_max, int64_t{6} << 30);
  EXPECT_EQ(config.limits.rules.team_pattern_cost_max, 77);
  EXPECT_EQ(config.limits.rules.pattern.fields_max, 15);
  EXPECT_EQ(config.limits.rules.pattern.branches_max, 16);
  EXPECT_EQ(config.limits.rules.pattern.values_max, 17);
  EXPECT_EQ(config.limits.rules.pattern.wildcards_max, 0);
  EXPECT_EQ(config.limits.rules.pattern.regexes_max, 1);
  EXPECT_EQ(config.limits.rules.pattern.pattern_bytes_max, 1900);
  EXPECT_FALSE(config.log.json);
  EXPECT_EQ(config.log.level, "debug");
  EXPECT_EQ(config.log.lines_per_second_max, 9);
  EXPECT_THAT(config.kafka, ElementsAre(std::pair("socket.timeout.ms", "20000"),
                                        std::pair("fetch.wait.max.ms", "50")));
}

TEST(Config, TablesHaveNamesOfTheirOwn) {
  const Config config = ConfigOf(std::string(kSmallest) +
                                 "tables:\n"
                                 "  users: {topic: catalog.users}\n"
                                 "  merchants:\n"
                                 "    topic: catalog.merchants\n"
                                 "tables.fx_1.topic: catalog.fx\n");
  ASSERT_EQ(config.tables.size(), 3u);
  EXPECT_EQ(config.tables[0].name, "fx_1");
  EXPECT_EQ(config.tables[1].name, "merchants");
  EXPECT_EQ(config.tables[1].topic, "catalog.merchants");
  EXPECT_EQ(config.tables[2].name, "users");
  EXPECT_THAT(config.limits.rules.enrich.tables, ElementsAre("fx_1", "merchants", "users"));
  EXPECT_TRUE(ConfigOf(kSmallest).limits.rules.enrich.tables_known);
  for (const char* wrong :
       {"tables: {users: catalog.users}", "tables: {Users: {topic: a}}",
        "tables: {a.b: {topic: a}}", "tables: {users: {topics: a}}",
        "tables: {users: {topic: a b}}", "tables.topic: a", "tables: {users: {topic: [a]}}"}) {
    EXPECT_THAT(ProblemOf(wrong), HasSubstr("tables.")) << wrong;
  }
}

TEST(Config, ProblemsNamePlaceAllowedValuesAndNearestName) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      // Unknown keys.
      {"worker: 2",
       "4:1: worker: is not known (did you mean `workers`? Known: secrets_from, brokers, source, "
       "schema_registry, rules, "
       "rules_from, delivery, sink, instance, workers, listen, admin, rekey, state_dir, state, "
       "checkpoints, "
       "dead_letter_topic, parking_topic, provenance_headers, create_topics, limits, log, tables, "
       "kafka)"},
      {"log: {fromat: json}",
       "4:7: log.fromat: is not known (did you mean `log.format`? Known in log: format, level, "
       "lines_per_second_max)"},
      {"log.levle: info",
       "4:1: log.levle: is not known (did you mean `log.level`? Known in log: format, level, "
       "lines_per_second_max)"},
      // Wrong types.
      {"workers: two",
       "4:10: workers: `two` is a string, where a number is asked for (write a whole "
       "number from 1 to 256)"},
      {"workers: \"2\"",
       "4:10: workers: `2` is a string, where a number is asked for (remove the "
       "quotes)"},
      {"workers: 2.5",
       "4:10: workers: `2.5` is not a whole number (write a whole number from 1 to "
       "256)"},
      {"workers: 1e1",
       "4:10: workers: `1e1` is not a whole number (write a whole number from 1 to "
       "256)"},
      {"workers: 99999999999999999999",
       "4:10: workers: `99999999999999999999` is not a whole number "
       "(write a whole number from 1 to 256)"},
      {"workers: true",
       "4:10: workers: `true` is a boolean, where a number is asked for (write a "
       "whole number from 1 to 256)"},
      {"workers: [2]",
       "4:10: workers: is an array, where one value is asked for (write one value "
       "after the colon)"},
      {"workers:", "4:1: workers: has no value (give it one, or remove the line)"},
      {"instance: 7",
       "4:11: instance: `7` is a number, where a string is asked for (write 1 to 128 "
       "of a-z, A-Z, 0-9, `.`, `_`, `-`; put it in quotes if it is meant)"},
      {"provenance_headers: yes",
       "4:21: provenance_headers: `yes` is a string, where a boolean is "
       "asked for (write true or false)"},
      {"log: text",
       "4:6: log: is a string, where a section is asked for (write its keys on lines of "
       "their own below it, further to the right)"},
      {"create_topics: true",
       "4:16: create_topics: is a boolean, where a section is asked for (write "
       "its keys on lines of their own below it, further to the right)"},
      // Bounds and choices.
      {"workers: 0", "4:10: workers: `0` is out of bounds (write a whole number from 1 to 256)"},
      {"workers: -1", "4:10: workers: `-1` is out of bounds (write a whole number from 1 to 256)"},
      {"limits: {shutdown_timeout: 5}",
       "4:28: limits.shutdown_timeout: `5` is not a duration (write "
       "a duration from 100ms to 10m)"},
      {"limits: {shutdown_timeout: 11m}",
       "4:28: limits.shutdown_timeout: `11m` is out of bounds "
       "(write a duration from 100ms to 10m)"},
      {"limits: {batch_bytes_max: 1 MB}",
       "4:27: limits.batch_bytes_max: `1 MB` is not a size (write "
       "a size from 1KiB to 1GiB)"},
      {"create_topics: {retention: 1s}",
       "4:28: create_topics.retention: `1s` is out of bounds "
       "(write a duration from 1m to 3650d, or broker)"},
      {"delivery: exactly-once",
       "4:11: delivery: `exactly-once` is none of the allowed values (write "
       "exactly_once or at_least_once)"},
      {"log: {level: warn}",
       "4:14: log.level: `warn` is none of the allowed values (write debug, "
       "info, warning or error)"},
      // Text.
      {"dead_letter_topic: a/b",
       "4:20: dead_letter_topic: `a/b` holds a character that is none of "
       "a-z, A-Z, 0-9, `.`, `_`, `-` (write a topic's name: 1 to 249 of "
       "a-z, A-Z, 0-9, `.`, `_`, `-`)"},
      {"dead_letter_topic: orders",
       "4:20: dead_letter_topic: is the source's topic: dead letters "
       "would come back as events (name another topic)"},
      {"listen: 9464",
       "4:9: listen: `9464` is a number, where a string is asked for (write host:port; "
       "port 0 takes a free one; put it in quotes if it is meant)"},
      {"listen: localhost",
       "4:9: listen: `localhost` has no port from 0 to 65535 (write host:port; "
       "port 0 takes a free one)"},
      {"listen: a:70000",
       "4:9: listen: `a:70000` has no port from 0 to 65535 (write host:port; port 0 "
       "takes a free one)"},
      // Twice.
      {"rules: other", "4:1: rules: is given twice, first on line 3 (keep one of them)"},
      {"source.topic: other",
       "4:1: source.topic: is given twice, first on line 2 (keep one of them)"},
      {"source: {group: g}", "4:1: source: is given twice, first on line 2 (keep one of them)"},
      // References.
      {"workers: ${env:MISSING}",
       "4:10: workers: the environment variable `MISSING` is not set (set "
       "it, or write the value itself)"},
      {"instance: ${file:/no/such}",
       "4:11: instance: the file `/no/such` can't be read (create it, "
       "readable for this user and of at most 1MiB, or write the value "
       "itself)"},
      {"instance: ${HOME}",
       "4:11: instance: `${HOME}` names neither a variable nor a file (write "
       "${env:NAME}, ${file:/path}, or ${secret:NAME} and ${config:NAME} of a config manager, or "
       "$${ for the characters `${`)"},
      {"instance: ${env:}",
       "4:11: instance: `${env:}` names neither a variable nor a file (write "
       "${env:NAME}, ${file:/path}, or ${secret:NAME} and ${config:NAME} of a config manager, or "
       "$${ for the characters `${`)"},
      {"instance: a${env:X",
       "4:11: instance: `${` is not closed (write ${env:NAME} or ${file:/path}, "
       "or $${ for the characters `${`)"},
      {"instance: ${env:EMPTY}",
       "4:11: instance: the value (not shown) is empty (write 1 to 128 of "
       "a-z, A-Z, 0-9, `.`, `_`, `-`)"},
      {"workers: ${env:LIST}",
       "4:10: workers: the value (not shown) is not a whole number (write a "
       "whole number from 1 to 256)"},
      {"instance: ${file:/run/secrets/nul}", "4:11: instance: holds a NUL byte (remove it)"},
      {"instance: \"[secret]\"",
       "4:11: instance: is the mark that --print-config writes for a secret "
       "(write the value itself, or ${file:/path})"},
      // librdkafka's properties.
      {"kafka: {group.id: g}",
       "4:9: kafka.group.id: may not be set: set source.group instead (see "
       "librdkafka's CONFIGURATION.md for its properties)"},
      {"kafka: {fetch.wait.max.ms: [1]}",
       "4:9: kafka.fetch.wait.max.ms: is an array, where one value "
       "is asked for (write one value after the colon)"},
  };
  for (const auto& [line, problem] : cases) EXPECT_EQ(ProblemOf(line), problem) << line;
}

TEST(Config, AMisplacedKeyIsAnsweredWithItsSection) {
  EXPECT_THAT(ProblemOf("batch_events_max: 5"),
              HasSubstr("did you mean `limits.batch_events_max`?"));
  EXPECT_THAT(ProblemOf("group: g"), HasSubstr("did you mean `source.group`?"));
}

TEST(Config, AMisspeltPropertyIsAnsweredWithTheNearestOne) {
  EXPECT_THAT(ProblemOf("kafka: {sasl.pasword: x}"), HasSubstr("sasl.password"));
}

TEST(Config, PropertiesThatSayOnlyInPartWhereTokensComeFromAreRefused) {
  EXPECT_THAT(ProblemOf("kafka: {security.protocol: SASL_SSL, sasl.mechanism: OAUTHBEARER}"),
              HasSubstr("kafka.sasl.oauthbearer.method: OAUTHBEARER needs `oidc`"));
}

TEST(Config, AllProblemsAreTold) {
  const Reading reading = Read("workers: 0\nlogg: {}\nsource: {start: never}\n");
  EXPECT_THAT(reading.problems,
              ElementsAre(HasSubstr("0:0: brokers: is not given (add `brokers: ` with host:port"),
                          HasSubstr("0:0: source.topic: is not given"),
                          HasSubstr("0:0: rules: is not given"), HasSubstr("1:10: workers: `0`"),
                          HasSubstr("2:1: logg: is not known (did you mean `log`?"),
                          HasSubstr("3:17: source.start: `never`")));
}

TEST(Config, ProblemsOfOneFileHaveALimit) {
  std::string text = kSmallest;
  for (int i = 0; i < 5000; ++i) text += absl::StrFormat("x%d: 1\n", i);
  const Reading reading = Read(text);
  EXPECT_THAT(reading.problems, SizeIs(100));
  EXPECT_THAT(reading.problems, Contains(HasSubstr("there are 100 problems or more")));
}

TEST(Config, WhatIsNoMappingIsRefused) {
  EXPECT_THAT(Read("- a\n").problems, ElementsAre(HasSubstr("1:1: : the config is an array")));
  EXPECT_THAT(Read("just text").problems, ElementsAre(HasSubstr("the config is a string")));
  EXPECT_THAT(Read("a: [").problems, SizeIs(1));
  EXPECT_THAT(Read("").problems, SizeIs(3));
  EXPECT_THAT(Read(std::string((1 << 20) + 1, '#')).problems,
              ElementsAre(HasSubstr("the config is longer than 1MiB (keep it within 1MiB)")));
}

TEST(Config, AnEmptySectionIsNoProblem) {
  EXPECT_EQ(ConfigOf(std::string(kSmallest) + "limits:\nkafka:\nlog: {}\n").workers, 1);
}

TEST(Config, BrokersAreNotAskedForWhenTheProcessBringsItsOwn) {
  EXPECT_EQ(ConfigOf("source: {topic: t}\nrules: r\n", {.embedded = true}).brokers, "");
}

TEST(Config, EveryBoundIsInAndWhatIsBeyondIsOut) {
  for (const ConfigField& field : ConfigFields()) {
    if (field.type != FieldType::kCount && field.type != FieldType::kBytes &&
        field.type != FieldType::kDuration) {
      continue;
    }
    const auto text_of = [&](int64_t number) {
      return field.type == FieldType::kDuration ? absl::StrFormat("%dms", number)
                                                : absl::StrFormat("%d", number);
    };
    const auto problems_of = [&](int64_t number) {
      return Read(std::string(kSmallest) + absl::StrFormat("%s: %s\n", field.key, text_of(number)))
          .problems;
    };
    EXPECT_LT(field.min, field.max) << field.key;
    EXPECT_THAT(problems_of(field.min), IsEmpty()) << field.key;
    EXPECT_THAT(problems_of(field.max), IsEmpty()) << field.key;
    EXPECT_THAT(problems_of(field.max + 1), ElementsAre(HasSubstr("out of bounds"))) << field.key;
    EXPECT_THAT(problems_of(field.min - 1), SizeIs(1)) << field.key;
  }
}

TEST(Config, AReferenceMayStandForAValueOfAnyType) {
  const Config config = ConfigOf(std::string(kSmallest) +
                                 "workers: ${env:WORKERS}\n"
                                 "instance: pod-${env:WORKERS}-${file:/run/workers}\n"
                                 "source.group: \"$${env:X} $ ${env:REFERENCE}\"\n"
                                 "kafka.client.rack: \"${env:EMPTY}\"\n");
  EXPECT_EQ(config.workers, 3);
  EXPECT_EQ(config.instance, "pod-3-5");
  EXPECT_EQ(config.group, "${env:X} $ ${env:BROKERS}");  // what came in is not looked at again
  EXPECT_THAT(config.kafka, ElementsAre(std::pair("client.rack", "")));
}

TEST(Config, OneLineBreakAtTheEndOfAFileIsLeftOut) {
  const Config config = ConfigOf(std::string(kSmallest) +
                                 "kafka:\n"
                                 "  sasl.password: ${file:/run/secrets/password}\n"
                                 "  sasl.username: ${file:/run/secrets/twolines}\n"
                                 "  ssl.key.password: ${file:/run/secrets/crlf}\n"
                                 "  client.rack: ${file:beside}\n");
  EXPECT_THAT(config.kafka, ElementsAre(std::pair("sasl.password", "hunter2-file"),
                                        std::pair("sasl.username", "line-one\nline-two\n"),
                                        std::pair("ssl.key.password", "crlf-secret"),
                                        std::pair("client.rack", "beside-the-config")));
  // Files may be replaced: what they are is known still.
  ASSERT_THAT(config.kafka_references, SizeIs(4));
  EXPECT_EQ(config.kafka_references[3].name, "client.rack");
  EXPECT_EQ(config.kafka_references[3].written, "${file:beside}");
  EXPECT_EQ(config.kafka_references[3].directory, "/etc/turnout");
}

TEST(Config, OverridesGoBeforeTheFile) {
  const ConfigOverrides overrides = {.values = {"workers=4", "workers=5", "rules=./mine",
                                                "kafka.client.rack=a=b", "log.format=text",
                                                "source.group=${env:WORKERS}"}};
  const Reading reading =
      Read(std::string(kSmallest) + "workers: 2\nkafka.client.rack: x\n", overrides);
  ASSERT_THAT(reading.problems, IsEmpty());
  const Config& config = reading.loaded->config;
  EXPECT_EQ(config.workers, 5);
  EXPECT_EQ(config.rules, "./mine");  // the shell's directory, not the file's
  EXPECT_EQ(config.group, "3");
  EXPECT_FALSE(config.log.json);
  EXPECT_THAT(config.kafka, ElementsAre(std::pair("client.rack", "a=b")));
  EXPECT_THAT(config.kafka_references, IsEmpty());
  EXPECT_EQ(FindValue(*reading.loaded, "workers")->source, "--set");
}

TEST(Config, ProblemsOfOverridesNameThem) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"workers=0",
       "0:0: --set workers: `0` is out of bounds (write a whole number from 1 to 256)"},
      {"workers=",
       "0:0: --set workers: `` is not a whole number (write a whole number from 1 to 256)"},
      {"hunter2", "0:0: --set: an argument is not key=value (write --set key=value)"},
      {"=x", "0:0: --set: an argument is not key=value (write --set key=value)"},
      {"log=text", "0:0: --set log: is a section (set a value in it)"},
  };
  for (const auto& [text, problem] : cases) {
    EXPECT_THAT(Read(kSmallest, {.values = {text}}).problems, ElementsAre(problem)) << text;
  }
  EXPECT_THAT(Read(kSmallest, {.values = {"worker=1"}}).problems,
              ElementsAre(HasSubstr("0:0: --set worker: is not known (did you mean `workers`?")));
}

TEST(Config, SecretsAreInNoProblem) {
  const std::vector<std::string> lines = {
      "workers: ${file:/run/secrets/password}",
      "workers: ${env:PASSWORD}",
      "delivery: ${file:/run/secrets/password}",
      "dead_letter_topic: \"${env:PASSWORD} \"",
      "provenance_headers: x${file:/run/secrets/password}",
      "kafka: {sasl.pasword: hunter2-file}",
      "kafka: {socket.timeout.ms: \"${file:/run/secrets/password}\"}",
      "kafka: {socket.timeout.ms: \"${env:PASSWORD}\"}",
      "kafka: {security.protocol: \"${file:/run/secrets/password}\"}",
      "kafka: {ssl.key.pem: [hunter2-file]}",
      "kafka: {sasl.password: {hunter2-file: 1}}",
  };
  for (const std::string& line : lines) {
    const std::string problem = ProblemOf(line);
    // The last case writes a secret as a key's name: names are shown.
    if (line.find("{hunter2-file: 1}") != std::string::npos) continue;
    EXPECT_THAT(problem, Not(HasSubstr("hunter2"))) << line;
    EXPECT_THAT(problem, Not(HasSubstr("pa55word"))) << line;
    EXPECT_THAT(problem, HasSubstr("4:")) << line;
  }
}

TEST(Config, SecretsAreNeitherInValuesNorInPrintAndAreHandedOver) {
  const Reading reading = Read(R"(
brokers: ${env:BROKERS}
source.topic: ${file:/run/secrets/topic}
rules: rules
kafka:
  sasl.username: me
  sasl.password: ${file:/run/secrets/password}
  ssl.key.password: literal-secret
  sasl.oauthbearer.config: user=${env:PASSWORD}
)");
  ASSERT_THAT(reading.problems, IsEmpty());
  std::string everything = PrintedConfig(*reading.loaded);
  for (const ConfigValue& value : reading.loaded->values) {
    everything += value.value + value.source + value.written + "\n";
  }
  for (const char* secret : {"secret-topic", "hunter2-file", "literal-secret", "pa55word-env"}) {
    EXPECT_THAT(everything, Not(HasSubstr(secret)));
    EXPECT_THAT(reading.loaded->secrets, Contains(secret));
  }
  EXPECT_EQ(FindValue(*reading.loaded, "kafka.sasl.password")->value, "[secret]");
  EXPECT_EQ(FindValue(*reading.loaded, "source.topic")->value, "[secret]");
  EXPECT_EQ(FindValue(*reading.loaded, "source.group")->value, "[secret]");  // made of the topic
  EXPECT_EQ(FindValue(*reading.loaded, "kafka.sasl.username")->value, "me");
  EXPECT_EQ(reading.loaded->config.group, "turnout-secret-topic");
}

TEST(Config, ReferencesToAManagerAreAskedOfTheOneThatTheConfigNames) {
  ConfigEnvironment environment = Environment();
  std::vector<std::string> asked, secrets;
  environment.on_secret = [&](const std::string& secret) { secrets.push_back(secret); };
  environment.managed = [&](const Config::SecretsFrom& from, std::string_view kind,
                            const std::string& name) -> absl::StatusOr<std::string> {
    asked.push_back(absl::StrFormat("%s %s %s", from.url, kind, name));
    if (name == "none") return absl::InvalidArgumentError("it answers 404");
    return kind == "secret" ? "released" : "orders";
  };
  std::vector<router::Problem> problems;
  const std::string text =
      "secrets_from.url: https://m/v1/services/s\nbrokers: b:1\nrules: r\n"
      "source.topic: ${config:topic}\nkafka.sasl.password: a-${secret:key}\n";
  const auto loaded = ReadConfig("p.yaml", text, environment, &problems);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_THAT(asked, ElementsAre("https://m/v1/services/s config topic",
                                 "https://m/v1/services/s secret key"));
  EXPECT_EQ(loaded->config.topic, "orders");
  EXPECT_THAT(secrets, Contains("a-released"));
  EXPECT_THAT(PrintedConfig(*loaded), Not(HasSubstr("released")));
  ASSERT_THAT(loaded->config.kafka_references, SizeIs(1));
  EXPECT_EQ(loaded->config.kafka_references[0].written, "a-${secret:key}");
  EXPECT_FALSE(ReadConfig("p.yaml", text + "instance: ${secret:none}\n", environment, &problems));
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_EQ(problems[0].what, "the secret `none` can't be had: it answers 404");
}

constexpr char kPrinted[] = R"(secrets_from.url: none  # default
secrets_from.token_file: none  # default
secrets_from.ca_bundle: /etc/ssl/certs/ca-certificates.crt  # default
secrets_from.recheck: 1m  # default
brokers: env:1  # /etc/turnout/p.yaml:1 ${env:BROKERS}
source.topic: orders  # /etc/turnout/p.yaml:2
source.group: turnout-orders  # default
source.start: earliest  # default
source.session_timeout: 90s  # /etc/turnout/p.yaml:2
source.cloud_events: false  # default
source.partitioned_by: none  # default
source.time_field: none  # default
source.lateness: 10s  # default
source.ahead_max: 1h  # default
source.format: json  # default
schema_registry.url: none  # default
schema_registry.ca_bundle: /etc/ssl/certs/ca-certificates.crt  # default
schema_registry.username: none  # default
schema_registry.password_file: none  # default
schema_registry.token_file: none  # default
schema_registry.timeout: 10s  # default
schema_registry.wait_max: 1m  # default
rules: /etc/turnout/rules  # /etc/turnout/p.yaml:3
rules_from.token_file: none  # default
rules_from.ca_bundle: /etc/ssl/certs/ca-certificates.crt  # default
rules_from.wait: 30s  # default
rules_from.report_to: none  # default
rules_from.samples: "off"  # default
delivery: exactly_once  # default
sink: batch  # default
instance: "${file:/run/workers}"  # /etc/turnout/p.yaml:4 ${file:/run/workers} [secret]
workers: 2  # --set
listen: 127.0.0.1:9464  # default
admin.token_file: none  # default
admin.tls.certificate_file: none  # default
admin.tls.key_file: none  # default
rekey.topic: turnout-orders.rekey  # default
rekey.partitions: source  # default
state_dir: /var/lib/turnout  # default
state.memory: 256MiB  # default
state.on_gap: refuse  # default
state.restore.time: none  # default
state.restore.rules: in_force  # default
checkpoints.store: /var/lib/turnout/checkpoints  # default
checkpoints.interval: 1m  # default
checkpoints.keep: 24  # default
checkpoints.keep_for: 7d  # default
checkpoints.s3.region: us-east-1  # default
checkpoints.s3.endpoint: aws  # default
checkpoints.s3.addressing: auto  # default
checkpoints.s3.ca_bundle: /etc/ssl/certs/ca-certificates.crt  # default
dead_letter_topic: orders.dead-letter  # default
parking_topic: orders.parking  # default
provenance_headers: true  # default
create_topics.enabled: false  # default
create_topics.partitions: 1  # default
create_topics.replication_factor: broker  # default
create_topics.retention: broker  # default
limits.batch_events_max: 10000  # default
limits.batch_bytes_max: 16MiB  # default
limits.unpacked_bytes_max: 128MiB  # default
limits.transaction_timeout: 15s  # default
limits.event_tries_max: 3  # default
limits.destination_recheck: 30s  # default
limits.destination_patience: 3s  # default
limits.rules_recheck: 250ms  # default
limits.shutdown_timeout: 4s  # default
limits.team_bytes_per_second_max: none  # default
limits.table_bytes_max: 16GiB  # default
limits.rules_per_team_max: 10000  # default
limits.destinations_per_rule_max: 64  # default
limits.destination_globs_max: 100  # default
limits.rule_file_bytes_max: 64MiB  # default
limits.rule_state_bytes_max: 1GiB  # default
limits.team_state_bytes_max: 16GiB  # default
limits.team_pattern_cost_max: 1000000  # default
limits.pattern_fields_max: 256  # default
limits.pattern_branches_max: 1024  # default
limits.pattern_values_max: 10000  # default
limits.pattern_wildcards_max: 64  # default
limits.pattern_regexes_max: 16  # default
limits.pattern_bytes_max: 256KiB  # default
log.format: json  # default
log.level: info  # default
log.lines_per_second_max: 50  # default
kafka.client.rack: "a $${b} \"c\""  # /etc/turnout/p.yaml:5
kafka.sasl.password: "[secret]"  # /etc/turnout/p.yaml:6 [secret]
)";

TEST(Config, PrintsEverythingInForceWithItsSource) {
  const Reading reading = Read(
      "brokers: ${env:BROKERS}\nsource: {topic: orders, session_timeout: 90s}\nrules: rules\n"
      "instance: ${file:/run/workers}\nkafka.client.rack: 'a $${b} \"c\"'\n"
      "kafka.sasl.password: hunter2\n",
      {.values = {"workers=2"}});
  ASSERT_THAT(reading.problems, IsEmpty());
  EXPECT_EQ(PrintedConfig(*reading.loaded), kPrinted);
}

TEST(Config, WhatIsPrintedLoadsAsTheSame) {
  const Reading first = Read(
      "brokers: ${env:BROKERS}\nsource: {topic: 'true', session_timeout: 90s}\nrules: 'r #1'\n"
      "instance: ${file:/run/workers}\nkafka.client.rack: 'a $$${b} \"c\" \\'\n"
      "kafka.sasl.username: '1e3'\nsource.group: 'no: x'\ncreate_topics.retention: 36h\n"
      "kafka.sasl.password: x${file:/run/secrets/password}\n");
  ASSERT_THAT(first.problems, IsEmpty());
  std::string printed = PrintedConfig(*first.loaded);
  // The password has a part that only this config knows; printed, it is a mark that is refused.
  EXPECT_THAT(Read(printed).problems, ElementsAre(HasSubstr("--print-config")));
  printed.erase(printed.find("kafka.sasl.password"));
  const Reading second = Read(printed);
  ASSERT_THAT(second.problems, IsEmpty()) << printed;
  const Config& a = first.loaded->config;
  const Config& b = second.loaded->config;
  EXPECT_EQ(b.topic, "true");
  EXPECT_EQ(b.rules, a.rules);
  EXPECT_EQ(b.instance, "5");
  EXPECT_EQ(b.group, "no: x");
  EXPECT_EQ(b.create_topics.retention, a.create_topics.retention);
  ASSERT_THAT(b.kafka, SizeIs(2));
  EXPECT_EQ(b.kafka[0], a.kafka[0]);
  EXPECT_EQ(b.kafka[0].second, "a $${b} \"c\" \\");
  EXPECT_EQ(b.kafka[1], a.kafka[1]);
}

TEST(Config, CheckpointsLieBesideAStateDirThatIsRelativeToNothing) {
  std::vector<router::Problem> problems;
  const std::string text = std::string(kSmallest) + "\nstate_dir: st\n";
  const auto loaded = ReadConfig("p.yaml", text, Environment(), &problems);
  ASSERT_TRUE(loaded) << problems.size();
  EXPECT_EQ(loaded->config.checkpoints.store.front(), '/');
  EXPECT_THAT(loaded->config.checkpoints.store, testing::EndsWith("/st/checkpoints"));
  // No path at all: said, not thrown.
  const std::string none = std::string(kSmallest) + "\nstate_dir: ''\n";
  EXPECT_FALSE(ReadConfig("p.yaml", none, Environment(), &problems));
  EXPECT_THAT(problems, Not(IsEmpty()));
}

TEST(Config, AHostWhoseNameIsOfNoUseIsAskedForAnother) {
  ConfigEnvironment environment = Environment();
  environment.host_name = "my host";
  std::vector<router::Problem> problems;
  EXPECT_FALSE(ReadConfig("p.yaml", kSmallest, environment, &problems));
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_EQ(problems[0].subject, "instance");
  EXPECT_THAT(problems[0].what, HasSubstr("its default, the host's name, holds a character"));
}

TEST(RealEnvironment, ReadsFilesAndVariablesAndKnowsWhatIsMissing) {
  const ConfigEnvironment environment = RealEnvironment();
  EXPECT_TRUE(environment.variable("PATH").has_value());
  EXPECT_FALSE(environment.variable("TURNOUT_NO_SUCH_VARIABLE").has_value());
  EXPECT_FALSE(environment.file("/no/such/file").has_value());
  EXPECT_FALSE(environment.file("/").has_value());
  EXPECT_FALSE(environment.file("/dev/zero").has_value());  // larger than the limit
  EXPECT_EQ(environment.file("/dev/null").value_or("missing"), "");
  EXPECT_FALSE(environment.host_name.empty());
}

}  // namespace
}  // namespace turnout::runtime
