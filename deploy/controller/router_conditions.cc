#include "deploy/controller/router_conditions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace turnout::controller {
namespace {

std::string LagText(const LagFacts& lag) {
  if (!lag.is_known) return "how much waits is not known yet";
  if (lag.events == 0) return "no event waits";
  if (!lag.seconds) return absl::StrFormat("%d events wait", lag.events);
  return absl::StrFormat("%d events wait, the oldest for %d s", lag.events, *lag.seconds);
}

Condition Of(std::string_view type, bool is_so, std::string_view reason, std::string message) {
  return {std::string(type), std::string(Truth(is_so)), std::string(reason), std::move(message)};
}

class Conditions {
 public:
  explicit Conditions(const Situation& situation) : now_(situation), router_(*situation.router) {
    for (const PodFacts& pod : *now_.pods) {
      if (pod.is_ready && pod.ordinal < now_.replicas) ++ready_;
    }
  }

  std::vector<Condition> All() {
    std::vector<Condition> all = {Ready(),         Progressing(), Degraded(), ConfigAccepted(),
                                  RulesAccepted(), Paused(),      Drained(),  UpgradeRolledBack()};
    if (router_.autoscaling.is_on) all.push_back(Autoscaled());
    if (now_.replay) all.push_back(Replayed());
    if (now_.restore) {
      const RestoreFacts& restore = *now_.restore;
      all.push_back(Of("Restored", restore.is_done, restore.reason, restore.message));
    }
    if (now_.leaving) {
      all.push_back(
          Of("Deletable", now_.leaving->may_go, now_.leaving->reason, now_.leaving->message));
    }
    return all;
  }

 private:
  // The first pod that can't run, and why.
  const PodFacts* Faulty() const {
    for (const PodFacts& pod : *now_.pods) {
      if (!pod.fault.reason.empty() && !pod.is_ready) return &pod;
    }
    return nullptr;
  }

  bool HasNoRules() const { return router_.HasRoutes() && now_.files->texts.empty(); }

  Condition Ready() const {
    constexpr std::string_view kType = "Ready";
    if (!now_.has_pods_spec) {
      return Of(kType, false, "ConfigRefused",
                "nothing runs yet, since the config is refused: " + FirstConfigProblem());
    }
    if (router_.is_paused) {
      return Of(kType, false, "Paused",
                "spec.paused: no pod runs, events wait in the source; set it to false to go on");
    }
    if (IsDrained()) {
      return Of(
          kType, false, "Drained",
          "spec.drain: all that the source held is routed, no pod runs; set it to false to go "
          "on");
    }
    if (now_.replicas == 0) {
      return Of(kType, false, "NoReplicas",
                "spec.replicas is 0: no pod runs, events wait in the source");
    }
    const std::string counted =
        absl::StrFormat("%d of %d pods are ready; %s", ready_, now_.replicas, LagText(now_.lag));
    if (ready_ >= now_.replicas) return Of(kType, true, "AllPodsReady", counted);
    return NotReady(counted);
  }

  Condition NotReady(const std::string& counted) const {
    constexpr std::string_view kType = "Ready";
    if (!now_.healing->lost_claims.empty()) {
      const LostClaim& lost = now_.healing->lost_claims.front();
      return Of(kType, false, "ClaimLost", counted + ". " + ClaimText(lost));
    }
    if (HasNoRules()) {
      return Of(kType, false, "NoRules",
                counted +
                    ". No team has rules yet: pods wait for the first EventRoute that is "
                    "accepted");
    }
    if (const PodFacts* pod = Faulty()) {
      return Of(kType, false, pod->fault.reason,
                absl::StrFormat("%s. %s: %s", counted, pod->name, pod->fault.message));
    }
    for (const PodFacts& pod : *now_.pods) {
      if (pod.is_ready || pod.is_leaving) continue;
      const std::string why = pod.waits_for.empty()
                                  ? (pod.answers ? "it starts" : "it does not answer yet")
                                  : absl::StrJoin(pod.waits_for, "; ");
      return Of(kType, false, "PodsNotReady",
                absl::StrFormat("%s. %s: %s", counted, pod.name, why));
    }
    return Of(kType, false, "PodsMissing", counted + ". Kubernetes has not made the others yet");
  }

