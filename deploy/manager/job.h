// Job: a replay or a redrive that somebody asked for, and how far it is.
//
//   proposed -> queued -> counting -> queued -> running -> done
//       |          |          |          |         |-----> failed    -> queued, if resumed
//       '----------'----------'----------'---------'-----> cancelled -> queued, if resumed
//
// It is counted first: that finds its range, which then is what it is about, however often it is
// started again. What it did is in Kafka's transactions alone, so that starting it again does the
// rest and nothing twice: a replay's offsets are committed with what it sends, a redrive's marks
// lie beside what it puts back.
//
// Units: milliseconds since the Unix epoch. Threads: ordinary values, pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace turnout::manager {

inline constexpr size_t kJobTextBytesMax = 500;  // of each text of a wish
inline constexpr size_t kJobErrorBytesMax = 2'000;

enum class JobKind { kReplay, kRedrive };
enum class JobState { kProposed, kQueued, kCounting, kRunning, kDone, kFailed, kCancelled };

// What is to be done. Empty: not said.
struct JobWish {
  JobKind kind = JobKind::kReplay;
  std::string rule;  // "team/name"; of a redrive a team too, or none: all
  // Of a replay.
  std::string from;
  std::string to;
  std::string to_topic;
  // Of a redrive.
  std::string letter_kind;
  std::string reason;
  std::string since;
  std::string until;
  bool parking = false;
  int64_t rate = 0;  // events a second; 0: as the command has it

  // The team whose rule it is; empty: all.
  std::string team() const { return rule.substr(0, rule.find('/')); }
  bool operator==(const JobWish&) const = default;
};

struct Job {
  int64_t number = 0;
  std::string service;
  std::string name;  // in Kafka: of the replay's group and transactional ids
  JobWish wish;
  JobState state = JobState::kQueued;
  std::string by;
  std::string approved_by;
  std::string cancelled_by;  // it is to end, or has ended so
  std::string why;
  int64_t created_ms = 0;
  int64_t started_ms = 0;  // 0: it has not
  int64_t ended_ms = 0;    // the same
  std::string range;       // that it was counted in; empty: it was not
  int64_t total = 0;       // offsets, or dead letters
  int64_t left = 0;
  std::map<std::string, int64_t> counts;  // of its last run
  double per_second = 0;                  // of the run at hand; not kept
  int64_t tries = 0;                      // that came to nothing, one after the other
  std::string error;                      // of the last one

  bool operator==(const Job&) const = default;
  bool is_active() const { return state == JobState::kCounting || state == JobState::kRunning; }
  bool is_waiting() const { return state == JobState::kProposed || state == JobState::kQueued; }
  bool is_over() const { return !is_active() && !is_waiting(); }
};

std::string_view KindName(JobKind kind);
std::string_view StateName(JobState state);

// Of a request's body, times made absolute by `now`. InvalidArgument with what is wrong. `why` is
// of the same body.
absl::StatusOr<JobWish> ReadJobWish(std::string_view json, absl::Time now, std::string* why);

// As the API says it; it is kept so too.
std::string ToJson(const Job& job);
// DataLoss: it is none. `of` names it.
absl::StatusOr<Job> ReadJob(std::string_view json, const std::string& of);

// A line of `--progress json` (runtime/job_lines.h). Nullopt: it is none.
struct JobReport {
  std::string state;
  int64_t done = 0;
  int64_t total = 0;
  std::map<std::string, int64_t> counts;
  std::string range;
};
std::optional<JobReport> ReadJobReport(std::string_view line);

}  // namespace turnout::manager
