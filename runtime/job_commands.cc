#include "runtime/job_commands.h"

namespace turnout::runtime {

Command DiffCommand() {
  return {
      .name = "diff",
      .summary = "compare what two versions of the rules make of real events",
      .synopsis =
          "--from OLD --to NEW --events FILE|- [--config FILE] [--count N] [OPTION...]\n"
          "    turnout diff --from OLD --to NEW --config FILE --since WHEN [--until WHEN] "
          "[OPTION...]\n"
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
          "With --config both are held to its limits and settings. WHEN is a time "
          "(2026-11-20T08:00:00Z), 7d for that long ago, an offset, `earliest`, `now`.",
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
                 "Rules, config, range or events are refused or can't be read; or unknown "
                 "usage."}},
      .examples = {{"turnout diff --from rules/ --to rules.new/ --config pipeline.yaml --since 1h",
                    "With the last hour's events:"},
                   {"turnout diff --from rules/ --to rules.new/ --config pipeline.yaml --tail 30s "
                    "--json | jq '.rules[] | select(.lost > 0)'",
                    "What would be lost of what comes now:"},
                   {"turnout diff --from old.yaml --to new.yaml --events events.ndjson",
                    "Without a Kafka:"}},
      .see_also = "turnout validate, turnout match",
  };
}

}  // namespace turnout::runtime
