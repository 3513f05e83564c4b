#include "deploy/controller/upgrade.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "deploy/controller/conditions.h"
#include "deploy/controller/json_look.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

constexpr auto kPhases = std::to_array<std::pair<UpgradePhase, std::string_view>>({
    {UpgradePhase::kCanary, "Canary"},
    {UpgradePhase::kRollingOut, "RollingOut"},
    {UpgradePhase::kDone, "Done"},
    {UpgradePhase::kRolledBack, "RolledBack"},
});

constexpr size_t kUnitLettersMax = 3;  // "s", "min", "h"

bool IsCount(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789.") == std::string_view::npos;
}

class Upgrading {
 public:
  Upgrading(const UpgradeQuestion& question, const std::vector<PodFacts>& pods)
      : question_(question), pods_(pods) {}

  UpgradeAnswer Step(const UpgradeState& before) {
    answer_.state = before;
    if (question_.live.empty() || question_.desired == question_.last_good) {
      if (answer_.state.to != question_.desired) answer_.state = {};
      answer_.is_settled = true;
      return std::move(answer_);
    }
    if (before.to != question_.desired || before.phase == UpgradePhase::kNone) Begin(before);
    switch (answer_.state.phase) {
      case UpgradePhase::kCanary:
        WatchCanary();
        break;
      case UpgradePhase::kRollingOut:
        RollOut();
        break;
      case UpgradePhase::kRolledBack:
        answer_.is_back = true;
        break;
      case UpgradePhase::kDone:
      case UpgradePhase::kNone:
        answer_.is_settled = true;
        break;
    }
    return std::move(answer_);
  }

 private:
  void Begin(const UpgradeState& before) {
    const bool watches = question_.is_canary && question_.replicas > 0;
    answer_.state = {
        .phase = watches ? UpgradePhase::kCanary : UpgradePhase::kRollingOut,
        .from = question_.last_good,
        .to = question_.desired,
        // Of one that did not get far, what it came from.
        .from_version = before.phase == UpgradePhase::kDone ? before.to_version : VersionOf(),
        .to_version = question_.version,
        .started = question_.now};
    for (const std::string& harm : HarmsOfGoodPods()) {
      if (answer_.state.harms_before.size() < kHarmsMax) answer_.state.harms_before.push_back(harm);
    }
    answer_.state.rates_before = HighestRates(GoodPods());
    answer_.state.behind_before = MostBehind(GoodPods());
  }

  std::vector<const PodFacts*> GoodPods() const {
    std::vector<const PodFacts*> good;
    for (const PodFacts& pod : pods_) {
      if (pod.revision == question_.last_good) good.push_back(&pod);
    }
    return good;
  }

  std::set<std::string> HarmsOfGoodPods() const {
    std::set<std::string> harms;
    for (const PodFacts* pod : GoodPods()) {
      for (const std::string& trouble : pod->harmed) harms.insert(HarmOf(trouble));
    }
    return harms;
  }

  // What harms the canary, and is new with it or more than with the others.
  std::optional<std::string> HarmTo(const PodFacts& canary) const {
    std::set<std::string> known = HarmsOfGoodPods();
    known.insert(answer_.state.harms_before.begin(), answer_.state.harms_before.end());
    for (const std::string& trouble : canary.harmed) {
      if (!known.contains(HarmOf(trouble))) return trouble;
    }
    return WorseThan(HigherRates(answer_.state.rates_before, HighestRates(GoodPods())), canary);
  }

  // What most of the pods that are not new say they run.
  std::string VersionOf() const {
    for (const PodFacts& pod : pods_) {
      if (pod.revision == question_.last_good && !pod.version.empty()) return pod.version;
    }
    return "";
  }

  void End(UpgradePhase phase, std::string reason) {
    answer_.state.phase = phase;
    answer_.state.ended = question_.now;
    answer_.state.reason = std::move(reason);
    answer_.state.canary_lag.clear();
    answer_.is_back = phase == UpgradePhase::kRolledBack;
    answer_.is_settled = phase == UpgradePhase::kDone;
    answer_.partition = 0;
  }

  bool IsNew(const PodFacts& pod) const {
    return pod.revision == question_.desired && !pod.is_leaving;
  }

