// Router: one event and one rule set in, outputs out. No threads, no I/O, no clock.
//
// Outputs of one team with the same destination, record key and bytes are one output, which names
// all its rules: an event goes to a destination once, however many rules of a team send it there.
// A match passes its rule's steps, is enriched, shaped, then goes to its destinations, unless the
// rule's rollout keeps it from there. What steps remember is in the task's state, as pending
// changes: the caller commits or rolls back.
//
// Errors: a bad event is not an error of the router: Routes::payload_error says why the payload
//   could not be read (rules over `$kafka` alone have been judged all the same), and
//   Routes::rejections lists matches that could not be routed (a field that a destination or a
//   record key or a shape needs is missing). The caller dead-letters both.
//   Routes::state_error is the state's own: the rest means nothing then, and the caller rolls back.
// Threads: one Router a thread; many may share a RuleSet.
// Lifetime: Routes is valid until the next Route, and while the event's bytes live.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "router/event.h"
#include "router/rule_set.h"
#include "router/table_lookup.h"
#include "router/task_steps.h"

namespace turnout::router {

struct Output {
  std::string_view destination;  // topic name
  std::string_view key;          // record key; null data(): none
  std::string_view value;  // the payload, what the rules' shape made of it, or a feature record
  // Of a window that this event closed: its end, and the event's own headers are none of its.
  std::optional<int64_t> window_end_ms;
  absl::Span<const RuleIndex> rules;
  // "team/a,team/b": the provenance header's value.
  std::string_view rule_ids;
};

struct Rejection {
  RuleIndex rule = 0;
  std::string_view reason;  // a sentence naming the field
  // For the parking topic rather than the dead letters: a table that `enrich` asks has no such key.
  bool park = false;
  // A step had no room for what it would have to keep of the event.
  bool is_full = false;
};

// What a rule in shadow would have sent.
struct Shadowed {
  RuleIndex rule = 0;
  std::string_view destination;
  std::string_view key;  // as an Output's
  std::string_view value;
  std::optional<int64_t> window_end_ms;
};

// A match that a step, or a key that `enrich` misses, let go no further.
struct Stopped {
  RuleIndex rule = 0;
  StepKind step = StepKind::kSample;
  bool late = false;  // the event came too late to be counted
};

// Matches whose next step keeps its state by another key than this partition's: they go on where
// that key lives.
struct Rekeyed {
  std::string_view key;    // text of the field that the steps are keyed by
  bool is_shadow = false;  // all of the rules are in shadow; else none is
  absl::Span<const RuleIndex> rules;
  absl::Span<const state::StepId> steps;  // the next one of each
  std::string_view rule_ids;              // "team/a,team/b"
};

struct Routes {
  absl::Status payload_error;  // OK, or InvalidArgument
  absl::Status state_error;    // of TaskState
  absl::Span<const RuleIndex> matched;
  absl::Span<const Output> outputs;
  absl::Span<const Rejection> rejections;
  absl::Span<const Stopped> stopped;
  // Of rules in shadow, apart from all others: what nobody is to send, be it to the dead letters.
  absl::Span<const Shadowed> shadowed;
  absl::Span<const Rejection> shadow_rejections;
  // A rule each time that something of it lies outside of the share that its rollout sends: a
  // match, a window that closed.
  absl::Span<const RuleIndex> held_back;
  absl::Span<const Rekeyed> rekeyed;
  // Of Continue: rules that the event was to go on with and that this rule set does not have.
  absl::Span<const std::string_view> gone;
  // Of Continue: some of the rules are gone, or have the step no more that they were to go on with.
  bool lacks_steps = false;
};

class Router {
 public:
  // `tables` is borrowed; without it, matches that are to be enriched are parked.
  explicit Router(std::shared_ptr<const RuleSet> rules, const TableLookup* tables = nullptr);
  ~Router();

  // `task` is that of the event's partition; it may be null if the rules keep no state.
  const Routes& Route(const Event& event, TaskSteps* task = nullptr);

  // The event goes on with these steps, of these rules ("team/a,team/b"; in shadow or not, as
  // Rekeyed says), in the partition where they keep its key. A rule that is gone is said to be;
  // where only its step is, the match is rejected. What was in shadow is neither.
  const Routes& Continue(const Event& event, absl::Span<const state::StepId> steps,
                         std::string_view rule_ids, bool is_shadow, TaskSteps* task);

  const RuleSet& rules() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::router
