// PipelineJson: the answer of /v1/status, what the status page is made of; HealthJson: those of
// /healthz and /readyz. Secrets are left out of them.
//
// Threads: pure.
#pragma once

#include <string>

#include "runtime/pipeline_view.h"

namespace turnout::runtime {

std::string StatusJson(const PipelineView& view);

// {"ok":true} or {"ok":false,"reasons":[...]}.
std::string HealthJson(const Health& health);

}  // namespace turnout::runtime
