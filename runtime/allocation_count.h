// AllocationCount: how often a thread has asked for memory.
//
// A program that links this file gets its operator new: malloc behind a counter of the thread's
// own, one instruction more than the standard library's. So `turnout match --bench` can be answered
// by the very binary that routes. Memory that C code takes from malloc by itself is not counted;
// the matcher and what it calls are C++ throughout.
//
// Sanitizers bring an operator new that knows more; their builds keep it and count nothing.
// Threads: each has a count of its own.
#pragma once

#include <cstdint>
#include <optional>

namespace turnout::runtime {

// Calls of operator new by the calling thread so far; nullopt where a sanitizer counts for itself.
std::optional<uint64_t> ThreadAllocations();

}  // namespace turnout::runtime
