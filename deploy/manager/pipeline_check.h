// PipelineCheck: whether `turnout run` would take a pipeline's config, asked of its own reader.
//
// What references (`${env:X}`, `${file:/path}`, `${secret:name}`) stand for is known to the routers
// alone: nothing is read here, and what is wrong with such a value is not looked for.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "router/document.h"
#include "runtime/config.h"

namespace turnout::manager {

// Answers for all that a config refers to: fit for most values, and nobody's secret.
runtime::ConfigEnvironment StandIns();

void CheckPipeline(std::string_view text, std::vector<router::Problem>* problems);

// References to secrets in the config's values, each where its value begins; those in comments are
// none.
struct PlacedSecret {
  router::Position at;
  std::string name;
};
std::vector<PlacedSecret> SecretsOfPipeline(std::string_view text);

}  // namespace turnout::manager
