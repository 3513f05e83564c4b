// EnrichReader: a rule's `enrich` from its document, checked as far as it can be without an event.
//
// Errors: an empty list, after Problems without a subject.
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "router/document.h"
#include "router/enrich_spec.h"

namespace turnout::router {

struct EnrichLimits {
  int enrich_max = 8;  // entries of a rule
  // The pipeline's tables; only where they are known is another name refused.
  bool tables_known = false;
  std::vector<std::string> tables;
};

std::vector<EnrichSpec> ReadEnrich(const Node& node, const EnrichLimits& limits,
                                   std::vector<Problem>* problems);

}  // namespace turnout::router
