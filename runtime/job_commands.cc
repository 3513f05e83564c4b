#include "runtime/job_commands.h"

namespace turnout::runtime {
namespace {

CommandOption PipelineOption() {
  return {.name = "--config",
          .argument = "FILE",
          .kind = ArgumentKind::kFile,
          .text = "The pipeline's config, in YAML. Required."};
}

}  // namespace

CommandOption SetOption() {
  return {.name = "--set",
          .argument = "KEY=VALUE",
          .kind = ArgumentKind::kText,
          .text =
              "Sets a value before the file's, as for `turnout run`. May be given more than "
              "once."};
}

Command ReplayCommand() {
  return {
      .name = "replay",
      .summary = "backfill one rule over a range of the source",
      .synopsis =
          "--config FILE --rule TEAM/NAME --from WHEN --to WHEN\n"
          "    [--to-topic TOPIC] [--rate N/s] [--job NAME] [--dry-run] [--progress json]\n"
          "    [--set KEY=VALUE]...",
      .description =
          "Routes what the source holds by one rule alone, as a job of its own that ends: a new "
          "team wants last week. Exactly once, beside live traffic and without touching it: a "
          "group of its own (GROUP.replay.JOB, which nobody joins), transactional ids of its own, "
          "a directory of its own for what steps remember (STATE_DIR/replay/JOB), which begin "
          "empty where the range begins.\n\n"
          "How far it has come is committed with its records. The same command again goes on from "
          "there, whatever ended it, on this machine or another; once it is done, it says so. A "
          "state that was lost is made anew, by the same events, without sending anything. The "
          "range is fixed when the job begins: what --from and --to would mean later makes no "
          "difference, but other offsets under its name are refused. With nothing in the range "
          "it does not begin. The brokers forget a group after offsets.retention.minutes (7 days) "
          "without a commit; then the name is free again.\n\n"
          "WHEN is a time (2026-11-20T08:00:00Z, or 7d for that long ago), which stands for the "
          "first record of that time or later; an offset of every partition (1742), or offsets of "
          "some (0:1742,3:88; then no others are read); `earliest`, or `now`. A range that the "
          "source no longer holds, or that ends before it begins, is refused.\n\n"
          "--to live ends it where the rule has taken effect in live traffic: each partition at "
          "the "
          "very offset, so that both together have each event once. That is in the notes beside "
          "the live group's offsets; what its rule sets do is known to a router's state directory, "
          "so run it with that of one. While the rule was in shadow it sent nothing; of one that "
          "was sent for a share of keys there is no such offset. A partition whose events are "
          "still judged without the rule is waited for; one without any event for ten seconds is "
          "taken to be live from its end on, and looked at again in the end. What steps remember "
          "is not handed over: live traffic's began empty at that offset, so a threshold may be "
          "reached later there, and a duplicate pass once more.\n\n"
          "The rule sends all that it matches, whatever its rollout says. Records carry the "
          "headers that live ones do, and `turnout-replay` with the job's name. They come behind "
          "the live ones of a topic that live traffic writes to as well: order is kept within the "
          "job, not between the two; --to-topic keeps them apart. What can't be sent goes to the "
          "dead-letter topic; events that can't be read are counted, no more, since live traffic "
          "has dead-lettered them. Rules with a step by another key than source.partitioned_by "
          "are re-keyed and can't be replayed; `turnout diff` shows what they would do. Tables "
          "that the rule asks are read anew, with what they hold now.\n\n"
          "Progress goes to the log on standard error, a summary to standard output.",
      .options = {{.name = "--config",
                   .argument = "FILE",
                   .kind = ArgumentKind::kFile,
                   .text = "The pipeline's config. Required."},
                  {.name = "--rule",
                   .argument = "TEAM/NAME",
                   .kind = ArgumentKind::kText,
                   .text = "The rule, as the config's `rules` has it now. Required."},
                  {.name = "--from",
                   .argument = "WHEN",
                   .kind = ArgumentKind::kText,
                   .text = "Where the range begins. Required."},
                  {.name = "--to",
                   .argument = "WHEN",
                   .kind = ArgumentKind::kText,
                   .text = "Where it ends; what is there is no part of it. Required."},
                  {.name = "--to-topic",
                   .argument = "TOPIC",
                   .kind = ArgumentKind::kText,
                   .default_text = "where the rule sends",
                   .text = "Sends there instead, whatever the team may write to."},
                  {.name = "--rate",
                   .argument = "N/s",
                   .kind = ArgumentKind::kText,
                   .default_text = "as fast as it goes",
                   .text = "Reads no more events of the source a second."},
                  {.name = "--job",
                   .argument = "NAME",
                   .kind = ArgumentKind::kText,
                   .default_text = "TEAM.NAME of the rule",
                   .text = "The job's name: what goes on, or is done, by it."},
                  {.name = "--dry-run",
                   .text = "Says which offsets it would read, and begins nothing."},
                  {.name = "--progress",
                   .argument = "FORM",
                   .kind = ArgumentKind::kText,
                   .text = "json: says how far it is, and the end, by lines of JSON on standard "
                           "output."},
                  {.name = "--set",
                   .argument = "KEY=VALUE",
                   .kind = ArgumentKind::kText,
                   .text = "Sets a value before the config's, as in `turnout run`."}},
      .exits = {{0, "Done, now or before; or there is nothing in the range."},
                {1,
                 "Not done: stopped by a signal, or it could not go on; standard error says why. "
                 "The same command again goes on."},
                {2, "Refused: the config, the rule, the range, a topic; or unknown usage."}},
      .examples =
          {{"turnout replay --config pipeline.yaml --rule growth/orders --from 7d "
            "--to now",
            "What the rule would have sent in the last week:"},
           {"turnout replay --config pipeline.yaml --rule growth/orders --from "
            "earliest --to 2026-11-20T00:00:00Z --to-topic growth.trial --rate 2000/s --job "
            "trial-1",
            "Into a topic of its own, slowly:"}},
      .see_also = "turnout run, turnout diff",
  };
}

Command DiffCommand() {
  return {
      .name = "diff",
      .summary = "compare what two versions of the rules make of real events",
      .synopsis =
          "--from OLD --to NEW --events FILE|- [OPTION...]\n"
          "    turnout diff --from OLD --to NEW --config FILE --since WHEN [OPTION...]\n"
          "    turnout diff --from OLD --to NEW --config FILE --tail TIME [OPTION...]",
      .description =
          "Runs both versions over the same events and prints, rule by rule, how many events each "
          "sends, where to, and which differ: gained (sent by the new rule only), lost (by the old "
          "one only), moved (to other destinations), changed (to the same, with another key or "
          "value); of each the first few, with their positions. Nothing is sent, no offset is "
          "committed, no group is joined.\n\n"
          "Events are lines of a file (each a JSON value), a range of the pipeline's source, or "
          "what comes into it from now on. What steps remember begins empty on both sides with the "
          "first of these events, a state a partition as in a pipeline, so thresholds and windows "
          "that were under way before are not seen. Lines of a file are one partition, "
          "have no key, and each is a millisecond after the one before, unless source.time_field "
          "says when it happened. Tables are not read: matches that ask one count as parked. A "
          "rule in shadow sends nothing, one with a `percent` to its share of keys, as live.\n\n"
          "With --config both are held to its limits and settings. WHEN is as in `turnout replay`: "
          "a time, 7d for that long ago, an offset, `earliest`, `now`.",
      .options =
          {{.name = "--from",
            .argument = "OLD",
            .kind = ArgumentKind::kFile,
            .text = "The old rules: a rule file or a directory of them. Required."},
           {.name = "--to",
            .argument = "NEW",
            .kind = ArgumentKind::kFile,
            .text = "The new ones. Required."},
           {.name = "--events",
            .argument = "FILE",
            .kind = ArgumentKind::kFile,
            .text = "Events, one a line, plain or gzipped; - for standard input."},
           {.name = "--config",
            .argument = "FILE",
            .kind = ArgumentKind::kFile,
            .text = "The pipeline's config, whose source is read unless --events says otherwise."},
           {.name = "--set",
            .argument = "KEY=VALUE",
            .kind = ArgumentKind::kText,
            .text = "Sets a value before the config's, as in `turnout run`."},
           {.name = "--since",
            .argument = "WHEN",
            .kind = ArgumentKind::kText,
            .text = "Where the range of the source begins."},
           {.name = "--until",
            .argument = "WHEN",
            .kind = ArgumentKind::kText,
            .default_text = "now",
            .text = "Where it ends."},
           {.name = "--tail",
            .argument = "TIME",
            .kind = ArgumentKind::kText,
            .text = "Reads what comes from now on, for so long: 30s, 5m."},
           {.name = "--count",
            .argument = "N",
            .kind = ArgumentKind::kText,
            .default_text = "all of them",
            .text = "Ends after so many events."},
           {.name = "--samples",
            .argument = "N",
            .kind = ArgumentKind::kText,
            .default_text = "3",
            .text = "Shows so many events of each rule and kind of difference."},
           {.name = "--json",
            .text = "Prints one JSON object, with the rules that do the same too."}},
      .exits = {{0, "They do the same with these events."},
                {1, "They differ."},
                {2,
                 "Rules, config, range or events are refused or can't be read; there was no event "
                 "to compare them with; or unknown usage."}},
      .examples = {{"turnout diff --from rules/ --to rules.new/ --config pipeline.yaml --since 1h",
                    "With the last hour's events:"},
                   {"turnout diff --from rules/ --to rules.new/ --config pipeline.yaml --tail 30s "
                    "--json | jq '.rules[] | select(.lost > 0)'",
                    "What would be lost of what comes now:"},
                   {"turnout diff --from old.yaml --to new.yaml --events events.ndjson",
                    "Without a Kafka:"}},
      .see_also = "turnout validate, turnout match, turnout replay",
  };
}

Command DlqCommand() {
  return {
      .name = "dlq",
      .summary = "list, show and put back dead letters",
      .synopsis =
          "ls --config FILE [--rule RULE] [--kind KIND] [--reason TEXT]\n"
          "                   [--since TIME] [--until TIME] [--parking] [--json]\n"
          "                   [--set KEY=VALUE]...\n"
          "    turnout dlq show ... [--limit N]\n"
          "    turnout dlq redrive ... [--rate N] [--before OFFSETS] [--dry-run]\n"
          "                   [--progress json]",
      .description =
          "Reads the pipeline's dead-letter topic up to the end that it has now, without what was "
          "put back already. ls counts by kind and rules, with the times of the first and the "
          "last; show prints records, with what their headers say; redrive puts them back, each "
          "once.\n\n"
          "What is put back goes through the re-key topic to the running routers, and on from "
          "where it stood: with the rules that its headers name and no others, by what these "
          "rules are now; behind the steps that it had passed, which are not told of it again; to "
          "the one destination that it lacked. What no rule could read is judged by all rules. "
          "Where it can't go on (a step's state lies with the source's partition; the rule is "
          "gone, in shadow, or sends elsewhere by now) it becomes a new dead letter that says so. "
          "`turnout "
          "replay` sends a rule's events once more, from the source.\n\n"
          "Beside each batch goes a mark into the dead-letter topic, in one transaction: killed or "
          "stopped, the same command again puts back the rest. Times are those of the events.",
      .options =
          {PipelineOption(),
           SetOption(),
           {.name = "--rule",
            .argument = "RULE",
            .kind = ArgumentKind::kText,
            .text = "Only those of this rule, `team/name`, or of this team."},
           {.name = "--kind",
            .argument = "KIND",
            .kind = ArgumentKind::kText,
            .text = "Only those of this kind: unreadable_event, unroutable, state_full, "
                    "record_too_large, destination_unavailable, poison; of the parking topic, "
                    "missing_key, destination_unavailable, over_limit."},
           {.name = "--reason",
            .argument = "TEXT",
            .kind = ArgumentKind::kText,
            .text = "Only those whose reason has this text in it."},
           {.name = "--since",
            .argument = "TIME",
            .kind = ArgumentKind::kText,
            .text = "Only events from this time on: RFC 3339, or `2h` for two hours ago."},
           {.name = "--until",
            .argument = "TIME",
            .kind = ArgumentKind::kText,
            .text = "Only events before this time."},
           {.name = "--parking",
            .text = "The parking topic instead: of redrive, events that wait for a table's key."},
           {.name = "--json", .text = "Prints JSON, an object a line."},
           {.name = "--limit",
            .argument = "N",
            .kind = ArgumentKind::kText,
            .default_text = "20",
            .text = "How many records show prints; 0 is all."},
           {.name = "--rate",
            .argument = "N",
            .kind = ArgumentKind::kText,
            .default_text = "1000",
            .text = "How many events a second redrive puts back; 0: as fast as it goes."},
           {.name = "--dry-run",
            .text = "Of redrive: says what it would put back, and changes nothing."},
           {.name = "--before",
            .argument = "OFFSETS",
            .kind = ArgumentKind::kText,
            .default_text = "the end that it has now",
            .text = "Of redrive: leaves what lies there from these offsets on, as in 0:1742,1:88; "
                    "the same again then takes nothing that came later."},
           {.name = "--progress",
            .argument = "FORM",
            .kind = ArgumentKind::kText,
            .text = "Of redrive, json: says how far it is, and the end, by lines of JSON."}},
      .operands = {{.name = "VERB",
                    .kind = ArgumentKind::kChoice,
                    .choices = {"ls", "show", "redrive"},
                    .text = "What to do: ls, show or redrive."}},
      .exits = {{0, "Done."},
                {1, "The brokers don't answer, or a signal stopped it: the same again."},
                {2, "The config is refused; a topic is missing or not granted; or unknown usage."}},
      .examples = {{"turnout dlq ls --config pipeline.yaml --since 1d", "What went wrong today:"},
                   {"turnout dlq show --config pipeline.yaml --rule fraud --json | jq .reason",
                    "Why, of one team:"},
                   {"turnout dlq redrive --config pipeline.yaml --rule shop/abroad --kind "
                    "destination_unavailable",
                    "Once its topic is there, put back what waited for it:"}},
      .see_also = "turnout run, turnout txn",
  };
}

Command TxnCommand() {
  return {
      .name = "txn",
      .summary = "list the cluster's transactions, abort one that hangs",
      .synopsis =
          "ls --config FILE [--all] [--json] [--hanging [--topic TOPIC]...]\n"
          "    turnout txn abort --config FILE --transactional-id ID [--yes]\n"
          "    turnout txn abort --config FILE --topic TOPIC --partition N\n"
          "                      --start-offset N [--yes]",
      .description =
          "ls prints the transactions that are open, with how long they have been, their timeouts "
          "and partitions; those of this pipeline's routers, redrives and replays have a star. "
          "Where an id may as well be of a pipeline whose group's name goes on after this one's "
          "(group `a`, id `a-b-c-0`: instance `b-c` of `a`, or `c` of `a-b`) it has a question "
          "mark, unless the instance is the config's: `--set instance=NAME` asks for another. "
          "With --hanging it looks "
          "for partitions instead whose readers are held back by a transaction that no "
          "coordinator has open, so that nobody will end it; that takes some seconds.\n\n"
          "abort ends one. By its transactional id: the id is taken over, its coordinator aborts "
          "what is open, and its producer is fenced (a router begins anew and does its batch "
          "again). By topic, partition and start offset, as ls --hanging prints them: the marker "
          "that does not come is written into that partition; refused where a coordinator has the "
          "transaction.\n\n"
          "Needs Kafka 3.0; Describe on transactional ids, Read on topics; to abort, Write on the "
          "id, or ClusterAction on the cluster.",
      .options = {PipelineOption(),
                  SetOption(),
                  {.name = "--all", .text = "Of ls: also those that are over."},
                  {.name = "--hanging", .text = "Of ls: partitions that are held back for good."},
                  {.name = "--json", .text = "Of ls: prints JSON, an object a line."},
                  {.name = "--transactional-id",
                   .argument = "ID",
                   .kind = ArgumentKind::kText,
                   .text = "Which transaction to abort."},
                  {.name = "--topic",
                   .argument = "TOPIC",
                   .kind = ArgumentKind::kText,
                   .default_text = "of ls --hanging: all that this principal may see",
                   .text = "Where it hangs. Of ls --hanging it may be given more than once."},
                  {.name = "--partition",
                   .argument = "N",
                   .kind = ArgumentKind::kText,
                   .text = "The same."},
                  {.name = "--start-offset",
                   .argument = "N",
                   .kind = ArgumentKind::kText,
                   .text = "The offset at which it begins there."},
                  {.name = "--yes",
                   .text = "Does it. Without, abort says what it would do, and ends with status "
                           "2."}},
      .operands = {{.name = "VERB",
                    .kind = ArgumentKind::kChoice,
                    .choices = {"ls", "abort"},
                    .text = "What to do: ls or abort."}},
      .exits = {{0, "Done."},
                {1, "There is no such transaction, or the brokers don't answer."},
                {2,
                 "The config is refused; something is not granted; --yes is missing; or unknown "
                 "usage."}},
      .examples = {{"turnout txn ls --config pipeline.yaml", "What is open now:"},
                   {"turnout txn ls --config pipeline.yaml --hanging --topic shop.orders",
                    "Does something hold a topic's readers back?"},
                   {"turnout txn abort --config pipeline.yaml --transactional-id turnout-pod-3-0 "
                    "--yes",
                    "End what a pod that is gone for good left open:"}},
      .see_also = "turnout run",
  };
}

}  // namespace turnout::runtime
