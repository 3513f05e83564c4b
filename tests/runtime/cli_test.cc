// The binary as a shell calls it: exit statuses, what goes to which stream, help, completion.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/commands.h"
#include "runtime/completion.h"
#include "runtime/help.h"

namespace turnout::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class Cli : public ::testing::Test {
 protected:
  Cli() : directory_(absl::StrFormat("%sturnout-cli-XXXXXX", ::testing::TempDir())) {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
  }
  ~Cli() override { std::system(absl::StrFormat("rm -rf '%s'", directory_).c_str()); }

  std::string Path(std::string_view name) const {
    return absl::StrFormat("%s/%s", directory_, name);
  }

  void Write(std::string_view name, std::string_view text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }

  std::string Content(std::string_view name) const {
    std::ifstream file(Path(name), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  // `command` in a shell whose `turnout` is ours, in the test's own directory.
  Outcome Shell(const std::string& command) const {
    const std::string whole =
        absl::StrFormat("cd '%s' && turnout() { '%s' \"$@\"; } && (%s) >out 2>err </dev/null",
                        directory_, TURNOUT_BINARY, command);
    const int status = std::system(whole.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, Content("out"), Content("err")};
  }

 private:
  std::string directory_;
};

constexpr char kRules[] =
    "team: shop\ndestinations: [shop.*]\nrules:\n  - name: paid\n    match: {type: [paid]}\n"
    "    to: shop.paid\n";
constexpr char kConfig[] = "brokers: localhost:1\nsource: {topic: orders}\nrules: rules.yaml\n";

TEST_F(Cli, WithoutACommandShowsTheHelpAndFails) {
  const Outcome outcome = Shell("turnout");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_EQ(outcome.err, GeneralHelp());
}

TEST_F(Cli, HelpNamesEveryCommandAndIsTheSameByEitherWord) {
  for (const char* arguments : {"--help", "-h", "help", "help help >/dev/null; turnout help"}) {
    const Outcome outcome = Shell(absl::StrFormat("turnout %s", arguments));
    EXPECT_EQ(outcome.status, 0) << arguments;
    EXPECT_EQ(outcome.out, GeneralHelp()) << arguments;
  }
  for (const Command& command : Commands()) {
    EXPECT_THAT(GeneralHelp(),
                HasSubstr(absl::StrFormat("\n    %-12s%s\n", command.name, command.summary)));
  }
}

TEST_F(Cli, EveryCommandHasAPageWithAllOfItsOptions) {
  for (const Command& command : Commands()) {
    const std::string page = CommandHelp(command);
    for (const std::string& line : {absl::StrFormat("turnout %s --help", command.name),
                                    absl::StrFormat("turnout %s -h", command.name),
                                    absl::StrFormat("turnout help %s", command.name)}) {
      const Outcome outcome = Shell(line);
      EXPECT_EQ(outcome.status, 0) << line;
      EXPECT_EQ(outcome.out, page) << line;
      EXPECT_THAT(outcome.err, IsEmpty()) << line;
    }
    for (const char* heading :
         {"NAME\n", "\nSYNOPSIS\n", "\nDESCRIPTION\n", "\nOPTIONS\n", "\nEXIT STATUS\n"}) {
      EXPECT_THAT(page, HasSubstr(heading)) << command.name;
    }
    for (const CommandOption& option : command.options) {
      EXPECT_THAT(page, HasSubstr(absl::StrFormat("\n    %s", option.name))) << command.name;
      EXPECT_FALSE(option.text.empty()) << option.name;
    }
  }
}

TEST_F(Cli, PagesAreNoWiderThanATerminalButForExamples) {
  for (const Command& command : Commands()) {
    for (absl::string_view line : absl::StrSplit(CommandHelp(command), '\n')) {
      std::string text(line);
      bool is_example = false;
      for (const CommandExample& example : command.examples) {
        if (text == "        " + std::string(example.line)) is_example = true;
      }
      if (is_example) continue;
      EXPECT_LE(text.size(), static_cast<size_t>(kHelpWidth) + 4) << text;
    }
  }
}

TEST_F(Cli, TakesEveryOptionOfItsHelp) {
  for (const Command& command : Commands()) {
    for (const CommandOption& option : command.options) {
      const std::string line = absl::StrFormat("turnout %s %s%s --help", command.name, option.name,
                                               option.kind == ArgumentKind::kNone ? "" : "=7");
      EXPECT_EQ(Shell(line).status, 0) << line;
      EXPECT_THAT(Shell(line).err, IsEmpty()) << line;
    }
  }
}

TEST_F(Cli, BadUsageIsNamedAndExitsWithTwo) {
  Write("rules.yaml", kRules);
  Write("pipeline.yaml", kConfig);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"vesion", "turnout: unknown command `vesion`: did you mean `version`?"},
      {"''", "turnout: unknown command ``: Known: run, validate, test, match"},
      {"--json version", "options follow the command; `--json` stands before one"},
      {"version --jsn", "unknown option `--jsn`: did you mean `--json`? Known: --json, --help"},
      {"version --jsn=3", "unknown option `--jsn`"},
      {"version -x", "unknown option `-x`"},
      {"version extra", "unexpected argument `extra`"},
      {"help hlep", "unknown command `hlep`: did you mean `help`?"},
      {"help run run", "unexpected argument `run`"},
      {"completion", "name a shell: bash, zsh or fish"},
      {"completion tcsh", "no script for `tcsh`: bash, zsh or fish"},
      {"run", "name the config with --config FILE"},
      {"run --confg x", "unknown option `--confg`: did you mean `--config`?"},
      {"run --config", "--config"},
      {"run --config a --config b", "--config"},
      {"run a.yaml", "unexpected argument `a.yaml`"},
      {"run --config no-such.yaml", "no-such.yaml"},
      {"validate", "name a rule file, a directory of them, or -"},
      {"test", "name a directory of rules, a rule file or a test file"},
      {"match", "name the rules with --rules PATH, or --cases FILE"},
      {"match --rules rules.yaml --cases c", "--cases stands alone"},
      {"match --config pipeline.yaml --cases c", "--cases stands alone"},
      {"match --bench --cases c", "--cases stands alone"},
      {"match --bench", "name the rules with --rules PATH"},
      {"match --rule rules.yaml", "unknown option `--rule`: did you mean `--rules`?"},
      {"dlq", "say what to do: ls, show or redrive"},
      {"dlq list --config p.yaml", "say what to do: ls, show or redrive"},
      {"dlq lss --config p.yaml", "not `lss`: did you mean `ls`? Known: ls, show, redrive"},
      {"dlq ls", "name the config with --config FILE"},
      {"dlq redrive --config pipeline.yaml --kind destination_unavailble",
       "there is no kind `destination_unavailble`: did you mean `destination_unavailable`?"},
      {"dlq redrive --rate -1 --config p.yaml", "-1 is below 0"},
      {"dlq ls --config no-such.yaml", "no-such.yaml"},
      {"txn", "say what to do: ls or abort"},
      {"txn abort --config p.yaml", "say which: --transactional-id ID, or --topic"},
      {"txn abort --config p.yaml --topic t --partition 0", "say which: --transactional-id ID"},
      {"txn abort --transactional-id x", "name the config with --config FILE"},
      {"replay", "name the config with --config FILE"},
      {"replay --config pipeline.yaml", "name the rule with --rule TEAM/NAME"},
      {"replay --config pipeline.yaml --rule a/b --from 7d", "--from WHEN --to WHEN"},
      {"replay --config pipeline.yaml --rule a/b --from 7d --to now --rate x", "as in 500/s"},
      {"replay --config no-such.yaml --rule a/b --from 7d --to now", "no-such.yaml"},
      {"diff --from a", "--from OLD --to NEW"},
      {"diff --from a --to b", "say which events: --events, --since or --tail"},
      {"diff --from a --to b --events e --tail 3s", "say which events"},
      {"diff --from a --to b --since 1h", "name the pipeline whose source is read"},
      {"diff --from a --to b --events e --until now", "--until ends what --since begins"},
      {"diff --from a --to b --config c --tail soon", "a time, as in 30s"},
      {"diff --from no-such.yaml --to b --events e", "no-such.yaml"},
      {"demo --events many", "--events"},
      {"demo --events 0", "--events"},
      {"demo --seed -1", "-1 is below 0"},
  };
  for (const auto& [arguments, message] : cases) {
    const Outcome outcome = Shell("turnout " + arguments);
    EXPECT_EQ(outcome.status, 2) << arguments;
    EXPECT_THAT(outcome.err, HasSubstr(message)) << arguments;
    EXPECT_THAT(outcome.out, IsEmpty()) << arguments;
  }
}

