// RejectionKind: what the header `turnout-error` says of a match that the router rejected.
//
// Threads: pure functions.
#pragma once

#include <string_view>

#include "router/router.h"
#include "runtime/record_headers.h"

namespace turnout::runtime {

inline std::string_view ErrorKindOf(const router::Rejection& rejection) {
  if (rejection.park) return kErrorMissingKey;
  return rejection.is_full ? kErrorStateFull : kErrorUnroutable;
}

}  // namespace turnout::runtime