  void WatchCanary() {
    const int ordinal = std::max(0, question_.replicas - 1);
    answer_.partition = ordinal;
    answer_.state.canary = absl::StrFormat("%s-%d", question_.router, ordinal);
    const auto canary = std::find_if(pods_.begin(), pods_.end(), [&](const PodFacts& pod) {
      return pod.ordinal == ordinal && IsNew(pod);
    });
    if (canary == pods_.end()) {
      NotReady("has not been replaced");
      return;
    }
    if (canary->fault.is_final) {
      End(UpgradePhase::kRolledBack,
          absl::StrFormat("%s: %s", canary->name, canary->fault.message));
      return;
    }
    if (question_.restores) {
      if (const PartitionFacts* refused = FindIn(*canary, {"refused"})) {
        End(UpgradePhase::kRolledBack,
            absl::StrFormat("%s can't be restored: %s, partition %d: %s", canary->name,
                            refused->topic, refused->partition, refused->reason));
        return;
      }
    }
    if (!canary->is_ready) {
      NotReady(canary->waits_for.empty() ? "is not ready" : canary->waits_for.front());
      return;
    }
    if (answer_.state.ready_since == absl::InfinitePast()) {
      answer_.state.ready_since = std::max(canary->ready_since, answer_.state.started);
    }
    if (question_.restores && FindIn(*canary, {"recovering", "replaying"}) != nullptr) {
      answer_.state.ready_since = question_.now;
      answer_.state.canary_lag.clear();
    }
    if (canary->answers) MarkLag(*canary, question_.now, &answer_.state.canary_lag);
    if (question_.now >= answer_.state.ready_since + question_.watch) Judge(*canary);
  }

  // The first partition that is in one of these phases; null: none is.
  static const PartitionFacts* FindIn(const PodFacts& pod,
                                      std::initializer_list<std::string_view> phases) {
    for (const PartitionFacts& one : pod.partitions) {
      if (std::find(phases.begin(), phases.end(), one.phase) != phases.end()) return &one;
    }
    return nullptr;
  }

  // Gives up when it is late. One that was ready may be moved to another node, and is waited for as
  // in the beginning.
  void NotReady(std::string_view why) {
    UpgradeState& state = answer_.state;
    if (state.ready_since != absl::InfinitePast()) state.unready_since = question_.now;
    state.ready_since = absl::InfinitePast();
    const bool was_ready = state.unready_since != absl::InfinitePast();
    const absl::Duration patience = std::max(kReadyPatience, question_.watch);
    if (question_.now >= std::max(state.started, state.unready_since) + patience) {
      End(UpgradePhase::kRolledBack,
          absl::StrFormat("%s %s %s: %s", state.canary,
                          was_ready ? "was ready, and then not for" : "was not ready within",
                          absl::FormatDuration(patience), why));
      return;
    }
    const absl::Duration all = question_.watch + kInTurnPatience;
    if (!was_ready || question_.restores || question_.now < state.started + all) return;
    End(UpgradePhase::kRolledBack,
        absl::StrFormat("%s was ready and not ready in turn for %s, and never for the whole watch "
                        "of %s: %s",
                        state.canary, absl::FormatDuration(all),
                        absl::FormatDuration(question_.watch), why));
  }

  // A canary that routes nothing has not shown that it can. Where there are as many partitions as
  // workers, the group gives each worker one.
  std::optional<std::string> Idles(const PodFacts& canary) const {
    const bool has_some = std::any_of(canary.partitions.begin(), canary.partitions.end(),
                                      [&](const PartitionFacts& one) {
                                        return canary.source.empty() || one.topic == canary.source;
                                      });
    if (has_some) return std::nullopt;
    int64_t workers = 1;  // of each pod
    for (const PodFacts& pod : pods_) workers = std::max(workers, pod.source_workers);
    if (question_.source_partitions / workers < question_.replicas) return std::nullopt;
    return absl::StrFormat(
        "has none of %d partitions of the source, so nothing is known of it. See whether it is in "
        "the consumer group of the others",
        question_.source_partitions);
  }

  // At the end of its watch.
  void Judge(const PodFacts& canary) {
    const bool is_last_look =
        question_.now >= answer_.state.ready_since + question_.watch + kSecondLook;
    const std::optional<std::string> harm = HarmTo(canary);
    const LagFacts lag = LagOf(canary, question_.now);
    const bool is_idle = lag.events > 0 && !lag.seconds;  // of some partition nothing is routed
    const std::optional<std::string> waits =
        WaitsTooLong(canary, question_.now, answer_.state.canary_lag,
                     {.lag_max = question_.lag_max,
                      .behind = std::max(answer_.state.behind_before, MostBehind(GoodPods()))});
    const std::optional<std::string> idles = Idles(canary);
    const bool is_well =
        canary.answers && canary.stopped.empty() && !idles && !harm && !waits && !is_idle;
    if (!is_well && !is_last_look) return;
    if (!canary.answers) {
      End(UpgradePhase::kRolledBack,
          absl::StrFormat("%s does not say how it is: %s", canary.name, canary.error));
      return;
    }
    if (!canary.stopped.empty()) {
      End(UpgradePhase::kRolledBack,
          absl::StrFormat("%s: %s", canary.name, canary.stopped.front()));
      return;
    }
    if (harm) {
      End(UpgradePhase::kRolledBack, absl::StrFormat("%s: %s", canary.name, *harm));
      return;
    }
    if (waits) {
      End(UpgradePhase::kRolledBack, absl::StrFormat("%s: %s", canary.name, *waits));
      return;
    }
    if (idles) {
      End(UpgradePhase::kRolledBack, absl::StrFormat("%s %s", canary.name, *idles));
      return;
    }
    answer_.state.phase = UpgradePhase::kRollingOut;
    answer_.state.canary_lag.clear();
    RollOut();
  }

