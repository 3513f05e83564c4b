// Sessions: who is signed in by a browser's cookie, and until when.
//
// A session's id is 256 random bits; its SHA-256 alone is kept, so that what is read out of memory,
// or logged by mistake, opens nothing. It ends kSessionFor after the sign-in, kSessionIdleFor after
// its last use, when it is signed out, or when its person has more than kSessionsOfOneMax, the one
// used longest ago first. A new sign-in is a new id always: no id that somebody planted counts.
//
// They are in memory and not on the disk: after a restart one signs in again, which the provider
// mostly does without asking, and what groups it says then counts; nothing has to be kept from
// thieves, backups or a standby.
//
// Threads: any. Times are of one steady clock.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "deploy/manager/access.h"

namespace turnout::manager {

inline constexpr absl::Duration kSessionFor = absl::Hours(10);
inline constexpr absl::Duration kSessionIdleFor = absl::Hours(1);
inline constexpr size_t kSessionsMax = 10'000;
inline constexpr size_t kSessionsOfOneMax = 20;

struct Session {
  Principal principal;
  std::string csrf;  // what a change that the cookie makes has to say (same_origin.h)
  absl::Time ends;   // whatever is done with it
};

class Sessions {
 public:
  explicit Sessions(size_t sessions_max = kSessionsMax) : sessions_max_(sessions_max) {}

  // The id of a new one.
  std::string Begin(Principal principal, absl::Time now);

  // Nullopt: there is none, or no longer. Counts as a use.
  std::optional<Session> Find(std::string_view id, absl::Time now);

  void End(std::string_view id);

  size_t size() const;

 private:
  struct Kept {
    Session session;
    absl::Time used;
  };
  using ByDigest = std::map<std::string, Kept>;

  static bool IsOver(const Kept& kept, absl::Time now);
  void MakeRoom(const std::string& name, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t sessions_max_;
  mutable absl::Mutex mu_;
  ByDigest kept_ ABSL_GUARDED_BY(mu_);
};

}  // namespace turnout::manager
