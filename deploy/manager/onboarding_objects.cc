#include "deploy/manager/onboarding_objects.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "deploy/manager/dashboard_text.h"
#include "nlohmann/json.hpp"
#include "state/sha256.h"

namespace turnout::manager {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kApi[] = "turnout.dev/v1alpha1";
constexpr char kManagedBy[] = "turnout-manager";
constexpr char kTeamLabel[] = "turnout.dev/team";
constexpr char kPodSecurityLabel[] = "pod-security.kubernetes.io/enforce";
// Of the whole dashboard's rows, those that tell a team about its own.
constexpr std::array<std::string_view, 2> kTeamRows = {"Destinations", "Teams and rules"};

std::string TextOf(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json Parsed(std::string_view text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

Json Object(const char* api_version, const char* kind, const std::string& name_space,
            const std::string& name, std::string_view team) {
  Json object = Json::object();
  object["apiVersion"] = api_version;
  object["kind"] = kind;
  Json& metadata = object["metadata"];
  metadata["name"] = name;
  if (!name_space.empty()) metadata["namespace"] = name_space;
  metadata["labels"] = {{"app.kubernetes.io/managed-by", kManagedBy}, {kTeamLabel, team}};
  return object;
}

// With the annotation that tells what it was made of.
OnboardingStep Step(Json object, std::string path, std::string name) {
  const std::string digest = state::Sha256(TextOf(object));
  object["metadata"]["annotations"][kOnboardingAnnotation] = digest;
  return {.kind = StepKind::kObject,
          .name = std::move(name),
          .text = TextOf(object),
          .path = std::move(path),
          .field_manager = kManagedBy};
}

OnboardingStep Namespace(const std::string& name, std::string_view team) {
  Json object = Object("v1", "Namespace", "", name, team);
  object["metadata"]["labels"][kPodSecurityLabel] = "restricted";
  OnboardingStep step = Step(std::move(object), absl::StrCat("/api/v1/namespaces/", name),
                             absl::StrCat("Namespace ", name));
  step.stays = true;
  step.note = "others may have put something in: it stays when the team goes";
  return step;
}

OnboardingStep GrantStep(const OnboardingRequest& request, const KubernetesPlace& place,
                         const std::string& team_namespace) {
  Json object = Json::object();
  object["apiVersion"] = kApi;
  object["kind"] = "EventRouter";
  object["metadata"] = {{"name", place.router}, {"namespace", place.router_namespace}};
  object["spec"]["teams"] =
      Json::array({{{"name", request.team},
                    {"namespace", team_namespace},
                    {"destinations", Json::array({absl::StrCat(request.team, ".*")})}}});
  return {.kind = StepKind::kObject,
          .name = absl::StrCat("team of EventRouter ", place.router_namespace, "/", place.router),
          .text = TextOf(object),
          .path = absl::StrCat("/apis/", kApi, "/namespaces/", place.router_namespace,
                               "/eventrouters/", place.router),
          .field_manager = absl::StrCat(kManagedBy, "-", request.team)};
}

OnboardingStep RouteStep(const OnboardingRequest& request, const KubernetesPlace& place,
                         const std::string& team_namespace) {
  Json object = Object(kApi, "EventRoute", team_namespace, place.router, request.team);
  Json& spec = object["spec"];
  spec["router"] = {{"name", place.router}, {"namespace", place.router_namespace}};
  spec["team"] = request.team;
  spec["owner"] = request.owner;
  spec["rules"] = Parsed(request.rules);
  return Step(
      std::move(object),
      absl::StrCat("/apis/", kApi, "/namespaces/", team_namespace, "/eventroutes/", place.router),
      absl::StrCat("EventRoute ", team_namespace, "/", place.router));
}

OnboardingStep Dashboard(const OnboardingRequest& request, const std::string& name_space) {
  const std::string name = absl::StrCat("turnout-", request.service, "-", request.team);
  Json object = Object("v1", "ConfigMap", name_space, name, request.team);
  object["metadata"]["labels"]["grafana_dashboard"] = "1";
  object["data"][name + ".json"] = TeamDashboard(request.service, request.team);
  return Step(std::move(object),
              absl::StrCat("/api/v1/namespaces/", name_space, "/configmaps/", name),
              absl::StrCat("dashboard ", name_space, "/", name));
}

// Whether `teams` have this one, from that namespace, with the right to write there; and where else
// is the platform's.
bool HasTeam(const Json& teams, const Json& wanted) {
  const auto has = [](const Json& team, const char* member) {
    return team.is_object() && team.contains(member);
  };
  return std::any_of(teams.begin(), teams.end(), [&](const Json& team) {
    if (!has(team, "name") || !has(team, "namespace") || !has(team, "destinations")) return false;
    const Json& may = team["destinations"];
    const Json& ours = wanted["destinations"];
    return team["name"] == wanted["name"] && team["namespace"] == wanted["namespace"] &&
           std::all_of(ours.begin(), ours.end(), [&may](const Json& one) {
             return std::find(may.begin(), may.end(), one) != may.end();
           });
  });
}

bool IsRouter(const Json& object) {
  return object.is_object() && object.contains("kind") && object["kind"] == "EventRouter";
}

bool IsNamespace(const Json& object) {
  return object.is_object() && object.contains("kind") && object["kind"] == "Namespace";
}

// A variable that has one value, which nobody chooses.
Json Constant(const Json& variable, const std::string& value) {
  Json constant = Json::object();
  constant["name"] = variable["name"];
  constant["type"] = "constant";
  constant["query"] = value;
  constant["hide"] = 2;
  return constant;
}

}  // namespace

std::vector<OnboardingStep> ObjectsOf(const OnboardingRequest& request,
                                      const OnboardingPolicy& policy) {
  std::vector<OnboardingStep> steps;
  const KubernetesPlace& place = policy.kubernetes;
  if (policy.rules != RulesGo::kKubernetes) {
    if (!place.dashboards_namespace.empty()) {
      steps.push_back(Dashboard(request, place.dashboards_namespace));
    }
    return steps;
  }
  const std::string team_namespace = Filled(place.team_namespace, request.service, request.team);
  steps.push_back(Namespace(team_namespace, request.team));
  steps.push_back(GrantStep(request, place, team_namespace));
  steps.push_back(RouteStep(request, place, team_namespace));
  steps.push_back(Dashboard(
      request, place.dashboards_namespace.empty() ? team_namespace : place.dashboards_namespace));
  return steps;
}

bool HasObject(std::string_view there, std::string_view text) {
  const Json object = Parsed(there);
  const Json wanted = Parsed(text);
  if (!object.is_object() || !wanted.is_object()) return false;
  const nlohmann::ordered_json::json_pointer teams("/spec/teams");
  if (IsRouter(wanted)) {
    return object.contains(teams) && object[teams].is_array() &&
           HasTeam(object[teams], wanted[teams][0]);
  }
  // A namespace is there whoever has made it.
  if (IsNamespace(wanted)) return true;
  const nlohmann::ordered_json::json_pointer annotations("/metadata/annotations");
  const auto digest = [&annotations](const Json& one) {
    if (!one.contains(annotations) || !one[annotations].is_object()) return Json();
    const Json& notes = one[annotations];
    return notes.contains(kOnboardingAnnotation) ? notes[kOnboardingAnnotation] : Json();
  };
  return digest(wanted).is_string() && digest(object) == digest(wanted);
}

std::string WhyNotTheirs(std::string_view there, std::string_view text) {
  const Json wanted = Parsed(text);
  if (!IsNamespace(wanted)) return "";
  const nlohmann::ordered_json::json_pointer labels("/metadata/labels");
  const Json object = Parsed(there);
  const Json& team = wanted[labels][kTeamLabel];
  const bool has_label = object.is_object() && object.contains(labels) &&
                         object[labels].is_object() && object[labels].contains(kTeamLabel);
  if (!has_label) {
    return absl::StrCat("it is there, and no team's: whoever runs the platform labels it ",
                        kTeamLabel, "=", team.get<std::string>(), " first");
  }
  const Json& whose = object[labels][kTeamLabel];
  if (whose == team) return "";
  return absl::StrCat("it is another team's: ", TextOf(whose));
}

bool IsPartOfAnother(std::string_view text) { return IsRouter(Parsed(text)); }

std::string WithoutPart(std::string_view text) {
  Json object = Parsed(text);
  if (object.is_object()) object.erase("spec");
  return TextOf(object);
}

std::string TeamDashboard(const std::string& service, const std::string& team) {
  Json dashboard = Parsed(DashboardText());
  if (!dashboard.is_object()) return "{}";
  dashboard["title"] = absl::StrCat("Turnout: ", team, " of ", service);
  // Grafana takes 40 characters, and no two of the same.
  dashboard["uid"] = state::Sha256(absl::StrCat(service, "/", team)).substr(0, 40);
  Json panels = Json::array();
  bool is_wanted = false;
  for (const Json& panel : dashboard["panels"]) {
    if (panel["type"] == "row") {
      const std::string title = panel["title"];
      is_wanted = std::find(kTeamRows.begin(), kTeamRows.end(), title) != kTeamRows.end();
    }
    if (is_wanted) panels.push_back(panel);
  }
  dashboard["panels"] = std::move(panels);
  for (Json& variable : dashboard["templating"]["list"]) {
    if (variable["name"] == "team") variable = Constant(variable, team);
    if (variable["name"] == "destination") {
      variable = Constant(variable, absl::StrCat(team, "\\\\..*"));
    }
  }
  return TextOf(dashboard);
}

}  // namespace turnout::manager