  void RollOut() {
    answer_.partition = 0;
    int well = 0;
    for (const PodFacts& pod : pods_) {
      if (!IsNew(pod)) continue;
      if (pod.fault.is_final && question_.is_canary) {
        End(UpgradePhase::kRolledBack, absl::StrFormat("%s: %s", pod.name, pod.fault.message));
        return;
      }
      if (pod.is_ready && pod.ordinal < question_.replicas) ++well;
    }
    if (question_.replicas > 0 && well >= question_.replicas) End(UpgradePhase::kDone, "");
  }

  const UpgradeQuestion& question_;
  const std::vector<PodFacts>& pods_;
  UpgradeAnswer answer_;
};

}  // namespace

std::string HarmOf(std::string_view trouble) {
  const std::string head(trouble.substr(0, trouble.find(": ")));
  const std::vector<std::string> words = absl::StrSplit(head, ' ');
  std::vector<std::string> kept;
  std::string before;
  bool is_unit = false;
  for (const std::string& word : words) {
    // "partition 2" is a name.
    const bool is_count = IsCount(word) && absl::AsciiStrToLower(before) != "partition";
    // "50 s" is "3 min" later on.
    const bool is_left_out = is_count || (is_unit && word.size() <= kUnitLettersMax);
    if (!is_left_out) kept.emplace_back(word);
    is_unit = is_count;
    before = word;
  }
  return absl::StrJoin(kept, " ");
}

UpgradeState ReadUpgrade(std::string_view json) {
  const Json value = Json::parse(json, nullptr, false);
  UpgradeState state;
  const std::string phase = LookText(value, {"phase"});
  for (const auto& [known, name] : kPhases) {
    if (phase == name) state.phase = known;
  }
  if (state.phase == UpgradePhase::kNone) return {};
  state.from = LookText(value, {"from"});
  state.to = LookText(value, {"to"});
  state.from_version = LookText(value, {"fromVersion"});
  state.to_version = LookText(value, {"toVersion"});
  state.canary = LookText(value, {"canary"});
  state.started = ReadTime(LookText(value, {"started"}));
  state.ready_since = ReadTime(LookText(value, {"readySince"}));
  state.unready_since = ReadTime(LookText(value, {"unreadySince"}));
  state.ended = ReadTime(LookText(value, {"ended"}));
  state.reason = LookText(value, {"reason"});
  for (const Json& harm : LookAll(value, {"harmsBefore"})) {
    if (harm.is_string()) state.harms_before.push_back(harm.get<std::string>());
  }
  state.behind_before = std::max<int64_t>(0, LookNumber(value, {"behindBefore"}));
  state.canary_lag = ReadLagMarks(LookJson(value, {"canaryLag"}));
  for (const auto& [kind, rate] : LookAll(value, {"ratesBefore"}).items()) {
    if (rate.is_number()) state.rates_before[kind] = rate.get<double>();
  }
  return state;
}

std::string UpgradeJson(const UpgradeState& state) {
  if (state.phase == UpgradePhase::kNone) return "";
  Json json = {{"from", state.from}, {"to", state.to}};
  for (const auto& [known, name] : kPhases) {
    if (state.phase == known) json["phase"] = name;
  }
  const std::pair<const char*, const std::string*> texts[] = {{"fromVersion", &state.from_version},
                                                              {"toVersion", &state.to_version},
                                                              {"canary", &state.canary},
                                                              {"reason", &state.reason}};
  for (const auto& [name, text] : texts) {
    if (!text->empty()) json[name] = *text;
  }
  const std::pair<const char*, absl::Time> times[] = {{"started", state.started},
                                                      {"readySince", state.ready_since},
                                                      {"unreadySince", state.unready_since},
                                                      {"ended", state.ended}};
  for (const auto& [name, time] : times) {
    if (time != absl::InfinitePast()) json[name] = TimeText(time);
  }
  if (!state.harms_before.empty()) json["harmsBefore"] = state.harms_before;
  if (state.behind_before > 0) json["behindBefore"] = state.behind_before;
  if (!state.canary_lag.empty())
    json["canaryLag"] = Json::parse(LagMarksJson(state.canary_lag), nullptr, false);
  if (!state.rates_before.empty()) json["ratesBefore"] = state.rates_before;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

UpgradeAnswer StepUpgrade(const UpgradeQuestion& question, const UpgradeState& before,
                          const std::vector<PodFacts>& pods) {
  return Upgrading(question, pods).Step(before);
}

}  // namespace turnout::controller
