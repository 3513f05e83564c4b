// FaultPoints: every call that a process under test makes to the outside has a number, and a plan
// may say what befalls call N.
//
// A crash is thrown as SimulatedCrash through the code under test and caught by the harness, which
// destroys what the process had in memory: nothing of it runs on. A pause makes the process a
// zombie: it stands still inside the call while time passes and others act, then goes on unaware.
//
// Each call also leaves a line in the trace; the trace's hash tells whether two runs were the same.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tests/support/simulated_clock.h"

namespace turnout::support {

enum class Fault {
  kCrashBefore,
  kCrashAfter,
  kPause,
  kUnavailableBefore,  // nothing happened
  kUnavailableAfter,   // it happened; the answer was lost
  kAborted,
  kFailedPrecondition,
  kInternal,
};
inline constexpr Fault kAllFaults[] = {
    Fault::kCrashBefore,       Fault::kCrashAfter, Fault::kPause,
    Fault::kUnavailableBefore, Fault::kUnavailableAfter,
    Fault::kAborted,           Fault::kFailedPrecondition, Fault::kInternal,
};
std::string_view FaultName(Fault fault);

// Faults that a call may meet, as a set of bits.
class FaultSet {
 public:
  constexpr FaultSet(std::initializer_list<Fault> faults) {
    for (const Fault fault : faults) bits_ |= 1u << static_cast<int>(fault);
  }
  constexpr bool Has(Fault fault) const { return bits_ >> static_cast<int>(fault) & 1; }

 private:
  unsigned bits_ = 0;
};

// A process of the simulation, as the brokers see it: one that is suspended or dead sends no
// heartbeats.
struct SimulatedProcess {
  std::string name;
  bool suspended = false;
  bool dead = false;
};

// Thrown out of a call by a process that dies in it.
struct SimulatedCrash {
  SimulatedProcess* process;
};

class FaultPoints {
 public:
  explicit FaultPoints(SimulatedClock* clock) : clock_(clock) {}

  // What befalls the call of this number; numbers count from 1.
  using Plan = std::function<std::optional<Fault>(int64_t number)>;
  void SetPlan(Plan plan) { plan_ = std::move(plan); }

  // How a pause passes; by default 15 seconds go by.
  void SetPause(std::function<void(SimulatedProcess&)> pause) { pause_ = std::move(pause); }

  int64_t calls() const { return calls_; }
  int64_t faults() const { return faults_; }  // that took place
  uint64_t trace_hash() const { return trace_hash_; }
  void KeepTrace(bool keep) { keep_trace_ = keep; }
  const std::vector<std::string>& trace() const { return trace_; }
  // A line of the harness's own among the calls.
  void Note(std::string_view line);

 private:
  friend class FaultedCall;

  SimulatedClock* const clock_;
  Plan plan_;
  std::function<void(SimulatedProcess&)> pause_;
  int64_t calls_ = 0;
  int64_t faults_ = 0;
  uint64_t trace_hash_ = 14695981039346656037u;
  bool keep_trace_ = false;
  std::vector<std::string> trace_;
};

// One numbered call: Before(), the effect, After(effect's answer).
class FaultedCall {
 public:
  FaultedCall(FaultPoints* points, SimulatedProcess* process, std::string name, FaultSet possible);

  // OK: go on. Otherwise the effect doesn't take place and this is the answer. Takes a millisecond.
  absl::Status Before();

  // The answer to give once the effect has taken place.
  absl::Status After(const absl::Status& effect);

 private:
  [[noreturn]] void Crash();

  FaultPoints* const points_;
  SimulatedProcess* const process_;
  const std::string name_;
  const FaultSet possible_;
  std::optional<Fault> fault_;
};

}  // namespace turnout::support
