#include "deploy/manager/onboarding_files.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"

namespace turnout::manager {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kIndent = 2;
constexpr char kRouterDirectory[] = "router/";
constexpr char kTeamsDirectory[] = "teams/";
constexpr char kFileEnds[] = ".json";
constexpr char kKustomization[] = "kustomization.yaml";
constexpr char kWritten[] = "# Written by the config manager: another onboarding writes it anew.\n";
// What keeps a kustomization without any team from being an empty one, which is refused.
constexpr char kNamed[] = "metadata: {name: onboarded-teams}\n";

std::string TextOf(const Json& json) {
  return json.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

OnboardingStep File(std::string name, const Json& content) {
  return {.kind = StepKind::kFile, .name = std::move(name), .text = TextOf(content)};
}

// A team's entry, added to those that the router has.
OnboardingStep Patch(const Json& router, const std::string& team) {
  Json add = Json::object();
  add["op"] = "add";
  add["path"] = "/spec/teams/-";
  add["value"] = router["spec"]["teams"][0];
  return File(absl::StrCat(kRouterDirectory, team, kFileEnds), Json::array({add}));
}

}  // namespace

std::vector<OnboardingStep> FilesOf(const std::vector<OnboardingStep>& objects,
                                    const std::string& team) {
  std::vector<OnboardingStep> files;
  for (const OnboardingStep& step : objects) {
    Json object = Json::parse(step.text, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object() || !object.contains("kind")) continue;
    const std::string kind = object["kind"];
    if (kind == "EventRouter") {
      files.push_back(Patch(object, team));
      continue;
    }
    std::string file = "dashboard";
    if (kind == "EventRoute") file = "eventroute";
    if (kind == "Namespace") {
      file = "namespace";
      object["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"] = "disabled";
    }
    files.push_back(File(absl::StrCat(kTeamsDirectory, team, "/", file, kFileEnds), object));
    if (step.stays) files.back().note = "its file goes with the team, and the namespace stays";
  }
  return files;
}

FileTree KustomizationsOf(const FileTree& tree, const KubernetesPlace& place) {
  std::string patches;
  std::string resources;
  for (const auto& [path, text] : tree) {
    if (!absl::EndsWith(path, kFileEnds)) continue;
    absl::string_view name = path;
    if (absl::ConsumePrefix(&name, kRouterDirectory)) {
      absl::StrAppend(&patches, "  - path: ", name,
                      "\n    target: {group: turnout.dev, kind: EventRouter, name: ", place.router,
                      ", namespace: ", place.router_namespace, "}\n");
    } else if (absl::ConsumePrefix(&name, kTeamsDirectory)) {
      absl::StrAppend(&resources, "  - ", name, "\n");
    }
  }
  const auto list = [](const char* name, const std::string& items) {
    return items.empty() ? std::string() : absl::StrCat(name, ":\n", items);
  };
  FileTree made;
  made[absl::StrCat(kRouterDirectory, kKustomization)] =
      absl::StrCat(kWritten, "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n",
                   kNamed, list("patches", patches));
  made[absl::StrCat(kTeamsDirectory, kKustomization)] =
      absl::StrCat(kWritten, "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
                   kNamed, list("resources", resources));
  return made;
}

}  // namespace turnout::manager