TEST_F(Cli, AfterTwoDashesEveryArgumentIsAnOperand) {
  Write("-r.yaml",
        "team: shop\ndestinations: [shop.*]\n"
        "rules: [{name: big, match: {total: [1]}, to: shop.big}]\n");
  const Outcome validated = Shell("turnout validate -- -r.yaml");
  EXPECT_EQ(validated.status, 0) << validated.err;
  EXPECT_EQ(validated.out, "-r.yaml: ok, team shop, 1 rule\n");

  const Outcome without = Shell("turnout validate --");
  EXPECT_EQ(without.status, 2);
  EXPECT_THAT(without.err, HasSubstr("name a rule file"));

  const Outcome too_many = Shell("turnout version -- x");
  EXPECT_EQ(too_many.status, 2);
  EXPECT_THAT(too_many.err, HasSubstr("unexpected argument `x`"));
}

TEST_F(Cli, VersionIsPrintedForPeopleAndForMachines) {
  const Outcome text = Shell("turnout version");
  EXPECT_EQ(text.status, 0);
  EXPECT_THAT(text.out, AllOf(StartsWith("turnout " TURNOUT_VERSION "\nlibrdkafka "),
                              HasSubstr("\ncompiler "), HasSubstr("\nrule language 1\n")));
  EXPECT_EQ(Shell("turnout --version").out, text.out);
  const Outcome json = Shell("turnout version --json");
  EXPECT_THAT(json.out, StartsWith("{\"turnout\":\"" TURNOUT_VERSION "\",\"librdkafka\":\""));
  EXPECT_THAT(json.out, HasSubstr("\"rule_language\":1}\n"));
}

