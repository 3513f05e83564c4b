// Access: who may do what in a service, and to which team's files.
//
// A grant gives a principal a role over a team of a service; `*` stands for all of them. A role
// holds those below it:
//   viewer    reads everything of the service but secrets
//   editor    changes the team's rules and tests; with team `*` all that belongs to no team
//   approver  approves what others propose, where it is approver of all that is changed
//   admin     changes the service's settings, reads its audit log
// Grants stand beside the principal's token, and in the service's settings, the item
// `SERVICE/settings/service`:
//
//   {"grants": [{"principal": "alice", "team": "fraud", "role": "editor"}],
//    "second_person": true, "bulk_items_max": 10}
//
// With `second_person`, whoever edits any team of the service may propose changes to others' files,
// and changes to more than `bulk_items_max` items; another person approves them.
//
// Errors: InvalidArgument, naming the member at fault.
// Threads: ordinary values, pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/manager/item.h"

namespace turnout::manager {

inline constexpr std::string_view kAll = "*";
inline constexpr size_t kGrantsMax = 10'000;  // of a service, of a token
inline constexpr size_t kBulkItemsMaxDefault = 10;

enum class Role { kViewer, kEditor, kApprover, kAdmin };
std::string_view RoleName(Role role);
absl::StatusOr<Role> ReadRole(std::string_view name);

// Before the name of a group of principals, as their issuer says who is in it.
inline constexpr std::string_view kGroupPrefix = "group:";

struct Grant {
  std::string principal;  // of a service's settings: a name, or `group:NAME`
  std::string service;    // of a token
  std::string team;
  Role role = Role::kViewer;
};

struct ServiceSettings {
  std::vector<Grant> grants;
  bool second_person = false;
  size_t bulk_items_max = kBulkItemsMaxDefault;
};

enum class PrincipalKind { kPerson, kRouter };

struct Principal {
  std::string name;
  PrincipalKind kind = PrincipalKind::kPerson;
  std::vector<std::string> groups;  // `group:NAME`
  std::vector<Grant> grants;        // that it has everywhere
};

// Whether `named` is this principal, or a group that it is in.
bool IsNamed(const Principal& principal, std::string_view named);

absl::StatusOr<ServiceSettings> ReadServiceSettings(std::string_view json);

// The team that an item belongs to; empty: the service as a whole.
std::string TeamOf(const ItemId& id);

// Whether the role is held over that team; `team` empty: over the service as a whole.
bool HasRole(const Principal& principal, const ServiceSettings& settings, std::string_view service,
             std::string_view team, Role role);
// Over any team.
bool HasRoleAnywhere(const Principal& principal, const ServiceSettings& settings,
                     std::string_view service, Role role);

// What becomes of changing these items.
enum class ChangeRight { kDone, kProposed, kRefused };
ChangeRight RightToChange(const Principal& principal, const ServiceSettings& settings,
                          std::string_view service, const std::vector<ItemId>& items);

// Whether all of it may be approved by this principal, whoever has proposed it.
bool MayApprove(const Principal& principal, const ServiceSettings& settings,
                std::string_view service, const std::vector<ItemId>& items);

}  // namespace turnout::manager
