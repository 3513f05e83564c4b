#include "deploy/manager/job.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/item.h"
#include "deploy/manager/json_reader.h"
#include "deploy/manager/json_writer.h"
#include "runtime/dlq_filter.h"
#include "runtime/topic_range.h"

namespace turnout::manager {
namespace {

constexpr std::array<std::string_view, 2> kKindNames = {"replay", "redrive"};
constexpr std::array<std::string_view, 7> kStateNames = {
    "proposed", "queued", "counting", "running", "done", "failed", "cancelled"};
constexpr std::array<std::string_view, 6> kCounts = {"events",       "matched",    "sent",
                                                     "dead_letters", "unreadable", "left"};
constexpr int64_t kRateMax = 1'000'000;

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

absl::Status CheckText(std::string_view name, std::string_view text) {
  const bool is_plain = std::none_of(text.begin(), text.end(),
                                     [](char c) { return static_cast<unsigned char>(c) < ' '; });
  if (is_plain && text.size() <= kJobTextBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "the body's `%s` is to be a line of %d bytes at most", name, kJobTextBytesMax));
}

absl::Status CheckRule(const JobWish& wish) {
  const size_t slash = wish.rule.find('/');
  const bool is_whole = slash != std::string::npos;
  if (wish.kind == JobKind::kReplay && !is_whole) {
    return absl::InvalidArgumentError("the body's `rule` is to be TEAM/NAME");
  }
  if (wish.rule.empty()) return absl::OkStatus();
  absl::Status checked = CheckItemName("team", wish.team());
  if (checked.ok() && is_whole) checked = CheckText("rule", wish.rule);
  return checked;
}

// A time, as it is at `now`.
absl::Status FixBound(absl::Time now, std::string_view name, std::string* text) {
  const absl::StatusOr<runtime::RangeBound> bound = runtime::ParseRangeBound(*text, now);
  if (!bound.ok()) {
    return absl::InvalidArgumentError(absl::StrFormat("`%s`: %s", name, bound.status().message()));
  }
  if (bound->kind == runtime::RangeBound::Kind::kLive) {
    return absl::InvalidArgumentError(
        "`live` is known to a router's state directory alone: run `turnout replay` there");
  }
  if (bound->kind == runtime::RangeBound::Kind::kTime) *text = TimeText(bound->time);
  return absl::OkStatus();
}

absl::Status FixMoment(absl::Time now, std::string_view name, std::string* text) {
  if (text->empty()) return absl::OkStatus();
  const std::optional<int64_t> at_ms = runtime::ParseMoment(*text, now);
  if (!at_ms) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the body's `%s` is to be a time: 2026-11-26T08:00:00Z, or 2h for two hours ago", name));
  }
  *text = TimeText(absl::FromUnixMillis(*at_ms));
  return absl::OkStatus();
}

void ReadWish(JsonReader& body, JobWish* wish) {
  wish->rule = body.Text("rule", "");
  wish->rate = body.Number("rate", 0, 0, kRateMax);
  for (const auto& [name, text] : std::initializer_list<std::pair<std::string_view, std::string*>>{
           {"from", &wish->from},
           {"to", &wish->to},
           {"to_topic", &wish->to_topic},
           {"letter_kind", &wish->letter_kind},
           {"reason", &wish->reason},
           {"since", &wish->since},
           {"until", &wish->until}}) {
    *text = body.Text(name, "");
  }
  wish->parking = body.Flag("parking", false);
}

}  // namespace

std::string_view KindName(JobKind kind) { return kKindNames[static_cast<size_t>(kind)]; }
std::string_view StateName(JobState state) { return kStateNames[static_cast<size_t>(state)]; }

absl::StatusOr<JobWish> ReadJobWish(std::string_view json, absl::Time now, std::string* why) {
  JsonReader body(json, "the body");
  JobWish wish;
  const std::string kind = body.Text("kind");
  if (!body.status().ok()) return body.status();
  if (kind == "replay") {
    body.Only({"kind", "rule", "from", "to", "to_topic", "rate", "why"});
  } else if (kind == "redrive") {
    body.Only(
        {"kind", "rule", "letter_kind", "reason", "since", "until", "parking", "rate", "why"});
    wish.kind = JobKind::kRedrive;
  } else {
    return absl::InvalidArgumentError("the body's `kind` is to be replay or redrive");
  }
  ReadWish(body, &wish);
  *why = body.Text("why", "");
  if (!body.status().ok()) return body.status();
  absl::Status checked = CheckRule(wish);
  for (const auto& [name, text] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"from", wish.from},
           {"to", wish.to},
           {"to_topic", wish.to_topic},
           {"letter_kind", wish.letter_kind},
           {"reason", wish.reason},
           {"since", wish.since},
           {"until", wish.until},
           {"why", *why}}) {
    if (checked.ok()) checked = CheckText(name, text);
  }
  if (wish.kind == JobKind::kReplay) {
    if (checked.ok()) checked = FixBound(now, "from", &wish.from);
    if (checked.ok()) checked = FixBound(now, "to", &wish.to);
  } else {
    if (checked.ok()) checked = FixMoment(now, "since", &wish.since);
    if (checked.ok()) checked = FixMoment(now, "until", &wish.until);
  }
  if (!checked.ok()) return checked;
  return wish;
}