TEST_F(Cli, AFullDiskIsNoSuccess) {
  const Outcome outcome = Shell("turnout help run >/dev/full");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err, "turnout: standard output could not be written\n");
}

TEST_F(Cli, ValidateAndMatchAnswerForARuleFile) {
  Write("rules.yaml", kRules);
  EXPECT_EQ(Shell("turnout validate rules.yaml").status, 0);
  EXPECT_EQ(Shell("turnout validate - <rules.yaml").status, 0);
  Write("bad.yaml", "team: shop\nrules: 7\n");
  const Outcome refused = Shell("turnout validate rules.yaml bad.yaml");
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.out + refused.err, HasSubstr("bad.yaml:2:"));
  Write("events", "{\"type\":\"paid\"}\nnot json\n{\"type\":\"x\"}\n");
  for (const char* arguments : {"--events events", "<events", "--events - <events"}) {
    const Outcome outcome =
        Shell(absl::StrFormat("turnout match --rules rules.yaml %s", arguments));
    EXPECT_EQ(outcome.status, 0) << arguments;
    EXPECT_THAT(outcome.out, StartsWith("[\"shop/paid\"]\n{\"error\":")) << arguments;
  }
  const Outcome bench = Shell("turnout match --rules rules.yaml --events events --bench");
  EXPECT_EQ(bench.status, 0);
  EXPECT_THAT(bench.out,
              StartsWith("{\"rules\": 1, \"events\": 3, \"matches\": 1, \"errors\": 1, \"ns_"));
  Write("cases", R"({"id":"a","rules":{"r":"{\"x\":[1]}"},"event":"{\"x\":1}","expected":[]})"
                 "\n");
  const Outcome cases = Shell("turnout match --cases cases");
  EXPECT_EQ(cases.status, 1);
  EXPECT_THAT(cases.out, HasSubstr("0 passed, 1 failed\n"));
}

TEST_F(Cli, TestRunsTheCasesBesideRulesAsThePipelineWould) {
  Write("shop.yaml", kRules);
  Write("pipeline.yaml", kConfig);
  const auto write_case = [this](const std::string& expected) {
    Write("shop.test.yaml",
          "cases: [{name: a, events: [{value: {type: paid}, expect: " + expected + "}]}]\n");
  };
  write_case("none");
  const Outcome failed = Shell("turnout test --config pipeline.yaml --junit report.xml shop.yaml");
  EXPECT_EQ(failed.status, 1) << failed.err;
  EXPECT_THAT(failed.out, HasSubstr("shop.test.yaml: 0 passed, 1 failed\n"));
  EXPECT_THAT(Content("report.xml"), HasSubstr("failures=\"1\""));
  write_case("[{to: shop.paid, key: null}]");
  EXPECT_EQ(Shell("turnout test .").out, "./shop.test.yaml: 1 passed\n");
  EXPECT_EQ(Shell("turnout test pipeline.yaml").status, 2);
  EXPECT_EQ(Shell("turnout validate shop.test.yaml").status, 2);
}

