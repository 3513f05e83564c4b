// Onboarding: one call by which a team gets its part of a service's events, and one that takes it
// back.
//
// Who may: whoever may change the team's rules without a second person. What a team may have is the
// platform's (onboarding_policy.h). One is at work at a time (onboarding_calls.h).
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "deploy/manager/item_json.h"
#include "deploy/manager/json_writer.h"
#include "deploy/manager/onboarding_calls.h"
#include "deploy/manager/onboarding_records.h"
#include "deploy/manager/publish.h"

namespace turnout::manager {
namespace {

constexpr char kBusy[] = "another team is being onboarded: ask again in a moment";

HttpAnswer TooBusy() {
  HttpAnswer answer = ErrorAnswer(429, kBusy);
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

HttpAnswer NoPolicy(const std::string& service) {
  return ErrorAnswer(404, absl::StrFormat("nothing says what teams of %s may have: set "
                                          "`services.%s.onboarding` in the manager's config",
                                          service, service));
}

// The call as one about that service, with what its settings say.
absl::StatusOr<Call> CallOf(const Parts& parts, const Call& call, const std::string& service) {
  Call inner = call;
  inner.service = service;
  absl::StatusOr<ServiceSettings> settings = SettingsOf(parts, service);
  if (!settings.ok()) return settings.status();
  inner.settings = *std::move(settings);
  return inner;
}

std::optional<HttpAnswer> RefuseUnlessTheirs(const Call& call, const std::string& team) {
  const ItemId rules{call.service, ItemKind::kRules, team};
  const bool is_person = call.principal.kind == PrincipalKind::kPerson;
  const ChangeRight right =
      RightToChange(call.principal, call.settings, call.service, std::vector{rules});
  if (is_person && right == ChangeRight::kDone) return std::nullopt;
  return ErrorAnswer(
      403, absl::StrFormat("%s may not onboard team %s of %s: that is for who may change the "
                           "team's rules without a second person",
                           call.principal.name, team, call.service));
}

std::string RecordJson(const OnboardingRecord& record) {
  return JsonObject()
      .Number("number", record.number)
      .Text("by", record.by)
      .Text("why", record.why)
      .Text("at", absl::FormatTime(kApiTimeFormat, absl::FromUnixMillis(record.at_ms),
                                   absl::UTCTimeZone()))
      .Json("steps", StepsJson(record.steps))
      .Done();
}

}  // namespace

std::optional<HttpAnswer> PostOnboard(Parts& parts, const Call& call) {
  absl::StatusOr<OnboardingRequest> request = ReadOnboardingRequest(call.request->body);
  if (!request.ok()) return ErrorAnswer(request.status());
  if (QueryFlag(call, "dry_run")) request->is_dry_run = true;
  absl::StatusOr<Call> inner = CallOf(parts, call, request->service);
  if (!inner.ok()) return ErrorAnswer(inner.status());
  if (auto refusal = RefuseUnlessTheirs(*inner, request->team)) return refusal;
  const std::shared_ptr<const PlacesOfServices> places = parts.onboarding_places->Now();
  const auto place = places->find(request->service);
  if (place == places->end()) return NoPolicy(request->service);
  if (!parts.onboarding_mu.TryLock()) return TooBusy();
  HttpAnswer answer = OnboardTeam(parts, *inner, *request, place->second);
  parts.onboarding_mu.Unlock();
  return answer;
}

std::optional<HttpAnswer> ListOnboarded(Parts& parts, const Call& call) {
  const std::shared_ptr<const PlacesOfServices> places = parts.onboarding_places->Now();
  const auto place = places->find(call.service);
  if (place == places->end()) return NoPolicy(call.service);
  const auto teams = parts.onboarding->Teams(call.service);
  if (!teams.ok()) return ErrorAnswer(teams.status());
  const OnboardingPolicy& policy = place->second.policy;
  return JsonAnswer(200,
                    JsonObject()
                        .Json("teams", JsonTexts(*teams))
                        .Number("rate_max", policy.rate_max)
                        .Number("per_partition_rate", policy.per_partition_rate)
                        .Number("partitions_max", policy.partitions_max)
                        .Number("mean_bytes", policy.mean_bytes)
                        .Text("rules", policy.rules == RulesGo::kManager ? "manager" : "kubernetes")
                        .Flag("git", !policy.git.repository.empty())
                        .Text("refused", MessageOf(parts.onboarding_places->refused()))
                        .Done());
}

std::optional<HttpAnswer> GetOnboarded(Parts& parts, const Call& call) {
  if (!parts.onboarding_places->Now()->contains(call.service)) return NoPolicy(call.service);
  if (absl::Status team = CheckTeamName(call.name); !team.ok()) return ErrorAnswer(team);
  const auto onboarded = parts.onboarding->Of(call.service, call.name);
  if (!onboarded.ok()) return ErrorAnswer(onboarded.status());
  return JsonAnswer(200, JsonObject()
                             .Text("team", call.name)
                             .Json("records", JsonArray(onboarded->records, RecordJson))
                             .Done());
}

std::optional<HttpAnswer> DeleteOnboarded(Parts& parts, const Call& call) {
  if (absl::Status team = CheckTeamName(call.name); !team.ok()) return ErrorAnswer(team);
  if (auto refusal = RefuseUnlessTheirs(call, call.name)) return refusal;
  const auto records = call.query.find("records");
  if (records != call.query.end() && records->second != "delete") {
    return ErrorAnswer(400, "`records` is to be `delete`, or not there");
  }
  if (records != call.query.end() &&
      !HasRole(call.principal, call.settings, call.service, "", Role::kAdmin)) {
    return ErrorAnswer(403, "records are deleted by an admin of the service alone");
  }
  const std::shared_ptr<const PlacesOfServices> places = parts.onboarding_places->Now();
  const auto place = places->find(call.service);
  if (place == places->end()) return NoPolicy(call.service);
  if (!parts.onboarding_mu.TryLock()) return TooBusy();
  HttpAnswer answer = TakeBackTeam(parts, call, place->second);
  parts.onboarding_mu.Unlock();
  return answer;
}

}  // namespace turnout::manager
