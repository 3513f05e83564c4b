#include "runtime/dlq_command.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "router/suggest.h"
#include "runtime/command_client.h"
#include "runtime/dlq_filter.h"
#include "runtime/dlq_reader.h"
#include "runtime/exit_status.h"
#include "runtime/job_lines.h"
#include "runtime/load_config.h"
#include "runtime/log.h"
#include "runtime/record_headers.h"
#include "runtime/redrive_job.h"
#include "runtime/stop_signals.h"
#include "runtime/topic_range.h"

namespace turnout::runtime {
namespace {

constexpr int kReadEventsMax = 1'000;
// How long what is on its way may take to be committed after a signal.
constexpr absl::Duration kStopTimeout = absl::Seconds(10);

absl::Status ReadMoment(const char* option, const std::string& text, std::optional<int64_t>* ms) {
  if (text.empty()) return absl::OkStatus();
  *ms = ParseMoment(text, absl::Now());
  if (*ms) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      option, ": `", text, "` is no time: write 2026-11-26T08:00:00Z, or 2h for two hours ago"));
}

// A misspelt one would quietly take nothing.
absl::Status CheckKind(const std::string& kind) {
  std::vector<std::string_view> known(std::begin(kDeadLetterErrors), std::end(kDeadLetterErrors));
  known.insert(known.end(), {kErrorMissingKey, kErrorOverLimit});
  if (kind.empty() || std::ranges::count(known, kind) > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--kind: there is no kind ", router::Quoted(kind),
                                                 ": ", router::NearestNameCure(kind, known)));
}

// `0:12,3:40`, as ranges have them.
absl::Status ReadEnds(const std::string& text, std::optional<std::map<int32_t, int64_t>>* ends) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<RangeBound> bound = ParseRangeBound(text, absl::Now());
  if (bound.ok() && bound->kind == RangeBound::Kind::kOffsets) {
    *ends = bound->offsets;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--before: `", text, "` is no offsets of partitions: write them as in 0:1742,1:88"));
}

std::string EndsText(const std::map<int32_t, int64_t>& ends) {
  return absl::StrJoin(ends, ",", absl::PairFormatter(":"));
}

JobLine LineOf(const RedriveSummary& summary, bool is_dry_run) {
  int64_t left = 0;
  for (const auto& [why, count] : summary.left) left += static_cast<int64_t>(count);
  const auto put_back = static_cast<int64_t>(summary.put_back.total());
  JobLine line = {.state = summary.is_done ? "done" : "stopped",
                  .done = put_back,
                  .total = summary.total,
                  .counts = {{"left", left}},
                  .range = EndsText(summary.ends)};
  if (!is_dry_run) return line;
  line.state = "counted";
  line.done = 0;
  line.total = put_back;
  return line;
}

absl::StatusOr<DlqFilter> FilterOf(const DlqOptions& options) {
  DlqFilter filter = {.rule = options.rule, .kind = options.kind, .reason = options.reason};
  absl::Status read = CheckKind(options.kind);
  if (read.ok()) read = ReadMoment("--since", options.since, &filter.since_ms);
  if (read.ok()) read = ReadMoment("--until", options.until, &filter.until_ms);
  if (!read.ok()) return read;
  return filter;
}

// Of what ls and show do, and redrive does.
class DlqCommand {
 public:
  DlqCommand(const DlqOptions& options, const Config& config,
             const connectors::KafkaClientOptions& client, DlqFilter filter, std::FILE* out)
      : options_(options),
        config_(config),
        client_(client),
        filter_(std::move(filter)),
        out_(out),
        topic_(options.parking ? config.parking_topic : config.dead_letter_topic) {}

  absl::Status List();
  absl::Status Show();
  // Whether all of it was done.
  absl::StatusOr<bool> Redrive();

 private:
  absl::Status EachLetter(DlqReader::OnLetter on_letter);
  void Print(const std::string& text) { std::fputs(text.c_str(), out_); }

  const DlqOptions& options_;
  const Config& config_;
  const connectors::KafkaClientOptions& client_;
  const DlqFilter filter_;
  std::FILE* const out_;
  const std::string topic_;
};