TEST_F(Cli, DiffComparesTwoVersionsOfTheRulesOverAFile) {
  Write("old.yaml", kRules);
  Write("new.yaml",
        "team: shop\ndestinations: [shop.*]\nrules:\n  - name: paid\n"
        "    match: {type: [paid, refunded]}\n    to: shop.paid\n"
        "  - {name: cart, match: {type: [cart]}, to: shop.carts}\n");
  Write("events", "{\"type\":\"paid\"}\nnot json\n\n{\"type\":\"refunded\"}\n");
  const Outcome differs = Shell("turnout diff --from old.yaml --to new.yaml --events events");
  EXPECT_EQ(differs.status, 1) << differs.err;
  EXPECT_THAT(differs.out, StartsWith("3 events, 1 of them unreadable; rule set "));
  EXPECT_THAT(differs.out,
              HasSubstr("\n"
                        "rule                 old       new   gained     lost    moved  changed\n"
                        "shop/paid              1         2        1        0        0        0\n"
                        "  to shop.paid         1         2\n"
                        "\n"
                        "shop/paid gained events:4: nowhere -> shop.paid\n"
                        "    {\"type\":\"refunded\"}\n"
                        "0 rules that sent any of them do the same as before\n"));
  const Outcome json =
      Shell("turnout diff --from old.yaml --to new.yaml --json --events - <events");
  EXPECT_EQ(json.status, 1) << json.err;
  EXPECT_THAT(json.out, HasSubstr("\"rules\":[{\"rule\":\"shop/paid\",\"old\":1,\"new\":2,"
                                  "\"gained\":1,\"lost\":0,\"moved\":0,\"changed\":0,"));
  EXPECT_THAT(json.out, HasSubstr("\"at\":\"-:4\",\"from\":[],\"to\":[\"shop.paid\"]"));
  const Outcome same = Shell("turnout diff --from old.yaml --to old.yaml --events events");
  EXPECT_EQ(same.status, 0);
  EXPECT_THAT(same.out, HasSubstr("1 rule that sent any of them does the same as before\n"));
  const Outcome none = Shell("turnout diff --from old.yaml --to new.yaml --events /dev/null");
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.out, StartsWith("0 events"));
  EXPECT_THAT(none.err, HasSubstr("no event was compared"));
}

TEST_F(Cli, ValidateAndMatchHoldTheRulesToTheLimitsOfAPipeline) {
  Write("rules.yaml", kRules);
  Write("events", "{\"type\":\"paid\"}\n");
  const std::vector<std::string> lines = {
      "turnout validate --config pipeline.yaml rules.yaml",
      "turnout match --config pipeline.yaml --rules rules.yaml --events events"};
  for (const std::string& line : lines) {
    Write("pipeline.yaml", std::string(kConfig) + "kafka: {sasl.password: \"${file:none}\"}\n");
    EXPECT_EQ(Shell(line).status, 0) << line;
    Write("pipeline.yaml", std::string(kConfig) + "limits: {pattern_bytes_max: 64}\n");
    EXPECT_EQ(Shell(line).status, 0) << line;
    Write("pipeline.yaml", std::string(kConfig) + "limits: {rule_file_bytes_max: 1KiB}\n");
    Write("rules.yaml", std::string(kRules) + std::string(1024, '\n'));
    const Outcome refused = Shell(line);
    EXPECT_EQ(refused.status, 2) << line;
    EXPECT_THAT(refused.out + refused.err, HasSubstr("rules.yaml:")) << line;
    Write("rules.yaml", kRules);
    Write("pipeline.yaml", "limits: {rule_file_bytes_max: none}\n");
    const Outcome wrong = Shell(line);
    EXPECT_EQ(wrong.status, 2) << line;
    EXPECT_THAT(wrong.out, IsEmpty()) << line;
    EXPECT_THAT(wrong.err, HasSubstr("pipeline.yaml:1:")) << line;
  }
}

