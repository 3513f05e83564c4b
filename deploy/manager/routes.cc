#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "deploy/manager/api.h"
#include "runtime/log.h"

namespace turnout::manager {
namespace {

constexpr std::string_view kFlags[] = {"dry_run", "list", "parking", "payload", "texts"};
constexpr std::string_view kFlagTexts[] = {"", "1", "true", "0", "false"};

// The next part of a path behind its slash.
std::string_view TakePart(std::string_view* path) {
  path->remove_prefix(1);
  const std::string_view part = path->substr(0, path->find('/'));
  path->remove_prefix(part.size());
  return part;
}

bool Matches(std::string_view pattern, std::string_view path, Call* call) {
  call->service.clear();
  call->kind.clear();
  call->name.clear();
  call->id.clear();
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = TakePart(&pattern);
    const std::string_view part = TakePart(&path);
    if (wanted.front() != '{') {
      if (wanted != part) return false;
      continue;
    }
    if (part.empty()) return false;
    std::string& into = wanted == "{service}" ? call->service
                        : wanted == "{kind}"  ? call->kind
                        : wanted == "{name}"  ? call->name
                                              : call->id;
    into = std::string(part);
  }
  return pattern.empty() && path.empty();
}

}  // namespace

const std::vector<Route>& Routes() {
  static const auto* const routes = new std::vector<Route>{
      {"GET", "/healthz", "health", Needs::kNothing, {}, GetHealth},
      {"GET", "/readyz", "ready", Needs::kNothing, {}, GetReady},
      // Of the server itself, which counts.
      {"GET", "/metrics", "metrics", Needs::kNothing, {}, nullptr},
      {"GET", "/openapi.yaml", "openapi", Needs::kNothing, {}, GetOpenApi},
      {"GET", "/v1/whoami", "whoami", Needs::kToken, {}, GetWhoAmI},
      {"GET", "/v1/session", "session", Needs::kNothing, {}, GetSession},
      {"GET",
       "/v1/session/sign-in",
       "begin_sign_in",
       Needs::kNothing,
       {"issuer", "to"},
       BeginSignIn},
      // What else a provider adds is its own.
      {"GET",
       "/v1/session/callback",
       "sign_in",
       Needs::kNothing,
       {"code", "state", "error", "iss"},
       SignInCallback,
       true},
      {"POST", "/v1/session/sign-out", "sign_out", Needs::kToken, {}, SignOut},
      {"POST", "/v1/onboard", "onboard", Needs::kToken, {"dry_run"}, PostOnboard},
      {"GET", "/v1/onboard/{service}", "list_onboarded", Needs::kEditor, {}, ListOnboarded},
      {"GET", "/v1/onboard/{service}/{name}", "get_onboarded", Needs::kEditor, {}, GetOnboarded},
      {"DELETE",
       "/v1/onboard/{service}/{name}",
       "undo_onboarding",
       Needs::kEditor,
       {"records", "dry_run"},
       DeleteOnboarded},
      {"GET", "/v1/services", "list_services", Needs::kToken, {}, ListServices},
      {"GET",
       "/v1/audit",
       "query_audit",
       Needs::kToken,
       {"by", "action", "service", "item", "outcome", "since", "until", "limit"},
       QueryAudit},
      {"GET", "/v1/master-keys", "get_master_keys", Needs::kToken, {}, GetMasterKeys},
      {"GET",
       "/v1/services/{service}/items",
       "list_items",
       Needs::kViewer,
       {"kind", "texts"},
       ListItems},
      {"GET",
       "/v1/services/{service}/items/{kind}/{name}",
       "get_item",
       Needs::kPrincipal,
       {},
       GetItem},
      {"PUT",
       "/v1/services/{service}/items/{kind}/{name}",
       "put_item",
       Needs::kEditor,
       {"dry_run"},
       PutItem},
      {"DELETE",
       "/v1/services/{service}/items/{kind}/{name}",
       "delete_item",
       Needs::kEditor,
       {"dry_run", "why"},
       DeleteItem},
      {"GET",
       "/v1/services/{service}/items/{kind}/{name}/versions",
       "list_versions",
       Needs::kViewer,
       {"before", "limit"},
       ListVersions},
      {"GET",
       "/v1/services/{service}/items/{kind}/{name}/versions/{number}",
       "get_version",
       Needs::kViewer,
       {},
       GetVersion},
      {"GET",
       "/v1/services/{service}/items/{kind}/{name}/diff",
       "diff_versions",
       Needs::kViewer,
       {"from", "to"},
       DiffVersions},
      {"POST",
       "/v1/services/{service}/items/{kind}/{name}/restore",
       "restore_version",
       Needs::kEditor,
       {"dry_run"},
       RestoreVersion},
      {"POST",
       "/v1/services/{service}/items/{kind}/{name}/rollout",
       "roll_out",
       Needs::kEditor,
       {"dry_run"},
       RollOut},
      {"POST",
       "/v1/services/{service}/secrets/{name}/release",
       "release_secret",
       Needs::kPrincipal,
       {},
       ReleaseSecret},
      {"GET",
       "/v1/services/{service}/changes",
       "list_changes",
       Needs::kViewer,
       {"before", "limit"},
       ListChanges},
      {"POST",
       "/v1/services/{service}/changes",
       "post_change",
       Needs::kEditor,
       {"dry_run"},
       PostChange},
      {"GET",
       "/v1/services/{service}/changes/{number}",
       "get_change",
       Needs::kViewer,
       {},
       GetChange},
      {"POST",
       "/v1/services/{service}/changes/{number}/revert",
       "revert_change",
       Needs::kEditor,
       {"dry_run"},
       RevertChange},
      {"POST", "/v1/services/{service}/search", "search", Needs::kViewer, {}, PostSearch},
      {"POST",
       "/v1/services/{service}/replace",
       "replace",
       Needs::kEditor,
       {"dry_run"},
       PostReplace},
      {"GET",
       "/v1/services/{service}/proposals",
       "list_proposals",
       Needs::kViewer,
       {"limit"},
       ListProposals},
      {"GET",
       "/v1/services/{service}/proposals/{number}",
       "get_proposal",
       Needs::kViewer,
       {},
       GetProposal},
      {"POST",
       "/v1/services/{service}/proposals/{number}/approve",
       "approve_proposal",
       Needs::kApprover,
       {},
       ApproveProposal},
      {"POST",
       "/v1/services/{service}/proposals/{number}/reject",
       "reject_proposal",
       Needs::kEditor,
       {},
       RejectProposal},
      {"GET", "/v1/services/{service}/git", "get_git", Needs::kViewer, {}, GetGit},
      {"GET", "/v1/services/{service}/rules", "get_rules", Needs::kRules, {"wait"}, GetRules},
      {"POST", "/v1/services/{service}/reports", "post_report", Needs::kRouter, {}, PostReport},
      {"GET", "/v1/services/{service}/routers", "list_routers", Needs::kViewer, {}, ListRouters},
      {"POST", "/v1/services/{service}/pulses", "post_pulse", Needs::kRouter, {}, PostPulse},
      {"GET", "/v1/services/{service}/rates", "get_rates", Needs::kViewer, {}, GetRates},
      {"POST", "/v1/services/{service}/samples", "take_sample", Needs::kEditor, {}, PostSample},
      {"POST", "/v1/services/{service}/explain", "explain", Needs::kViewer, {}, PostExplain},
      {"GET", "/v1/services/{service}/jobs", "list_jobs", Needs::kViewer, {"limit"}, ListJobs},
      {"POST", "/v1/services/{service}/jobs", "post_job", Needs::kEditor, {"dry_run"}, PostJob},
      {"GET", "/v1/services/{service}/jobs/{number}", "get_job", Needs::kViewer, {}, GetJob},
      {"POST",
       "/v1/services/{service}/jobs/{number}/approve",
       "approve_job",
       Needs::kApprover,
       {},
       ApproveJob},
      {"POST",
       "/v1/services/{service}/jobs/{number}/cancel",
       "cancel_job",
       Needs::kEditor,
       {},
       CancelJob},
      {"POST",
       "/v1/services/{service}/jobs/{number}/resume",
       "resume_job",
       Needs::kEditor,
       {},
       ResumeJob},
      {"GET",
       "/v1/services/{service}/dead-letters",
       "list_dead_letters",
       Needs::kViewer,
       {"rule", "kind", "reason", "since", "until", "parking", "list", "payload", "limit"},
       ListDeadLetters},
  };
  return *routes;
}