absl::Status DlqCommand::EachLetter(DlqReader::OnLetter on_letter) {
  auto reader = DlqReader::Open(client_, topic_, kReadEventsMax, nullptr);
  if (!reader.ok()) return NamingSetting(reader.status(), SettingOfTopic(options_.parking));
  return (*reader)->ReadLetters([&](const DeadLetter& letter) {
    return filter_.Takes(letter) ? on_letter(letter) : absl::OkStatus();
  });
}

absl::Status DlqCommand::List() {
  DlqCounts counts;
  absl::Status read = EachLetter([&](const DeadLetter& letter) {
    counts.Add(letter);
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  Print(options_.json ? counts.Lines() : counts.Table());
  return absl::OkStatus();
}

absl::Status DlqCommand::Show() {
  uint64_t shown = 0;
  absl::Status read = EachLetter([&](const DeadLetter& letter) {
    if (options_.limit > 0 && shown == options_.limit) return absl::CancelledError("enough");
    ++shown;
    Print(options_.json ? DeadLetterJson(letter, topic_) : DeadLetterText(letter, topic_));
    return absl::OkStatus();
  });
  return absl::IsCancelled(read) ? absl::OkStatus() : read;
}

absl::StatusOr<bool> DlqCommand::Redrive() {
  RedriveOptions redrive = {.filter = filter_,
                            .parking = options_.parking,
                            .events_per_second = options_.rate,
                            .dry_run = options_.dry_run};
  const absl::StatusOr<bool> has_lines = ReadProgressOption(options_.progress);
  if (!has_lines.ok()) return has_lines.status();
  if (absl::Status read = ReadEnds(options_.before, &redrive.ends); !read.ok()) return read;
  JobLines lines(out_);
  if (*has_lines) {
    redrive.on_progress = [&](int64_t done, int64_t total) {
      const absl::Time now = absl::Now();
      if (lines.IsDue(now)) {
        lines.Say({.state = "running", .done = done, .total = total}, now);
      }
    };
  }
  RedriveJob job(config_, client_, std::move(redrive));
  const StopSignals stop_signals([&job] { job.RequestStop(); }, kStopTimeout);
  const absl::StatusOr<RedriveSummary> summary = job.Run();
  if (!summary.ok()) return summary.status();
  if (*has_lines) {
    lines.Say(LineOf(*summary, options_.dry_run), absl::Now());
    return summary->is_done;
  }
  if (options_.json) {
    Print(summary->put_back.Lines());
    return summary->is_done;
  }
  Print(absl::StrFormat("%s, of %s:\n%s", options_.dry_run ? "would be put back" : "put back",
                        topic_, summary->put_back.Table()));
  for (const auto& [why, count] : summary->left) {
    Print(absl::StrFormat("%9d  left: %s\n", count, why));
  }
  if (!summary->is_done) Print("stopped; the same command again goes on from there\n");
  return summary->is_done;
}

// Whether all of it was done.
absl::StatusOr<bool> Obey(const DlqOptions& options, const Config& config, std::FILE* out,
                          std::FILE* err) {
  const absl::StatusOr<DlqFilter> filter = FilterOf(options);
  if (!filter.ok()) return filter.status();
  const auto client = MakeCommandClient(config, "dlq", err);
  if (!client.ok()) return client.status();
  DlqCommand command(options, config, client->options, *filter, out);
  if (options.verb == "redrive") return command.Redrive();
  const absl::Status said = options.verb == "ls" ? command.List() : command.Show();
  if (!said.ok()) return said;
  return true;
}

}  // namespace

int RunDlq(const DlqOptions& options, std::FILE* out, std::FILE* err) {
  // Before any thread exists, so that all of them inherit it.
  if (options.verb == "redrive") StopSignals::Block();
  const std::optional<LoadedConfig> loaded =
      LoadConfig(options.config_path, {.values = options.overrides});
  if (!loaded) return kExitRefused;
  const absl::StatusOr<bool> done = Obey(options, loaded->config, out, err);
  if (done.ok()) return *done ? kExitOk : kExitFailed;
  const absl::string_view why = done.status().message();
  std::fprintf(err, "turnout dlq: %s\n", WithoutSecrets({why.data(), why.size()}).c_str());
  return absl::IsInvalidArgument(done.status()) ? kExitRefused : kExitFailed;
}

}  // namespace turnout::runtime
