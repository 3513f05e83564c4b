// ShapeReader: a rule's `shape` from its document, checked as far as it can be without an event.
//
// Errors: null, after Problems without a subject.
// Threads: pure functions.
#pragma once

#include <memory>
#include <vector>

#include "router/document.h"
#include "router/shape_plan.h"

namespace turnout::router {

struct ShapeLimits {
  int shape_operations_max = 256;          // entries of keep, drop, rename and set together
  int shape_text_bytes_max = 64 << 10;     // of their paths, templates and constants
};

std::shared_ptr<const ShapePlan> ReadShape(const Node& node, const ShapeLimits& limits,
                                           std::vector<Problem>* problems);

}  // namespace turnout::router
