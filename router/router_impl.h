// Router::Impl: what a Router has at hand of one event. Its functions are in four files: router.cc
// takes a match from its steps to its destinations, router_forms.cc enriches and shapes it on the
// way, router_rollout.cc does where a rule sends a share of its records or none, router_resume.cc
// goes on with events that were sent on or put aside.
//
// For these files alone. Threads: one.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "router/arena.h"
#include "router/cloud_event.h"
#include "router/enricher.h"
#include "router/event_parser.h"
#include "router/event_shaper.h"
#include "router/output_gatherer.h"
#include "router/route_plan.h"
#include "router/router.h"
#include "router/step_engine.h"
#include "router/structured_event.h"

namespace turnout::router {

// Stands for no key among field numbers: no step that keeps state keeps it here.
inline constexpr uint32_t kNowhere = UINT32_MAX - 2;

inline bool IsNull(std::string_view text) { return text.data() == nullptr; }

struct Router::Impl {
  // What a target came to for the event at hand.
  struct Slot {
    static constexpr uint32_t kRejected = UINT32_MAX;
    uint64_t event = 0;  // the event it was filled for
    uint32_t output = kRejected;
    std::string_view reason;  // why it was rejected
  };
  // What a form made of the event at hand.
  struct FormedEvent {
    uint64_t event = 0;
    Enricher::Result result;
    std::string_view content_type;  // as Output's
  };
  // A match that goes on where its next step's key lives.
  struct SentOn {
    bool is_shadow = false;
    uint32_t key_field = 0;
    RuleIndex rule = 0;
    state::StepId step = 0;
  };
  // What a rule sends.
  struct Record {
    std::string_view key;
    std::string_view value;
    std::string_view content_type = {};  // as Output's
  };

  Impl(std::shared_ptr<const RuleSet> the_rules, const TableLookup* tables)
      : rules(std::move(the_rules)),
        plan(rules->plan()),
        scratch(rules->matcher().NewScratch()),
        slots(plan.targets.size()),
        formed(plan.forms.size()),
        enricher(tables),
        gatherer(*rules) {
    if (rules->keeps_state()) engine.emplace(plan, rules->settings());
  }

