#include "runtime/rule_loader.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"
#include "tests/support/temp_stream.h"

namespace turnout::runtime {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using support::TempDirectory;
using support::TempStream;

std::string TeamFile(const std::string& team) {
  return absl::StrFormat("team: %s\ndestinations: [\"*\"]\nrules:\n"
                         "  - {name: r, match: {type: [x]}, to: out}\n", team);
}

std::string TeamLine(const std::string& team, const std::string& rule) {
  return absl::StrFormat("{\"team\": \"%s\", \"name\": \"%s\", \"to\": \"out\", "
                         "\"match\": {\"type\": [\"x\"]}}\n", team, rule);
}

std::vector<std::string> TeamsOf(const LoadedRules& rules) {
  std::vector<std::string> teams;
  for (const router::Team& team : rules.teams) teams.push_back(team->team);
  return teams;
}

TEST(RuleLoader, AFileOfTestCasesIsRefusedByName) {
  const TempDirectory directory;
  const LoadedRules rules = LoadRules({directory.Write("a.test.yaml", "cases: []")}, {});
  EXPECT_THAT(FormatRefused(rules), HasSubstr("a.test.yaml:1:1: it is a file of test cases"));
}

TEST(RuleLoader, ADirectoryIsReadByTheNamesOfItsFiles) {
  const TempDirectory directory;
  directory.Write("b.yaml", TeamFile("b"));
  directory.Write("a.yml", TeamFile("zeta"));
  directory.Write("c.json", "{\"team\": \"c\", \"destinations\": [\"*\"], \"rules\": [{\"name\": "
                            "\"r\", \"to\": \"x\", \"match\": {\"type\": [1]}}]}");
  directory.Write("d.jsonl", TeamLine("d1", "r") + TeamLine("d2", "r") + TeamLine("d1", "s"));
  directory.Write("README.md", "no rules here");
  directory.Write("e.yaml.bak", "nor here");
  directory.Write(".hidden.yaml", "nor here");
  for (const char* name : {"b.test.yaml", "a.test.yml", "c.test.json"}) {
    directory.Write(name, "cases are no rules");
  }
  directory.Write("nested/f.yaml", TeamFile("nested"));
  directory.Write("looks-like.yaml/g.yaml", TeamFile("nested"));
  const LoadedRules rules = LoadRules({directory.path()}, {});
  EXPECT_EQ(FormatRefused(rules), "");
  EXPECT_THAT(TeamsOf(rules), ElementsAre("b", "c", "d1", "d2", "zeta"));
  ASSERT_THAT(rules.files, SizeIs(4));
  EXPECT_EQ(rules.files[0].file, directory.path() + "/a.yml");
  EXPECT_THAT(rules.files[3].teams, ElementsAre("d1", "d2"));
  EXPECT_EQ(rules.files[3].rules, 3U);
}

TEST(RuleLoader, AMountedConfigMapReadsAsItLooks) {
  const TempDirectory directory;
  directory.Write("..2026_01_01/fraud.yaml", TeamFile("fraud"));
  const std::filesystem::path root = directory.path();
  std::filesystem::create_directory_symlink("..2026_01_01", root / "..data");
  std::filesystem::create_symlink("..data/fraud.yaml", root / "fraud.yaml");
  const LoadedRules rules = LoadRules({directory.path()}, {});
  EXPECT_EQ(FormatRefused(rules), "");
  EXPECT_THAT(TeamsOf(rules), ElementsAre("fraud"));
}

TEST(RuleLoader, ATeamsBadFileRefusesNobodyElse) {
  const TempDirectory directory;
  directory.Write("a.yaml", TeamFile("a"));
  const std::string bad = directory.Write("b.yaml", "team: b\ntypo: 1\n");
  directory.Write("c.yaml", TeamFile("c"));
  const LoadedRules rules = LoadRules({directory.path()}, {});
  EXPECT_THAT(TeamsOf(rules), ElementsAre("a", "c"));
  ASSERT_THAT(rules.refused, SizeIs(1));
  EXPECT_EQ(rules.refused[0].file, bad);
  EXPECT_THAT(rules.refused[0].problems, SizeIs(3));
}

TEST(RuleLoader, TheSecondFileOfATeamIsRefusedNamingTheFirst) {
  const TempDirectory directory;
  const std::string first = directory.Write("a.yaml", TeamFile("fraud"));
  const std::string second = directory.Write("b.yaml", TeamFile("fraud"));
  const std::string third = directory.Write("c.jsonl", TeamLine("new", "r") +
                                                           TeamLine("fraud", "r"));
  const LoadedRules rules = LoadRules({directory.path()}, {});
  EXPECT_THAT(TeamsOf(rules), ElementsAre("fraud"));
  EXPECT_EQ(FormatRefused(rules),
            absl::StrFormat("%s:1:1: fraud: the team has rules in another file already, %s (keep a "
                            "team's rules in one file)\n"
                            "%s:1:1: fraud: the team has rules in another file already, %s (keep a "
                            "team's rules in one file)\n",
                            second, first, third, first));
}

TEST(RuleLoader, SeveralPathsAreOneSetOfRules) {
  const TempDirectory directory;
  const std::string a = directory.Write("x/a.yaml", TeamFile("a"));
  const std::string b = directory.Write("y/b.txt", TeamFile("b"));  // named, so read
  EXPECT_THAT(TeamsOf(LoadRules({directory.path() + "/x/", b}, {})), ElementsAre("a", "b"));
  EXPECT_THAT(LoadRules({a, a}, {}).refused, SizeIs(1));
}

TEST(RuleLoader, PathsThatCannotBeReadAreNamed) {
  const TempDirectory directory;
  const std::string missing = directory.path() + "/missing.yaml";
  EXPECT_EQ(FormatRefused(LoadRules({missing}, {})),
            missing +
                ":1:1: the file cannot be opened: No such file or directory (name a rule file "
                "or a directory of them that may be read)\n");
  EXPECT_EQ(FormatRefused(LoadRules({directory.path()}, {})),
            directory.path() + ":1:1: there is no rule file in it (put files there that end in "
                               ".yaml, .yml, .json or .jsonl)\n");
  std::filesystem::create_symlink("nowhere.yaml", directory.path() + "/dangling.yaml");
  EXPECT_THAT(FormatRefused(LoadRules({directory.path()}, {})),
              HasSubstr("dangling.yaml:1:1: the file cannot be opened"));
}

TEST(RuleLoader, APipeAmongTheFilesIsRefusedAndNotWaitedFor) {
  const TempDirectory directory;
  directory.Write("a.yaml", TeamFile("a"));
  ASSERT_EQ(mkfifo((directory.path() + "/b.yaml").c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/zero", directory.path() + "/c.yaml");
  const LoadedRules rules = LoadRules({directory.path()}, {});
  EXPECT_THAT(TeamsOf(rules), ElementsAre("a"));
  EXPECT_THAT(FormatRefused(rules), AllOf(HasSubstr("b.yaml:1:1: it is no regular file"),
                                          HasSubstr("c.yaml:1:1: it is no regular file")));
}

TEST(RuleLoader, AFileBeyondTheLimitIsRefusedWithoutReadingAllOfIt) {
  const LoadedRules rules = LoadRules({"/dev/zero"}, {.file_bytes_max = 100'000});
  EXPECT_THAT(FormatRefused(rules), HasSubstr("more than file_bytes_max, 100000"));
}

TEST(RuleLoader, StandardInputIsYamlJsonOrLines) {
  const TempStream yaml(TeamFile("a"));
  EXPECT_THAT(TeamsOf(LoadRules({"-"}, {}, yaml.get())), ElementsAre("a"));
  const TempStream lines(TeamLine("b", "r") + TeamLine("a", "r"));
  EXPECT_THAT(TeamsOf(LoadRules({"-"}, {}, lines.get())), ElementsAre("a", "b"));
  const TempStream json("{\"team\": \"c\", \"destinations\": [\"*\"], \"rules\": [{\"name\": "
                        "\"r\", \"to\": \"x\", \"match\": {\"type\": [1]}}]}");
  EXPECT_THAT(TeamsOf(LoadRules({"-"}, {}, json.get())), ElementsAre("c"));
  const TempStream nothing("");
  EXPECT_EQ(FormatRefused(LoadRules({"-"}, {}, nothing.get())),
            "-:1:1: there is no rule in it (write its keys: team, owner, destinations, rules)\n");
}

TEST(RuleLoader, AProblemIsOneLineWhateverItsTextsHold) {
  const router::Problem problem = {.at = {3, 14},
                                   .subject = "fraud/a",
                                   .what = "`two\nlines\x1b[31m` caf\xc3\xa9",
                                   .cure = "do\tthis"};
  EXPECT_EQ(FormatProblem("f.yaml", problem),
            "f.yaml:3:14: fraud/a: `two\\x0alines\\x1b[31m` caf\xc3\xa9 (do\\x09this)");
  EXPECT_EQ(FormatProblem("f.yaml", {.what = "w", .cure = "c"}), "f.yaml:1:1: w (c)");
}

}  // namespace
}  // namespace turnout::runtime