TEST_F(Cli, RunPrintsTheConfigInForceAsAConfig) {
  Write("rules.yaml", kRules);
  Write("pipeline.yaml", std::string(kConfig) + "kafka: {sasl.password: \"${file:password}\"}\n");
  Write("password", "hunter2\n");
  const std::string print = " --print-config --set workers=3 --set log.level=debug";
  const Outcome first = Shell("turnout run --config pipeline.yaml" + print);
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(
      first.out,
      AllOf(HasSubstr("workers: 3  # --set\n"), HasSubstr("log.level: debug  # --set\n"),
            HasSubstr("source.topic: orders  # pipeline.yaml:2\n"),
            HasSubstr("# pipeline.yaml:4 ${file:password} [secret]\n"), Not(HasSubstr("hunter2"))));
  Write("again.yaml", first.out);
  const Outcome second = Shell("turnout run --config again.yaml --print-config");
  EXPECT_EQ(second.status, 0) << second.err;
  EXPECT_THAT(second.out, HasSubstr("workers: 3  # again.yaml:"));
}

TEST_F(Cli, RunRefusesABadConfigWithALineAProblem) {
  Write("pipeline.yaml", std::string(kConfig) + "wrkers: 2\nlimits: {batch_events_max: 0}\n");
  const Outcome outcome = Shell("turnout run --config pipeline.yaml --set workers=x");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--set workers: `x` is not a whole number"));
  EXPECT_THAT(outcome.err, HasSubstr("pipeline.yaml:4:1: wrkers: is not known (did you mean "
                                     "`workers`?"));
  EXPECT_THAT(outcome.err, HasSubstr("pipeline.yaml:5:28: limits.batch_events_max: `0` is out of "
                                     "bounds (write a whole number from 1 to 1000000)"));
}

TEST_F(Cli, RunWithoutAKafkaNeedsNoBrokers) {
  Write("pipeline.yaml", "source: {topic: orders}\nrules: rules.yaml\n");
  const std::string line = "turnout run --config pipeline.yaml --print-config";
  EXPECT_EQ(Shell(line).status, 2);
  EXPECT_THAT(Shell(line).err, HasSubstr("brokers: is not given"));
  EXPECT_EQ(Shell(line + " --embedded").status, 0);
}

TEST_F(Cli, CompletionScriptsParseWhereTheirShellIsThere) {
  const std::vector<std::pair<std::string, std::string>> shells = {
      {"bash", "bash -n"}, {"zsh", "zsh -n"}, {"fish", "fish --no-execute"}};
  for (const auto& [shell, check] : shells) {
    const Outcome script = Shell("turnout completion " + shell);
    EXPECT_EQ(script.status, 0);
    EXPECT_EQ(script.out, *CompletionScript(shell));
    for (const Command& command : Commands()) {
      EXPECT_THAT(script.out, HasSubstr(std::string(command.name))) << shell;
      for (const CommandOption& option : command.options) {
        EXPECT_THAT(script.out, HasSubstr(std::string(option.name.substr(2)))) << shell;
      }
    }
    if (Shell("command -v " + shell).status != 0) continue;
    Write("script", script.out);
    EXPECT_EQ(Shell(check + " script").status, 0) << Content("err");
  }
}

TEST_F(Cli, BashCompletesCommandsOptionsAndChoices) {
  // What bash proposes for the words of a line, the last of which is being typed.
  const auto proposed = [this](const std::string& words) {
    Write("script", *CompletionScript("bash"));
    return Shell(absl::StrFormat("bash -c 'source ./script; COMP_WORDS=(%s); "
                                 "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _turnout; "
                                 "printf \"%%s \" \"${COMPREPLY[@]}\"'",
                                 words))
        .out;
  };
  EXPECT_EQ(proposed("turnout v"), "validate version ");
  EXPECT_EQ(proposed("turnout run --p"), "--print-config ");
  EXPECT_EQ(proposed("turnout completion \"\""), "bash zsh fish ");
  EXPECT_EQ(proposed("turnout help mat"), "match ");
  Write("pipeline.yaml", "");
  EXPECT_EQ(proposed("turnout run --config pipe"), "pipeline.yaml ");
  EXPECT_EQ(proposed("turnout validate pipe"), "pipeline.yaml ");
}

}  // namespace
}  // namespace turnout::runtime
