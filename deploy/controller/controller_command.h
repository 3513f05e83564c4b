// RunController: the command `turnout controller`.
//
// Errors: as its help page has them: the exit status, and a sentence on standard error.
#pragma once

#include "deploy/controller/controller_options.h"

namespace turnout::controller {

int RunController(const ControllerOptions& given);

}  // namespace turnout::controller
