#include "runtime/bulkhead.h"

#include <algorithm>

namespace turnout::runtime {
namespace {

using Kind = Observation::Kind;

void Eject(const Observation& observed, absl::Time now, Bulkhead* bulkhead) {
  bulkhead->state = BulkheadState::kEjected;
  bulkhead->probe_at = now + bulkhead->probe_after;
  if (observed.kind == Kind::kNoAnswer) return;
  bulkhead->why = observed.why;
  bulkhead->reason = observed.reason;
}

}  // namespace

Bulkhead Advance(Bulkhead bulkhead, const Observation& observed, absl::Time now,
                 const BulkheadLimits& limits) {
  const auto twice = [&] {
    bulkhead.probe_after = std::min(bulkhead.probe_after * 2, limits.probe_after_max);
  };
  switch (observed.kind) {
    case Kind::kRefused:
      if (bulkhead.state == BulkheadState::kHealthy) {
        bulkhead.since = now;
        bulkhead.probe_after = limits.probe_after_min;
      } else if (bulkhead.state == BulkheadState::kDraining) {
        twice();
      } else {
        return bulkhead;
      }
      Eject(observed, now, &bulkhead);
      return bulkhead;
    case Kind::kAsked:
      if (bulkhead.state != BulkheadState::kEjected) return bulkhead;
      bulkhead.state = BulkheadState::kProbing;
      bulkhead.probe_at = absl::InfiniteFuture();
      return bulkhead;
    case Kind::kUnwell:
    case Kind::kNoAnswer:
      if (bulkhead.state != BulkheadState::kProbing) return bulkhead;
      if (observed.kind == Kind::kUnwell) twice();
      Eject(observed, now, &bulkhead);
      return bulkhead;
    case Kind::kWell:
      if (bulkhead.state != BulkheadState::kProbing) return bulkhead;
      bulkhead.state = BulkheadState::kDraining;
      return bulkhead;
    case Kind::kDrained:
      if (bulkhead.state != BulkheadState::kDraining) return bulkhead;
      return Bulkhead{};
  }
  return bulkhead;
}

Ejection EjectionOf(connectors::DestinationFailure::Kind kind) {
  using Failure = connectors::DestinationFailure::Kind;
  switch (kind) {
    case Failure::kMissing:
      return Ejection::kMissing;
    case Failure::kForbidden:
      return Ejection::kForbidden;
    case Failure::kSlow:
      return Ejection::kSlow;
    case Failure::kRecordTooLarge:
    case Failure::kRecordRefused:
    case Failure::kOther:
      return Ejection::kUnwell;
  }
  return Ejection::kUnknown;
}

std::string_view EjectionName(Ejection why) {
  switch (why) {
    case Ejection::kMissing:
      return "missing";
    case Ejection::kForbidden:
      return "forbidden";
    case Ejection::kUnwell:
      return "unwell";
    case Ejection::kSlow:
      return "slow";
    case Ejection::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view BulkheadStateName(BulkheadState state) {
  switch (state) {
    case BulkheadState::kHealthy:
      return "healthy";
    case BulkheadState::kEjected:
      return "ejected";
    case BulkheadState::kProbing:
      return "probing";
    case BulkheadState::kDraining:
      return "draining";
  }
  return "unknown";
}

}  // namespace turnout::runtime
