#include "runtime/validate_command.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"
#include "tests/support/temp_stream.h"

namespace turnout::runtime {
namespace {

using support::TempDirectory;
using support::TempStream;

constexpr char kGood[] =
    "team: a\ndestinations: [x]\nrules:\n"
    "  - {name: r, match: {type: [x]}, to: x}\n";

TEST(ValidateCommand, GoodFilesAreCountedAndLeaveStatusZero) {
  const TempDirectory directory;
  const std::string file = directory.Write("a.yaml", kGood);
  const std::string lines = directory.Write(
      "b.jsonl",
      "{\"team\": \"b\", \"name\": \"r\", \"to\": \"x\", \"match\": {\"t\": [1]}}\n"
      "{\"team\": \"c\", \"name\": \"r\", \"to\": \"x\", \"match\": {\"t\": [1]}}\n");
  const TempStream out;
  EXPECT_EQ(RunValidate({directory.path()}, {}, stdin, out.get()), 0);
  EXPECT_EQ(out.text(), file + ": ok, team a, 1 rule\n" + lines + ": ok, 2 teams, 2 rules\n");
}

TEST(ValidateCommand, AllProblemsOfAllFilesAreShownAndLeaveStatusTwo) {
  const TempDirectory directory;
  const std::string a = directory.Write("a.yaml",
                                        "team: a\ndestinations: [x]\nrules:\n"
                                        "  - {name: r, match: {type: [x]}, too: x}\n"
                                        "  - {name: r, match: {type: x}, to: y}\n");
  const std::string b = directory.Write("b.yaml", "[");
  const std::string c = directory.Write("c.yaml", kGood);
  const TempStream out;
  EXPECT_EQ(RunValidate({a, c}, {}, stdin, out.get()), 2);
  EXPECT_EQ(out.text(),
            a +
                ":4:5: a/r: `to` is missing (add a topic name or a list of them, such as "
                "`to: fraud.review`)\n" +
                a +
                ":4:35: a/r: unknown key `too` (did you mean `to`? Known: name, description, "
                "match, steps, enrich, shape, to, key, rollout)\n" +
                a + ":5:5: a/r: rule `r` is there twice (rename one; the first is in line 4)\n" +
                a +
                ":5:29: a/r: `type` has a bare string as its value (put the value in a list, such "
                "as [\"x\"])\n" +
                a +
                ":5:37: a/r: destination `y` is not among the team's `destinations` (use a name "
                "within them (x), or have it allowed there)\n" +
                c + ": ok, team a, 1 rule\n");
  const TempStream both;
  EXPECT_EQ(RunValidate({directory.path()}, {}, stdin, both.get()), 2);
  EXPECT_NE(both.text().find(b + ":1:"), std::string::npos) << both.text();
}

TEST(ValidateCommand, HoldsFilesToTheLimitsItIsGiven) {
  const TempDirectory directory;
  const std::string file =
      directory.Write("a.yaml", std::string(kGood) + "  - {name: s, match: {t: [1]}, to: x}\n");
  const TempStream out;
  EXPECT_EQ(RunValidate({file}, {.rules_per_team_max = 1}, stdin, out.get()), 2);
  EXPECT_EQ(out.text().find(file + ":"), 0u) << out.text();
}

TEST(ValidateCommand, ReadsStandardInput) {
  const TempStream in(kGood);
  const TempStream out;
  EXPECT_EQ(RunValidate({"-"}, {}, in.get(), out.get()), 0);
  EXPECT_EQ(out.text(), "-: ok, team a, 1 rule\n");
}

constexpr router::RuleLimits kStrict = {
    .pattern = {.dialect = router::PatternDialect::kEventBridge}};

TEST(ValidateCommand, StrictRefusesWhatEventBridgeDoesNotHave) {
  const TempDirectory directory;
  const std::string ours =
      directory.Write("a.yaml",
                      "team: a\ndestinations: [x]\nrules:\n"
                      "  - {name: r, match: {type: [{regex: x}, {prefix: a, suffix: b}]}, to: x}\n"
                      "  - {name: s, match: {$kafka: {topic: [t]}, id: [123456789012]}, to: x}\n");
  const std::string theirs = directory.Write("b.yaml", kGood);
  const TempStream lenient;
  EXPECT_EQ(RunValidate({ours}, {}, stdin, lenient.get()), 0) << lenient.text();
  const TempStream out;
  EXPECT_EQ(RunValidate({ours}, kStrict, stdin, out.get()), 2);
  EXPECT_EQ(out.text(),
            ours +
                ":4:31: a/r: `type`: EventBridge does not have `regex` (it offers `prefix`, "
                "`suffix` and `wildcard`)\n" +
                ours +
                ":4:54: a/r: `type`: EventBridge does not have `suffix` beside `prefix` in one "
                "match expression (it takes one operator an object; of several objects in a "
                "list any may hold)\n" +
                ours +
                ":5:32: a/s: `$kafka.topic`: EventBridge knows no Kafka record around an event "
                "(ask for a field of the event, and have its sender put the value there)\n" +
                ours +
                ":5:50: a/s: `id`: EventBridge compares numbers from -5e9 to 5e9, with six "
                "digits after the point, not 123456789012 (write an identifier as a text, and "
                "an amount in another unit)\n");
  const TempStream good;
  EXPECT_EQ(RunValidate({theirs}, kStrict, stdin, good.get()), 0);
}

TEST(ValidateCommand, RulesThatAreRekeyedAreNamedWithTheirReason) {
  const TempDirectory directory;
  const std::string file = directory.Write("a.yaml", R"(
team: a
destinations: [x]
rules:
  - name: here
    match: {type: [x]}
    steps: [{dedup: {key: user, for: 1h}}, {sample: {key: other, percent: 50}}]
    to: x
  - name: there
    match: {type: [x]}
    steps: [{dedup: {key: user, for: 1h}}, {throttle: {key: card, limit: 1, per: 1m}}]
    to: x
)");
  const std::string ok = file + ": ok, team a, 2 rules\n";
  const TempStream known;
  EXPECT_EQ(RunValidate({file}, {.partitioned_by = "user"}, stdin, known.get()), 0);
  EXPECT_EQ(known.text(), ok + "a/there: is re-keyed: its step `throttle` keeps state by `card`, "
                               "and the source is partitioned by `user` (source.partitioned_by); "
                               "its matches go through the re-key topic first\n");
  const TempStream unknown;
  EXPECT_EQ(RunValidate({file}, {}, stdin, unknown.get()), 0);
  EXPECT_NE(unknown.text().find("a/here: is re-keyed: its step `dedup`"), std::string::npos);
  EXPECT_NE(unknown.text().find("nobody said"), std::string::npos);
  const TempStream one;
  EXPECT_EQ(RunValidate({file}, {.partitioned_by = "*"}, stdin, one.get()), 0);
  EXPECT_EQ(one.text(), ok);
}

TEST(ValidateCommand, ASecondHopIsExplainedByTheFirst) {
  const TempDirectory directory;
  const std::string file = directory.Write("a.yaml", R"(
team: a
destinations: [x]
rules:
  - name: there-and-back
    match: {type: [x]}
    steps: [{throttle: {key: card, limit: 1, per: 1m}}, {dedup: {key: account, for: 1h}}]
    to: x
)");
  const TempStream out;
  EXPECT_EQ(RunValidate({file}, {.partitioned_by = "account"}, stdin, out.get()), 0);
  EXPECT_EQ(out.text(),
            file +
                ": ok, team a, 1 rule\n"
                "a/there-and-back: is re-keyed: its step `throttle` keeps state by `card`, and the "
                "source is partitioned by `account` (source.partitioned_by); its matches go "
                "through the re-key topic first\n"
                "a/there-and-back: is re-keyed: its step `dedup` keeps state by `account`, and the "
                "step before has sent it to where `card` lives; its matches go through the re-key "
                "topic first\n");
}

}  // namespace
}  // namespace turnout::runtime
