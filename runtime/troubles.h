// Troubles: what is wrong with a pipeline, and what to do about it, in plain words.
//
// A pure function over what is known at one moment; the status page shows what it says, the gravest
// first. For what is waited for in words of its own (of a broker, of a disk) the cures are a list
// by the words it holds; runtime/README.md explains each at more length.
//
// Threads: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "runtime/pipeline_view.h"

namespace turnout::runtime {

enum class Gravity {
  kStopped,  // events wait
  kHarmed,   // they flow, but for some team's, destination's or partition's
  kNotice,   // nothing is harmed yet, or any more
};

struct Trouble {
  Gravity gravity = Gravity::kNotice;
  std::string what;
  std::string cure;
  std::string metric;  // that shows it
};

// Of words that a reason holds, what to do.
struct Cure {
  std::string_view words;
  std::string_view cure;
};

// A transaction that is open for longer, or events that wait for longer, are worth a word.
inline constexpr absl::Duration kOpenTooLong = absl::Seconds(10);
inline constexpr absl::Duration kLagTooLong = absl::Minutes(1);
// What happened so long ago is over.
inline constexpr absl::Duration kOutcomeIsNews = absl::Minutes(1);
inline constexpr absl::Duration kUnavailableIsNews = absl::Minutes(5);

// The gravest first.
std::vector<Trouble> FindTroubles(const PipelineView& view);

// "stopped", "harmed", "notice".
std::string_view GravityName(Gravity gravity);

absl::Span<const Cure> Cures();

}  // namespace turnout::runtime
