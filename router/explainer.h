// Explainer: what becomes of an event, and why: for each rule whether it matches, or the first
// predicate that failed; for each match what its steps, tables and destinations say.
//
// The answers are the router's own: a Router routes the event over a TrialState, and what it sends
// and rejects is what is told. Beside it patterns are judged one by one, and steps asked one by
// one, for the reasons. Nothing is changed: of a state only what is read.
//
// It takes its time: whole rule sets, rule by rule, so not for the event path. In two halves, since
// a state may be asked on its worker's thread alone: JudgePatterns costs what the rules cost
// together, DecideRoutes what routing the event costs, and little more.
//
// Threads: one at a time. Lifetime: `tables` is borrowed; an explanation owns all it holds.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "router/event.h"
#include "router/explanation.h"
#include "router/rule_set.h"
#include "router/table_lookup.h"
#include "state/task_state.h"

namespace turnout::router {

struct ExplainOptions {
  std::string only_rule;         // "team/name"; empty: all
  size_t unmatched_max = 1'000;  // rules that didn't match and are told of
};

class Explainer {
 public:
  // Without `tables`, matches that are to be enriched are parked, as by a Router.
  explicit Explainer(std::shared_ptr<const RuleSet> rules, const TableLookup* tables = nullptr,
                     ExplainOptions options = {});
  ~Explainer();

  // Both halves. `state` is that of the event's task, null where there is none to ask: then steps
  // that remember say what they would if they remembered nothing.
  Explanation Explain(const Event& event, state::TaskState* state);

  // Which rules match, and why the others don't.
  Explanation JudgePatterns(const Event& event);
  // What becomes of the same event, into what JudgePatterns answered.
  void DecideRoutes(const Event& event, state::TaskState* state, Explanation* explanation);

  const RuleSet& rules() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::router
