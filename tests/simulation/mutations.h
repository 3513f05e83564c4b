// Deliberate bugs, to show that the checks notice them. Each is one that a router could really
// have.
#pragma once

#include <memory>
#include <string_view>

#include "connectors/sink.h"
#include "connectors/source.h"

namespace turnout::simulation {

enum class Mutation {
  kNone,
  kOffsetsCommittedApart,  // outputs in a transaction, offsets after it
  kRewindForgotten,        // an aborted batch is not read again
  kGhostNotFenced,         // a restarted process takes another transactional id
  kOffsetsOneTooFar,       // one event more than was applied
  kOffsetsOneTooNear,      // one event less
  kGenerationIgnored,      // offsets are committed as nobody's in particular
  kUnstableOffsetsRead,    // a new owner doesn't wait for the old one's transaction
};
// Those that at-least-once delivery is meant to survive no more than exactly-once.
inline constexpr Mutation kMutationsOfAnyDelivery[] = {
    Mutation::kRewindForgotten, Mutation::kOffsetsOneTooFar, Mutation::kOffsetsOneTooNear};
inline constexpr Mutation kAllMutations[] = {
    Mutation::kOffsetsCommittedApart, Mutation::kRewindForgotten,   Mutation::kGhostNotFenced,
    Mutation::kOffsetsOneTooFar,      Mutation::kOffsetsOneTooNear, Mutation::kGenerationIgnored,
    Mutation::kUnstableOffsetsRead,
};
std::string_view MutationName(Mutation mutation);

// The same sink or source, with the bug in front of it where it is one of theirs.
std::unique_ptr<connectors::Sink> MutateSink(Mutation mutation,
                                             std::unique_ptr<connectors::Sink> sink,
                                             connectors::Source* source);
std::unique_ptr<connectors::Source> MutateSource(Mutation mutation,
                                                 std::unique_ptr<connectors::Source> source);

}  // namespace turnout::simulation
