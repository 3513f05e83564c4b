// MemberlessGroup: a consumer group that nobody joins, as GroupMetadata: its offsets are whoever's
// who has the transactional id.
//
// Of any other group a sink sends offsets of its members only, since brokers take offsets that name
// no member from anybody.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "connectors/record.h"

namespace turnout::connectors {

// Stands for the generation; no broker is told.
inline constexpr int32_t kMemberlessGeneration = -2;

inline GroupMetadata MemberlessGroup(std::string group_id) {
  GroupMetadata group;
  group.group_id = std::move(group_id);
  group.generation = kMemberlessGeneration;
  return group;
}

// Whether offsets may be sent for it.
inline bool MayCommit(const GroupMetadata& group) {
  return group.generation == kMemberlessGeneration ||
         (group.generation >= 0 && !group.member_id.empty());
}

// As brokers are told.
inline GroupMetadata AsSent(GroupMetadata group) {
  if (group.generation == kMemberlessGeneration) group.generation = -1;
  return group;
}

}  // namespace turnout::connectors
