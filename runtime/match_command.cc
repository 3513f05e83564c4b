#include "runtime/match_command.h"

#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/conformance.h"
#include "router/router.h"
#include "router/rule_set.h"
#include "runtime/json_text.h"
#include "runtime/line_reader.h"
#include "runtime/rule_loader.h"

namespace turnout::runtime {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitDiffers = 1;
constexpr int kExitRefused = 2;

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

}  // namespace

int RunMatchEvents(const std::string& rules_path, const std::string& events_path,
                   const CommandStreams& streams) {
  if (rules_path == "-" && events_path == "-") {
    Write("turnout match: standard input cannot be both the rules and the events\n", streams.err);
    return kExitRefused;
  }
  LoadedRules loaded = LoadRules({rules_path}, {}, streams.in);
  if (!loaded.refused.empty()) {
    Write(FormatRefused(loaded), streams.err);
    return kExitRefused;
  }
  auto lines = LineReader::Open(events_path, LineReader::Format::kPlain, streams.in);
  if (!lines.ok()) {
    Complain(events_path, lines.status(), streams.err);
    return kExitRefused;
  }
  (*lines)->set_before_read([&] { std::fflush(streams.out); });

  router::Router router(router::RuleSet::Build(std::move(loaded.teams)));
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
