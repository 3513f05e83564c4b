#include "tests/support/fault_points.h"

#include "absl/strings/str_format.h"

namespace turnout::support {
namespace {

constexpr absl::Duration kCallTakes = absl::Milliseconds(1);
constexpr absl::Duration kPauseByDefault = absl::Seconds(15);

}  // namespace

std::string_view FaultName(Fault fault) {
  switch (fault) {
    case Fault::kCrashBefore:
      return "crash before";
    case Fault::kCrashAfter:
      return "crash after";
    case Fault::kPause:
      return "pause";
    case Fault::kUnavailableBefore:
      return "unavailable before";
    case Fault::kUnavailableAfter:
      return "unavailable after";
    case Fault::kAborted:
      return "aborted";
    case Fault::kFailedPrecondition:
      return "fenced";
    case Fault::kInternal:
      return "internal";
  }
  return "?";
}

void FaultPoints::Note(std::string_view line) {
  for (const char c : line) {
    trace_hash_ = (trace_hash_ ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  if (keep_trace_) {
    trace_.push_back(absl::StrFormat("%7d ms  %s",
                                     absl::ToUnixMillis(clock_->Now()) - 1'700'000'000'000, line));
  }
}

FaultedCall::FaultedCall(FaultPoints* points, SimulatedProcess* process, std::string name,
                         FaultSet possible)
    : points_(points), process_(process), name_(std::move(name)), possible_(possible) {}

void FaultedCall::Crash() {
  process_->dead = true;
  throw SimulatedCrash{process_};
}

absl::Status FaultedCall::Before() {
  const int64_t number = ++points_->calls_;
  if (points_->plan_) fault_ = points_->plan_(number);
  if (fault_ && !possible_.Has(*fault_)) fault_.reset();
  points_->Note(absl::StrFormat("%4d %s %s%s%s", number, process_->name, name_,
                                fault_ ? ": " : "", fault_ ? FaultName(*fault_) : ""));
  points_->clock_->Advance(kCallTakes);
  if (!fault_) return absl::OkStatus();
  ++points_->faults_;
  const std::string message = absl::StrFormat("injected at call %d, %s", number, name_);
  switch (*fault_) {
    case Fault::kCrashBefore:
      Crash();
    case Fault::kPause:
      process_->suspended = true;
      if (points_->pause_) {
        points_->pause_(*process_);
      } else {
        points_->clock_->Advance(kPauseByDefault);
      }
      process_->suspended = false;
      return absl::OkStatus();
    case Fault::kUnavailableBefore:
      return absl::UnavailableError(message);
    case Fault::kAborted:
      return absl::AbortedError(message);
    case Fault::kFailedPrecondition:
      return absl::FailedPreconditionError(message);
    case Fault::kInternal:
      return absl::InternalError(message);
    case Fault::kCrashAfter:
    case Fault::kUnavailableAfter:
      break;
  }
  return absl::OkStatus();
}

absl::Status FaultedCall::After(const absl::Status& effect) {
  if (!effect.ok()) {
    points_->Note(absl::StrFormat("     %s %s answers %s", process_->name, name_,
                                  effect.ToString()));
  }
  if (fault_ == Fault::kCrashAfter) Crash();
  if (fault_ == Fault::kUnavailableAfter && effect.ok()) {
    return absl::UnavailableError(absl::StrFormat("the answer to %s was lost", name_));
  }
  return effect;
}

}  // namespace turnout::support
