// Rule files that are right and wrong, as files: tests/router/data/rules. Beside each wrong one
// stands what must be said about it, `NAME.expected`; TURNOUT_UPDATE_EXPECTED=1 rewrites those.

#include "router/rule_file.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::router {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::filesystem::path DataDirectory() {
  return std::filesystem::path(TURNOUT_SOURCE_DIR) / "tests/router/data/rules";
}

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> FilesOf(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(DataDirectory() / directory)) {
    if (entry.path().extension() != ".expected") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  EXPECT_THAT(files, ::testing::Not(IsEmpty()));
  return files;
}

std::string Formatted(std::string_view file, const std::vector<Problem>& problems) {
  std::string lines;
  for (const Problem& problem : problems) {
    lines += absl::StrFormat("%s:%d:%d: %s: %s (%s)\n", file, problem.at.line, problem.at.column,
                             problem.subject, problem.what, problem.cure);
  }
  return lines;
}

// Reads a file as its name says; true if it was accepted.
bool Read(const std::filesystem::path& path, std::vector<RuleFile>* files,
          std::vector<Problem>* problems) {
  const std::string text = ReadAll(path);
  if (path.extension() == ".jsonl") {
    auto read = ReadRuleLines(text, {}, problems);
    if (read.has_value()) *files = *std::move(read);
    return read.has_value();
  }
  auto read = ReadRuleFile(path.filename().string(), text, {}, problems);
  if (read.has_value()) files->push_back(*std::move(read));
  return read.has_value();
}

RuleFile MustRead(std::string_view file_name, std::string_view text) {
  std::vector<Problem> problems;
  std::optional<RuleFile> file = ReadRuleFile(file_name, text, {}, &problems);
  EXPECT_TRUE(file.has_value()) << Formatted(file_name, problems);
  return file.has_value() ? *std::move(file) : RuleFile{};
}

std::vector<Problem> ProblemsOf(std::string_view text, const RuleLimits& limits) {
  std::vector<Problem> problems;
  EXPECT_FALSE(ReadRuleFile("rules.yaml", text, limits, &problems).has_value());
  EXPECT_FALSE(problems.empty());
  return problems;
}

TEST(RuleFile, EveryWrongFileIsRefusedWithExactlyTheExpectedProblems) {
  for (const std::filesystem::path& path : FilesOf("bad")) {
    std::vector<RuleFile> files;
    std::vector<Problem> problems;
    EXPECT_FALSE(Read(path, &files, &problems)) << path << " was accepted";
    const std::string lines = Formatted(path.filename().string(), problems);
    const std::string expected_path = path.string() + ".expected";
    if (std::getenv("TURNOUT_UPDATE_EXPECTED") != nullptr) std::ofstream(expected_path) << lines;
    EXPECT_EQ(lines, ReadAll(expected_path)) << path;
  }
}

TEST(RuleFile, EveryProblemHasAPlaceAndACure) {
  for (const std::filesystem::path& path : FilesOf("bad")) {
    std::vector<RuleFile> files;
    std::vector<Problem> problems;
    Read(path, &files, &problems);
    for (const Problem& problem : problems) {
      EXPECT_FALSE(problem.what.empty()) << path;
      EXPECT_FALSE(problem.cure.empty()) << path << ": " << problem.what;
      EXPECT_EQ(problem.at.line > 0, problem.at.column > 0) << path << ": " << problem.what;
    }
  }
}

TEST(RuleFile, EveryRightFileIsAccepted) {
  for (const std::filesystem::path& path : FilesOf("good")) {
    std::vector<RuleFile> files;
    std::vector<Problem> problems;
    EXPECT_TRUE(Read(path, &files, &problems)) << Formatted(path.string(), problems);
  }
}

TEST(RuleFile, QuickstartRulesAreAccepted) {
  const std::filesystem::path directory =
      std::filesystem::path(TURNOUT_SOURCE_DIR) / "deploy/examples/quickstart/rules";
  int teams = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().stem().extension() == ".test") continue;
    std::vector<RuleFile> files;
    std::vector<Problem> problems;
    EXPECT_TRUE(Read(entry.path(), &files, &problems))
        << Formatted(entry.path().string(), problems);
    for (const RuleFile& file : files) {
      ++teams;
      for (const Rule& rule : file.rules) EXPECT_NE(rule.description, "") << rule.name;
    }
  }
  EXPECT_EQ(teams, 3);
}

