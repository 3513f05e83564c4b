// JobLines: how far a job is, a JSON object a line, for the program that has started it.
//
//   {"state":"running","done":1200,"total":5000,"events":1200,"matched":31,"sent":31}
//
// `done` and `total` are offsets of a replay's range, or dead letters that can be put back. The
// other figures are of this run. States: counted (of a dry run), running, done, stopped. A line
// comes at most every kEvery, but for the last one.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace turnout::runtime {

struct JobLine {
  std::string_view state;
  int64_t done = 0;
  int64_t total = 0;
  std::vector<std::pair<std::string_view, int64_t>> counts;
  std::string range;  // empty: none is said
};

std::string ToJson(const JobLine& line);

// Of `--progress`: `json`, or nothing.
absl::StatusOr<bool> ReadProgressOption(std::string_view text);

class JobLines {
 public:
  static constexpr absl::Duration kEvery = absl::Milliseconds(250);

  explicit JobLines(std::FILE* out) : out_(out) {}

  bool IsDue(absl::Time now) const { return now - said_ >= kEvery; }
  void Say(const JobLine& line, absl::Time now);

 private:
  std::FILE* const out_;
  absl::Time said_ = absl::InfinitePast();
};

}  // namespace turnout::runtime
