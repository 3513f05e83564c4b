#include "deploy/controller/decide.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "deploy/controller/desired_children.h"
#include "deploy/controller/group_taken.h"
#include "deploy/controller/json_look.h"
#include "deploy/controller/leaving.h"
#include "deploy/controller/router_conditions.h"
#include "deploy/controller/router_status.h"
#include "deploy/controller/upkeep_children.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

// How soon to look again, when something is under way and when nothing is.
constexpr int kSoonSeconds = 5;
constexpr int kLaterSeconds = 30;
// Of it, up and down.
constexpr double kSpread = 0.1;

Json Parsed(const std::string& text) { return Json::parse(text, nullptr, false); }

class Deciding {
 public:
  Deciding(const Json& observed, absl::Time now) : observed_(observed) {
    controller_ = ReadControllerFacts(LookJson(observed, {"controller"}));
    router_ = ReadRouterSpec(LookJson(observed, {"router"}), controller_);
    claims_ = LookJson(observed, {"claims"});
    pods_ = ReadPods(LookJson(observed, {"pods"}), now);
    live_ = ReadChildren(router_, LookJson(observed, {"children"}));
    situation_ = {.router = &router_,
                  .config = &config_,
                  .files = &files_,
                  .pods = &pods_,
                  .healing = &healing_,
                  .status_before = LookJson(observed, {"router", "status"}),
                  .now = now,
                  .lag = LagOf(pods_, now)};
    status_ = Parsed(situation_.status_before);
    situation_.source_partitions =
        SourcePartitions(pods_, LookNumber(status_, {"sourcePartitions"}));
    if (HeldByNobody(pods_, situation_.source_partitions)) situation_.lag.is_known = false;
    situation_.scaler = ScalerOf(router_, controller_);
    situation_.autoscaler = live_.autoscaler;
  }

  std::string Plan() {
    config_ = MakePipelineConfig(router_);
    std::string problem = RestoreProblem(router_.restore, situation_.now);
    if (!problem.empty()) config_.problems.push_back(std::move(problem));
    std::string taken = GroupTaken(router_, LookJson(observed_, {"others"}));
    config_.is_group_taken = !taken.empty();
    if (config_.is_group_taken) config_.problems.push_back(std::move(taken));
    healing_ = Heal(router_, pods_, claims_);
    ReadRules();
    DecideReplicas();
    DecideLeaving();
    DecideReplay();
    if (MayGo()) {
      healing_.removals.clear();
      situation_.has_pods_spec = live_.pods.is_there;
      situation_.upgrade = ReadUpgrade(LookJson(status_, {"upgrade"}));
    } else if (config_.problems.empty()) {
      DecideChildren();
    } else {
      LeaveChildren();
    }
    DecideRestore();
    return Written();
  }

 private:
  // By the limits of the config that is in force, which is the one before if this one is refused.
  void ReadRules() {
    router::RuleLimits limits = config_.rule_limits;
    is_in_force_ = config_.problems.empty();
    if (!is_in_force_) {
      const auto before = live_.configs.find(live_.pods.config_map);
      if (before != live_.configs.end()) {
        const PipelineConfig config = ReadPipelineConfig(before->second);
        is_in_force_ = config.problems.empty();
        limits = config.rule_limits;
      }
    }
    files_ = MakeTeamFiles(router_, LookJson(observed_, {"routes"}), live_.rule_files, limits);
    if (is_in_force_) return;
    for (RouteVerdict& verdict : files_.verdicts) {
      if (!verdict.is_accepted) continue;
      verdict.is_accepted = false;
      verdict.has_team = false;
      verdict.reason = "RouterRefused";
      verdict.message =
          "the rules are good, but the config of the EventRouter is refused, so nothing runs yet; "
          "who owns the router mends it";
    }
  }

  void DecideReplicas() {
    situation_.replicas = router_.is_paused ? 0 : router_.replicas;
    const DrainScope scope = {situation_.replicas, situation_.source_partitions};
    situation_.blind = WhyBlind(pods_, scope);
    const bool drains_to_go = router_.is_leaving && router_.on_delete_lag == "Drain";
    if (router_.is_paused || !(router_.is_draining || drains_to_go)) return;
    situation_.drain =
        StepDrain(ReadDrain(LookJson(status_, {"drain"})), pods_, scope, situation_.now);
    if (situation_.drain->state.is_done && router_.is_draining) situation_.replicas = 0;
  }

  void DecideLeaving() {
    if (!router_.is_leaving) return;
    const bool has_run =
        (live_.pods.is_there && (router_.is_paused || !WaitsForRules())) || !pods_.empty();
    situation_.leaving = Leave(router_, has_run, situation_);
  }

  // A pod without any rule refuses to start, and would be started again ever more seldom. Pods that
  // run keep what they have.
  bool WaitsForRules() const {
    return router_.HasRoutes() && files_.texts.empty() && live_.pods.replicas == 0;
  }

  bool MayGo() const { return situation_.leaving && situation_.leaving->may_go; }

