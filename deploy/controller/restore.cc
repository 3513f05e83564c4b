#include "deploy/controller/restore.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "deploy/controller/json_look.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

// Clocks differ: a time may be so far ahead of the controller's.
constexpr absl::Duration kAheadMax = absl::Minutes(1);

// The first partition that stands still, and why; empty: none does.
std::string WhatStandsStill(const std::vector<PodFacts>& pods) {
  for (const PodFacts& pod : pods) {
    for (const PartitionFacts& one : pod.partitions) {
      if (one.phase != "refused") continue;
      return absl::StrFormat(" %s, partition %d stands still: %s.", one.topic, one.partition,
                             one.reason);
    }
  }
  return "";
}

}  // namespace

std::string RestoreProblem(const RouterSpec::RestoreFrom& restore, absl::Time now) {
  if (!restore.is_asked || restore.time <= now + kAheadMax) return "";
  return absl::StrFormat(
      "spec.restoreFrom.time: %s is in the future (it is %s); give the time of a checkpoint, or "
      "take spec.restoreFrom away",
      restore.time_text, absl::FormatTime(absl::RFC3339_sec, now, absl::UTCTimeZone()));
}

RestoreFacts StepRestore(const RouterSpec::RestoreFrom& restore, std::string_view before,
                         const std::vector<PodFacts>& pods, int replicas,
                         const UpgradeState& upgrade) {
  RestoreFacts facts = {.wish = restore.wish().id()};
  const Json json = Json::parse(before, nullptr, false);
  const bool is_same = LookText(json, {"wish"}) == facts.wish;
  int answering = 0;
  for (const PodFacts& pod : pods) {
    if (pod.is_leaving) continue;
    if (pod.answers && pod.ordinal < replicas) ++answering;
    for (const PartitionFacts& one : pod.partitions) {
      ++facts.partitions;
      facts.done += std::count(one.restored.begin(), one.restored.end(), facts.wish);
    }
  }
  if (is_same && LookFlag(json, {"done"})) {
    facts.is_done = true;
    facts.done = facts.partitions = static_cast<int>(LookNumber(json, {"partitions"}));
  } else {
    facts.is_done = facts.partitions > 0 && facts.done == facts.partitions && replicas > 0 &&
                    answering >= replicas;
  }
  const std::string counted = absl::StrFormat("%d of %d partitions are restored to %s", facts.done,
                                              facts.partitions, restore.time_text);
  if (facts.is_done) {
    facts.reason = "AllPartitions";
    facts.message = counted + ", each once; spec.restoreFrom may stay or go";
  } else if (upgrade.phase == UpgradePhase::kRolledBack) {
    facts.reason = "GoneBackFrom";
    facts.message = absl::StrFormat(
        "%s, and no others will be: %s. Mend what it says, or take spec.restoreFrom away", counted,
        upgrade.reason);
  } else if (replicas == 0) {
    facts.reason = "NoPods";
    facts.message = counted + "; no pod runs that could go on with it";
  } else {
    facts.reason = "UnderWay";
    facts.message = absl::StrFormat(
        "%s, as far as pods tell; the others follow when their pods have the new config.%s",
        counted, WhatStandsStill(pods));
  }
  return facts;
}

std::string RestoreJson(const RestoreFacts& facts) {
  return Json{{"wish", facts.wish},
              {"done", facts.is_done},
              {"restored", facts.done},
              {"partitions", facts.partitions}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace turnout::controller
