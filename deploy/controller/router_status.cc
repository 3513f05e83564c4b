#include "deploy/controller/router_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "deploy/controller/json_look.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

// Destinations that the status names.
constexpr size_t kEjectedMax = 100;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json Parsed(const std::string& text) { return Json::parse(text, nullptr, false); }

Json EjectedJson(const std::vector<PodFacts>& pods) {
  Json all = Json::array();
  std::set<std::string> seen;
  for (const PodFacts& pod : pods) {
    for (const EjectedFacts& one : pod.ejected) {
      if (all.size() == kEjectedMax || !seen.insert(one.destination).second) continue;
      all.push_back({{"destination", one.destination},
                     {"state", one.state},
                     {"why", one.why},
                     {"waiting", one.waiting}});
    }
  }
  return all;
}

Json CheckpointsJson(const std::vector<PodFacts>& pods) {
  Json out = Json::object();
  for (const PodFacts& pod : pods) {
    if (!pod.checkpoint_store.empty()) out["store"] = pod.checkpoint_store;
    if (!pod.has_checkpoints) continue;
    const auto age = static_cast<int64_t>(pod.oldest_checkpoint_seconds);
    out["oldestAgeSeconds"] = std::max(age, LookNumber(out, {"oldestAgeSeconds"}));
  }
  return out;
}

// A pod of an older version tells of their number only.
bool HasRules(const PodFacts& pod, const RouteVerdict& verdict) {
  const auto team = pod.teams.find(verdict.team);
  if (team == pod.teams.end() || team->second != verdict.rules) return false;
  const auto hash = pod.team_hashes.find(verdict.team);
  return hash == pod.team_hashes.end() || hash->second == verdict.hash;
}

Json RulesJson(const Situation& situation) {
  std::set<std::string> hashes;
  size_t teams = 0;
  for (const PodFacts& pod : *situation.pods) {
    if (!pod.rule_set.empty()) hashes.insert(pod.rule_set);
    teams = std::max(teams, pod.teams.size());
  }
  const std::vector<RouteVerdict>& verdicts = situation.files->verdicts;
  const auto refused = std::count_if(verdicts.begin(), verdicts.end(),
                                     [](const RouteVerdict& one) { return !one.is_accepted; });
  return {{"hash", absl::StrJoin(hashes, ",")}, {"teams", teams}, {"refusedRoutes", refused}};
}

}  // namespace

std::string RouterStatusJson(const Situation& situation, const std::vector<Condition>& conditions) {
  const RouterSpec& router = *situation.router;
  const std::vector<PodFacts>& pods = *situation.pods;
  int present = 0;
  int ready = 0;
  std::set<std::string> versions;
  for (const PodFacts& pod : pods) {
    if (pod.is_leaving) continue;
    ++present;
    if (pod.is_ready) ++ready;
    if (pod.is_ready && !pod.version.empty()) versions.insert(pod.version);
  }
  Json out = {{"observedGeneration", router.generation},
              {"replicas", present},
              {"readyReplicas", ready},
              {"selector", absl::StrFormat("app.kubernetes.io/name=turnout,turnout.dev/router=%s",
                                           router.name)},
              {"version", absl::StrJoin(versions, ",")},
              {"image", router.image},
              {"rules", RulesJson(situation)},
              {"ejectedDestinations", EjectedJson(pods)}};
  // An API server makes null, and then an error, of an object whose fields are all taken back.
  if (Json checkpoints = CheckpointsJson(pods); !checkpoints.empty()) {
    out["checkpoints"] = std::move(checkpoints);
  }
  if (situation.source_partitions > 0) out["sourcePartitions"] = situation.source_partitions;
  if (situation.lag.partitions > 0) {
    out["lag"] = {{"events", situation.lag.events}, {"partitions", situation.lag.partitions}};
    if (situation.lag.seconds) out["lag"]["seconds"] = *situation.lag.seconds;
  }
  if (const std::string upgrade = UpgradeJson(situation.upgrade); !upgrade.empty()) {
    out["upgrade"] = Parsed(upgrade);
  }
  if (situation.drain) out["drain"] = Parsed(DrainJson(situation.drain->state));
  if (situation.replay) {
    out["replay"] = {{"job", situation.replay->job},
                     {"phase", situation.replay->phase},
                     {"message", situation.replay->message}};
  }
  if (situation.restore) out["restore"] = Parsed(RestoreJson(*situation.restore));
  const Json before = Parsed(situation.status_before);
  out["conditions"] = Parsed(ConditionsJson(LookJson(before, {"conditions"}), conditions,
                                            router.generation, situation.now));
  return Dump(out);
}

std::vector<Condition> RouteConditions(const RouteVerdict& verdict,
                                       const std::vector<PodFacts>& pods) {
  std::vector<Condition> all = {
      {"Accepted", std::string(Truth(verdict.is_accepted)), verdict.reason, verdict.message}};
  if (!verdict.has_team) {
    all.push_back({"InForce", "False", "NotAccepted", "the router has no rules of this route"});
    return all;
  }
  int with = 0;
  int answering = 0;
  for (const PodFacts& pod : pods) {
    if (!pod.answers) continue;
    ++answering;
    if (const auto aside = pod.aside.find(verdict.team); aside != pod.aside.end()) {
      all.push_back({"InForce", "False", "StandsAside",
                     absl::StrFormat("the last change is not in force: %s", aside->second)});
      return all;
    }
    if (HasRules(pod, verdict)) ++with;
  }
  if (answering == 0) {
    all.push_back({"InForce", "Unknown", "NoPodAnswers", "no pod of the router answers"});
  } else if (with == answering && verdict.rules > 0) {
    all.push_back({"InForce", "True", "OnAllPods",
                   absl::StrFormat("%d pods route by %d rules of the team", with, verdict.rules)});
  } else {
    all.push_back({"InForce", "False", std::string(kRulesOnTheWay),
                   absl::StrFormat("%d of %d pods route by these rules; the others take them up "
                                   "within a minute or two",
                                   with, answering)});
  }
  return all;
}

std::string RouteStatusJson(const RouteVerdict& verdict, const std::vector<Condition>& conditions,
                            absl::Time now) {
  Json errors = Json::array();
  for (const RouteError& error : verdict.errors) {
    errors.push_back({{"rule", error.rule}, {"reason", error.reason}, {"cure", error.cure}});
  }
  const Json before = Parsed(verdict.status_before);
  return Dump({{"observedGeneration", verdict.generation},
               {"rules", verdict.rules},
               {"acceptedGeneration", verdict.accepted_generation},
               {"errors", std::move(errors)},
               {"conditions", Parsed(ConditionsJson(LookJson(before, {"conditions"}), conditions,
                                                    verdict.generation, now))}});
}

}  // namespace turnout::controller
