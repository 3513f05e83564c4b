#include "deploy/manager/pipeline_check.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "deploy/manager/secret_reference.h"
#include "runtime/config.h"
#include "runtime/config_values.h"

namespace turnout::manager {
namespace {

using Places = std::set<std::pair<int, int>>;
using router::Node;
using router::Problem;

constexpr std::string_view kStandIn = "1";
constexpr std::string_view kFileName = "pipeline.yaml";

bool IsReferring(const Node& value, const runtime::ConfigEnvironment& environment) {
  std::vector<runtime::TextProblem> wrong;
  return !runtime::ExpandText(value.text, environment, "", &wrong).references.empty() &&
         wrong.empty();
}

// Where values with references, all well written, stand, and where their names do.
void CollectReferring(const Node& node, const runtime::ConfigEnvironment& environment,
                      Places* places) {
  for (const Node& item : node.items) CollectReferring(item, environment, places);
  for (const router::Member& member : node.members) {
    if (IsReferring(member.value, environment)) {
      places->emplace(member.at.line, member.at.column);
      places->emplace(member.value.at.line, member.value.at.column);
    }
    CollectReferring(member.value, environment, places);
  }
}

void CollectSecrets(const Node& node, std::vector<PlacedSecret>* secrets) {
  for (const SecretReference& reference : FindSecretReferences(node.text)) {
    secrets->push_back({node.at, std::string(reference.name)});
  }
  for (const Node& item : node.items) CollectSecrets(item, secrets);
  for (const router::Member& member : node.members) CollectSecrets(member.value, secrets);
}

}  // namespace

runtime::ConfigEnvironment StandIns() {
  const auto answer = [](const std::string&) { return std::optional<std::string>(kStandIn); };
  const auto managed = [](const runtime::Config::SecretsFrom&, std::string_view,
                          const std::string&) {
    return absl::StatusOr<std::string>(std::string(kStandIn));
  };
  return {.variable = answer, .file = answer, .host_name = "router", .managed = managed};
}

void CheckPipeline(std::string_view text, std::vector<Problem>* problems) {
  const std::string known = WithSecretsAsVariables(text);
  const runtime::ConfigEnvironment environment = StandIns();
  std::vector<Problem> found;
  runtime::ReadConfig(kFileName, known, environment, &found);
  if (found.empty()) return;
  Places referring;
  std::vector<Problem> ignored;
  if (const std::optional<Node> root = router::ParseYaml(known, &ignored)) {
    CollectReferring(*root, environment, &referring);
  }
  std::erase_if(found, [&](const Problem& problem) {
    // What values are together depends on all of them.
    const bool is_of_several = problem.at.line == 0 && problem.subject.empty();
    return referring.contains({problem.at.line, problem.at.column}) ||
           (is_of_several && !referring.empty());
  });
  problems->insert(problems->end(), found.begin(), found.end());
}

std::vector<PlacedSecret> SecretsOfPipeline(std::string_view text) {
  std::vector<PlacedSecret> secrets;
  std::vector<Problem> ignored;
  if (const std::optional<Node> root = router::ParseYaml(text, &ignored)) {
    CollectSecrets(*root, &secrets);
  }
  return secrets;
}

}  // namespace turnout::manager