  void DecideReplay() {
    if (router_.replay.rule.empty()) return;
    ReplayFacts facts = {.job = ReplayJobName(router_), .phase = "Pending"};
    facts.message = absl::StrFormat("the Job %s is made", facts.job);
    if (const auto job = live_.jobs.find(facts.job); job != live_.jobs.end()) {
      ReadJob(Parsed(job->second), &facts);
    }
    situation_.replay = std::move(facts);
  }

  // Once it is known how the change gets to the pods.
  void DecideRestore() {
    if (!router_.restore.is_asked) return;
    situation_.restore = StepRestore(router_.restore, LookJson(status_, {"restore"}), pods_,
                                     situation_.replicas, situation_.upgrade);
  }

  static void ReadJob(const Json& job, ReplayFacts* facts) {
    if (LookNumber(job, {"status", "active"}) > 0) {
      facts->phase = "Running";
      facts->message = absl::StrFormat("the Job %s runs; its log says how far it is", facts->job);
    }
    for (const Json& condition : LookAll(job, {"status", "conditions"})) {
      if (LookText(condition, {"status"}) != "True") continue;
      const std::string type = LookText(condition, {"type"});
      if (type == "Complete") {
        facts->phase = "Succeeded";
        facts->message = "the range is routed; spec.replay may go";
      } else if (type == "Failed") {
        facts->phase = "Failed";
        facts->message = absl::StrFormat(
            "%s. The log of the Job %s says why; take spec.replay away, mend what it says, and ask "
            "again: with the same `job` it goes on where it was",
            LookText(condition, {"message"}), facts->job);
      }
    }
  }

  void DecideChildren() {
    const PodTemplate desired = MakePodTemplate(router_, config_);
    const LiveStatefulSet& there = live_.pods;
    const int replicas = WaitsForRules() ? 0 : situation_.replicas;
    const PodTemplate last_good = there.last_good.revision.empty() ? desired : there.last_good;
    const UpgradeAnswer answer =
        StepUpgrade({.router = router_.name,
                     .desired = desired.revision,
                     .version = router_.version,
                     .live = there.revision,
                     .last_good = last_good.revision,
                     .replicas = replicas,
                     .source_partitions = situation_.source_partitions,
                     .is_canary = router_.upgrade.is_canary,
                     .watch = absl::Seconds(router_.upgrade.watch_seconds),
                     .lag_max = absl::Seconds(router_.upgrade.max_lag_seconds),
                     .restores = router_.restore.is_asked,
                     .now = situation_.now},
                    ReadUpgrade(LookJson(status_, {"upgrade"})), pods_);
    situation_.upgrade = answer.state;
    situation_.has_pods_spec = true;
    const StatefulSetWish wish = {.pods = answer.is_back ? last_good : desired,
                                  .last_good = answer.is_settled ? desired : last_good,
                                  .replicas = replicas,
                                  .partition = answer.partition,
                                  .claim_size = there.claim_size};
    apply_ = DesiredChildren(router_, controller_, config_, files_.texts, wish, live_, claims_);
    std::set<std::string> kept = {ChildKey("StatefulSet", router_.name)};
    for (const std::string& object : apply_) kept.insert(ChildKeyOf(object));
    if (situation_.replay) kept.insert(ChildKey("Job", situation_.replay->job));
    // Configs that some pod has, or may be made with.
    kept.insert(ChildKey("ConfigMap", there.config_map));
    kept.insert(ChildKey("ConfigMap", ConfigMapOfTemplate(wish.last_good.json)));
    for (const std::string& name : live_.job_configs) kept.insert(ChildKey("ConfigMap", name));
    for (const PodFacts& pod : pods_) kept.insert(ChildKey("ConfigMap", pod.config_map));
    removals_ = Pruned(router_, live_, kept);
  }

  // With a config that is refused: rules still change, all else stays as it is.
  void LeaveChildren() {
    situation_.has_pods_spec = live_.pods.is_there;
    situation_.upgrade = ReadUpgrade(LookJson(status_, {"upgrade"}));
    if (live_.pods.is_there && is_in_force_) apply_ = RuleMaps(router_, files_.texts);
  }

  Json RemovalsJson() {
    removals_.insert(removals_.begin(), healing_.removals.begin(), healing_.removals.end());
    Json all = Json::array();
    for (const Removal& removal : removals_) {
      Json one = {{"apiVersion", removal.api_version},
                  {"kind", removal.kind},
                  {"namespace", removal.object_namespace},
                  {"name", removal.name},
                  {"uid", removal.uid},
                  {"why", removal.why}};
      if (removal.grace_seconds >= 0) one["gracePeriodSeconds"] = removal.grace_seconds;
      if (!removal.propagation.empty()) one["propagation"] = removal.propagation;
      all.push_back(std::move(one));
    }
    return all;
  }

