// RoutePlan: what becomes of a match: a rule set's destinations and keys, numbered once so that
// routing an event looks nothing up by name.
//
// A target is a destination of one team under one record key. Rules that send alike share it.
// Internal to RuleSet, which builds it, and Router, which follows it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "router/rule_file.h"

namespace turnout::router {

using RuleIndex = uint32_t;

struct RoutePlan {
  // Stands for the event's own key among field numbers.
  static constexpr uint32_t kOwnKey = UINT32_MAX;

  struct Target {
    uint32_t team = 0;             // position in globs
    DestinationTemplate destination;
    std::vector<uint32_t> fields;  // of the destination, as positions in `fields`
    bool check_globs = false;      // whether a name it resolves to can be outside of them
  };
  struct RuleTargets {
    uint32_t key_field = kOwnKey;
    uint32_t begin = 0;            // in target_ids, up to the next rule's begin
  };

  std::vector<std::string> fields;              // dotted paths that the Matcher is asked for
  std::vector<std::vector<std::string>> globs;  // what a team may write, a team each
  std::vector<Target> targets;
  std::vector<uint32_t> target_ids;             // of rules, one rule after another
  std::vector<RuleTargets> rules;               // by RuleIndex, and one past the end
};

// Takes rules in the order of RuleIndex.
// Lifetime: what it is given stays until Finish.
class RoutePlanBuilder {
 public:
  explicit RoutePlanBuilder(size_t rules);

  // The rules added from now on are this team's.
  void StartTeam(const std::vector<std::string>& allowed_destinations);
  void AddRule(const Rule& rule);
  RoutePlan Finish();

 private:
  uint32_t FieldNumber(const std::string& path);
  uint32_t TargetNumber(const DestinationTemplate& destination, uint32_t key_field);

  RoutePlan plan_;
  absl::flat_hash_map<absl::string_view, uint32_t> field_numbers_;
  // Of the team at hand, by key field and destination.
  absl::flat_hash_map<std::pair<uint32_t, absl::string_view>, uint32_t> target_numbers_;
};

}  // namespace turnout::router
