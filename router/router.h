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

// Stands for none.
inline constexpr state::StepId kNoStep = 0;

struct Output {
  std::string_view destination;  // topic name
  std::string_view key;          // record key; null data(): none
  std::string_view value;   // the payload, what the rules' shape made of it, or a feature record
  bool is_feature = false;  // the latter, sent in the event's place
  // Of a window that this event closed: its end, and the event's own headers are none of its.
  std::optional<int64_t> window_end_ms;
  absl::Span<const RuleIndex> rules;
  // "team/a,team/b": the provenance header's value.
  std::string_view rule_ids;
  // Of what was made of a CloudEvent: the value's media type, in place of the event's headers that
  // say what that was (IsOfCloudEvent). Null data(): the headers go as they came.
  std::string_view content_type = {};
};

struct Rejection {
  RuleIndex rule = 0;
  std::string_view reason;  // a sentence naming the field
  // As the rule names it, where it has others too, and only this one goes without the event.
  std::string_view destination = {};
  state::StepId step = kNoStep;  // where the match stopped, not to have passed; kNoStep: behind all
  // For the parking topic rather than the dead letters: a table that `enrich` asks has no such key.
  bool park = false;
  // A step had no room for what it would have to keep of the event.
  bool is_full = false;
  bool is_record = false;  // the event is a record that the rule made
};

// What a rule in shadow would have sent.
struct Shadowed {
  RuleIndex rule = 0;
  std::string_view destination;
  std::string_view key;  // as an Output's
  std::string_view value;
  std::optional<int64_t> window_end_ms;
  std::string_view content_type = {};
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

// Of Continue and Redrive: a rule that the event was to go on with and this rule set does not have.
struct Gone {
  std::string_view rule_id;
  state::StepId step = kNoStep;       // that was next
  std::string_view destination = {};  // as in Redriven
  bool is_record = false;
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
  absl::Span<const Gone> gone;
  // Of Continue: some of the rules are gone, or have the step no more that they were to go on with.
  bool lacks_steps = false;
};

// An event that comes from where it was put aside, and where it goes on from.
struct Redriven {
  std::string_view rule_ids;  // "team/a,team/b"; empty: no rule has seen its payload yet
  // The next step of each rule; none: all are passed, and have been told of the event.
  absl::Span<const state::StepId> steps;
  std::string_view destination;  // behind the steps: no other; null: all that the rules have
  bool is_record = false;        // not an event, but what the rules made: it goes there as it is
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

  // The event goes on where it stood, and nowhere else. No step's state is here: a match whose next
  // step has one is sent to where its key lives, as any re-keyed one; where that is the source's
  // partition, which the event does not come by again, it is rejected. So is one that its rule does
  // not send now, by its rollout.
  const Routes& Redrive(const Event& event, const Redriven& redriven);

  const RuleSet& rules() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::router
