// ForEachInParallel: the same work for many, on a few threads.
#pragma once

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace turnout::state {

// Calls `work` for each number below `count`, on up to `threads` threads, of which the caller's is
// one: with 1 it is the only one, and the calls come in order. Answers the first error; what had
// not begun by then is not begun any more.
absl::Status ForEachInParallel(size_t count, int threads,
                               absl::FunctionRef<absl::Status(size_t)> work);

}  // namespace turnout::state
