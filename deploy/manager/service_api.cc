// Calls about the manager itself, its services, and what was done and refused.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "deploy/manager/api.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/openapi.h"

namespace turnout::manager {
namespace {

std::string GrantsToJson(const Call& call) {
  return JsonArray(call.principal.grants, [](const Grant& grant) {
    return JsonObject()
        .Text("service", grant.service)
        .Text("team", grant.team)
        .Text("role", RoleName(grant.role))
        .Done();
  });
}

// Null: any time.
absl::Status ReadTime(const Call& call, std::string_view name, absl::Time* time) {
  const auto found = call.query.find(name);
  std::string error;
  if (found == call.query.end() ||
      absl::ParseTime(absl::RFC3339_full, found->second, time, &error)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("the query's `", std::string(name),
                                                 "` is to be a time, as 2026-01-31T12:00:00Z"));
}

std::string Asked(const Call& call, std::string_view name) {
  const auto found = call.query.find(name);
  return found == call.query.end() ? "" : found->second;
}

}  // namespace

std::optional<HttpAnswer> GetHealth(Parts&, const Call&) {
  return JsonAnswer(200, JsonObject().Text("status", "ok").Done());
}

std::optional<HttpAnswer> StandbyAnswer(const Parts& parts) {
  if (parts.succession == nullptr || parts.succession->is_active()) return std::nullopt;
  const std::string active = parts.succession->active();
  JsonObject json;
  json.Text("error", active.empty() ? "no manager is active yet: ask again"
                                    : absl::StrCat("this manager stands by: ask ", active))
      .Text("status", "standby");
  if (!active.empty()) json.Text("active", active);
  HttpAnswer answer = JsonAnswer(503, json.Done());
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

std::optional<HttpAnswer> GetReady(Parts& parts, const Call&) {
  // Whoever asks without a token needs no address.
  if (StandbyAnswer(parts)) {
    return JsonAnswer(503, JsonObject()
                               .Text("error", "another manager is the active one")
                               .Text("status", "standby")
                               .Number("change", parts.store->newest())
                               .Done());
  }
  // That the store can be read is what it takes.
  const absl::StatusOr<std::vector<std::string>> services = parts.store->Services();
  if (!services.ok()) return ErrorAnswer(503, MessageOf(services.status()));
  return JsonAnswer(
      200, JsonObject().Text("status", "ready").Number("change", parts.store->newest()).Done());
}

std::optional<HttpAnswer> GetOpenApi(Parts&, const Call&) {
  return HttpAnswer{.body = std::string(OpenApiDocument()), .content_type = "application/yaml"};
}

std::optional<HttpAnswer> GetWhoAmI(Parts&, const Call& call) {
  const bool is_router = call.principal.kind == PrincipalKind::kRouter;
  return JsonAnswer(200, JsonObject()
                             .Text("name", call.principal.name)
                             .Text("kind", is_router ? "router" : "person")
                             .Json("grants", GrantsToJson(call))
                             .Done());
}

std::optional<HttpAnswer> ListServices(Parts& parts, const Call& call) {
  const absl::StatusOr<std::vector<std::string>> services = parts.store->Services();
  if (!services.ok()) return ErrorAnswer(services.status());
  std::vector<std::string> shown;
  for (const std::string& service : *services) {
    const absl::StatusOr<ServiceSettings> settings = SettingsOf(parts, service);
    if (!settings.ok()) return ErrorAnswer(settings.status());
    if (HasRoleAnywhere(call.principal, *settings, service, Role::kViewer)) {
      shown.push_back(service);
    }
  }
  return JsonAnswer(200, JsonObject().Json("services", JsonTexts(shown)).Done());
}

std::optional<HttpAnswer> GetMasterKeys(Parts& parts, const Call& call) {
  if (call.principal.kind != PrincipalKind::kPerson ||
      !HasRole(call.principal, {}, kAll, "", Role::kAdmin)) {
    return ErrorAnswer(403, "how the master keys stand is for admins of all services");
  }
  if (parts.rotation == nullptr) {
    return ErrorAnswer(404, "there are no master keys: start the manager with `master_keys`");
  }
  const absl::StatusOr<SealedCounts> counts = parts.rotation->Count();
  if (!counts.ok()) return ErrorAnswer(counts.status());
  return JsonAnswer(200, KeysToJson(*parts.keys, *counts));
}

std::optional<HttpAnswer> GetGit(Parts& parts, const Call& call) {
  if (parts.git == nullptr || !parts.git->covers(call.service)) {
    return ErrorAnswer(404, "no repository is followed: start the manager with `git`");
  }
  return JsonAnswer(200, GitToJson(*parts.git, call.service));
}

std::optional<HttpAnswer> QueryAudit(Parts& parts, const Call& call) {
  AuditQuery query{.by = Asked(call, "by"),
                   .action = Asked(call, "action"),
                   .service = Asked(call, "service"),
                   .item = Asked(call, "item"),
                   .outcome = Asked(call, "outcome")};
  // Without a service it is about all of them, and needs an admin of all.
  const std::string about = query.service.empty() ? std::string(kAll) : query.service;
  ServiceSettings settings;
  if (!query.service.empty()) {
    absl::StatusOr<ServiceSettings> found = SettingsOf(parts, query.service);
    if (!found.ok()) return ErrorAnswer(found.status());
    settings = *std::move(found);
  }
  if (call.principal.kind != PrincipalKind::kPerson ||
      !HasRole(call.principal, settings, about, "", Role::kAdmin)) {
    return ErrorAnswer(403,
                       "the audit log is read by admins of the service: name one with "
                       "?service=, or ask one of its admins");
  }
  const absl::Status since = ReadTime(call, "since", &query.since);
  const absl::Status until = ReadTime(call, "until", &query.until);
  const absl::StatusOr<int64_t> limit =
      QueryNumber(call, "limit", kListDefault, static_cast<int64_t>(kAuditLinesMax));
  for (const absl::Status& status : {since, until, limit.status()}) {
    if (!status.ok()) return ErrorAnswer(status);
  }
  if (!query.outcome.empty() && query.outcome != "done" && query.outcome != "refused" &&
      query.outcome != "proposed") {
    return ErrorAnswer(400, "the query's `outcome` is to be done, refused or proposed");
  }
  query.lines_max = static_cast<size_t>(*limit);
  const absl::StatusOr<std::vector<std::string>> lines = parts.audit->Find(query);
  if (!lines.ok()) return ErrorAnswer(lines.status());
  return JsonAnswer(
      200, JsonObject()
               .Json("entries", JsonArray(*lines, [](const std::string& line) { return line; }))
               .Done());
}

}  // namespace turnout::manager