std::string ToJson(const Job& job) {
  const JobWish& wish = job.wish;
  JsonObject json;
  json.Number("number", job.number)
      .Text("service", job.service)
      .Text("name", job.name)
      .Text("kind", KindName(wish.kind))
      .Text("state", StateName(job.state))
      .Text("rule", wish.rule);
  if (wish.kind == JobKind::kReplay) {
    json.Text("from", wish.from).Text("to", wish.to).Text("to_topic", wish.to_topic);
  } else {
    json.Text("letter_kind", wish.letter_kind)
        .Text("reason", wish.reason)
        .Text("since", wish.since)
        .Text("until", wish.until)
        .Flag("parking", wish.parking);
  }
  JsonObject counts;
  for (const auto& [name, count] : job.counts) counts.Number(name, count);
  json.Number("rate", wish.rate)
      .Text("by", job.by)
      .Text("approved_by", job.approved_by)
      .Text("cancelled_by", job.cancelled_by)
      .Text("why", job.why)
      .Number("created_ms", job.created_ms)
      .Number("started_ms", job.started_ms)
      .Number("ended_ms", job.ended_ms)
      .Text("range", job.range)
      .Number("total", job.total)
      .Number("done", job.total - job.left)
      .Number("per_second", static_cast<int64_t>(job.per_second))
      .Number("tries", job.tries)
      .Json("counts", counts.Done())
      .Text("error", job.error);
  return json.Done();
}

absl::StatusOr<Job> ReadJob(std::string_view json, const std::string& of) {
  JsonReader reader(json, of);
  Job job{.number = reader.Number("number", 0, 1, INT64_MAX),
          .service = reader.Text("service"),
          .name = reader.Text("name"),
          .by = reader.Text("by"),
          .approved_by = reader.Text("approved_by"),
          .cancelled_by = reader.Text("cancelled_by"),
          .why = reader.Text("why"),
          .created_ms = reader.Number("created_ms", 0, 0, INT64_MAX),
          .started_ms = reader.Number("started_ms", 0, 0, INT64_MAX),
          .ended_ms = reader.Number("ended_ms", 0, 0, INT64_MAX),
          .range = reader.Text("range"),
          .total = reader.Number("total", 0, 0, INT64_MAX),
          .counts = reader.Numbers("counts", kCounts.size()),
          .tries = reader.Number("tries", 0, 0, INT64_MAX),
          .error = reader.Text("error")};
  job.left = job.total - reader.Number("done", 0, 0, INT64_MAX);
  const std::string kind = reader.Text("kind");
  const std::string state = reader.Text("state");
  ReadWish(reader, &job.wish);
  const auto* const known_kind = std::find(kKindNames.begin(), kKindNames.end(), kind);
  const auto* const known = std::find(kStateNames.begin(), kStateNames.end(), state);
  if (!reader.status().ok() || known_kind == kKindNames.end() || known == kStateNames.end()) {
    return absl::DataLossError(absl::StrCat(of, " is no job that can be read: restore a backup"));
  }
  job.wish.kind = static_cast<JobKind>(known_kind - kKindNames.begin());
  job.state = static_cast<JobState>(known - kStateNames.begin());
  return job;
}

std::optional<JobReport> ReadJobReport(std::string_view line) {
  if (!line.starts_with('{')) return std::nullopt;
  JsonReader reader(line, "the line");
  JobReport report{.state = reader.Text("state"),
                   .done = reader.Number("done", 0, 0, INT64_MAX),
                   .total = reader.Number("total", 0, 0, INT64_MAX),
                   .range = reader.Text("range", "")};
  for (const std::string_view name : kCounts) {
    if (reader.Has(name)) report.counts[std::string(name)] = reader.Number(name, 0, 0, INT64_MAX);
  }
  if (!reader.status().ok()) return std::nullopt;
  return report;
}

}  // namespace turnout::manager
