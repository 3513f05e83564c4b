// PipelineConfig: the config of a router's pods, from what its EventRouter says.
//
// `spec.config` is taken as it is; what the typed fields say, and what pods need in a cluster
// (where they listen, where rules lie), goes into it. A key that has a field of its own is refused
// unless both say the same, and so is any other that both give with different values: nobody should
// have to guess which one holds, and what the schema lets nobody change can't be changed here. The
// whole is read by the reader that `turnout run` uses.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "deploy/controller/router_spec.h"
#include "router/rule_file.h"

namespace turnout::controller {

struct PipelineConfig {
  std::string text;             // JSON, which is YAML
  std::string hash;             // of the text
  bool is_group_taken = false;  // a problem of its own (group_taken.h)
  std::vector<std::string> problems;
  // What follows of it; of no meaning with problems.
  router::RuleLimits rule_limits;
  absl::Duration shutdown_timeout;
};

inline constexpr size_t kHashLetters = 10;  // of a SHA-256, where it is part of a name

std::string ShortHash(std::string_view text);

PipelineConfig MakePipelineConfig(const RouterSpec& router);

// Of a text that MakePipelineConfig made before.
PipelineConfig ReadPipelineConfig(std::string_view text);

}  // namespace turnout::controller