  static std::string ClaimText(const LostClaim& lost) {
    if (lost.is_healed) {
      return absl::StrFormat(
          "the disk of the claim %s is lost; the claim and its pod are made anew, "
          "and state comes back from the checkpoints",
          lost.claim);
    }
    return absl::StrFormat(
        "the disk of the claim %s is lost, and its checkpoints with it (spec.checkpoints.store is "
        "not s3://). Delete the claim and the pod %s: state is made anew from what the source "
        "still "
        "holds",
        lost.claim, lost.pod);
  }

  // What the watch can't show; empty: nothing.
  std::string WatchLimit() const {
    const RouterSpec::Upgrade& upgrade = router_.upgrade;
    if (upgrade.watch_seconds > upgrade.max_lag_seconds) return "";
    return absl::StrFormat(
        ". That is no longer than upgrade.maxLagSeconds (%d), so a canary that is slow is not "
        "seen, "
        "only one that stands still; raise upgrade.watchSeconds",
        upgrade.max_lag_seconds);
  }

  Condition Progressing() const {
    constexpr std::string_view kType = "Progressing";
    const UpgradeState& upgrade = now_.upgrade;
    if (upgrade.phase == UpgradePhase::kCanary) {
      return Of(kType, true, "Canary",
                absl::StrFormat("%s runs the new version or config first, and is watched for %d s "
                                "once it is ready%s",
                                upgrade.canary, router_.upgrade.watch_seconds, WatchLimit()));
    }
    if (upgrade.phase == UpgradePhase::kRollingOut) {
      return Of(kType, true, "RollingOut", "the pods change over, the highest ordinal first");
    }
    if (now_.drain && !now_.drain->state.is_done) {
      return Of(kType, true, "Draining", now_.drain->message);
    }
    if (now_.has_pods_spec && ready_ < now_.replicas && Faulty() == nullptr && !HasNoRules()) {
      return Of(kType, true, "PodsStart",
                absl::StrFormat("%d of %d pods are ready", ready_, now_.replicas));
    }
    return Of(kType, false, "Settled", "nothing is under way");
  }

  Condition Degraded() const {
    constexpr std::string_view kType = "Degraded";
    std::vector<std::string> words;
    std::string reason;
    const auto add = [&](std::string_view of, std::string text) {
      if (reason.empty()) reason = of;
      if (std::find(words.begin(), words.end(), text) == words.end()) {
        words.push_back(std::move(text));
      }
    };
    for (const LostClaim& lost : now_.healing->lost_claims) add("ClaimLost", ClaimText(lost));
    for (const PodFacts& pod : *now_.pods) {
      if (!pod.fault.reason.empty()) {
        add(pod.fault.reason, absl::StrFormat("%s: %s", pod.name, pod.fault.message));
      }
      for (const std::string& trouble : pod.stopped) add("EventsWait", trouble);
      for (const EjectedFacts& one : pod.ejected) {
        add("DestinationEjected",
            absl::StrFormat("the destination %s is %s (%s); its outputs wait in the parking topic",
                            one.destination, one.state, one.why));
      }
      for (const std::string& trouble : pod.harmed) add("Harmed", trouble);
    }
    if (words.empty()) return Of(kType, false, "AllWell", "nothing is wrong");
    return Of(kType, true, reason, absl::StrJoin(words, ". "));
  }

  std::string FirstConfigProblem() const {
    const std::vector<std::string>& problems = now_.config->problems;
    return problems.empty() ? "" : problems.front();
  }

  Condition ConfigAccepted() const {
    constexpr std::string_view kType = "ConfigAccepted";
    const std::vector<std::string>& problems = now_.config->problems;
    if (problems.empty()) return Of(kType, true, "Accepted", "the config is good");
    return Of(
        kType, false, now_.config->is_group_taken ? "GroupTaken" : "ConfigRefused",
        absl::StrFormat("%s. %s", absl::StrJoin(problems, "; "),
                        now_.has_pods_spec ? "Pods run on as they were" : "Nothing runs yet"));
  }

  Condition RulesAccepted() const {
    constexpr std::string_view kType = "RulesAccepted";
    if (!router_.HasRoutes()) {
      return Of(kType, true, "FromManager",
                "rules come from the config manager, which checks them");
    }
    std::vector<std::string> refused;
    for (const RouteVerdict& verdict : now_.files->verdicts) {
      if (!verdict.is_accepted) {
        refused.push_back(
            absl::StrFormat("%s/%s (%s)", verdict.route_namespace, verdict.name, verdict.reason));
      }
    }
    if (refused.empty()) {
      return Of(kType, true, "Accepted",
                absl::StrFormat("%d teams have rules", now_.files->texts.size()));
    }
    return Of(kType, false, "RoutesRefused",
              absl::StrFormat("%d routes are refused, see their status: %s", refused.size(),
                              absl::StrJoin(refused, ", ")));
  }

