// replay: backfills one rule over a range of the source.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/replay_job.h"

namespace turnout::runtime {

struct ReplayCommandOptions {
  std::string config_path;
  std::vector<std::string> overrides;  // of `--set`
  ReplayOptions replay;
  std::string progress;  // json: lines of JSON instead of the summary
};

// "500/s" or "500": events a second, at least one. Nullopt for any other text.
std::optional<int64_t> ParseEventsPerSecond(std::string_view text);

// A line or two for people.
std::string FormatReplaySummary(const ReplayOptions& options, const ReplaySummary& summary);

// Answers the exit status once it is done, was stopped, or can't go on.
int RunReplay(const ReplayCommandOptions& options);

}  // namespace turnout::runtime
