// state: looks into a task's state from outside, changing nothing: a store's directory, whether its
// process runs or not, or a task's checkpoints in a directory or a bucket of S3.
//
// Answers are JSON, an object a line. Steps are named by their ids, 16 hexadecimal digits, and by
// their rules where the rule set is at hand, among the checkpoints; keys are text (bytes that are
// not UTF-8 become U+FFFD; one that no command line could hold stands there in hexadecimal too),
// values hexadecimal.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "state/s3_options.h"

namespace turnout::runtime {

struct StateOptions {
  std::string verb;  // ls, get, stats
  std::string path;                // a directory, or s3://BUCKET/PREFIX/GROUP/TOPIC/PARTITION
  state::S3Options s3;             // how the bucket is reached
  std::string step;                // empty: all
  std::optional<std::string> key;  // of get
  int64_t checkpoint = 0;          // its number; 0: the newest sound one
  uint64_t limit = 1000;           // entries of ls; 0: all
};

// Nothing where it is no bytes in hexadecimal, two digits each.
std::optional<std::string> BytesOfHex(std::string_view text);

// Exit status: 0; 1 if there is no such entry, or the state is damaged or can't be read; 2 for what
// whoever asks has to mend: options that make no sense, no state at the path, a store that refuses.
int RunState(const StateOptions& options, std::FILE* out, std::FILE* err);

}  // namespace turnout::runtime
