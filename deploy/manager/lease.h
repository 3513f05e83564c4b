// Lease: which of several managers takes writes now.
//
// A lease is a chain of terms, objects `lease/N` of a CheckpointStore that are written only if
// there is none: whoever is told that it wrote term N has the lease until a term N+1 is there. Its
// holder writes the next one every `renew_ms`; others write it once they have seen none for
// `expire_ms`, or at once if the newest is nobody's. Each measures by its own clock how long a term
// has been the newest; clocks are never compared. The lease keeps managers out of each other's way;
// that no change is lost or made twice is the log's doing (change_log.h), whoever believes to have
// it.
//
// Units: milliseconds of a clock that doesn't go back, of this process.
// Errors: those of CheckpointStore. A manager that can't write its next term takes writes no longer
//   once `expire_ms` have passed.
// Threads: one, but for holds, which any may ask.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "state/checkpoint_store.h"

namespace turnout::manager {

struct LeaseTimes {
  int64_t renew_ms = 3'000;
  // Less: sooner a standby takes over, and oftener without need. More than two of renew_ms.
  int64_t expire_ms = 10'000;
};

// In the place of a holder's name.
inline constexpr std::string_view kNobody = "nobody";

struct LeaseTerm {
  int64_t number = 0;  // 0: there is none
  std::string holder;

  bool operator==(const LeaseTerm&) const = default;
};

// What one manager knows of the lease, and what it is to do: pure.
class LeaseJudge {
 public:
  LeaseJudge(std::string self, LeaseTimes times) : self_(std::move(self)), times_(times) {}

  // The newest term, as it was looked up from `now_ms` on. The number of the term that is to be
  // written now; nullopt: none.
  std::optional<int64_t> See(const LeaseTerm& newest, int64_t now_ms);

  // That this manager has written that term; it had begun to at `now_ms`.
  void Wrote(int64_t number, int64_t now_ms);

  const LeaseTerm& newest() const { return newest_; }
  // Forgets what it has written: it has the lease no longer.
  void Release();
  bool is_own() const { return own_ > 0 && own_ == newest_.number; }

  // Until when it takes writes. Terms that an earlier life of this manager wrote are not its own.
  int64_t holds_until_ms() const { return holds_until_ms_; }

 private:
  const std::string self_;
  const LeaseTimes times_;
  LeaseTerm newest_;
  int64_t seen_at_ms_ = std::numeric_limits<int64_t>::min();  // when it was the newest first
  int64_t own_ = 0;  // the newest term that this manager has written
  int64_t holds_until_ms_ = std::numeric_limits<int64_t>::min();
};

class Lease {
 public:
  // `self` names this process, as others see it: its address. `objects` outlives it.
  Lease(state::CheckpointStore* objects, std::string self, LeaseTimes times = {})
      : objects_(objects), self_(self), judge_(std::move(self), times) {}

  // Looks, and writes a term if it is time; to be called every second or so. Answers the newest.
  absl::StatusOr<LeaseTerm> Tick(int64_t now_ms);

  // Gives it up: writes a term that is nobody's, if the newest is this manager's.
  absl::Status Release();

  bool holds(int64_t now_ms) const { return now_ms < holds_until_ms_; }

 private:
  absl::StatusOr<LeaseTerm> Newest();

  state::CheckpointStore* const objects_;
  const std::string self_;
  LeaseJudge judge_;
  std::atomic<int64_t> holds_until_ms_{std::numeric_limits<int64_t>::min()};
};

}  // namespace turnout::manager
