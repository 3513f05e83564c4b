#include "runtime/replay_command.h"

#include <signal.h>

#include <cstdio>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/config_values.h"
#include "runtime/counted.h"
#include "runtime/load_config.h"
#include "runtime/log.h"
#include "runtime/stop_signals.h"
#include "runtime/topic_range.h"

namespace turnout::runtime {
namespace {

constexpr int kExitDone = 0;
constexpr int kExitNotDone = 1;
constexpr int kExitRefused = 2;

// What a stop may take beyond limits.shutdown_timeout.
constexpr absl::Duration kStopReserve = absl::Milliseconds(700);

int NotDone(const absl::Status& why) {
  const absl::string_view message = why.message();
  std::fprintf(stderr, "turnout replay: %s\n",
               WithoutSecrets({message.data(), message.size()}).c_str());
  return absl::IsInvalidArgument(why) ? kExitRefused : kExitNotDone;
}

}  // namespace

std::optional<int64_t> ParseEventsPerSecond(std::string_view text) {
  constexpr std::string_view kUnit = "/s";
  if (text.size() > kUnit.size() && text.substr(text.size() - kUnit.size()) == kUnit) {
    text.remove_suffix(kUnit.size());
  }
  const std::optional<int64_t> number = ParseWholeNumber(text);
  return number && *number >= 1 ? number : std::nullopt;
}

std::string FormatReplaySummary(const ReplayOptions& options, const ReplaySummary& summary) {
  const std::string range = absl::StrCat(Counted(SizeOf(summary.ranges), "offset"), " of ",
                                         Counted(std::ssize(summary.ranges), "partition"));
  if (summary.was_empty) {
    return absl::StrFormat("there is nothing in that range: %s, %s (job %s has not begun)\n",
                           options.rule, range, summary.job);
  }
  if (summary.was_done_before) {
    return absl::StrFormat(
        "job %s is done already: %s, %s, %s (name another --job to send them once more)\n",
        summary.job, options.rule, range, FormatRanges(summary.ranges));
  }
  const ReplayCounts& counts = summary.counts;
  std::string text = absl::StrFormat(
      "job %s %s: %s, %s\nthis run read %s in %s: %s, %s sent, %s, %s unreadable\n", summary.job,
      summary.is_done ? "is done" : "was stopped", options.rule, range,
      Counted(counts.events, "event"),
      absl::FormatDuration(absl::Trunc(summary.took, absl::Milliseconds(100))),
      absl::StrFormat("%d %s", counts.matched, counts.matched == 1 ? "match" : "matches"),
      Counted(counts.outputs, "record"), Counted(counts.dead_letters, "dead letter"),
      Counted(counts.unreadable, "event"));
  if (!summary.is_done) absl::StrAppend(&text, "the same command again goes on from there\n");
  return text;
}

int RunReplay(const ReplayCommandOptions& options) {
  // Before any thread exists, so that all of them inherit it.
  StopSignals::Block();
  const std::optional<LoadedConfig> loaded =
      LoadConfig(options.config_path, {.values = options.overrides});
  if (!loaded) return kExitRefused;
  ::signal(SIGPIPE, SIG_IGN);
  const Config& config = loaded->config;
  StartLog({.json = config.log.json,
            .level = config.log.level,
            .lines_per_second_max = config.log.lines_per_second_max});
  ReplayJob job(config, options.replay);
  absl::StatusOr<ReplaySummary> summary;
  {
    const StopSignals stop_signals([&job] { job.RequestStop(); },
                                   config.limits.shutdown_timeout + kStopReserve, [] {},
                                   kExitNotDone);
    summary = job.Run();
  }
  if (!summary.ok()) return NotDone(summary.status());
  std::fputs(FormatReplaySummary(options.replay, *summary).c_str(), stdout);
  return summary->is_done ? kExitDone : kExitNotDone;
}

}  // namespace turnout::runtime
