// JobWords: the commands by which jobs are counted and run, and dead letters are read.
//
// Each option and its value are one word, so that no value is taken for an option.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/manager/job.h"

namespace turnout::manager {

// Where a service's jobs work.
struct JobPlace {
  std::string program;    // turnout
  std::string pipeline;   // the config of the pipeline whose Kafka they may use
  std::string state_dir;  // for what steps remember in a replay
};

// What finds out how much it is about, and touches nothing.
std::vector<std::string> CountingWords(const JobPlace& place, const Job& job);
// What does it, within the range that it was counted in.
std::vector<std::string> RunningWords(const JobPlace& place, const Job& job);

// How many dead letters there are, by kind and rules; or these themselves, `limit` of them.
std::vector<std::string> DeadLetterWords(const JobPlace& place, const JobWish& filter, bool is_list,
                                         int64_t limit);

}  // namespace turnout::manager
