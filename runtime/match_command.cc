#include "runtime/match_command.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "router/conformance.h"
#include "router/router.h"
#include "router/rule_set.h"
#include "runtime/exit_status.h"
#include "runtime/json_text.h"
#include "runtime/line_reader.h"
#include "runtime/match_bench.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {
namespace {

constexpr int kExitDiffers = 1;

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

void Write(std::string_view text, std::FILE* to) { std::fwrite(text.data(), 1, text.size(), to); }

std::string_view Shown(const std::string& path) {
  return path == "-" ? std::string_view("standard input") : path;
}

void Complain(const std::string& path, const absl::Status& status, std::FILE* err) {
  Write(absl::StrFormat("turnout match: %s cannot be read: %s\n", Shown(path), status.message()),
        err);
}

// The answer to one event. Rule ids are made of characters that JSON takes as they are.
void AppendAnswer(const router::Routes& routes, const router::RuleSet& rules, std::string* out) {
  if (!routes.payload_error.ok()) {
    const absl::string_view error = routes.payload_error.message();
    out->append("{\"error\": ");
    AppendJsonString({error.data(), error.size()}, out);
    out->append("}\n");
    return;
  }
  const char* separator = "[\"";
  for (const router::RuleIndex rule : routes.matched) {
    out->append(separator).append(rules.rules()[rule].id);
    separator = "\", \"";
  }
  out->append(routes.matched.empty() ? "[]\n" : "\"]\n");
}

// Nullopt once `err` has been told why.
std::optional<std::vector<router::Team>> ReadRules(const std::string& rules_path,
                                                   const router::RuleLimits& limits,
                                                   const std::string& events_path,
                                                   const CommandStreams& streams) {
  if (rules_path == "-" && events_path == "-") {
    Write("turnout match: standard input cannot be both the rules and the events\n", streams.err);
    return std::nullopt;
  }
  LoadedRules loaded = LoadRules({rules_path}, limits, streams.in);
  if (loaded.refused.empty()) return std::move(loaded.teams);
  Write(FormatRefused(loaded), streams.err);
  return std::nullopt;
}

double MillisecondsSince(int64_t begun_ns) {
  return static_cast<double>(ThreadCpuTimeNs() - begun_ns) / 1e6;
}

// The rule set as `turnout run` builds it, and what that took. Null once `err` has been told why
// not.
std::shared_ptr<const router::RuleSet> BuildMeasured(const std::string& rules_path,
                                                     const router::RuleLimits& limits,
                                                     const std::string& events_path,
                                                     const CommandStreams& streams,
                                                     RuleSetCost* cost) {
  const std::optional<size_t> before = HeapBytesInUse();
  const int64_t begun = ThreadCpuTimeNs();
  auto teams = ReadRules(rules_path, limits, events_path, streams);
  if (!teams.has_value()) return nullptr;
  cost->read_ms = MillisecondsSince(begun);
  const int64_t read = ThreadCpuTimeNs();
  auto rules = router::RuleSet::Build(*std::move(teams));
  cost->build_ms = MillisecondsSince(read);
  cost->rules = rules->rules().size();
  teams.reset();  // and what moving has left of the files
  if (const std::optional<size_t> after = HeapBytesInUse(); before.has_value() && cost->rules > 0) {
    const double bytes = static_cast<double>(*after) - static_cast<double>(*before);
    cost->bytes_per_rule = std::round(std::max(0.0, bytes) / static_cast<double>(cost->rules));
  }
  return rules;
}

}  // namespace

int RunMatchEvents(const std::string& rules_path, const router::RuleLimits& limits,
                   const std::string& events_path, const CommandStreams& streams) {
  std::optional<std::vector<router::Team>> teams =
      ReadRules(rules_path, limits, events_path, streams);
  if (!teams.has_value()) return kExitRefused;
  auto lines = LineReader::Open(events_path, LineReader::Format::kPlain, streams.in);
  if (!lines.ok()) {
    Complain(events_path, lines.status(), streams.err);
    return kExitRefused;
  }
  (*lines)->set_before_read([&] { std::fflush(streams.out); });

  router::Router router(router::RuleSet::Build(*std::move(teams)));
  std::string answer;
  for (std::string_view line; (*lines)->Next(&line);) {
    if (IsBlank(line)) continue;
    answer.clear();
    AppendAnswer(router.Route({.value = line}), router.rules(), &answer);
    Write(answer, streams.out);
  }
  if ((*lines)->status().ok()) return kExitOk;
  Complain(events_path, (*lines)->status(), streams.err);
  return kExitRefused;
}

int RunMatchBench(const std::string& rules_path, const router::RuleLimits& limits,
                  const std::string& events_path, const CommandStreams& streams) {
  RuleSetCost rules_cost;
  const auto rules = BuildMeasured(rules_path, limits, events_path, streams, &rules_cost);
  if (rules == nullptr) return kExitRefused;
  auto lines = LineReader::Open(events_path, LineReader::Format::kPlain, streams.in);
  if (!lines.ok()) {
    Complain(events_path, lines.status(), streams.err);
    return kExitRefused;
  }
  std::string text;
  std::vector<size_t> ends;  // of each event in `text`
  for (std::string_view line; (*lines)->Next(&line);) {
    if (IsBlank(line)) continue;
    text.append(line);
    ends.push_back(text.size());
  }
  if (!(*lines)->status().ok()) {
    Complain(events_path, (*lines)->status(), streams.err);
    return kExitRefused;
  }
  if (ends.empty()) {
    Write(absl::StrFormat("turnout match: %s holds no event\n", Shown(events_path)), streams.err);
    return kExitRefused;
  }
  std::vector<std::string_view> events;
  for (size_t begin = 0; const size_t end : ends) {
    events.push_back(std::string_view(text).substr(begin, end - begin));
    begin = end;
  }
  Write(FormatBench(rules_cost, MeasureMatch(rules->matcher(), events)), streams.out);
  return kExitOk;
}

int RunMatchCases(const std::string& cases_path, const CommandStreams& streams) {
  auto lines = LineReader::Open(cases_path, LineReader::Format::kMaybeGzip, streams.in);
  if (!lines.ok()) {
    Complain(cases_path, lines.status(), streams.err);
    return kExitRefused;
  }
  int line_number = 0;
  int passed = 0;
  int failed = 0;
  for (std::string_view line; (*lines)->Next(&line);) {
    ++line_number;
    if (IsBlank(line)) continue;
    const absl::StatusOr<router::CaseOutcome> outcome = router::RunConformanceCase(line);
    if (outcome.ok() && outcome->passed()) {
      ++passed;
      continue;
    }
    ++failed;
    Write(outcome.ok() ? absl::StrFormat("%s: %s\n", outcome->id, outcome->difference)
                       : absl::StrFormat("line %d is no case: %s\n", line_number,
                                         outcome.status().message()),
          streams.out);
  }
  if (!(*lines)->status().ok()) {
    Complain(cases_path, (*lines)->status(), streams.err);
    return kExitRefused;
  }
  if (passed + failed == 0) {
    Write(absl::StrFormat("turnout match: %s holds no case\n", Shown(cases_path)), streams.err);
    return kExitRefused;
  }
  Write(absl::StrFormat("%d passed, %d failed\n", passed, failed), streams.out);
  return failed == 0 ? kExitOk : kExitDiffers;
}

}  // namespace turnout::runtime
