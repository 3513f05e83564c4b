// HarmRates: how much of what is bad comes about in pods, and whether a canary has more of it than
// the others.
//
// Of what pods did in the last minutes: dead letters and parked outputs of their events, failed
// transactions of all; and destinations that are ejected now. What another template has is bounded
// by the most that any pod of the last good one has, or had when the upgrade began: kWorseTimes
// times that, of a share above a fifth half of what it is short of 1, and of each a little is put
// up with, so that a few are no verdict. The fewer events those pods have routed, the more of it
// they may have without its being seen, and the more a canary may have. It is compared with nothing
// where they have routed fewer than 100 in all, or do not tell.
//
// Units: destinations by their number, all else by a share, 0 to 1 (several dead letters of an
// event make it more).
// Threads: pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "deploy/controller/pod_facts.h"

namespace turnout::controller {

inline constexpr double kWorseTimes = 3;

using HarmRates = std::map<std::string, double>;  // by kind: "deadLetters", ...

// The most that these pods have, or may have; each kind that one of them tells.
HarmRates HighestRates(const std::vector<const PodFacts*>& pods);

// The higher ones of both.
HarmRates HigherRates(HarmRates a, const HarmRates& b);

// Of what the canary has too much, in plain words; nothing: of none.
std::optional<std::string> WorseThan(const HarmRates& others, const PodFacts& canary);

}  // namespace turnout::controller
