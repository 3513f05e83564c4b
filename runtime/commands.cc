#include "runtime/commands.h"

#include "runtime/job_commands.h"

namespace turnout::runtime {
namespace {

constexpr std::string_view kUsageExit =
    "Unknown option or argument; standard error names the nearest known one.";

Command RunCommand() {
  return {
      .name = "run",
      .summary = "run a pipeline until it is told to stop",
      .synopsis = "--config FILE [--set KEY=VALUE]... [--embedded] [--print-config]",
      .description =
          "Reads events from one Kafka topic, asks the teams' rules about each, and produces it to "
          "the "
          "topics of those that match. Outputs and source offsets are committed in one Kafka "
          "transaction, so that readers see each output exactly once, unless the config says "
          "at_least_once.\n\n"
          "SIGTERM or SIGINT ends it: the batch in hand is finished and committed, the group is "
          "left, "
          "within limits.shutdown_timeout and a second, 5 seconds by default. A second signal ends "
          "it at once; nothing is lost by that, the batch is done again by whoever takes over.\n\n"
          "Rule files that change take effect within limits.rules_recheck, 250 ms by default; "
          "SIGHUP has them looked at now. A file that became bad leaves its team's rules as they "
          "were.\n\n"
          "Brokers or topics that are away are waited for, as long as it takes; /readyz on the "
          "listen "
          "address and the log say what for. The config's keys are listed in runtime/README.md; "
          "--print-config shows them with the values in force. The log goes to standard error.",
      .options =
          {{.name = "--config",
            .argument = "FILE",
            .kind = ArgumentKind::kFile,
            .text = "The pipeline's config, in YAML. Required. It may be an item of a config "
                    "manager, https://HOST/v1/services/SERVICE/items/pipeline/NAME, which is asked "
                    "with the token in the file that TURNOUT_TOKEN_FILE names, and trusted by the "
                    "authorities in TURNOUT_CA_FILE; that service answers ${secret:NAME} too."},
           {.name = "--set",
            .argument = "KEY=VALUE",
            .kind = ArgumentKind::kText,
            .text =
                "Sets a value before the file's; KEY is dotted: `limits.batch_events_max=500`. May "
                "be given more than once. Others on the machine can see it: pass a secret as "
                "${file:/path}."},
           {.name = "--embedded",
            .text =
                "Runs against a Kafka inside of this process, on 127.0.0.1, with all topics made; "
                "for trying things out. Its data ends with the process (and so does what rules "
                "remember, but in a state_dir of one's own, which is to be emptied before the next "
                "run), and it proves nothing about exactly-once delivery."},
           {.name = "--print-config",
            .text = "Prints everything in force with where it came from, as a config that can be "
                    "loaded again, and exits. Secrets are shown as [secret]."}},
      .exits =
          {{0,
            "A signal stopped it: the batch in hand is committed, or left uncommitted for whoever "
            "takes over where a stop took too long; or the config was printed."},
           {1, "It could not go on; the last line of the log says why."},
           {2, "The config or the rules are refused, a line a problem; or unknown usage."}},
      .examples = {{"turnout run --config pipeline.yaml", "Run a pipeline:"},
                   {"turnout run --config pipeline.yaml --print-config | grep -v '# default'",
                    "What was changed from the defaults, and where:"},
                   {"turnout run --config pipeline.yaml --embedded --set log.format=text",
                    "Try it without a Kafka, with a log for people:"},
                   {"turnout run --config pipeline.yaml --set "
                    "'kafka.sasl.password=${file:/run/secrets/kafka}'",
                    "Take a password from a mounted file:"}},
      .see_also = "turnout validate, turnout match, turnout demo",
  };
}

CommandOption RuleLimitsOption() {
  return {.name = "--config",
          .argument = "FILE",
          .kind = ArgumentKind::kFile,
          .default_text = "the limits by default",
          .text =
              "A pipeline's config, whose `limits` the rules are held to, and whose `tables` they "
              "may name. Of the rest only `source.partitioned_by` is taken; secrets that it "
              "refers to are not read."};
}

Command ValidateCommand() {
  return {
      .name = "validate",
      .summary = "check rule files with the code that runs them",
      .synopsis = "[--config FILE] [--strict-eventbridge] RULES...",
      .description =
          "Reads the rule files and compiles every pattern, as `turnout run` would. Prints a line "
          "for "
          "each file that is right, and for each problem of the others a line\n\n"
          "file:line:column: team/rule: what is wrong (what to do)\n\n"
          "All problems of all files are told in one go. Rules whose matches are re-keyed are "
          "named after the files, with the reason. Nothing is asked of a Kafka: whether "
          "destinations exist is found by `turnout run`.",
      .options = {RuleLimitsOption(),
                  {.name = "--strict-eventbridge",
                   .text = "Refuses what EventBridge would not take as well (`regex`, `$kafka`, "
                           "numbers beyond 5e9, ...), with what it offers instead: for patterns "
                           "that are to work there too."}},
      .operands = {{.name = "RULES",
                    .kind = ArgumentKind::kFile,
                    .text = "A rule file in YAML or JSON, a directory of them, or - for standard "
                            "input."}},
      .exits = {{0, "All files are right."},
                {2, "A file is refused or can't be read; or unknown usage."}},
      .examples = {{"turnout validate rules/", "Check all teams:"},
                   {"turnout validate --config pipeline.yaml rules/",
                    "Check them against the limits of their pipeline:"},
                   {"turnout validate --strict-eventbridge rules/",
                    "Find the patterns that would not work in EventBridge:"},
                   {"git show HEAD:rules/fraud.yaml | turnout validate -", "Check a commit's:"}},
      .see_also = "turnout test, turnout match, turnout run",
  };
}

Command TestCommand() {
  return {
      .name = "test",
      .summary = "run teams' own test cases over their rules",
      .synopsis = "[--config FILE] [--junit FILE] RULES...",
      .description =
          "Runs the cases of each test file over the rules that it is named after: those of "
          "checkout.test.yaml over the rules of checkout.yaml beside it. A case gives events with "
          "their keys, headers and times, one after the other, and says what comes of each: "
          "destinations, keys, values, or a dead letter and why. Steps remember over the events of "
          "a case, windows close, matches that are re-keyed go on; tables to enrich from stand in "
          "the file. The format is in runtime/README.md.\n\n"
          "Prints what comes otherwise than expected, with the place in the file, the event, what "
          "was found and what the rules said; and a line for each file. Nothing is asked of a "
          "Kafka.",
      .options =
          {{.name = "--config",
            .argument = "FILE",
            .kind = ArgumentKind::kFile,
            .default_text = "the limits by default",
            .text = "A pipeline's config, whose `limits` the rules are held to, whose `tables` "
                    "they may name, and by whose `source.partitioned_by`, `time_field`, `lateness` "
                    "and `ahead_max` steps go. Secrets that it refers to are not read."},
           {.name = "--junit",
            .argument = "FILE",
            .kind = ArgumentKind::kFile,
            .text = "Writes a report in JUnit's XML as well, for CI."}},
      .operands = {{.name = "RULES",
                    .kind = ArgumentKind::kFile,
                    .text = "A directory of rules with their tests, a rule file, or a test file."}},
      .exits = {{0, "All cases passed."},
                {1, "Some failed."},
                {2,
                 "A file is refused or can't be read, a problem a line; there are no cases; or "
                 "unknown usage."}},
      .examples = {{"turnout test rules/", "All teams' cases:"},
                   {"turnout test --config pipeline.yaml --junit report.xml rules/",
                    "In CI, as their pipeline would run them:"}},
      .see_also = "turnout validate, turnout match",
  };
}

Command MatchCommand() {
  return {
      .name = "match",
      .summary = "say which rules match events",
      .synopsis =
          "--rules PATH [--config FILE] [--events FILE|-] [--bench]\n"
          "    turnout match --cases FILE",
      .description =
          "Reads events, one JSON object a line, and prints for each a line of JSON: the sorted "
          "array "
          "of the rules that match, as \"team/rule\". An event that is not JSON prints an object "
          "with "
          "\"error\" and the next one follows. Empty lines are skipped. The answer comes from the "
          "code "
          "that routes. It is about patterns: a rule's `steps`, `shape` and `rollout` make no "
          "difference to it.\n\n"
          "With --bench it reads rules and events into memory, warms up, and prints what the rules "
          "cost "
          "an event, as one line of JSON: rules, events, matches and errors (of one pass over the "
          "events), ns_per_event and events_per_s_core (CPU time of one thread; the best of at "
          "least "
          "five passes), read_ms (rule files read, checked and compiled), build_ms (the rule set "
          "with "
          "its index built from them), bytes_per_rule (of memory that it keeps), "
          "allocations_per_event (null in a sanitizer's build). What is timed is the match as "
          "routing "
          "has it done: the event validated, the fields that destinations and record keys need "
          "gathered, every rule judged. Reading, writing and putting outputs together are not "
          "in it.\n\n"
          "With --cases it runs a file of cases instead, a JSON object a line: {\"id\", \"rules\": "
          "{name: pattern}, \"event\": text, \"expected\": [names]} or {\"id\", \"pattern\": text, "
          "\"valid\": false}. It prints each case that differs and a last line `N passed, M "
          "failed`. Valid is what event-ruler takes; with \"extensions\": true, what Turnout "
          "takes.",
      .options = {{.name = "--rules",
                   .argument = "PATH",
                   .kind = ArgumentKind::kFile,
                   .text = "A rule file or a directory of them."},
                  RuleLimitsOption(),
                  {.name = "--events",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .default_text = "-, standard input",
                   .text = "Where the events are."},
                  {.name = "--bench",
                   .text = "Measures what the rules cost an event; prints that instead of answers. "
                           "Takes some seconds."},
                  {.name = "--cases",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "Cases to run, plain or gzipped (a name that ends with .gz)."}},
      .exits = {{0, "Answered; with --cases, all passed."},
                {1, "With --cases: some failed."},
                {2,
                 "The rules are refused, a file can't be read or (with --bench) holds no event, or "
                 "unknown usage."}},
      .examples = {{"echo '{\"type\": \"payment.declined\"}' | turnout match --rules rules/",
                    "One event:"},
                   {"kcat -C -b localhost -t orders -c 1000 -e | turnout match --rules rules/ | "
                    "sort | uniq -c",
                    "What the rules make of a topic's first thousand events:"},
                   {"turnout match --rules rules/ --events events.ndjson --bench | jq "
                    ".ns_per_event",
                    "What all teams' rules cost an event, in nanoseconds:"}},
      .see_also = "turnout validate, turnout explain",
  };
}

Command ExplainCommand() {
  return {
      .name = "explain",
      .summary = "say what becomes of an event, and why",
      .synopsis =
          "--rules PATH [--event FILE|-] [OPTION...]\n"
          "    turnout explain --config FILE --at PARTITION:OFFSET [OPTION...]\n"
          "    turnout explain --config FILE --output TOPIC:PARTITION:OFFSET [OPTION...]",
      .description =
          "Prints for each event which rules match, and of each that doesn't the first of its "
          "fields that failed: what was wanted there, in the rule's notation, and the values that "
          "were seen. Of `$or` the alternative that came closest is told. Of a match it tells what "
          "its steps say, which tables' keys were asked for, and the records that it leads to, "
          "with key and headers, or why it is rejected. The answer comes from the code that "
          "routes; nothing is sent or changed.\n\n"
          "Events come from a file, a payload a line. With --at it is the event at that position "
          "of the config's source; with --output, the event that an output or a dead letter is of, "
          "by its provenance headers. Where those name another rule set than the one at hand, it "
          "is looked for among those that were in force on this machine, then in the checkpoint "
          "store, which keeps those of teams whose rules remember; else the answer says that it "
          "differs.\n\n"
          "Where the config's rules come from a topic or an endpoint, they are what is there now, "
          "as "
          "a router that starts on this machine would take them: of a file that is refused, and "
          "where the origin is away, what this machine's disk has kept counts; standard error says "
          "so.\n\n"
          "Steps that remember are asked with the state that --state names, else they say what "
          "they would if they remembered nothing. A running router answers with its own: POST "
          "/v1/explain.",
      .options = {{.name = "--rules",
                   .argument = "PATH",
                   .kind = ArgumentKind::kFile,
                   .default_text = "the config's `rules`",
                   .text = "A rule file or a directory of them."},
                  {.name = "--config",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "The pipeline's config: its brokers and source, for --at and --output; "
                           "limits and settings that its rules are read with."},
                  SetOption(),
                  {.name = "--event",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .default_text = "-, standard input",
                   .text = "Where the events are, one a line."},
                  {.name = "--records",
                   .text = "The lines are records as JSON: {\"value\": object or text, \"key\": "
                           "text, \"headers\": {name: text}, \"timestamp\": milliseconds or RFC "
                           "3339, \"topic\": text, \"partition\": number}."},
                  {.name = "--at",
                   .argument = "PARTITION:OFFSET",
                   .kind = ArgumentKind::kText,
                   .text = "Explains the event at this position of the source."},
                  {.name = "--output",
                   .argument = "TOPIC:PARTITION:OFFSET",
                   .kind = ArgumentKind::kText,
                   .text = "Explains the event that this record was sent for."},
                  {.name = "--state",
                   .argument = "PATH",
                   .kind = ArgumentKind::kDirectory,
                   .text = "What its partition's steps remember: a task's store "
                           "(STATE_DIR/tasks/TOPIC/PARTITION), whose process may be running (then "
                           "as of its last flush)."},
                  {.name = "--rule",
                   .argument = "TEAM/NAME",
                   .kind = ArgumentKind::kText,
                   .text = "Only this rule."},
                  {.name = "--json", .text = "Prints an object a line instead of words."}},
      .exits = {{0, "Explained."},
                {1, "The event or record could not be had; standard error says why."},
                {2,
                 "The rules can't be had; they or the config are refused, a line is no record, "
                 "or unknown usage."}},
      .examples = {{"echo '{\"type\": \"payment.declined\"}' | turnout explain --rules rules/",
                    "Why does nothing match?"},
                   {"turnout explain --config pipeline.yaml --at 3:1742 --rule fraud/card-testing",
                    "What does one rule say of an event in Kafka?"},
                   {"turnout explain --config pipeline.yaml --output fraud.tests:0:17",
                    "Why was this sent?"},
                   {"turnout explain --rules rules/ --event events.ndjson --json | jq -r "
                    "'.rules[] | select(.matched | not) | .failed.field' | sort | uniq -c",
                    "At which fields do events fail?"}},
      .see_also = "turnout match, turnout validate",
  };
}

Command StateCommand() {
  return {
      .name = "state",
      .summary = "look into a task's state, changing nothing",
      .synopsis =
          "ls PATH [--step ID] [--limit N] [--checkpoint N] [--config FILE]\n"
          "    turnout state get PATH --step ID --key KEY|--key-hex HEX [--checkpoint N]\n"
          "                      [--config FILE]\n"
          "    turnout state stats PATH [--checkpoint N] [--config FILE]\n"
          "    turnout state checkpoints PATH [--config FILE]",
      .description =
          "Reads what the rules' steps remember of one source partition: from its store, whose "
          "process may be running (then as of its last flush), or from its checkpoints in a "
          "directory or a bucket of S3, of which one is copied into a temporary directory (below "
          "TMPDIR) and verified first.\n\n"
          "ls prints the entries, a JSON object a line, in the order of steps and keys; get prints "
          "one; stats prints one object with the offsets, the watermark, the rule set's hash and "
          "what each step has; checkpoints lists a task's checkpoints, the oldest first, each with "
          "its time, so that one can be chosen for `state.restore.time`. Steps are named with "
          "their rules where the rule set is at hand: at "
          "STORE/GROUP/rules, or in STATE_DIR/checkpoints. Expired entries that are still on disk "
          "are shown as such. Keys are text (and `key_hex` where that can't be typed), values "
          "hexadecimal, times milliseconds of event time.",
      .options = {{.name = "--config",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .default_text = "AWS's endpoint in us-east-1",
                   .text = "A pipeline's config, whose `checkpoints.s3` says how the bucket is "
                           "reached. Nothing else of it is taken; credentials come from where "
                           "`turnout run` takes them."},
                  {.name = "--step",
                   .argument = "ID",
                   .kind = ArgumentKind::kText,
                   .text = "Only this step's entries: its id as ls and stats print it."},
                  {.name = "--key",
                   .argument = "KEY",
                   .kind = ArgumentKind::kText,
                   .text = "The key that get asks for."},
                  {.name = "--key-hex",
                   .argument = "HEX",
                   .kind = ArgumentKind::kText,
                   .text = "The same in hexadecimal: for a key with bytes that can't be typed."},
                  {.name = "--checkpoint",
                   .argument = "N",
                   .kind = ArgumentKind::kText,
                   .default_text = "the newest whose manifest is sound",
                   .text = "Which of the checkpoints to read."},
                  {.name = "--limit",
                   .argument = "N",
                   .kind = ArgumentKind::kText,
                   .default_text = "1000",
                   .text = "How many entries ls prints; 0 is all."}},
      .operands = {{.name = "VERB",
                    .kind = ArgumentKind::kChoice,
                    .choices = {"ls", "get", "stats"},
                    .text = "What to print: ls, get or stats."},
                   {.name = "PATH",
                    .kind = ArgumentKind::kDirectory,
                    .text = "A task's store (STATE_DIR/tasks/TOPIC/PARTITION), or its place among "
                            "the checkpoints: the directory that `manifests` lies in, or "
                            "s3://BUCKET/PREFIX/GROUP/TOPIC/PARTITION."}},
      .exits = {{0, "Printed."},
                {1, "There is no such entry, or the state is damaged or can't be read."},
                {2, "There is no state at PATH, its store refuses who asks, or unknown usage."}},
      .examples =
          {{"turnout state stats /var/lib/turnout/tasks/orders/3 | jq .applied_offset",
            "How far a stopped task had come:"},
           {"turnout state ls checkpoints/turnout-orders/orders/3 --step 5f0c1d2e3a4b5c6d --limit "
            "0 | wc -l",
            "How many keys a step had in the last checkpoint:"},
           {"turnout state stats s3://acme-state/turnout/turnout-orders/orders/3 --config "
            "pipeline.yaml",
            "What a partition's newest checkpoint in S3 holds:"}},
      .see_also = "turnout run",
  };
}

Command RollbackCommand() {
  return {
      .name = "rollback",
      .summary = "have running routers go back to rules from before",
      .synopsis =
          "[--to HASH] [--admin HOST:PORT]... [--token-file FILE]\n"
          "                     [--ca-file FILE]\n"
          "    turnout rollback --resume [--admin HOST:PORT]... [--token-file FILE]\n"
          "                     [--ca-file FILE]",
      .description =
          "Asks the admin API of each router for the rule set that was in force before the one "
          "that "
          "is, or for the one of this hash, among the 16 that it keeps on its disk. It takes "
          "effect within a second, without a pause or a rebalance, and stays over restarts until "
          "the rules have another version where they come from, or until --resume.\n\n"
          "A HOST with several addresses, as a headless service has, stands for the routers behind "
          "all of them. Where they would not all go back to the same rule set, or one of them does "
          "not answer, nothing is changed anywhere.",
      .options = {{.name = "--to",
                   .argument = "HASH",
                   .kind = ArgumentKind::kText,
                   .default_text = "the one that was in force before",
                   .text = "The rule set to go back to, as `versions` of /v1/rules names it."},
                  {.name = "--resume",
                   .text = "Go on with the rules as they are where they come from."},
                  {.name = "--admin",
                   .argument = "HOST:PORT",
                   .kind = ArgumentKind::kText,
                   .default_text = "127.0.0.1:9464",
                   .text = "A router's admin API, its `listen`; https://HOST:PORT where it has "
                           "`admin.tls`. May be given more than once."},
                  {.name = "--token-file",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "A file with the token that the routers' `admin.token_file` holds. It "
                           "goes by https only, but to this machine."},
                  {.name = "--ca-file",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .default_text = "the system's",
                   .text = "The authorities that the routers' certificates may be of, a PEM "
                           "file."}},
      .exits = {{0, "All of them did."},
                {1, "One did not, or they disagree; standard error says which and why."},
                {2, kUsageExit}},
      .examples = {{"turnout rollback", "The router on this machine:"},
                   {"turnout rollback --admin https://turnout.events.svc:9464 --token-file token "
                    "--ca-file ca.pem",
                    "All routers behind a headless service:"}},
      .see_also = "turnout run",
  };
}

Command ManagerCommand() {
  return {
      .name = "manager",
      .summary = "keep teams' rules and secrets, and serve them to routers",
      .synopsis =
          "--config FILE\n    turnout manager --data DIR --tokens FILE [--listen HOST:PORT]\n"
          "    turnout manager backup --data DIR --to PLACE\n"
          "    turnout manager restore --from PLACE --data NEW [--name NAME]",
      .description =
          "Runs the config manager: an HTTP API (GET /openapi.yaml) where teams change their rule "
          "files, configs and secrets, each change a version that can be gone back to, refused if "
          "the routers would not take it; and the place that routers take their rules from, "
          "`rules: http://HOST:PORT/v1/services/SERVICE/rules`.\n\n"
          "Whoever asks bears a token; the file of --tokens holds their SHA-256 and roles; tokens "
          "that one of `issuers` signed are taken too. POST /v1/onboard gives a team its topics, "
          "rights and rules by one request, as `services.NAME.onboarding` of the config says. With "
          "`git` a repository is followed and written to. Secrets are sealed with the key of "
          "--master-keys. Where it listens to more than this machine, the config's `tls` is "
          "wanted. All of it is described in deploy/manager/README.md.\n\n"
          "SIGTERM or SIGINT ends it: calls at hand are answered. A change that was acknowledged "
          "is on disk, however it ends.\n\n"
          "Two that have one `shared` place are one active and one that stands by and takes over. "
          "`backup` makes a verified copy of a store that no manager has open, or with --shared "
          "of what managers share while they run; `restore` fills an empty directory from one. A "
          "PLACE is a directory or s3://BUCKET/PREFIX, reached as the config's `pipeline` says.",
      .options = {{.name = "--config",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "The manager's config, in YAML: data, listen, tokens, issuers, grants, "
                           "public_url, master_keys, tls, services (whose pipelines' jobs it runs, "
                           "and what teams are given by onboarding), git, pipeline, shared, url, "
                           "lease, backups. The other options go before it."},
                  {.name = "--data",
                   .argument = "DIR",
                   .kind = ArgumentKind::kDirectory,
                   .text = "Where everything is kept; made where there is none."},
                  {.name = "--listen",
                   .argument = "HOST:PORT",
                   .kind = ArgumentKind::kText,
                   .default_text = "127.0.0.1:8470",
                   .text =
                       "Where the API is served; port 0 takes a free one, which the log names."},
                  {.name = "--tokens",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "Who may come in, in JSON. Read again when it changes."},
                  {.name = "--master-keys",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "Keys that secrets are sealed with, a line `ID BASE64` each, the first "
                           "seals. Without it there are no secrets."},
                  {.name = "--shared",
                   .argument = "PLACE",
                   .kind = ArgumentKind::kDirectory,
                   .text = "Where managers that stand in for each other share their changes."},
                  {.name = "--url",
                   .argument = "URL",
                   .kind = ArgumentKind::kText,
                   .default_text = "where it listens",
                   .text = "Where the others find this manager."},
                  {.name = "--to",
                   .argument = "PLACE",
                   .kind = ArgumentKind::kDirectory,
                   .default_text = "the config's",
                   .text = "backup: where it is put."},
                  {.name = "--from",
                   .argument = "PLACE",
                   .kind = ArgumentKind::kDirectory,
                   .default_text = "the config's",
                   .text = "restore: where backups are."},
                  {.name = "--name",
                   .argument = "NAME",
                   .kind = ArgumentKind::kText,
                   .default_text = "the newest",
                   .text = "restore: which of them."}},
      .operands = {{.name = "VERB",
                    .kind = ArgumentKind::kChoice,
                    .choices = {"backup", "restore"},
                    .text = "What to do; without it the manager runs."}},
      .exits = {{0, "A signal stopped it; or the backup is made, or restored."},
                {1, "It could not go on; standard error says why."},
                {2, "The options, the config or a file of theirs are refused; or unknown usage."}},
      .examples = {{"turnout manager --data data --tokens tokens.json", "On this machine:"},
                   {"curl -H \"Authorization: Bearer $TOKEN\" "
                    "127.0.0.1:8470/v1/services/orders/items",
                    "Ask it what there is:"},
                   {"turnout manager --config manager.yaml --url https://manager-0.acme.svc:8470",
                    "As a pod, by a config:"},
                   {"curl -H \"Authorization: Bearer $TOKEN\" "
                    "https://manager-0.acme.svc:8470/v1/onboard -d '{\"service\": \"orders\", "
                    "\"team\": \"fraud\", \"owner\": \"fraud@acme.com\", \"rate\": 200, \"match\": "
                    "{\"type\": [\"refund\"]}, \"to\": [\"fraud.refunds\"], \"dry_run\": true}'",
                    "What a team would be given:"},
                   {"turnout manager restore --from s3://acme/turnout-backups --data data",
                    "After a disk was lost, begin from the newest backup:"}},
      .see_also = "turnout run, turnout validate",
  };
}

Command RulesCommand() {
  return {
      .name = "rules",
      .summary = "read and change what a config manager holds",
      .synopsis =
          "ls\n    turnout rules get NAME\n    turnout rules put NAME FILE\n    turnout rules diff "
          "NAME [FILE]\n    turnout rules search TEXT\n    turnout rules replace TEXT REPLACEMENT "
          "[--yes]\n    turnout rules rollback CHANGE [--yes]\n    turnout rules rollback NAME "
          "--to VERSION [--yes]\n    turnout rules export DIRECTORY\n    turnout rules import "
          "DIRECTORY [--yes]",
      .description =
          "Asks `turnout manager`, as whoever the token is of. NAME is a team's, of its rule file; "
          "of other items KIND/NAME, as `config/limit` or `tests/fraud`.\n\n"
          "What changes something says first what that means: rules that are added, removed, "
          "widened "
          "or narrowed, what the teams' own tests say, and every problem with its line. What the "
          "routers would not take is not published. `put` does it at once; `replace` and "
          "`rollback` "
          "show every line that would change, and do it with --yes. Where the service asks for a "
          "second person, the change is proposed.\n\n"
          "The manager and the service are those of --manager and --service, else of the "
          "environment: "
          "TURNOUT_MANAGER, TURNOUT_SERVICE, TURNOUT_TOKEN_FILE.",
      .options = {{.name = "--manager",
                   .argument = "URL",
                   .kind = ArgumentKind::kText,
                   .default_text = "http://127.0.0.1:8470",
                   .text = "Where the config manager is."},
                  {.name = "--service",
                   .argument = "NAME",
                   .kind = ArgumentKind::kText,
                   .text = "Whose items they are."},
                  {.name = "--token-file",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "With a bearer token. It goes by https only, but for this machine."},
                  {.name = "--ca-file",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "Of authorities, in PEM, that https is trusted by; else the system's."},
                  {.name = "--kind",
                   .argument = "KIND",
                   .kind = ArgumentKind::kChoice,
                   .choices = {"rules", "tests", "pipeline", "config", "secret", "settings"},
                   .text = "ls, and of a NAME without one: else rules. Of what is looked for."},
                  {.name = "--type",
                   .argument = "TYPE",
                   .kind = ArgumentKind::kChoice,
                   .choices = {"string", "number", "boolean", "json"},
                   .text = "put: of a config value; else the one that it has, or string."},
                  {.name = "--bound-to",
                   .argument = "ACCOUNT",
                   .kind = ArgumentKind::kText,
                   .text = "put: who is given a secret, once for each; else as it is."},
                  {.name = "--why",
                   .argument = "TEXT",
                   .kind = ArgumentKind::kText,
                   .text = "Why it is changed, for its history."},
                  {.name = "--version",
                   .argument = "N",
                   .kind = ArgumentKind::kText,
                   .text = "get: as of that change. put: only if it is of that version still."},
                  {.name = "--from",
                   .argument = "N",
                   .kind = ArgumentKind::kText,
                   .text = "diff: the version to compare from; without it from nothing."},
                  {.name = "--to",
                   .argument = "N",
                   .kind = ArgumentKind::kText,
                   .text = "diff: the version to compare with. rollback: to go back to."},
                  {.name = "--regex",
                   .text = "TEXT is an RE2 expression; \\1 to \\9 in REPLACEMENT are its groups."},
                  {.name = "--ignore-case", .text = "Upper and lower case are the same."},
                  {.name = "--in",
                   .argument = "PART",
                   .kind = ArgumentKind::kChoice,
                   .choices = {"names", "texts", "patterns", "destinations"},
                   .text = "Where to look; may be given more than once. Else names and texts."},
                  {.name = "--team",
                   .argument = "TEAM",
                   .kind = ArgumentKind::kText,
                   .text = "Only in this team's rules and tests."},
                  {.name = "--delete-missing",
                   .text = "import: items that have no file are deleted; else they stay."},
                  {.name = "--dry-run", .text = "Only say what would change."},
                  {.name = "--yes", .text = "replace, rollback, import: do what is shown."},
                  {.name = "--json", .text = "What the manager answers, as it is."}},
      .operands = {{.name = "VERB",
                    .kind = ArgumentKind::kChoice,
                    .choices = {"ls", "get", "put", "diff", "search", "replace", "rollback",
                                "export", "import"},
                    .text = "What to do."},
                   {.name = "NAME, FILE, TEXT...", .text = "What with."}},
      .exits = {{0, "It is done, or shown."},
                {1, "The manager does not answer, or somebody else changed it meanwhile."},
                {2,
                 "The usage, a right that is missing, or rules that the routers would not take."}},
      .examples = {{"turnout rules put fraud fraud.yaml --service orders --why \"EU cards too\"",
                    "Publish a team's rule file:"},
                   {"turnout rules replace --service orders --in destinations --regex "
                    "'^fraud\\.(.*)$' 'risk.\\1'",
                    "See what renaming all of a team's topics would change:"},
                   {"turnout rules export rules-tree --service orders",
                    "All items as a tree of files, for Git; secrets without what they hold:"},
                   {"turnout rules rollback 42 --service orders --yes",
                    "Undo a change, whatever it changed:"}},
      .see_also = "turnout manager, turnout validate, turnout test",
  };
}

Command ControllerCommand() {
  return {
      .name = "controller",
      .summary = "make Kubernetes run what EventRouters ask for",
      .synopsis = "[OPTION...]\n    turnout controller --server URL --namespace NAME [OPTION...]",
      .description =
          "Follows EventRouters and EventRoutes of a Kubernetes API server, and makes, changes and "
          "removes what they ask for: pods, configs, services, policies. What it finds and does is "
          "in their status and their events. All of it is described in "
          "deploy/controller/README.md.\n\n"
          "In a pod nothing needs to be said: the server, the token, its authority and the "
          "namespace are the pod's own. Several of them may run: who holds the lease acts, and the "
          "others take over from it.\n\n"
          "SIGTERM or SIGINT ends it: it finishes the call at hand and lets go of the lease. "
          "Routers go on without it.",
      .options = {{.name = "--server",
                   .argument = "URL",
                   .kind = ArgumentKind::kText,
                   .default_text = "the pod's",
                   .text = "The API server, https://HOST:PORT; http:// on this machine only."},
                  {.name = "--token-file",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "With a bearer token; read at each call."},
                  {.name = "--ca-file",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "Of authorities, in PEM, that the server is trusted by; else the "
                           "system's."},
                  {.name = "--certificate-file",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "A client's certificate, in PEM, in place of a token."},
                  {.name = "--key-file",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "Its key, in PEM."},
                  {.name = "--namespace",
                   .argument = "NAME",
                   .kind = ArgumentKind::kText,
                   .default_text = "the pod's",
                   .text = "Where the controller and its lease are."},
                  {.name = "--lease",
                   .argument = "NAME",
                   .kind = ArgumentKind::kText,
                   .default_text = "turnout-controller",
                   .text = "Whose holder acts."},
                  {.name = "--listen",
                   .argument = "HOST:PORT",
                   .kind = ArgumentKind::kText,
                   .default_text = "127.0.0.1:9465",
                   .text = "Where /metrics, /healthz and /readyz are answered."},
                  {.name = "--image",
                   .argument = "REPOSITORY",
                   .kind = ArgumentKind::kText,
                   .default_text = "turnout",
                   .text = "Of routers that name none, without a tag."},
                  {.name = "--version",
                   .argument = "TAG",
                   .kind = ArgumentKind::kText,
                   .default_text = "this program's",
                   .text = "Of the image, for routers that name none."},
                  {.name = "--once",
                   .text = "Takes the lease, looks at each router once, and ends."}},
      .exits = {{0, "A signal stopped it; or with --once, each router was seen to."},
                {1,
                 "It could not go on, or a router could not be seen to; standard error says why."},
                {2, "The options are refused, or unknown usage."}},
      .examples = {{"turnout controller --server http://127.0.0.1:8001 --namespace turnout --once",
                    "Once, from a laptop, through `kubectl proxy`:"},
                   {"kubectl logs -n turnout-system deploy/turnout-controller",
                    "What it says in a cluster:"}},
      .see_also = "turnout run, turnout manager",
  };
}

Command DemoCommand() {
  return {
      .name = "demo",
      .summary = "show a whole pipeline at work, in one process",
      .synopsis = "[OPTION...]",
      .description =
          "Starts a pipeline on a Kafka inside of this process, sends it a web shop's made-up "
          "events, "
          "and prints a table of what went where, how fast, and how to send an event of one's own. "
          "deploy/quickstart builds the program and runs this.",
      .options = {{.name = "--rules",
                   .argument = "PATH",
                   .kind = ArgumentKind::kFile,
                   .default_text = "deploy/examples/quickstart/rules",
                   .text = "The teams' rules: a file, a directory, or a config manager's URL."},
                  {.name = "--token-file",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "With a bearer token, for a config manager."},
                  {.name = "--events",
                   .argument = "N",
                   .kind = ArgumentKind::kText,
                   .default_text = "5000",
                   .text = "Events to send, 1 to 200000; all of it is kept in memory."},
                  {.name = "--seed",
                   .argument = "N",
                   .kind = ArgumentKind::kText,
                   .default_text = "1",
                   .text = "Equal seeds make equal events."},
                  {.name = "--listen",
                   .argument = "HOST:PORT",
                   .kind = ArgumentKind::kText,
                   .default_text = "127.0.0.1:0, a free port",
                   .text = "Where the status page and /metrics are served."},
                  {.name = "--stay", .text = "Keeps running until Ctrl-C."}},
      .exits = {{0, "Shown."},
                {1, "It failed; standard error says what is wrong and what to do."},
                {2, "The rules are refused, or unknown usage."}},
      .examples = {{"turnout demo --stay", "Play with it:"},
                   {"turnout demo --rules my-rules/", "See your own rules at work:"}},
      .see_also = "turnout run",
  };
}

Command VersionCommand() {
  return {
      .name = "version",
      .summary = "what this binary is made of",
      .synopsis = "[--json]",
      .description =
          "Prints the version of Turnout, of the Kafka library in it, of the compiler that built "
          "it "
          "and of the rule language it reads, a line each.",
      .options = {{.name = "--json", .text = "Prints one JSON object instead."}},
      .exits = {{0, "Printed."}, {2, kUsageExit}},
      .examples = {{"turnout version --json | jq -r .librdkafka", "The Kafka library's version:"}},
  };
}

Command CompletionCommand() {
  return {
      .name = "completion",
      .summary = "print a completion script for a shell",
      .synopsis = "bash|zsh|fish",
      .description =
          "Prints a script with which the shell completes commands, options and file names of "
          "turnout. Nothing is installed; where the script goes is up to you.",
      .operands = {{.name = "SHELL",
                    .kind = ArgumentKind::kChoice,
                    .choices = {"bash", "zsh", "fish"},
                    .text = "The shell to print the script for: bash, zsh or fish."}},
      .exits = {{0, "Printed."}, {2, "No such shell, or an unknown option."}},
      .examples = {{"source <(turnout completion bash)", "In this bash, now:"},
                   {"turnout completion bash > /etc/bash_completion.d/turnout",
                    "In every bash from now on:"},
                   {"turnout completion zsh > \"${fpath[1]}/_turnout\"", "In zsh:"},
                   {"turnout completion fish > ~/.config/fish/completions/turnout.fish",
                    "In fish:"}},
  };
}

Command HelpCommand() {
  return {
      .name = "help",
      .summary = "all about one command",
      .synopsis = "[COMMAND]",
      .description =
          "Prints the page of a command, the same as `turnout COMMAND --help`; without a "
          "command, the list of them.",
      .operands = {{.name = "COMMAND",
                    .kind = ArgumentKind::kText,
                    .text = "Whose page to print."}},
      .exits = {{0, "Printed."}, {2, "No such command; standard error names the nearest one."}},
  };
}

}  // namespace

const std::vector<Command>& Commands() {
  static const std::vector<Command>* const commands = new std::vector<Command>{
      RunCommand(),     ValidateCommand(),   TestCommand(),  MatchCommand(),      ExplainCommand(),
      DiffCommand(),    ReplayCommand(),     StateCommand(), RollbackCommand(),   DlqCommand(),
      TxnCommand(),     ManagerCommand(),    RulesCommand(), ControllerCommand(), DemoCommand(),
      VersionCommand(), CompletionCommand(), HelpCommand(),
  };
  return *commands;
}

const Command* FindCommand(std::string_view name) {
  for (const Command& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

}  // namespace turnout::runtime
