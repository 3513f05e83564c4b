// DlqFilter: which dead letters somebody speaks of, and how many there are of which.
//
// Units: milliseconds since the Unix epoch. Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "runtime/dead_letter.h"

namespace turnout::runtime {

struct DlqFilter {
  std::string rule;    // "team/name", or a team; empty: all
  std::string kind;    // empty: all
  std::string reason;  // a part of it; empty: all
  std::optional<int64_t> since_ms;
  std::optional<int64_t> until_ms;  // without it

  bool Takes(const DeadLetter& letter) const;
};

// "2026-11-26T08:00:00Z", or "2h": so long before `now`.
std::optional<int64_t> ParseMoment(std::string_view text, absl::Time now);

// Counts by kind and rules.
class DlqCounts {
 public:
  // More than these are counted together.
  static constexpr size_t kGroupsMax = 10'000;

  void Add(const DeadLetter& letter);
  uint64_t total() const { return total_; }
  // The most first. For people; for machines, an object a line.
  std::string Table() const;
  std::string Lines() const;

 private:
  struct Group {
    uint64_t count = 0;
    int64_t first_ms = 0;
    int64_t last_ms = 0;
    std::string reason;  // of the last one that was seen
  };
  using Key = std::pair<std::string, std::string>;  // kind, rules

  std::vector<std::pair<Key, Group>> Sorted() const;

  std::map<Key, Group> groups_;
  uint64_t total_ = 0;
};

// One of them, its value cut short. For people, several lines; for machines, an object.
std::string DeadLetterText(const DeadLetter& letter, const std::string& topic);
std::string DeadLetterJson(const DeadLetter& letter, const std::string& topic);

}  // namespace turnout::runtime
