#include "deploy/manager/access.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "deploy/manager/json_reader.h"
#include "router/suggest.h"

namespace turnout::manager {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 4> kRoleNames = {"viewer", "editor", "approver", "admin"};

bool Covers(std::string_view granted, std::string_view asked) {
  return granted == kAll || (!asked.empty() && granted == asked);
}

// Whether any grant of the principal's in the service is one that `suits` says yes to.
template <typename Suits>
bool AnyGrant(const Principal& principal, const ServiceSettings& settings, std::string_view service,
              Suits suits) {
  return std::any_of(
             principal.grants.begin(), principal.grants.end(),
             [&](const Grant& one) { return Covers(one.service, service) && suits(one); }) ||
         std::any_of(settings.grants.begin(), settings.grants.end(), [&](const Grant& one) {
           return IsNamed(principal, one.principal) && suits(one);
         });
}

}  // namespace

bool IsNamed(const Principal& principal, std::string_view named) {
  // A name that looks like a group's makes nobody a member.
  if (!named.starts_with(kGroupPrefix)) return named == principal.name;
  return std::find(principal.groups.begin(), principal.groups.end(), named) !=
         principal.groups.end();
}

std::string_view RoleName(Role role) { return kRoleNames[static_cast<size_t>(role)]; }

absl::StatusOr<Role> ReadRole(std::string_view name) {
  const auto* const found = std::find(kRoleNames.begin(), kRoleNames.end(), name);
  if (found != kRoleNames.end()) return static_cast<Role>(found - kRoleNames.begin());
  return absl::InvalidArgumentError(absl::StrFormat(
      "the role %s is none; give viewer, editor, approver or admin", router::Quoted(name)));
}

absl::StatusOr<ServiceSettings> ReadServiceSettings(std::string_view json) {
  JsonReader reader(json, "the settings");
  reader.Only({"grants", "second_person", "bulk_items_max"});
  ServiceSettings settings;
  settings.second_person = reader.Flag("second_person", false);
  settings.bulk_items_max =
      static_cast<size_t>(reader.Number("bulk_items_max", kBulkItemsMaxDefault, 0, 1'000'000));
  for (JsonReader& one : reader.Objects("grants", kGrantsMax)) {
    one.Only({"principal", "team", "role"});
    Grant grant{.principal = one.Text("principal"), .team = one.Text("team", kAll)};
    absl::StatusOr<Role> role = ReadRole(one.Text("role"));
    if (one.status().ok() && !role.ok()) return role.status();
    if (!one.status().ok()) return one.status();
    grant.role = *role;
    settings.grants.push_back(std::move(grant));
  }
  if (!reader.status().ok()) return reader.status();
  return settings;
}

std::string TeamOf(const ItemId& id) {
  const bool is_a_teams = id.kind == ItemKind::kRules || id.kind == ItemKind::kTests;
  return is_a_teams ? id.name : "";
}

bool HasRole(const Principal& principal, const ServiceSettings& settings, std::string_view service,
             std::string_view team, Role role) {
  return AnyGrant(principal, settings, service,
                  [&](const Grant& one) { return one.role >= role && Covers(one.team, team); });
}

bool HasRoleAnywhere(const Principal& principal, const ServiceSettings& settings,
                     std::string_view service, Role role) {
  return AnyGrant(principal, settings, service, [&](const Grant& one) { return one.role >= role; });
}

ChangeRight RightToChange(const Principal& principal, const ServiceSettings& settings,
                          std::string_view service, const std::vector<ItemId>& items) {
  if (principal.kind != PrincipalKind::kPerson) return ChangeRight::kRefused;
  const bool may_all = std::all_of(items.begin(), items.end(), [&](const ItemId& id) {
    const Role needed = id.kind == ItemKind::kSettings ? Role::kAdmin : Role::kEditor;
    return HasRole(principal, settings, service, TeamOf(id), needed);
  });
  const bool may_propose =
      settings.second_person && HasRoleAnywhere(principal, settings, service, Role::kEditor) &&
      std::none_of(items.begin(), items.end(),
                   [](const ItemId& id) { return id.kind == ItemKind::kSettings; });
  if (!may_all) return may_propose ? ChangeRight::kProposed : ChangeRight::kRefused;
  const bool is_bulk = settings.second_person && items.size() > settings.bulk_items_max;
  return is_bulk ? ChangeRight::kProposed : ChangeRight::kDone;
}

bool MayApprove(const Principal& principal, const ServiceSettings& settings,
                std::string_view service, const std::vector<ItemId>& items) {
  return principal.kind == PrincipalKind::kPerson &&
         std::all_of(items.begin(), items.end(), [&](const ItemId& id) {
           const Role needed = id.kind == ItemKind::kSettings ? Role::kAdmin : Role::kApprover;
           return HasRole(principal, settings, service, TeamOf(id), needed);
         });
}

}  // namespace turnout::manager
