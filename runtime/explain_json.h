// ExplainJson: an explanation as JSON, for `turnout explain --json` and POST /v1/explain.
//
// Format: router/README.md and runtime/README.md. Times are RFC 3339 in UTC; texts that are not
// UTF-8 have U+FFFD for each byte that isn't; `wanted` is the rule's own JSON.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/explanation.h"
#include "runtime/explained_event.h"

namespace turnout::runtime {

// What is told beside the router's own answer.
struct ExplainFrame {
  ExplainedEvent event;
  bool provenance_headers = true;
  std::vector<std::string> notes;  // sentences: what is not as it might be taken for
};

// One line, without its end.
std::string ExplanationJson(const ExplainFrame& frame, const router::Explanation& explanation);

// Headers of an output: the event's, but for a window's and those that no more hold of a
// CloudEvent, and its provenance.
using OutputHeaders = std::vector<std::pair<std::string, std::optional<std::string>>>;
OutputHeaders HeadersOf(const ExplainFrame& frame, const router::Explanation& explanation,
                        const router::ExplainedOutput& output);

// "2026-01-31T12:30:00.500Z"
std::string TimeText(int64_t ms);

std::string_view VerdictName(const router::StepDecision& step);

}  // namespace turnout::runtime
