// SimulatedStates: what the routers of a run have of disks, and the checkpoint store that they
// share, with what chance may do to them.
//
// Nothing that happens here makes a recovery impossible, so that none may be refused: of a task's
// two furthest checkpoints one stays sound, and the source keeps what comes after the other one.
// In memory, or on RocksDB and a directory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tests/simulation/state_checker.h"
#include "tests/support/fault_points.h"
#include "tests/support/memory_log.h"
#include "tests/support/seeded_random.h"
#include "tests/support/state_place.h"

namespace turnout::simulation {

class SimulatedStates {
 public:
  virtual ~SimulatedStates() = default;

  // What a new process of this ordinal has: the disk of the one before it.
  virtual std::unique_ptr<support::StatePlace> PlaceFor(int ordinal,
                                                        support::SimulatedProcess* process) = 0;
  // The next process of the ordinal begins with an empty disk.
  virtual void LoseDisk(int ordinal) = 0;
  // The checkpoint store answers, or doesn't.
  virtual void SetAway(bool away) = 0;
  virtual bool is_away() const = 0;
  // One of the next reads of a state fails.
  virtual void FailRead(int ordinal, int64_t reads) = 0;
  // The store answers, and damage of stores that are open and that nobody has noticed is undone.
  virtual void Settle() = 0;
  // A checkpoint or a local store is damaged; which, says chance.
  virtual void Damage(support::SeededRandom& random) = 0;
  virtual void LoseCheckpoints() = 0;
  virtual void LoseRules() = 0;
  // When some checkpoint was taken, by chance; nullopt: there is none.
  virtual std::optional<int64_t> SomeCheckpointTime(support::SeededRandom& random) = 0;
  // Local states and checkpoints that have seen more than those that were taken by that time are
  // wrong from here on, and look sound.
  virtual void SpoilAfter(int64_t time_ms) = 0;
  // How far a checkpoint of the task is at least, whatever is damaged later on; -1: none may be.
  virtual int64_t LastingCheckpoint(int32_t partition) = 0;
  // Whether there is or was, before it was damaged, a checkpoint at that offset.
  virtual bool WasPublished(int32_t partition, int64_t applied_offset) = 0;
  // All that lie anywhere, but those that have seen nothing. Nobody has any of them open.
  virtual FoundStates Collect() = 0;
};

std::unique_ptr<SimulatedStates> MakeMemoryStates(support::FaultPoints* points,
                                                  support::SimulatedClock* clock, uint64_t seed);

// On RocksDB, in a directory of its own that goes with it.
std::unique_ptr<SimulatedStates> MakeRocksStates(support::FaultPoints* points);

// What the archive of rule sets gives back for one of the simulation's.
std::shared_ptr<const router::RuleSet> ArchivedRulesOf(const std::string& hash);

}  // namespace turnout::simulation
