// Counted: how many there are of something, in words for people.
// Threads: a pure function.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace turnout::runtime {

// "0 events", "1 event", "2 events": of `one`, whose plural ends in s.
std::string Counted(int64_t count, std::string_view one);

}  // namespace turnout::runtime
