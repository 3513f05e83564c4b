// The commands that work beside a pipeline's routers, on what its topics and its cluster hold, as
// rows of the table of commands.cc.
//
// Internal to commands.cc.
#pragma once

#include "runtime/commands.h"

namespace turnout::runtime {

// --set, which `explain` has too.
CommandOption SetOption();

Command ReplayCommand();
Command DiffCommand();
Command DlqCommand();
Command TxnCommand();

}  // namespace turnout::runtime