TEST(RuleFile, HoldsAllThatWasWritten) {
  const RuleFile file = MustRead("f.yaml", ReadAll(DataDirectory() / "good/every_key.yaml"));
  EXPECT_EQ(file.team, "fraud");
  EXPECT_EQ(file.owner, "fraud-oncall@example.com");
  EXPECT_THAT(file.allowed_destinations, ElementsAre("fraud.*", "shared.alerts"));
  ASSERT_THAT(file.rules, SizeIs(2));
  const Rule& rule = file.rules[0];
  EXPECT_EQ(rule.name, "every-key");
  EXPECT_EQ(rule.description, "What it is for.");
  EXPECT_EQ(rule.at.line, 5);
  EXPECT_NE(rule.match, nullptr);
  ASSERT_THAT(rule.to, SizeIs(3));
  EXPECT_EQ(rule.to[0].text, "fraud.card-testing");
  EXPECT_THAT(rule.to[2].fields, ElementsAre("region", "card.brand"));
  EXPECT_EQ(rule.key_field, "card.fingerprint");
  EXPECT_EQ(file.rules[1].key_field, "");
}

TEST(RuleFile, ContentIsTheSameInEveryNotationAndOrderOfRules) {
  const RuleFile yaml = MustRead("f.yaml", ReadAll(DataDirectory() / "good/every_key.yaml"));
  const RuleFile json = MustRead("f.json", ReadAll(DataDirectory() / "good/every_key.json"));
  ASSERT_THAT(json.rules, SizeIs(2));
  EXPECT_EQ(json.rules[0].name, "every-key");  // sorted by name, though the file has it last
  EXPECT_EQ(yaml.rules[0].match_hash, json.rules[0].match_hash);
  EXPECT_EQ(yaml.content_hash, json.content_hash);
}

TEST(RuleFile, PatternHashTellsTreesApart) {
  const auto hash_of = [](std::string_view match) {
    const std::string text =
        absl::StrFormat(R"({"team": "t", "destinations": ["*"], "rules": [
            {"name": "a", "to": "x", "match": %s}]})", match);
    const RuleFile file = MustRead("f.json", text);
    return file.rules.empty() ? 0 : file.rules[0].match_hash;
  };
  EXPECT_NE(hash_of(R"({"a": ["1"]})"), hash_of(R"({"a": [1]})"));
  EXPECT_NE(hash_of(R"({"a": ["b\",\"c"]})"), hash_of(R"({"a": ["b", "c"]})"));
  EXPECT_NE(hash_of(R"({"a": ["\\n"]})"), hash_of(R"({"a": ["\n"]})"));
  EXPECT_NE(hash_of(R"({"a": ["null"]})"), hash_of(R"({"a": [null]})"));
}

TEST(RuleFile, StandardInputIsJsonIfItStartsWithABrace) {
  const std::string json = ReadAll(DataDirectory() / "good/every_key.json");
  const std::string yaml = ReadAll(DataDirectory() / "good/every_key.yaml");
  EXPECT_THAT(MustRead("-", json).rules, SizeIs(2));
  EXPECT_THAT(MustRead("-", "\n  " + json).rules, SizeIs(2));
  EXPECT_THAT(MustRead("-", yaml).rules, SizeIs(2));
}

