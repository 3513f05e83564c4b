// Help: the pages that `turnout --help` and `turnout COMMAND --help` print, made from the table of
// commands and wrapped for a terminal.
#pragma once

#include <string>

#include "runtime/commands.h"

namespace turnout::runtime {

inline constexpr int kHelpWidth = 80;  // columns

std::string GeneralHelp();
std::string CommandHelp(const Command& command);

}  // namespace turnout::runtime
