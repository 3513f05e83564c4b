// RandomBytes: what nobody can guess, for keys and for what is as good as one: ids of sessions.
//
// Threads: any. The process ends where the machine has no randomness to give: nothing that needs it
// may go on without.
#pragma once

#include <cstddef>
#include <string>

namespace turnout::state {

std::string RandomBytes(size_t bytes);

}  // namespace turnout::state
