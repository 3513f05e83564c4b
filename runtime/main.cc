// The command line: finds the command, reads its options, calls it, answers with its exit status.
//
// What options there are is said once, in the table of commands.cc; here they are bound to
// variables. The only file that includes CLI11, which is slow to compile.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "connectors/kafka_client.h"
#include "deploy/controller/controller_command.h"
#include "deploy/manager/backup_command.h"
#include "deploy/manager/manager_command.h"
#include "deploy/manager/rules_command.h"
#include "router/suggest.h"
#include "runtime/commands.h"
#include "runtime/completion.h"
#include "runtime/config_parts.h"
#include "runtime/config_values.h"
#include "runtime/demo_command.h"
#include "runtime/diff_command.h"
#include "runtime/dlq_command.h"
#include "runtime/exit_status.h"
#include "runtime/explain_command.h"
#include "runtime/help.h"
#include "runtime/json_text.h"
#include "runtime/match_command.h"
#include "runtime/replay_command.h"
#include "runtime/rollback_command.h"
#include "runtime/run_command.h"
#include "runtime/state_command.h"
#include "runtime/test_command.h"
#include "runtime/txn_command.h"
#include "runtime/validate_command.h"

namespace turnout::runtime {
namespace {

// The rule language's version: grows when a rule file that was right may come to mean something
// else.
constexpr int kRuleLanguageVersion = 1;

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// One command's arguments. Bind every option of its table row, then Parse.
class Arguments {
 public:
  Arguments(const Command& command, std::vector<std::string> words)
      : command_(command), words_(std::move(words)) {
    app_.set_help_flag();
    app_.allow_extras();
    app_.add_flag("-h,--help", help_);
  }

  void Flag(std::string_view name, bool* value) { app_.add_flag(Known(name), *value); }
  const CLI::Option* Value(std::string_view name, std::string* value) {
    return app_.add_option(Known(name), *value);
  }
  template <typename Integer>
  void Number(std::string_view name, Integer* value) {
    CLI::Option* const option = app_.add_option(Known(name), *value);
    // Or -1 would be taken for the largest number there is.
    if constexpr (std::is_unsigned_v<Integer>) {
      option->check([](const std::string& text) {
        return std::string(text.empty() || text[0] != '-' ? "" : text + " is below 0");
      });
    }
  }
  // May be given more than once, with one value each.
  void Values(std::string_view name, std::vector<std::string>* values) {
    app_.add_option(Known(name), *values)->allow_extra_args(false);
  }
  void Operand(std::string* value) { app_.add_option("operand", *value); }
  void Operands(std::vector<std::string>* values) { app_.add_option("operand", *values); }

  // The exit status when the command need not run: after its help, and for bad usage.
  std::optional<int> Parse() {
    if (bound_ != command_.options.size()) {
      std::fprintf(stderr, "turnout %s: an option of its help is not bound\n", name().c_str());
      return kExitFailed;
    }
    std::vector<std::string> reversed(words_.rbegin(), words_.rend());
    std::string mistake;
    try {
      app_.parse(reversed);
    } catch (const CLI::ParseError& error) {
      mistake = error.what();
    }
    if (help_) {
      Print(CommandHelp(command_));
      return kExitOk;
    }
    std::vector<std::string> untaken = app_.remaining();
    // `--` ends the options; CLI11 counts it among what it did not take.
    std::erase(untaken, "--");
    for (const std::string& word : untaken) {
      if (word.size() > 1 && word[0] == '-') return UnknownOption(word.substr(0, word.find('=')));
    }
    if (!mistake.empty()) return Mistake(mistake);
    if (!untaken.empty()) {
      return Mistake("unexpected argument `" + untaken.front() + "`");
    }
    return std::nullopt;
  }

  // The exit status, unless the words are one, and one of the operand's.
  std::optional<int> CheckChoice(const std::vector<std::string>& words,
                                 const std::string& ask) const {
    if (words.size() != 1) return Mistake(ask);
    const auto& choices = command_.operands.front().choices;
    const std::vector<std::string_view> known(choices.begin(), choices.end());
    if (std::find(known.begin(), known.end(), words[0]) != known.end()) return std::nullopt;
    return Mistake(ask + ", not " + router::Quoted(words[0]) + ": " +
                   router::NearestNameCure(words[0], known));
  }