const Route* FindRoute(std::string_view method, std::string_view path, Call* call,
                       std::vector<std::string_view>* allowed) {
  const Route* found = nullptr;
  for (const Route& route : Routes()) {
    Call parts;
    if (!Matches(route.path, path, &parts)) continue;
    allowed->push_back(route.method);
    if (route.method != method) continue;
    found = &route;
    call->service = std::move(parts.service);
    call->kind = std::move(parts.kind);
    call->name = std::move(parts.name);
    call->id = std::move(parts.id);
  }
  return found;
}

bool Audit(Parts& parts, const Call& call, AuditEntry entry) {
  entry.by = call.principal.name;
  entry.peer = call.peer;
  entry.action = call.action;
  entry.service = call.service;
  if (const auto asked = call.query.find("service"); asked != call.query.end()) {
    entry.service = asked->second;
  }
  if (entry.item.empty() && !call.kind.empty()) {
    entry.item = absl::StrCat(call.service, "/", call.kind, "/", call.name);
  }
  if (entry.item.empty() && call.action == "release_secret") {
    entry.item = absl::StrCat(call.service, "/secret/", call.name);
  }
  const absl::Status written = parts.audit->Append(entry, absl::Now());
  if (!written.ok()) runtime::LogError("audit_failed", written.ToString());
  return written.ok();
}

absl::StatusOr<int64_t> QueryNumber(const Call& call, std::string_view name, int64_t by_default,
                                    int64_t max) {
  const auto found = call.query.find(name);
  if (found == call.query.end()) return by_default;
  int64_t number = 0;
  if (absl::SimpleAtoi(found->second, &number) && number >= 0 && number <= max) return number;
  return absl::InvalidArgumentError(
      absl::StrFormat("the query's `%s` is to be a number from 0 to %d", name, max));
}

bool QueryFlag(const Call& call, std::string_view name) {
  const auto found = call.query.find(name);
  return found != call.query.end() &&
         (found->second.empty() || found->second == "1" || found->second == "true");
}

absl::StatusOr<ServiceSettings> SettingsOf(const Parts& parts, const std::string& service) {
  const absl::StatusOr<std::optional<Item>> item = parts.store->Get(
      {.service = service, .kind = ItemKind::kSettings, .name = std::string(kSettingsName)});
  if (!item.ok()) return item.status();
  if (!item->has_value()) return ServiceSettings();
  return ReadServiceSettings((*item)->content.text);
}

absl::Status CheckFlags(const Query& query) {
  for (const std::string_view name : kFlags) {
    const auto found = query.find(name);
    if (found == query.end()) continue;
    const auto* const known =
        std::find(std::begin(kFlagTexts), std::end(kFlagTexts), found->second);
    if (known != std::end(kFlagTexts)) continue;
    return absl::InvalidArgumentError(
        absl::StrFormat("the query's `%s` is to be true or false", name));
  }
  return absl::OkStatus();
}

}  // namespace turnout::manager
