#include "runtime/replay_command.h"

#include <signal.h>

#include <cstdio>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "runtime/config_values.h"
#include "runtime/counted.h"
#include "runtime/exit_status.h"
#include "runtime/job_lines.h"
#include "runtime/load_config.h"
#include "runtime/log.h"
#include "runtime/stop_signals.h"
#include "runtime/topic_range.h"

namespace turnout::runtime {
namespace {

constexpr int kExitNotDone = 1;

// What a stop may take beyond limits.shutdown_timeout.
constexpr absl::Duration kStopReserve = absl::Milliseconds(700);

JobLine LineOf(std::string_view state, int64_t left, int64_t total, const ReplayCounts& counts) {
  const auto number = [](uint64_t count) { return static_cast<int64_t>(count); };
  return {.state = state,
          .done = total - left,
          .total = total,
          .counts = {{"events", number(counts.events)},
                     {"matched", number(counts.matched)},
                     {"sent", number(counts.outputs)},
                     {"dead_letters", number(counts.dead_letters)},
                     {"unreadable", number(counts.unreadable)}}};
}

JobLine LastLine(const ReplayOptions& options, const ReplaySummary& summary, int64_t left) {
  const int64_t total = SizeOf(summary.ranges);
  if (options.dry_run) {
    return {.state = "counted", .total = total, .range = FormatRanges(summary.ranges)};
  }
  return LineOf(summary.is_done ? "done" : "stopped", summary.is_done ? 0 : left, total,
                summary.counts);
}

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
  if (options.dry_run) {
    return absl::StrFormat("would read %s: %s, %s\n", range, options.rule,
                           FormatRanges(summary.ranges));
  }
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
  const absl::StatusOr<bool> has_lines = ReadProgressOption(options.progress);
  if (!has_lines.ok()) return NotDone(has_lines.status());
  JobLines lines(stdout);
  ReplayOptions replay = options.replay;
  int64_t last_left = 0;
  if (*has_lines) {
    replay.on_progress = [&](int64_t left, int64_t total, const ReplayCounts& counts) {
      last_left = left;
      const absl::Time now = absl::Now();
      if (lines.IsDue(now)) lines.Say(LineOf("running", left, total, counts), now);
    };
  }
  ReplayJob job(config, replay);
  absl::StatusOr<ReplaySummary> summary;
  {
    const StopSignals stop_signals([&job] { job.RequestStop(); },
                                   config.limits.shutdown_timeout + kStopReserve, [] {},
                                   kExitNotDone);
    summary = job.Run();
  }
  if (!summary.ok()) return NotDone(summary.status());
  if (*has_lines) {
    lines.Say(LastLine(options.replay, *summary, last_left), absl::Now());
  } else {
    std::fputs(FormatReplaySummary(options.replay, *summary).c_str(), stdout);
  }
  return summary->is_done || options.replay.dry_run ? kExitOk : kExitNotDone;
}

}  // namespace turnout::runtime
