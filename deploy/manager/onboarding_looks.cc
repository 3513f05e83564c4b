#include "deploy/manager/onboarding_looks.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/manager/json_writer.h"

namespace turnout::manager {
namespace {

std::string AsItIs(const std::string& json) { return json; }

// Nothing in it means anything to a shell.
bool IsHost(std::string_view host) {
  return !host.empty() && host.front() != '-' &&
         std::all_of(host.begin(), host.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == ':' || c == '[' ||
                  c == ']';
         });
}

// The manager's tester, with these rules as a draft: its own store has none of an EventRoute's. The
// body is one line of JSON, so that no quotes of its are the shell's, and it can't end too early.
std::string ExplainCommand(const OnboardingRequest& request, const std::string& rules,
                           std::string_view manager) {
  const std::string body = JsonObject()
                               .Text("team", request.team)
                               .Flag("alone", true)
                               .Json("event", R"({"value": {"type": "..."}})")
                               .Text("text", rules)
                               .Done();
  return absl::StrFormat(
      "curl -sS --fail-with-body -H \"Authorization: Bearer $TURNOUT_TOKEN\" --data-binary @- "
      "%s/v1/services/%s/explain <<'EOF'\n%s\nEOF",
      manager, request.service, body);
}

}  // namespace

std::string LinksJson(const OnboardingRequest& request, const OnboardingPolicy& policy) {
  const std::string& service = request.service;
  const std::string& team = request.team;
  std::vector<std::string> links;
  const auto link = [&links](std::string_view title, std::string_view url) {
    links.push_back(JsonObject().Text("title", title).Text("url", url).Done());
  };
  if (policy.rules == RulesGo::kManager) {
    link("rules", absl::StrFormat("/#/%s/rules/%s", service, team));
    link("explain an event", absl::StrFormat("/#/%s/rules/%s?try", service, team));
    link("routers", absl::StrFormat("/#/%s/routers", service));
  }
  link("dead letters", absl::StrFormat("/#/%s/dead-letters", service));
  for (const auto& [title, url] : policy.links) link(title, Filled(url, service, team));
  return JsonArray(links, AsItIs);
}

std::string CommandsJson(const OnboardingRequest& request, const OnboardingPolicy& policy,
                         const std::vector<std::string>& topics, std::string_view brokers,
                         std::string_view manager) {
  std::vector<std::string> commands;
  const auto command = [&commands](std::string_view title, std::string_view text) {
    commands.push_back(JsonObject().Text("title", title).Text("command", text).Done());
  };
  for (const std::string& topic : topics) {
    command(absl::StrCat("events of ", topic),
            absl::StrFormat("kcat -b %s -t %s -C -o -5 -e", brokers, topic));
  }
  if (policy.rules == RulesGo::kKubernetes) {
    const KubernetesPlace& place = policy.kubernetes;
    command(
        "conditions of its rules",
        absl::StrFormat("kubectl -n %s describe eventroute %s",
                        Filled(place.team_namespace, request.service, request.team), place.router));
    const std::string rules = RuleFileOf(request);
    if (!manager.empty() && rules.size() <= kLooksRulesBytesMax) {
      command("what these rules make of an event", ExplainCommand(request, rules, manager));
    }
  }
  return JsonArray(commands, AsItIs);
}

std::string ManagerAsked(const runtime::HttpRequest& request, std::string_view public_url,
                         bool has_tls) {
  if (!public_url.empty()) return std::string(public_url);
  const std::string_view host = request.Header("host").value_or("");
  if (!IsHost(host)) return {};
  return absl::StrFormat("%s://%s", has_tls ? "https" : "http", host);
}

}  // namespace turnout::manager