TEST(RuleFile, NamedLimitsAreKept) {
  const std::string head = "team: t\ndestinations: [a, b]\nrules:\n";
  const std::string rule = "  - {name: %d, match: {x: [1]}, to: [a, b]}\n";
  const std::string two_rules = head + "  - {name: \"1\", match: {x: [1]}, to: [a, b]}\n" +
                                "  - {name: \"2\", match: {x: [1]}, to: [a, b]}\n";
  std::vector<Problem> problems;
  EXPECT_TRUE(ReadRuleFile("f.yaml", two_rules, {.rules_per_team_max = 2}, &problems).has_value());
  EXPECT_EQ(ProblemsOf(two_rules, {.rules_per_team_max = 1})[0].what,
            "there are 2 rules, more than rules_per_team_max, 1");
  EXPECT_THAT(ProblemsOf(two_rules, {.destinations_per_rule_max = 1}), SizeIs(2));
  EXPECT_EQ(ProblemsOf(two_rules, {.destinations_per_rule_max = 1})[0].what,
            "`to` names 2 topics, more than destinations_per_rule_max, 1");
  EXPECT_EQ(ProblemsOf(two_rules, {.destination_globs_max = 1})[0].what,
            "`destinations` has 2 entries, more than destination_globs_max, 1");
  const std::string shaped =
      head + "  - {name: \"1\", match: {x: [1]}, to: a, shape: {keep: [a, b], set: {c: 1}},"
             " steps: [{sample: {key: a, percent: 1}}]}\n";
  const RuleLimits enough = {.steps_max = 1,
                             .shape = {.shape_operations_max = 3, .shape_text_bytes_max = 32}};
  EXPECT_TRUE(ReadRuleFile("f.yaml", shaped, enough, &problems).has_value());
  EXPECT_EQ(ProblemsOf(shaped, {.shape = {.shape_operations_max = 2}})[0].what,
            "the shape has 3 entries, more than shape_operations_max, 2");
  EXPECT_EQ(ProblemsOf(shaped, {.shape = {.shape_text_bytes_max = 31}})[0].what,
            "the shape has 32 bytes, more than shape_text_bytes_max, 31");
  EXPECT_EQ(ProblemsOf(shaped, {.steps_max = 0})[0].what,
            "there are 1 steps, more than steps_max, 0");
  EXPECT_EQ(ProblemsOf(two_rules, {.file_bytes_max = 10})[0].what,
            absl::StrFormat("the text has %d bytes, more than file_bytes_max, 10",
                            two_rules.size()));
}

TEST(RuleFile, RuleLinesAreGroupedByTeam) {
  constexpr std::string_view kText =
      "{\"team\": \"b\", \"name\": \"1\", \"to\": \"x\", \"match\": {\"f\": [1]}}\r\n"
      "\n"
      "{\"team\": \"a\", \"name\": \"1\", \"to\": [\"y\", \"{z}\"], \"match\": {\"f\": [1]}}\n"
      "{\"team\": \"b\", \"name\": \"2\", \"to\": \"x\", \"match\": {\"f\": [1]}, \"key\": \"k\"}";
  std::vector<Problem> problems;
  const auto files = ReadRuleLines(kText, {}, &problems);
  ASSERT_TRUE(files.has_value()) << Formatted("-", problems);
  ASSERT_THAT(*files, SizeIs(2));
  EXPECT_EQ((*files)[0].team, "b");
  ASSERT_THAT((*files)[0].rules, SizeIs(2));
  EXPECT_EQ((*files)[0].rules[1].key_field, "k");
  EXPECT_EQ((*files)[0].rules[1].at.line, 4);
  EXPECT_EQ((*files)[1].team, "a");
  EXPECT_THAT((*files)[1].allowed_destinations, ElementsAre("*"));
}

TEST(RuleFile, RuleLinesAreToldFromAFileByTheirFirstLine) {
  EXPECT_TRUE(LooksLikeRuleLines("\n {\"team\": \"a\", \"match\": {}}\n{"));
  EXPECT_FALSE(LooksLikeRuleLines("{\"team\": \"a\", \"rules\": []}"));
  EXPECT_FALSE(LooksLikeRuleLines("{\n\"team\": \"a\"}"));
  EXPECT_FALSE(LooksLikeRuleLines("team: a\n"));
  EXPECT_FALSE(LooksLikeRuleLines(""));
  EXPECT_FALSE(LooksLikeRuleLines("\n\n"));
}

TEST(RuleFile, TheTeamLimitCountsLinesOfEachTeam) {
  std::string text;
  for (int i = 0; i < 3; ++i) {
    for (const char* team : {"a", "b"}) {
      text += absl::StrFormat(R"({"team": "%s", "name": "%d", "to": "x", "match": {"f": [1]}})"
                              "\n", team, i);
    }
  }
  std::vector<Problem> problems;
  EXPECT_TRUE(ReadRuleLines(text, {.rules_per_team_max = 3}, &problems).has_value());
  EXPECT_FALSE(ReadRuleLines(text, {.rules_per_team_max = 2}, &problems).has_value());
  ASSERT_THAT(problems, SizeIs(2));
  EXPECT_EQ(problems[0].at.line, 5);
  EXPECT_EQ(problems[1].subject, "b");
}

}  // namespace
}  // namespace turnout::router
