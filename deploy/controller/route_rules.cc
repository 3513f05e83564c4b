#include "deploy/controller/route_rules.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "deploy/controller/json_look.h"
#include "runtime/rule_loader.h"
#include "state/sha256.h"

namespace turnout::controller {
namespace {

using Json = nlohmann::json;

std::string TeamText(const std::string& team, const std::string& owner,
                     const std::vector<std::string>& destinations, const Json& rules) {
  Json file = {{"team", team}, {"destinations", destinations}, {"rules", rules}};
  if (!owner.empty()) file["owner"] = owner;
  return file.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

const TeamGrant* GrantOf(const RouterSpec& router, const std::string& team) {
  for (const TeamGrant& grant : router.teams) {
    if (grant.name == team) return &grant;
  }
  return nullptr;
}

struct Compiled {
  size_t rules = 0;
  std::string hash;
  std::vector<router::Problem> problems;
};

Compiled Compile(const std::string& team, const std::string& text,
                 const router::RuleLimits& limits) {
  Compiled out;
  const std::vector<router::Team> teams = runtime::CompileRules(
      RuleFileName(team), text, limits, &out.problems, runtime::RuleTexts::kDropped);
  if (out.problems.empty() && !teams.empty()) {
    out.rules = teams.front()->rules.size();
    out.hash = absl::StrFormat("%016x", teams.front()->content_hash);
  }
  return out;
}

class RouteReader {
 public:
  RouteReader(const RouterSpec& router, const std::map<std::string, std::string>& live,
              const router::RuleLimits& limits)
      : router_(router), live_(live), limits_(limits) {}

  // Of one team the oldest route comes first, and has it.
  void Take(const Json& route) {
    RouteVerdict verdict = {.name = LookText(route, {"metadata", "name"}),
                            .route_namespace = LookText(route, {"metadata", "namespace"}),
                            .uid = LookText(route, {"metadata", "uid"}),
                            .team = LookText(route, {"spec", "team"}),
                            .generation = LookNumber(route, {"metadata", "generation"}),
                            .status_before = LookJson(route, {"status"})};
    if (IsHis(&verdict)) {
      verdict.has_team = true;
      owners_[verdict.team] = absl::StrFormat("%s/%s", verdict.route_namespace, verdict.name);
      Read(route, &verdict);
    }
    out_.verdicts.push_back(std::move(verdict));
  }

  TeamFiles Finish() && {
    std::sort(out_.verdicts.begin(), out_.verdicts.end(),
              [](const RouteVerdict& a, const RouteVerdict& b) {
                return std::tie(a.route_namespace, a.name) < std::tie(b.route_namespace, b.name);
              });
    return std::move(out_);
  }

 private:
  bool IsHis(RouteVerdict* verdict) {
    const std::string router = absl::StrFormat("%s/%s", router_.router_namespace, router_.name);
    if (!router_.HasRoutes()) {
      Refuse("OtherOrigin",
             absl::StrFormat("the EventRouter %s takes its rules from a config manager, not from "
                             "EventRoutes; give the rules to that",
                             router),
             verdict);
      return false;
    }
    const TeamGrant* grant = GrantOf(router_, verdict->team);
    if (grant == nullptr || grant->team_namespace != verdict->route_namespace) {
      Refuse("NotPermitted",
             absl::StrFormat("the EventRouter %s does not let the namespace %s speak for the team "
                             "%s; who owns the router adds {name: %s, namespace: %s} to its teams",
                             router, verdict->route_namespace, verdict->team, verdict->team,
                             verdict->route_namespace),
             verdict);
      return false;
    }
    const auto first = owners_.find(verdict->team);
    if (first == owners_.end()) return true;
    Refuse("SecondRoute",
           absl::StrFormat("the team %s has its rules in the EventRoute %s already; move these "
                           "there, or take that one away",
                           verdict->team, first->second),
           verdict);
    return false;
  }

  void Read(const Json& route, RouteVerdict* verdict) {
    const TeamGrant& grant = *GrantOf(router_, verdict->team);
    const std::string text = TeamText(verdict->team, LookText(route, {"spec", "owner"}),
                                      grant.destinations, LookAll(route, {"spec", "rules"}));
    const Compiled compiled = Compile(verdict->team, text, limits_);
    if (!compiled.problems.empty()) {
      Refuse("RulesRefused", ProblemsText(compiled.problems), verdict);
      for (const router::Problem& problem : compiled.problems) {
        if (verdict->errors.size() == kRouteErrorsMax) break;
        verdict->errors.push_back({problem.subject, problem.what, problem.cure});
      }
      KeepLast(grant, verdict);
    } else if (!Keep(verdict->team, text)) {
      Refuse("TooLarge",
             absl::StrFormat("the rules take %d bytes, and there is room for %d of this and the "
                             "teams that share its place; make them fewer or smaller, or have the "
                             "router take its rules from a config manager",
                             text.size(), kRuleMapBytesMax),
             verdict);
      KeepLast(grant, verdict);
    } else {
      verdict->is_accepted = true;
      verdict->reason = "Accepted";
      verdict->rules = static_cast<int64_t>(compiled.rules);
      verdict->hash = compiled.hash;
      verdict->accepted_generation = verdict->generation;
      verdict->message = absl::StrFormat("%d rules are given to the router", compiled.rules);
    }
  }

  void KeepLast(const TeamGrant& grant, RouteVerdict* verdict) {
    const auto last = live_.find(verdict->team);
    if (last == live_.end()) {
      verdict->message += ". The team has no rules in force";
      return;
    }
    const Json file = Json::parse(last->second, nullptr, false);
    const std::string text = TeamText(verdict->team, LookText(file, {"owner"}), grant.destinations,
                                      LookAll(file, {"rules"}));
    const Compiled compiled = Compile(verdict->team, text, limits_);
    if (!compiled.problems.empty() || !Keep(verdict->team, text)) {
      verdict->message +=
          ". The team has no rules in force: those from before don't fit what it may write now";
      return;
    }
    verdict->rules = static_cast<int64_t>(compiled.rules);
    verdict->hash = compiled.hash;
    const Json before = Json::parse(verdict->status_before, nullptr, false);
    verdict->accepted_generation = LookNumber(before, {"acceptedGeneration"});
    verdict->message += absl::StrFormat(". The %d rules from before stay in force", compiled.rules);
  }

  bool Keep(const std::string& team, const std::string& text) {
    size_t& bytes = map_bytes_[RuleMapOf(team)];
    if (bytes + text.size() > kRuleMapBytesMax) return false;
    bytes += text.size();
    out_.texts[team] = text;
    return true;
  }

  static void Refuse(std::string_view reason, std::string message, RouteVerdict* verdict) {
    verdict->reason = reason;
    verdict->message = std::move(message);
  }

  static std::string ProblemsText(const std::vector<router::Problem>& problems) {
    const router::Problem& first = problems.front();
    std::string text = absl::StrFormat("%s%s%s (%s)", first.subject,
                                       first.subject.empty() ? "" : ": ", first.what, first.cure);
    if (problems.size() > 1) {
      text += absl::StrFormat("; and %d problems more, see status.errors", problems.size() - 1);
    }
    return text;
  }

  const RouterSpec& router_;
  const std::map<std::string, std::string>& live_;
  const router::RuleLimits& limits_;
  std::map<std::string, std::string> owners_;  // NAMESPACE/NAME of teams' routes
  std::map<int, size_t> map_bytes_;
  TeamFiles out_;
};

}  // namespace

int RuleMapOf(std::string_view team) {
  constexpr size_t kDigits = 8;
  const std::string digits = state::Sha256(team).substr(0, kDigits);
  return static_cast<int>(std::strtoul(digits.c_str(), nullptr, 16) % kRuleMaps);
}

std::string RuleMapName(const RouterSpec& router, int map) {
  return absl::StrFormat("%s-rules-%d", router.name, map);
}

std::string RuleFileName(std::string_view team) { return absl::StrFormat("%s.json", team); }

TeamFiles MakeTeamFiles(const RouterSpec& router, std::string_view routes,
                        const std::map<std::string, std::string>& live,
                        const router::RuleLimits& limits) {
  const Json json = Json::parse(routes, nullptr, false);
  std::vector<const Json*> sorted;
  if (json.is_array()) {
    for (const Json& route : json) {
      // One on its way out has no say any more.
      if (Look(route, {"metadata", "deletionTimestamp"}) == nullptr) sorted.push_back(&route);
    }
  }
  const auto age = [](const Json* route) {
    return std::tuple(LookText(*route, {"metadata", "creationTimestamp"}),
                      LookText(*route, {"metadata", "namespace"}),
                      LookText(*route, {"metadata", "name"}));
  };
  std::sort(sorted.begin(), sorted.end(),
            [&](const Json* a, const Json* b) { return age(a) < age(b); });
  RouteReader reader(router, live, limits);
  for (const Json* route : sorted) reader.Take(*route);
  return std::move(reader).Finish();
}

}  // namespace turnout::controller