  Condition Paused() const {
    return router_.is_paused ? Of("Paused", true, "Asked", "spec.paused: events wait in the source")
                             : Of("Paused", false, "NotAsked", "spec.paused is false");
  }

  bool IsDrained() const { return router_.is_draining && now_.drain && now_.drain->state.is_done; }

  Condition Drained() const {
    constexpr std::string_view kType = "Drained";
    if (!now_.drain) return Of(kType, false, "NotAsked", "no drain is asked for");
    return Of(kType, now_.drain->state.is_done,
              now_.drain->state.is_done ? "AllRouted" : "Draining", now_.drain->message);
  }

  Condition UpgradeRolledBack() const {
    constexpr std::string_view kType = "UpgradeRolledBack";
    const UpgradeState& upgrade = now_.upgrade;
    if (upgrade.phase == UpgradePhase::kRolledBack) {
      return Of(kType, true, "RolledBack",
                absl::StrFormat("the upgrade to %s was gone back from: %s. The pods run what they "
                                "ran before; it is not tried again until the EventRouter changes",
                                upgrade.to_version, upgrade.reason));
    }
    return Of(kType, false, "NotRolledBack", "no upgrade was gone back from");
  }

  Condition Autoscaled() const {
    constexpr std::string_view kType = "Autoscaled";
    if (now_.scaler == Scaler::kMissingKeda) {
      return Of(
          kType, false, "KedaMissing",
          absl::StrFormat("the cluster has no KEDA, so nothing changes the number of pods (%d); "
                          "install KEDA, or set spec.autoscaling.scaler to "
                          "HorizontalPodAutoscaler, or take spec.autoscaling away",
                          now_.replicas));
    }
    const bool is_keda = now_.scaler == Scaler::kKeda;
    const std::string trouble = is_keda ? "" : MetricTrouble(now_.autoscaler);
    if (!trouble.empty()) {
      return Of(kType, false, "MetricMissing",
                absl::StrFormat("the HorizontalPodAutoscaler can't read the metric %s, so nothing "
                                "changes the number of pods (%d): %s. Give the Prometheus adapter "
                                "the rule of deploy/monitoring/lag-metric.yaml, or install KEDA",
                                kLagMetric, now_.replicas, trouble));
    }
    const std::string kept = absl::StrFormat(
        "%s keeps %d to %d pods, by events that wait for %d s",
        is_keda ? "KEDA" : "the HorizontalPodAutoscaler", router_.autoscaling.min_replicas,
        router_.autoscaling.max_replicas, router_.autoscaling.lag_seconds);
    // While pods don't tell of all, there may be more.
    if (!now_.blind && router_.autoscaling.max_replicas > now_.source_partitions) {
      return Of(kType, true, "MoreThanPartitions",
                absl::StrFormat("%s. The source has %d partitions, and pods beyond them would "
                                "idle: set spec.autoscaling.maxReplicas to %d, or add partitions",
                                kept, now_.source_partitions, now_.source_partitions));
    }
    return Of(kType, true, "ByLag", kept);
  }

  Condition Replayed() const {
    const bool is_done = now_.replay->phase == "Succeeded";
    return Of("Replayed", is_done, now_.replay->phase, now_.replay->message);
  }

  const Situation& now_;
  const RouterSpec& router_;
  int ready_ = 0;
};

}  // namespace

std::vector<Condition> RouterConditions(const Situation& situation) {
  return Conditions(situation).All();
}

bool IsBad(const Condition& condition) {
  for (const std::string_view type : {"Ready", "ConfigAccepted", "RulesAccepted", "Autoscaled",
                                      "Deletable", "Accepted", "InForce"}) {
    if (condition.type == type) {
      return condition.status == "False" && condition.reason != "Paused" &&
             condition.reason != "Drained" && condition.reason != "Draining";
    }
  }
  if (condition.type == "Replayed") return condition.reason == "Failed";
  if (condition.type == "Restored") return condition.reason == "GoneBackFrom";
  return (condition.type == "Degraded" || condition.type == "UpgradeRolledBack") &&
         condition.status == "True";
}

}  // namespace turnout::controller