  Json FinalizersJson() const {
    Json all = Json::array();
    for (const std::string& finalizer : router_.finalizers) {
      if (finalizer != kFinalizer) all.push_back(finalizer);
    }
    const bool had = std::count(router_.finalizers.begin(), router_.finalizers.end(), kFinalizer);
    // The server takes no new one of an object on its way out.
    if (router_.is_leaving ? had && !MayGo() : true) all.push_back(kFinalizer);
    return all;
  }

  static void AddEvent(bool is_bad, const std::string& reason, const std::string& note,
                       const Json& regarding, Json* events) {
    events->push_back({{"type", is_bad ? "Warning" : "Normal"},
                       {"reason", reason},
                       {"note", note},
                       {"regarding", regarding}});
  }

  static Json Regarding(std::string_view kind, const std::string& object_namespace,
                        const std::string& name, const std::string& uid) {
    return {{"apiVersion", kApiVersion},
            {"kind", kind},
            {"namespace", object_namespace},
            {"name", name},
            {"uid", uid}};
  }

  // Of conditions that are new only what is wrong is worth an event.
  void AddChanges(const std::string& status_before, const std::vector<Condition>& conditions,
                  const Json& regarding, Json* events) const {
    const std::string before = LookJson(Parsed(status_before), {"conditions"});
    for (const Condition& condition : ChangedConditions(before, conditions)) {
      const bool is_bad = IsBad(condition);
      if (before.empty() && !is_bad) continue;
      AddEvent(is_bad, condition.reason,
               absl::StrFormat("%s is %s: %s", condition.type, condition.status, condition.message),
               regarding, events);
    }
  }

  std::string Written() {
    const std::vector<Condition> conditions = RouterConditions(situation_);
    Json events = Json::array();
    const Json router =
        Regarding("EventRouter", router_.router_namespace, router_.name, router_.uid);
    AddChanges(situation_.status_before, conditions, router, &events);
    Json removals = RemovalsJson();
    for (const Removal& removal : removals_) {
      AddEvent(false, "TakenAway", removal.why, router, &events);
    }
    Json routes = Json::array();
    for (const RouteVerdict& verdict : files_.verdicts) {
      const std::vector<Condition> of_route = RouteConditions(verdict, pods_);
      for (const Condition& condition : of_route) {
        if (condition.reason == kRulesOnTheWay) has_rules_on_the_way_ = true;
      }
      AddChanges(verdict.status_before, of_route,
                 Regarding("EventRoute", verdict.route_namespace, verdict.name, verdict.uid),
                 &events);
      routes.push_back({{"namespace", verdict.route_namespace},
                        {"name", verdict.name},
                        {"status", Parsed(RouteStatusJson(verdict, of_route, situation_.now))}});
    }
    Json apply = Json::array();
    for (const std::string& object : apply_) apply.push_back(Parsed(object));
    const Json plan = {{"apply", std::move(apply)},
                       {"remove", std::move(removals)},
                       {"routerStatus", Parsed(RouterStatusJson(situation_, conditions))},
                       {"routeStatuses", std::move(routes)},
                       {"finalizers", FinalizersJson()},
                       {"events", std::move(events)},
                       {"againInSeconds", AgainInSeconds(conditions)}};
    return plan.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  double AgainInSeconds(const std::vector<Condition>& conditions) const {
    const bool is_busy =
        std::any_of(conditions.begin(), conditions.end(), [](const Condition& condition) {
          return (condition.type == "Progressing" && condition.status == "True") ||
                 (condition.type == "Restored" && condition.reason == "UnderWay");
        });
    const bool is_soon = is_busy || router_.is_leaving || has_rules_on_the_way_;
    const double base = is_soon ? kSoonSeconds : kLaterSeconds;
    const Json* random = Look(observed_, {"random"});
    const double chance = random != nullptr && random->is_number()
                              ? std::clamp(random->get<double>(), 0.0, 1.0)
                              : 0.5;
    return base * (1 - kSpread + 2 * kSpread * chance);
  }

  const Json& observed_;
  ControllerFacts controller_;
  RouterSpec router_;
  std::string claims_;
  std::vector<PodFacts> pods_;
  LiveChildren live_;
  PipelineConfig config_;
  TeamFiles files_;
  Healing healing_;
  bool is_in_force_ = false;  // some config is
  bool has_rules_on_the_way_ = false;
  Situation situation_;
  Json status_;
  std::vector<std::string> apply_;
  std::vector<Removal> removals_;
};

}  // namespace

absl::StatusOr<std::string> Decide(std::string_view observation) {
  const Json observed = Json::parse(observation, nullptr, false);
  if (!observed.is_object()) {
    return absl::InvalidArgumentError("the observation is no JSON object");
  }
  const absl::Time now = ReadTime(LookText(observed, {"now"}));
  if (now == absl::InfinitePast()) {
    return absl::InvalidArgumentError("the observation's `now` is no time (RFC 3339)");
  }
  for (const std::string_view name : {"name", "namespace", "uid"}) {
    if (LookText(observed, {"router", "metadata", name}).empty()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("the observation's router has no metadata.%s", name));
    }
  }
  return Deciding(observed, now).Plan();
}

}  // namespace turnout::controller
