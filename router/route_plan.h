// RoutePlan: what becomes of a match: a rule set's destinations and keys, numbered once so that
// routing an event looks nothing up by name.
//
// A target is a destination of one team under one record key and form. Rules that send alike share
// it, but for those in shadow, which share theirs with each other.
// Internal to RuleSet, which builds it, and Router, which follows it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "router/enricher.h"
#include "router/rollout.h"
#include "router/rule_file.h"
#include "router/state_settings.h"
#include "router/step_plan.h"

namespace turnout::router {

using RuleIndex = uint32_t;

struct RoutePlan {
  // Stands for the event's own key among field numbers.
  static constexpr uint32_t kOwnKey = UINT32_MAX;
  // Stands for every key among field numbers.
  static constexpr uint32_t kAnyKey = UINT32_MAX - 1;
  // Stands for the event's own payload among forms.
  static constexpr uint32_t kOwnForm = UINT32_MAX;
  // Stands for all of a rule's outputs among rollouts.
  static constexpr uint32_t kFullRollout = UINT32_MAX;

  // What a rule makes of the payload: first it is enriched, then shaped; either may be null.
  struct Form {
    std::shared_ptr<const EnrichPlan> enrich;
    std::shared_ptr<const ShapePlan> shape;
  };

  struct Target {
    uint32_t team = 0;  // position in globs
    DestinationTemplate destination;
    std::vector<uint32_t> fields;  // of the destination, as positions in `fields`
    bool check_globs = false;      // whether a name it resolves to can be outside of them
    bool is_shadow = false;        // nothing is sent there
  };
  struct RuleTargets {
    uint32_t key_field = kOwnKey;
    uint32_t form = kOwnForm;         // position in `forms`
    uint32_t rollout = kFullRollout;  // position in `rollouts`
    uint32_t steps_begin = 0;         // in `steps`, up to the next rule's
    uint32_t begin = 0;               // in target_ids, up to the next rule's begin
  };

  std::vector<std::string> fields;              // dotted paths that the Matcher is asked for
  std::vector<std::vector<std::string>> globs;  // what a team may write, a team each
  std::vector<uint32_t> team_steps;             // where a team's steps begin, and one past the end
  std::vector<Target> targets;
  std::vector<Form> forms;                     // each once
  std::vector<RolloutPlan> rollouts;           // of rules that are not rolled out in full
  std::vector<std::string> tables;             // that rules are enriched from, each once
  std::vector<StepPlan> steps;                 // of rules, one rule after another
  std::vector<AggregatePlan> aggregates;       // in the order of their rules
  uint32_t time_field = StepPlan::kNone;       // position in `fields`
  uint32_t partition_field = StepPlan::kNone;  // the same: what the source is partitioned by
  std::vector<uint32_t> target_ids;            // of rules, one rule after another
  std::vector<RuleTargets> rules;              // by RuleIndex, and one past the end
};

// Takes rules in the order of RuleIndex.
// Lifetime: what it is given stays until Finish.
class RoutePlanBuilder {
 public:
  explicit RoutePlanBuilder(size_t rules);

  // The rules added from now on are this team's.
  void StartTeam(const RuleFile& team);
  void AddRule(const Rule& rule);
  // What decides an event's partition in the source.
  void SetPartitionField(const std::string& path) {
    plan_.partition_field = path == kOnePartition ? RoutePlan::kAnyKey : FieldNumber(path);
  }
  // Where events say when they happened.
  void SetTimeField(const std::string& path) { plan_.time_field = FieldNumber(path); }
  RoutePlan Finish();

 private:
  uint32_t FieldNumber(const std::string& path);
  void AddStep(const Step& step);
  void AddAggregate(const Step& step);
  uint32_t FormNumber(const Rule& rule);
  std::shared_ptr<const EnrichPlan> CompileEnrich(const std::vector<EnrichSpec>& enrich);
  uint32_t TargetNumber(const DestinationTemplate& destination, const RoutePlan::RuleTargets& of,
                        bool is_shadow);

  RoutePlan plan_;
  std::string_view team_;  // at hand
  absl::flat_hash_map<absl::string_view, uint32_t> field_numbers_;
  absl::flat_hash_map<std::string, uint32_t> form_numbers_;  // by what both of its parts do
  // Of the team at hand, by key field, form, whether in shadow, and destination.
  absl::flat_hash_map<std::tuple<uint32_t, uint32_t, bool, absl::string_view>, uint32_t>
      target_numbers_;
};

}  // namespace turnout::router
