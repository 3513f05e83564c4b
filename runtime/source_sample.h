// SourceSample: a few of the newest events of a pipeline's source, for whoever has its config and
// no router to ask: masked as its `rules_from.samples` says, none where that is off.
//
// Errors: InvalidArgument - a config that can't be taken; else those of ReadSample.
// Threads: any; blocks, up to `within` and as long again where a registry's schemas are needed.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace turnout::runtime {

struct SourceSample {
  bool is_allowed = false;
  size_t events = 0;
  std::string json = "[]";  // SampleJson's, the newest event first
};

// Files of pipelines' configs: `pipeline` has the source and what of it is shown, `access` the
// brokers and the rights to read it with. At most `events`.
absl::StatusOr<SourceSample> ReadSourceSample(const std::string& pipeline,
                                              const std::string& access, size_t events,
                                              absl::Duration within);

}  // namespace turnout::runtime
