#include "runtime/job_commands.h"

namespace turnout::runtime {

Command ReplayCommand() {
  return {
      .name = "replay",
      .summary = "backfill one rule over a range of the source",
      .synopsis =
          "--config FILE --rule TEAM/NAME --from WHEN --to WHEN\n"
          "    [--to-topic TOPIC] [--rate N/s] [--job NAME] [--set KEY=VALUE]...",
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

}  // namespace turnout::runtime