  void Start();
  absl::Status Read(const Event& event, TaskSteps* task);
  const Routes& Finish();
  void RouteRule(RuleIndex rule, uint32_t first_step, uint32_t local_key, const Event& event);
  void RouteInRollout(RuleIndex rule, uint32_t first_step, uint32_t local_key, const Event& event);
  void SendMatch(RuleIndex rule, const Event& event);
  void ShadowMatch(RuleIndex rule, const Event& event);
  void AddShadowed(const Shadowed& record);
  bool SendsWindow(const ClosedWindow& window);
  // The key that decides whether a match is in its rule's share.
  std::string_view ShareKey(RuleIndex rule, const Event& event) const;
  // Whether what the rule sends under that key is in its share, and it is not in shadow.
  bool IsSent(RuleIndex rule, std::string_view key) const;
  void ContinueRule(state::StepId step, std::string_view rule_id, bool is_shadow,
                    const Event& event);
  std::optional<RuleIndex> FindRule(std::string_view rule_id) const;
  // Its position in the plan; without it, the match was rejected.
  std::optional<uint32_t> FindStep(RuleIndex rule, state::StepId step, bool is_shadow);
  void RedriveAnew(const Event& event);
  void RedriveRule(std::string_view rule_id, state::StepId step, const Redriven& from,
                   const Event& event);
  void RedriveBehindSteps(RuleIndex rule, const Redriven& from, const Event& event);
  void SendAsItIs(RuleIndex rule, std::string_view destination, const Event& event);
  // All steps up to it that keep state keep it by what the source is partitioned by.
  bool IsAtSource(RuleIndex rule, uint32_t step) const;
  // Whether the event at hand may go there.
  bool IsWanted(const RoutePlan::Target& target);
  bool PassesSteps(RuleIndex rule, uint32_t first_step, uint32_t local_key);
  bool IsShadow(RuleIndex rule) const {
    const uint32_t rollout = plan.rules[rule].rollout;
    return rollout != RoutePlan::kFullRollout && plan.rollouts[rollout].is_shadow;
  }
  absl::Status StartSteps(const Event& event, TaskSteps* task);
  bool PassesState(RuleIndex rule, const StepPlan& step);
  // What the rule makes of the event; nothing after it was rejected or stopped.
  std::optional<Record> MakeRecord(RuleIndex rule, const Event& event);
  void RouteFeature(RuleIndex rule, const Event& event);
  void SendFeature(const RoutePlan::Target& target, const Record& record, RuleIndex rule,
                   const Event& event);
  void SendOn(RuleIndex rule, const StepPlan& step);
  void Reject(RuleIndex rule, const StepPlan& step, const StepEngine::Fault& fault);
  void RejectFull(RuleIndex rule, const StepPlan& step);
  void RejectAtSource(RuleIndex rule, const StepPlan& step);
  void RejectElsewhere(RuleIndex rule, std::string_view destination);
  void GatherRekeyed();
  const FormedEvent& Formed(uint32_t form, const Event& event);
  // What the event at hand is; kNone where nobody reads CloudEvents.
  const CloudEvent& CloudEventOf(const Event& event);
  // All of the event as JSON, with its structural characters, in `text` and `structurals`.
  absl::Status FindJson(const Event& event, std::string_view* text,
                        absl::Span<const uint32_t>* structurals);
  // Its payload's, or a binary CloudEvent's data's, in place.
  absl::Status FindStructurals(const Event& event, absl::Span<const uint32_t>* structurals);
  Enricher::Result FormEvent(const RoutePlan::Form& form, const Event& event);
  Enricher::Result CantBeRead(std::string_view needed_by, const absl::Status& why);
  // Rejects or stops the match whose payload came to nothing.
  void GiveUp(RuleIndex rule, const Enricher::Result& result);
  void ResolveTarget(uint32_t target_id, const Record& record, Slot* slot);
  // The topic's name; null data() after setting the slot's reason.
  std::string_view ResolveName(const RoutePlan::Target& target, Slot* slot);
  // The same, of a topic that the team may write.
  std::string_view AllowedName(const RoutePlan::Target& target, Slot* slot);
  std::string_view MissingField(std::string_view field, std::string_view needed_by,
                                std::string_view how);

  const std::shared_ptr<const RuleSet> rules;
  const RoutePlan& plan;
  const std::unique_ptr<Matcher::Scratch> scratch;

  // All of the event at hand; kept for their capacity.
  uint64_t event_number = 0;
  Arena arena;
  std::vector<Slot> slots;          // by target
  std::vector<FormedEvent> formed;  // by form
  Enricher enricher;
  std::optional<StepEngine> engine;  // none if no rule keeps state
  std::vector<ClosedWindow> closed;
  Record feature;  // that the rule at hand sends in the event's place; null value: none
  EventShaper shaper;
  // For payloads that the matcher had no need to read.
  EventParser parser;
  GatheredEvent gathered;
  const FieldTrie no_fields;
  // For CloudEvents.
  CloudEvent cloud_event;
  uint64_t cloud_event_of = 0;  // the event that it is of
  StructuredEvent structured;
  uint64_t structured_of = 0;  // the event that is written there
  FormedType formed_type;
  OutputGatherer gatherer;
  std::vector<Output> outputs;
  std::vector<Rejection> rejections;
  std::vector<Stopped> stopped;
  std::vector<Shadowed> shadowed;
  std::vector<Rejection> shadow_rejections;
  std::vector<RuleIndex> held_back;
  std::vector<SentOn> sent_on;
  std::vector<RuleIndex> rekeyed_rules;
  std::vector<state::StepId> rekeyed_steps;
  std::vector<Rekeyed> rekeyed;
  std::vector<Gone> gone;
  std::string_view only;  // the destination that the event at hand may go to; null: all
  Routes routes;
};

}  // namespace turnout::router