  // Bad usage: says so and answers the exit status.
  int Mistake(const std::string& what) const {
    std::fprintf(stderr, "turnout %s: %s\nSee `turnout %s --help`.\n", name().c_str(), what.c_str(),
                 name().c_str());
    return kExitRefused;
  }

 private:
  std::string name() const { return std::string(command_.name); }

  // An option that the help doesn't know is not taken.
  std::string Known(std::string_view name) {
    for (const CommandOption& option : command_.options) {
      if (option.name == name) ++bound_;
    }
    return std::string(name);
  }

  int UnknownOption(const std::string& word) const {
    std::vector<std::string_view> known;
    for (const CommandOption& option : command_.options) known.push_back(option.name);
    known.push_back("--help");
    return Mistake("unknown option `" + word + "`: " + router::NearestNameCure(word, known));
  }

  const Command& command_;
  const std::vector<std::string> words_;
  CLI::App app_;
  bool help_ = false;
  size_t bound_ = 0;
};

int UnknownCommand(const std::string& word) {
  std::vector<std::string_view> known;
  for (const Command& command : Commands()) known.push_back(command.name);
  std::fprintf(stderr, "turnout: unknown command `%s`: %s\nSee `turnout --help`.\n", word.c_str(),
               router::NearestNameCure(word, known).c_str());
  return kExitRefused;
}

int Run(Arguments& arguments) {
  RunOptions options;
  arguments.Value("--config", &options.config_path);
  arguments.Values("--set", &options.overrides);
  arguments.Flag("--embedded", &options.embedded);
  arguments.Flag("--print-config", &options.print_config);
  if (const auto status = arguments.Parse()) return *status;
  if (options.config_path.empty()) return arguments.Mistake("name the config with --config FILE");
  return RunPipeline(options);
}

// Nullopt after saying what is wrong with the config.
std::optional<router::RuleLimits> LimitsOf(const std::string& config_path) {
  std::string problems;
  std::optional<router::RuleLimits> limits = LoadRuleLimits(config_path, &problems);
  std::fputs(problems.c_str(), stderr);
  return limits;
}

int Validate(Arguments& arguments) {
  std::vector<std::string> paths;
  std::string config;
  bool strict_eventbridge = false;
  arguments.Value("--config", &config);
  arguments.Flag("--strict-eventbridge", &strict_eventbridge);
  arguments.Operands(&paths);
  if (const auto status = arguments.Parse()) return *status;
  if (paths.empty()) return arguments.Mistake("name a rule file, a directory of them, or -");
  std::optional<router::RuleLimits> limits = LimitsOf(config);
  if (!limits) return kExitRefused;
  if (strict_eventbridge) limits->pattern.dialect = router::PatternDialect::kEventBridge;
  return RunValidate(paths, *limits, stdin, stdout);
}

int Test(Arguments& arguments) {
  TestOptions options;
  std::string config;
  arguments.Value("--config", &config);
  arguments.Value("--junit", &options.junit);
  arguments.Operands(&options.paths);
  if (const auto status = arguments.Parse()) return *status;
  if (options.paths.empty()) {
    return arguments.Mistake("name a directory of rules, a rule file or a test file");
  }
  std::optional<router::RuleLimits> limits = LimitsOf(config);
  if (!limits) return kExitRefused;
  std::string problems;
  std::optional<router::StateSettings> settings = LoadStateSettings(config, &problems);
  std::fputs(problems.c_str(), stderr);
  if (!settings) return kExitRefused;
  // As long as nobody says otherwise, all keys meet.
  if (!limits->partitioned_by) settings->partitioned_by = router::kOnePartition;
  options.limits = *std::move(limits);
  options.settings = *std::move(settings);
  return RunTests(options, stdout, stderr);
}

int Match(Arguments& arguments) {
  std::string rules;
  std::string events;
  std::string cases;
  std::string config;
  bool bench = false;
  arguments.Value("--config", &config);
  arguments.Value("--rules", &rules);
  arguments.Value("--events", &events);
  arguments.Flag("--bench", &bench);
  arguments.Value("--cases", &cases);
  if (const auto status = arguments.Parse()) return *status;
  if (!cases.empty()) {
    const bool alone = rules.empty() && events.empty() && config.empty() && !bench;
    if (alone) return RunMatchCases(cases, {});
    return arguments.Mistake("cases bring their own rules and events: --cases stands alone");
  }
  if (rules.empty()) return arguments.Mistake("name the rules with --rules PATH, or --cases FILE");
  if (events.empty()) events = "-";
  const std::optional<router::RuleLimits> limits = LimitsOf(config);
  if (!limits) return kExitRefused;
  return bench ? RunMatchBench(rules, *limits, events, {})
               : RunMatchEvents(rules, *limits, events, {});
}

int Explain(Arguments& arguments) {
  ExplainCommandOptions options;
  arguments.Value("--config", &options.config_path);
  arguments.Values("--set", &options.overrides);
  arguments.Value("--rules", &options.rules);
  arguments.Value("--event", &options.events);
  arguments.Flag("--records", &options.records);
  arguments.Value("--at", &options.at);
  arguments.Value("--output", &options.output);
  arguments.Value("--state", &options.state);
  arguments.Value("--rule", &options.rule);
  arguments.Flag("--json", &options.json);
  if (const auto status = arguments.Parse()) return *status;
  const bool by_position = !options.at.empty() || !options.output.empty();
  if (options.rules.empty() && options.config_path.empty()) {
    return arguments.Mistake("name the rules with --rules PATH, or a config with --config FILE");
  }
  if (by_position && options.config_path.empty()) {
    return arguments.Mistake("--at and --output need the brokers of --config FILE");
  }
  if (!options.overrides.empty() && options.config_path.empty()) {
    return arguments.Mistake("--set says a value before that of --config FILE");
  }
  const bool by_both = !options.at.empty() && !options.output.empty();
  if (by_both || (by_position && (!options.events.empty() || options.records))) {
    return arguments.Mistake("name one place: --event, --at or --output");
  }
  if (options.events.empty()) options.events = "-";
  return RunExplain(options, {});
}

int Diff(Arguments& arguments) {
  DiffOptions options;
  std::string tail;
  arguments.Value("--from", &options.from);
  arguments.Value("--to", &options.to);
  arguments.Value("--events", &options.events_path);
  arguments.Value("--config", &options.config_path);
  arguments.Values("--set", &options.overrides);
  arguments.Value("--since", &options.since);
  arguments.Value("--until", &options.until);
  arguments.Value("--tail", &tail);
  arguments.Number("--count", &options.events_max);
  arguments.Number("--samples", &options.samples_max);
  arguments.Flag("--json", &options.json);
  if (const auto status = arguments.Parse()) return *status;
  if (options.from.empty() || options.to.empty()) {
    return arguments.Mistake("name the old rules and the new ones with --from OLD --to NEW");
  }
  if (!tail.empty()) {
    const std::optional<int64_t> tail_ms = ParseDurationMs(tail);
    if (!tail_ms) return arguments.Mistake("--tail `" + tail + "`: a time, as in 30s");
    options.tail = absl::Milliseconds(*tail_ms);
  }
  const int sources = !options.events_path.empty() + !options.since.empty() + !tail.empty();
  if (sources != 1) return arguments.Mistake("say which events: --events, --since or --tail");
  if (options.events_path.empty() && options.config_path.empty()) {
    return arguments.Mistake("name the pipeline whose source is read with --config FILE");
  }
  if (!options.until.empty() && options.since.empty()) {
    return arguments.Mistake("--until ends what --since begins");
  }
  return RunDiff(options);
}

int Replay(Arguments& arguments) {
  ReplayCommandOptions options;
  std::string rate;
  arguments.Value("--config", &options.config_path);
  arguments.Value("--rule", &options.replay.rule);
  arguments.Value("--from", &options.replay.from);
  arguments.Value("--to", &options.replay.to);
  arguments.Value("--to-topic", &options.replay.to_topic);
  const CLI::Option* const rate_option = arguments.Value("--rate", &rate);
  arguments.Value("--job", &options.replay.job);
  arguments.Flag("--dry-run", &options.replay.dry_run);
  arguments.Value("--progress", &options.progress);
  arguments.Values("--set", &options.overrides);
  if (const auto status = arguments.Parse()) return *status;
  if (options.config_path.empty()) return arguments.Mistake("name the config with --config FILE");
  if (options.replay.rule.empty()) return arguments.Mistake("name the rule with --rule TEAM/NAME");
  if (options.replay.from.empty() || options.replay.to.empty()) {
    return arguments.Mistake("say where the range begins and ends with --from WHEN --to WHEN");
  }
  if (rate_option->count() > 0) {
    const std::optional<int64_t> events = ParseEventsPerSecond(rate);
    if (!events) return arguments.Mistake("--rate `" + rate + "`: events a second, as in 500/s");
    options.replay.events_per_second_max = *events;
  }
  return RunReplay(options);
}

int State(Arguments& arguments) {
  StateOptions options;
  std::string config;
  std::string key;
  std::string key_hex;
  std::vector<std::string> operands;
  arguments.Value("--config", &config);
  arguments.Value("--step", &options.step);
  const CLI::Option* const key_option = arguments.Value("--key", &key);
  const CLI::Option* const key_hex_option = arguments.Value("--key-hex", &key_hex);
  arguments.Number("--checkpoint", &options.checkpoint);
  arguments.Number("--limit", &options.limit);
  arguments.Operands(&operands);
  if (const auto status = arguments.Parse()) return *status;
  if (operands.size() != 2) return arguments.Mistake("say what to print and of what: ls PATH");
  if (key_option->count() > 0) options.key = key;  // an empty one is a key as well
  if (key_hex_option->count() > 0) {
    if (options.key) return arguments.Mistake("name one key, by --key or by --key-hex");
    options.key = BytesOfHex(key_hex);
    if (!options.key) return arguments.Mistake("`" + key_hex + "`: two hexadecimal digits a byte");
  }
  std::string problems;
  std::optional<state::S3Options> s3 = LoadS3Options(config, &problems);
  std::fputs(problems.c_str(), stderr);
  if (!s3) return kExitRefused;
  options.s3 = *std::move(s3);
  options.verb = operands[0];
  options.path = operands[1];
  return RunState(options, stdout, stderr);
}

int Dlq(Arguments& arguments) {
  DlqOptions options;
  std::vector<std::string> operands;
  arguments.Value("--config", &options.config_path);
  arguments.Values("--set", &options.overrides);
  arguments.Value("--rule", &options.rule);
  arguments.Value("--kind", &options.kind);
  arguments.Value("--reason", &options.reason);
  arguments.Value("--since", &options.since);
  arguments.Value("--until", &options.until);
  arguments.Flag("--parking", &options.parking);
  arguments.Flag("--json", &options.json);
  arguments.Number("--limit", &options.limit);
  uint64_t rate = static_cast<uint64_t>(options.rate);
  arguments.Number("--rate", &rate);
  arguments.Flag("--dry-run", &options.dry_run);
  arguments.Value("--before", &options.before);
  arguments.Value("--progress", &options.progress);
  arguments.Operands(&operands);
  if (const auto status = arguments.Parse()) return *status;
  const auto mistake = arguments.CheckChoice(operands, "say what to do: ls, show or redrive");
  if (mistake) return *mistake;
  if (options.config_path.empty()) return arguments.Mistake("name the config with --config FILE");
  options.verb = operands[0];
  options.rate = static_cast<int64_t>(std::min<uint64_t>(rate, INT32_MAX));
  return RunDlq(options, stdout, stderr);
}

int Txn(Arguments& arguments) {
  TxnOptions options;
  std::vector<std::string> operands;
  arguments.Value("--config", &options.config_path);
  arguments.Values("--set", &options.overrides);
  arguments.Flag("--all", &options.all);
  arguments.Flag("--hanging", &options.hanging);
  arguments.Flag("--json", &options.json);
  arguments.Value("--transactional-id", &options.transactional_id);
  arguments.Values("--topic", &options.topics);
  arguments.Number("--partition", &options.partition);
  arguments.Number("--start-offset", &options.start_offset);
  arguments.Flag("--yes", &options.yes);
  arguments.Operands(&operands);
  if (const auto status = arguments.Parse()) return *status;
  const auto mistake = arguments.CheckChoice(operands, "say what to do: ls or abort");
  if (mistake) return *mistake;
  if (options.config_path.empty()) return arguments.Mistake("name the config with --config FILE");
  options.verb = operands[0];
  const bool has_place =
      options.topics.size() == 1 && options.partition >= 0 && options.start_offset >= 0;
  if (options.verb == "abort" && options.transactional_id.empty() != has_place) {
    return arguments.Mistake(
        "say which: --transactional-id ID, or --topic, --partition and --start-offset");
  }
  if (has_place) options.topic = options.topics.front();
  return RunTxn(options, stdout, stderr);
}

int Rollback(Arguments& arguments) {
  RollbackOptions options;
  arguments.Value("--to", &options.to);
  arguments.Flag("--resume", &options.resumes);
  arguments.Values("--admin", &options.admins);
  arguments.Value("--token-file", &options.token_file);
  arguments.Value("--ca-file", &options.ca_file);
  if (const auto status = arguments.Parse()) return *status;
  if (options.resumes && !options.to.empty()) {
    return arguments.Mistake("--resume goes on with what there is: it takes no --to");
  }
  if (options.admins.empty()) options.admins = {"127.0.0.1:9464"};
  return RunRollback(options, stdout, stderr);
}

int Manager(Arguments& arguments) {
  std::string config;
  manager::ManagerOptions given;
  given.listen.clear();
  arguments.Value("--config", &config);
  arguments.Value("--data", &given.data);
  arguments.Value("--listen", &given.listen);
  arguments.Value("--tokens", &given.tokens);
  arguments.Value("--master-keys", &given.master_keys);
  arguments.Value("--shared", &given.shared);
  arguments.Value("--url", &given.url);
  std::string to, from, backup;
  arguments.Value("--to", &to);
  arguments.Value("--from", &from);
  arguments.Value("--name", &backup);
  std::vector<std::string> operands;
  arguments.Operands(&operands);
  if (const auto status = arguments.Parse()) return *status;
  if (operands.empty()) return manager::RunManager(config, given);
  const auto mistake = arguments.CheckChoice(operands, "say what to do: backup or restore");
  if (mistake) return *mistake;
  if (operands[0] == "backup") {
    return manager::RunBackup({.config = config, .given = given, .place = to});
  }
  return manager::RunRestore({.config = config, .given = given, .place = from, .name = backup});
}

int Controller(Arguments& arguments) {
  controller::ControllerOptions options;
  arguments.Value("--server", &options.kube.server);
  arguments.Value("--token-file", &options.kube.token_file);
  arguments.Value("--ca-file", &options.kube.ca_file);
  arguments.Value("--certificate-file", &options.kube.certificate_file);
  arguments.Value("--key-file", &options.kube.key_file);
  arguments.Value("--namespace", &options.namespace_name);
  arguments.Value("--lease", &options.lease);
  arguments.Value("--listen", &options.listen);
  arguments.Value("--image", &options.image);
  arguments.Value("--version", &options.version);
  arguments.Flag("--once", &options.is_once);
  if (const auto status = arguments.Parse()) return *status;
  return controller::RunController(options);
}

// What the environment says, where no option does.
void OrFromEnvironment(const char* variable, std::string* option) {
  const char* const value = std::getenv(variable);
  if (option->empty() && value != nullptr) *option = value;
}

int Rules(Arguments& arguments) {
  manager::RulesOptions options;
  int64_t from = 0;
  arguments.Value("--manager", &options.manager.url);
  arguments.Value("--service", &options.service);
  arguments.Value("--token-file", &options.manager.token_file);
  arguments.Value("--ca-file", &options.manager.ca_file);
  arguments.Value("--kind", &options.kind);
  arguments.Value("--type", &options.type);
  arguments.Values("--bound-to", &options.bound_to);
  arguments.Value("--why", &options.why);
  arguments.Number("--version", &options.version);
  arguments.Number("--from", &from);
  arguments.Number("--to", &options.to);
  arguments.Flag("--regex", &options.is_regex);
  arguments.Flag("--ignore-case", &options.ignores_case);
  arguments.Values("--in", &options.in);
  arguments.Value("--team", &options.team);
  arguments.Flag("--delete-missing", &options.deletes_missing);
  arguments.Flag("--dry-run", &options.dry_run);
  arguments.Flag("--yes", &options.yes);
  arguments.Flag("--json", &options.json);
  arguments.Operands(&options.operands);
  if (const auto status = arguments.Parse()) return *status;
  const std::vector<std::string> first(options.operands.begin(),
                                       options.operands.begin() + !options.operands.empty());
  const auto mistake = arguments.CheckChoice(
      first, "say what to do: ls, get, put, diff, search, replace, rollback, export or import");
  if (mistake) return *mistake;
  options.verb = first[0];
  options.operands.erase(options.operands.begin());
  if (options.verb == "diff") options.version = from;
  OrFromEnvironment("TURNOUT_MANAGER", &options.manager.url);
  OrFromEnvironment("TURNOUT_SERVICE", &options.service);
  OrFromEnvironment("TURNOUT_TOKEN_FILE", &options.manager.token_file);
  if (options.manager.url.empty()) options.manager.url = "http://127.0.0.1:8470";
  if (options.service.empty()) return arguments.Mistake("name the service with --service NAME");
  return manager::RunRules(options, stdin, stdout, stderr);
}

int Demo(Arguments& arguments) {
  DemoOptions options;
  arguments.Value("--rules", &options.rules);
  arguments.Value("--token-file", &options.token_file);
  arguments.Number("--events", &options.events);
  arguments.Value("--listen", &options.listen);
  arguments.Number("--seed", &options.seed);
  arguments.Flag("--stay", &options.stay);
  if (const auto status = arguments.Parse()) return *status;
  return RunDemo(options);
}

int Version(Arguments& arguments) {
  bool json = false;
  arguments.Flag("--json", &json);
  if (const auto status = arguments.Parse()) return *status;
#if defined(__clang__)
  const std::string compiler = "clang " __clang_version__;
#else
  const std::string compiler = "gcc " __VERSION__;
#endif
  const std::string library = connectors::KafkaLibraryVersion();
  if (json) {
    std::printf("{\"turnout\":%s,\"librdkafka\":%s,\"compiler\":%s,\"rule_language\":%d}\n",
                JsonString(TURNOUT_VERSION).c_str(), JsonString(library).c_str(),
                JsonString(compiler).c_str(), kRuleLanguageVersion);
    return kExitOk;
  }
  std::printf("turnout %s\nlibrdkafka %s\ncompiler %s\nrule language %d\n", TURNOUT_VERSION,
              library.c_str(), compiler.c_str(), kRuleLanguageVersion);
  return kExitOk;
}

int Completion(Arguments& arguments) {
  std::string shell;
  arguments.Operand(&shell);
  if (const auto status = arguments.Parse()) return *status;
  if (shell.empty()) return arguments.Mistake("name a shell: bash, zsh or fish");
  const std::optional<std::string> script = CompletionScript(shell);
  if (!script) return arguments.Mistake("no script for `" + shell + "`: bash, zsh or fish");
  Print(*script);
  return kExitOk;
}

int Help(Arguments& arguments) {
  std::string name;
  arguments.Operand(&name);
  if (const auto status = arguments.Parse()) return *status;
  if (name.empty()) {
    Print(GeneralHelp());
    return kExitOk;
  }
  const Command* command = FindCommand(name);
  if (command == nullptr) return UnknownCommand(name);
  Print(CommandHelp(*command));
  return kExitOk;
}

int Dispatch(const std::string& name, std::vector<std::string> words) {
  const Command* command = FindCommand(name);
  if (command == nullptr) return UnknownCommand(name);
  Arguments arguments(*command, std::move(words));
  if (name == "run") return Run(arguments);
  if (name == "validate") return Validate(arguments);
  if (name == "test") return Test(arguments);
  if (name == "match") return Match(arguments);
  if (name == "explain") return Explain(arguments);
  if (name == "diff") return Diff(arguments);
  if (name == "replay") return Replay(arguments);
  if (name == "state") return State(arguments);
  if (name == "rollback") return Rollback(arguments);
  if (name == "dlq") return Dlq(arguments);
  if (name == "txn") return Txn(arguments);
  if (name == "manager") return Manager(arguments);
  if (name == "controller") return Controller(arguments);
  if (name == "rules") return Rules(arguments);
  if (name == "demo") return Demo(arguments);
  if (name == "version") return Version(arguments);
  if (name == "completion") return Completion(arguments);
  if (name == "help") return Help(arguments);
  return UnknownCommand(name);
}

int Main(const std::vector<std::string>& words) {
  if (words.empty()) {
    std::fputs(GeneralHelp().c_str(), stderr);
    return kExitRefused;
  }
  const std::string& first = words.front();
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (first == "-h" || first == "--help") return Dispatch("help", rest);
  if (first == "--version") return Dispatch("version", rest);
  if (first[0] == '-') {
    std::fprintf(stderr,
                 "turnout: options follow the command; `%s` stands before one\n"
                 "See `turnout --help`.\n",
                 first.c_str());
    return kExitRefused;
  }
  return Dispatch(first, rest);
}

}  // namespace
}  // namespace turnout::runtime

int main(int argc, char** argv) {
  const int status = turnout::runtime::Main(std::vector<std::string>(argv + 1, argv + argc));
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("turnout: standard output could not be written\n", stderr);
    return status == 0 ? 1 : status;
  }
  return status;
}
