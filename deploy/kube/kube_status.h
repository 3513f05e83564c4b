// KubeStatus: what the API server's refusals mean to whoever called it.
//
//   400, 422             InvalidArgument   mend the object
//   401                  Unauthenticated   mend the token
//   403                  PermissionDenied  mend the role
//   404                  NotFound
//   409                  AlreadyExists for that reason; else Aborted: read it anew, try again
//   410                  OutOfRange        list anew
//   413                  ResourceExhausted
//   429, 5xx, no answer  Unavailable       wait, try again; RetryAfter may say how long
//   others               Internal
// The message is the call's, then the server's own reason; it is cut where it is long.
// Threads: pure functions.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace turnout::kube {

inline constexpr size_t kReasonBytesMax = 2'048;
inline constexpr absl::Duration kRetryAfterMax = absl::Minutes(5);

// `body` is a Status object of the API server, or whatever some proxy answered; `retry_after` is
// that header's text, or empty.
absl::Status KubeStatus(std::string_view call, int code, std::string_view body,
                        std::string_view retry_after);

// How long the server asked to be left alone; zero: it did not say.
absl::Duration RetryAfter(const absl::Status& status);

}  // namespace turnout::kube
