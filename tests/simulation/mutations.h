// Deliberate bugs, to show that the checks notice them. Each is one that a router could really
// have.
#pragma once

#include <memory>
#include <string_view>

#include "connectors/sink.h"
#include "connectors/source.h"
#include "tests/support/memory_log.h"

namespace turnout::simulation {

class BuggyKeeper;

enum class Mutation {
  kNone,
  kOffsetsCommittedApart,  // outputs in a transaction, offsets after it
  kRewindForgotten,        // an aborted batch is not read again
  kGhostNotFenced,         // a restarted process takes another transactional id
  kOffsetsOneTooFar,       // one event more than was applied
  kOffsetsOneTooNear,      // one event less
  kGenerationIgnored,      // offsets are committed as nobody's in particular
  kUnstableOffsetsRead,    // a new owner doesn't wait for the old one's transaction
  // Of states (state_mutations.h).
  kStateBeforeLog,           // what rules remember is durable before Kafka has committed
  kRollbackForgotten,        // an aborted batch's changes stay
  kStateOneTooFar,           // the state says it has seen one event more than it has
  kStateOneTooNear,          // one event less
  kReplaySpeaks,             // a replay sends its outputs again
  kReplaySkipped,            // an older state is taken for that of the committed offset
  kReplayOneTooFar,          // a replay leaves out its first event
  kReplayWithNewestRules,    // instead of those of the time
  kRetainForgottenInReplay,  // a replay keeps what a rule change made the state forget
  kNoteForgotten,            // the note names the newest rules alone
  kRuleChangeNotNoted,       // the note names the oldest rules alone
  kStateStartForgotten,      // the note doesn't say that there is a state
  kWatermarkFromClock,
  kCheckpointAhead,     // published before Kafka has committed what is in it
  kBaseAhead,           // a state ahead of the committed offset is taken for one at it
  kTimelinesForgotten,  // the note doesn't say which states belong to its offset
  kDamagedBegunEmpty,   // a damaged store is replaced by an empty one
  // Of what is re-keyed.
  kRekeyedByOwnKey,      // it goes to the partition of the event's key, not of the step's
  kRekeyedApart,         // it is sent on outside of the transaction
  kRekeyedSkipped,       // the second hop begins at the end of what is there
  kRekeyedByOlderRules,  // it goes on by rules from before those that sent it on
  kRekeyedKeyLost,       // it arrives without its own key
  kHopsShareAnId,        // both hops' producers take each other for their ghost
  // Of transactions that overlap.
  kSealForgotten,      // a batch's changes become durable with those of the batch before
  kSecondIdNotFenced,  // a ghost's other transactional ids stay in force
  kNextOutlivesAbort,  // an abort leaves alone the transaction that went on from it
  kNextEndsFirst,      // a transaction commits before the one that it goes on from
  // Of what is parked.
  kLedgerForgotten,  // the note doesn't say what is parked
  kDrainNotNoted,    // the note says that all is parked that ever was
  kDrainSkipsOne,    // a drain leaves out the first record that it reads
  kParkedAnywhere,   // parked records go to the partition of their key
  kParkedApart,      // they are parked outside of the transaction
  // Of restores.
  kRestoreOfAnyTime,  // the newest checkpoint is taken, whatever its time
  kRestoreNotNoted,   // the note doesn't say that it is done
  kRestoreGoesOn,     // in the timeline that it was to leave
};
// Those that at-least-once delivery is meant to survive no more than exactly-once.
inline constexpr Mutation kMutationsOfAnyDelivery[] = {
    Mutation::kRewindForgotten, Mutation::kOffsetsOneTooFar, Mutation::kOffsetsOneTooNear};
inline constexpr Mutation kAllMutations[] = {
    Mutation::kOffsetsCommittedApart, Mutation::kRewindForgotten,   Mutation::kGhostNotFenced,
    Mutation::kOffsetsOneTooFar,      Mutation::kOffsetsOneTooNear, Mutation::kGenerationIgnored,
    Mutation::kUnstableOffsetsRead,
};
inline constexpr Mutation kStateMutations[] = {
    Mutation::kStateBeforeLog,
    Mutation::kRollbackForgotten,
    Mutation::kStateOneTooFar,
    Mutation::kStateOneTooNear,
    Mutation::kReplaySpeaks,
    Mutation::kReplaySkipped,
    Mutation::kReplayOneTooFar,
    Mutation::kReplayWithNewestRules,
    Mutation::kRetainForgottenInReplay,
    Mutation::kNoteForgotten,
    Mutation::kRuleChangeNotNoted,
    Mutation::kStateStartForgotten,
    Mutation::kWatermarkFromClock,
    Mutation::kCheckpointAhead,
    Mutation::kBaseAhead,
    Mutation::kTimelinesForgotten,
    Mutation::kDamagedBegunEmpty,
};
inline constexpr Mutation kRekeyMutations[] = {
    Mutation::kRekeyedByOwnKey,     Mutation::kRekeyedApart,   Mutation::kRekeyedSkipped,
    Mutation::kRekeyedByOlderRules, Mutation::kRekeyedKeyLost, Mutation::kHopsShareAnId,
};
inline constexpr Mutation kOverlapMutations[] = {
    Mutation::kSealForgotten,
    Mutation::kSecondIdNotFenced,
    Mutation::kNextOutlivesAbort,
    Mutation::kNextEndsFirst,
};
inline constexpr Mutation kParkingMutations[] = {
    Mutation::kLedgerForgotten, Mutation::kDrainNotNoted, Mutation::kDrainSkipsOne,
    Mutation::kParkedAnywhere,  Mutation::kParkedApart,
};
inline constexpr Mutation kRestoreMutations[] = {
    Mutation::kRestoreOfAnyTime,
    Mutation::kRestoreNotNoted,
    Mutation::kRestoreGoesOn,
};
std::string_view MutationName(Mutation mutation);

// The same sink or source, with the bug in front of it where it is one of theirs. `keeper` is that
// of the same process.
std::unique_ptr<connectors::Sink> MutateSink(Mutation mutation,
                                             std::unique_ptr<connectors::Sink> sink,
                                             connectors::Source* source, BuggyKeeper* keeper,
                                             support::MemoryLog* log);
std::unique_ptr<connectors::Source> MutateSource(Mutation mutation,
                                                 std::unique_ptr<connectors::Source> source,
                                                 const BuggyKeeper* keeper);

}  // namespace turnout::simulation
