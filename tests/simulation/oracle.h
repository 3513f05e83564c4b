// The oracle: what ought to become of an event, said by hand-written predicates over its fields. It
// shares nothing with the router but the text of the rules, which stands beside each predicate.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/rule_set.h"
#include "tests/simulation/poison.h"
#include "tests/support/memory_partition.h"
#include "tests/support/seeded_random.h"

namespace turnout::simulation {

inline constexpr char kSourceTopic[] = "events";
inline constexpr char kDeadLetterTopic[] = "events.dead-letter";
inline constexpr char kParkingTopic[] = "events.parking";
inline constexpr char kRekeyTopic[] = "turnout.rekey";  // and the group that reads it
inline constexpr char kGroup[] = "turnout";
inline constexpr char kLateTopic[] = "sim.late";      // doesn't exist at first
inline constexpr char kClosedTopic[] = "sim.closed";  // may not be written, now and then
inline constexpr char kSmallTopic[] = "sim.small";    // takes small records only, now and then
inline constexpr int64_t kSmallBatchBytesMax = 900;
inline constexpr int kLargePayloadBytes = 2'000;

// One event as it was made, and where the log put it.
struct SimEvent {
  int id = 0;
  bool readable = true;  // its payload is a JSON object
  bool large = false;
  bool is_ping = false;  // by its header
  Poison poison = Poison::kNone;
  std::string type;
  int amount = 0;
  std::string region;
  std::optional<std::string> customer;
  std::optional<int64_t> at_ms;  // when it happened, as its payload says
  support::MemoryRecord record;
  int32_t partition = -1;
};

SimEvent MakeEvent(int id, support::SeededRandom& random);

// One thing that an event leads to, in words that can be compared.
struct Outcome {
  std::string destination;
  std::string rules;               // "team/a,team/b"
  std::optional<std::string> key;  // of the record in the destination
  std::string error;               // not empty: only a dead letter may tell of it
  // It may be a dead letter with this error instead, as the destination was at the time.
  std::string error_instead;
};

// Number of rule sets; each has content of its own. Their rules that remember are state_rules.h's.
inline constexpr int kRuleSets = 11;
// Those that a run chooses from, as many with as without steps by other keys than the source's.
inline constexpr int kRuleSetsOfRun = 6;
int RuleSetOfRun(int number, bool rekeys);

std::shared_ptr<const router::RuleSet> RuleSetOf(int version);
// -1: none of ours.
int VersionOf(const std::string& hash);

// Of the rules that remember nothing; of what is poison, whatever the rules. `settled`: every
// destination is well, so that nothing may be a dead letter for its sake.
std::vector<Outcome> Expect(const SimEvent& event, int version, bool settled);

}  // namespace turnout::simulation
