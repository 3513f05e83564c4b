// Completion: scripts that teach a shell the commands and options of `turnout`, made from the table
// of commands.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace turnout::runtime {

// The script for `shell`: bash, zsh or fish. Nullopt for any other.
std::optional<std::string> CompletionScript(std::string_view shell);

}  // namespace turnout::runtime
