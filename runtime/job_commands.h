// The commands that run rules over what a topic holds, as rows of the table of commands.cc.
//
// Internal to commands.cc.
#pragma once

#include "runtime/commands.h"

namespace turnout::runtime {

Command ReplayCommand();
Command DiffCommand();

}  // namespace turnout::runtime
