// Upgrade: how another pod template gets to the pods, and back.
//
// With a canary: the pod of the highest ordinal first (the StatefulSet's `partition`), which is
// watched once it is ready. All pods go back to the last good template if it crashes, is not ready
// in time, or at the end of the watch
//   - something is stopped,
//   - it has no partition, though there are as many as workers,
//   - events wait too long (canary_lag.h),
//   - it is harmed by what pods of the last good template are not and were not when the upgrade
//     began, or by the same much more often than they (harm_rates.h).
// Else the others follow, highest ordinal first, and one that can't run still takes all back. A
// template that was gone back from is not tried again: change the EventRouter. Rolling is without
// the watch and without going back.
//
//   none --another template--> Canary --watch is over, all well--> RollingOut --all ready--> Done
//                                 \__ can't run, lags, is stopped, harmed _/--> RolledBack
//
// Where the template has a wish to restore, a canary is not judged, and its watch does not begin,
// before its partitions are restored: events wait meanwhile, as they have to. If one can't be, all
// go back at once.
//
// What is kept: the state, in the router's status.
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "deploy/controller/canary_lag.h"
#include "deploy/controller/harm_rates.h"
#include "deploy/controller/pod_facts.h"

namespace turnout::controller {

// How long a canary may take to get ready, also once more after it was, or `watch_seconds` where
// that is longer: a state may have to be brought back first.
inline constexpr absl::Duration kReadyPatience = absl::Minutes(10);

// For so long, and the watch, it may be ready and not ready in turn; longer where it restores.
inline constexpr absl::Duration kInTurnPatience = absl::Hours(1);

// For so long after the watch a canary that does not answer, has no partition, says that it is
// stopped or harmed, lets events wait too long, or has routed nothing of what waits, is asked
// again: a moment's trouble is no verdict.
inline constexpr absl::Duration kSecondLook = absl::Seconds(30);

// Troubles from before that are kept.
inline constexpr size_t kHarmsMax = 50;

enum class UpgradePhase { kNone, kCanary, kRollingOut, kDone, kRolledBack };

struct UpgradeState {
  UpgradePhase phase = UpgradePhase::kNone;
  std::string from, to;  // revisions of templates
  std::string from_version, to_version;
  std::string canary;  // a pod's name
  absl::Time started = absl::InfinitePast();
  absl::Time ready_since = absl::InfinitePast();
  absl::Time unready_since = absl::InfinitePast();  // the last time after it was ready
  absl::Time ended = absl::InfinitePast();
  std::string reason;
  std::vector<std::string> harms_before;  // HarmOf of what harmed pods when it began
  HarmRates rates_before;                 // of those pods
  int64_t behind_before = 0;              // MostBehind of them
  LagMarks canary_lag;                    // while it is watched
};

// What of a trouble's text is the same a minute later, and in another pod: without what is counted,
// and without the reason behind a colon.
std::string HarmOf(std::string_view trouble);

// JSON as in status.upgrade; what is no state is none, and none is an empty text.
UpgradeState ReadUpgrade(std::string_view json);
std::string UpgradeJson(const UpgradeState& state);

struct UpgradeQuestion {
  std::string router;
  std::string desired;    // revision of the template that the EventRouter asks for
  std::string version;    // of it
  std::string live;       // of the StatefulSet; empty: there is none yet
  std::string last_good;  // the last that all pods were well with
  int replicas = 0;
  int64_t source_partitions = 0;  // 0: not known
  bool is_canary = true;
  absl::Duration watch;
  absl::Duration lag_max;
  bool restores = false;  // the template has a wish to restore
  absl::Time now;
};

struct UpgradeAnswer {
  UpgradeState state;
  bool is_back = false;     // the last good template is to be in force, else the desired one
  bool is_settled = false;  // the desired one is the last good one from now on
  int partition = 0;        // ordinals from here on get it
};

UpgradeAnswer StepUpgrade(const UpgradeQuestion& question, const UpgradeState& before,
                          const std::vector<PodFacts>& pods);

}  // namespace turnout::controller
