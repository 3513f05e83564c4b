// Explanation: what becomes of one event by a rule set, and why, rule by rule.
//
// Threads: a value that owns all it holds, but for names that are constants.
// Units: milliseconds of event time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "router/cloud_event.h"
#include "router/enrich_spec.h"
#include "router/pattern_fault.h"
#include "router/step.h"
#include "router/step_call.h"
#include "router/step_memory.h"

namespace turnout::router {

// What one step says of the event now. A step behind one that held the event back isn't asked.
struct StepDecision {
  StepKind kind = StepKind::kSample;
  std::string key_field;
  std::string key;          // its text; empty where the event has none
  bool is_rekeyed = false;  // it is asked elsewhere: where this key lives
  StepVerdict verdict = StepVerdict::kPasses;
  std::string reason;           // kRejects, kIsFull: a sentence
  bool remembers_key = false;   // something is stored for the key
  std::vector<StepFact> facts;  // before the event changed it
  uint32_t bucket = 0;          // sample: of the key's hash, below kAllShares; passes below...
  uint32_t share = 0;           // ... this
};

// One table that the event was to be enriched from.
struct EnrichDecision {
  enum class Outcome { kFound, kMissing, kNoKey, kUnavailable };

  std::string table;
  std::string key_field;
  std::string key;
  Outcome outcome = Outcome::kNoKey;
  MissingPolicy missing = MissingPolicy::kNull;
  std::string reason;  // kUnavailable
};

// A record that the event leads to.
struct ExplainedOutput {
  std::string destination;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::optional<int64_t> window_end_ms;  // of a window that the event closes
  std::string rule_ids;                  // "team/a,team/b"
  std::string content_type;              // as Output's; empty: the event's headers are the record's
};

// What a rule's rollout makes of what would otherwise be sent.
struct RolloutDecision {
  bool is_shadow = false;
  double percent = 100;
  bool is_held_back = false;  // the key of a record, or of a window, is outside of the percent
  std::vector<ExplainedOutput> shadowed;  // what would be sent, were the rule not in shadow
};

struct RuleExplanation {
  std::string id;  // "team/name"
  bool matched = false;
  PatternFault fault;  // where it did not match
  std::vector<StepDecision> steps;
  std::vector<EnrichDecision> enrich;
  bool is_shaped = false;
  std::optional<RolloutDecision> rollout;  // of a match whose rule is not rolled out in full
  std::vector<size_t> outputs;             // that name the rule: positions in Explanation::outputs
  // Matches that could not be routed, a sentence each, and whether they are parked. In shadow they
  // are neither that nor dead letters, but would be.
  struct Rejected {
    std::string reason;
    bool park = false;
  };
  std::vector<Rejected> rejected;
};

struct Explanation {
  std::string rule_set;       // hash
  std::string payload_error;  // why the payload can't be read; empty: it can
  // What the record is, and whether a CloudEvent in binary mode is read as one; else its attributes
  // are headers and no more. Those that it has, by the headers' names.
  CloudEvent::Mode mode = CloudEvent::Mode::kNone;
  CloudEvent::Data data = CloudEvent::Data::kNone;
  bool reads_cloud_events = false;
  std::vector<std::string> attribute_headers;
  absl::Status state_error;  // the state could not be asked: steps and outputs are missing
  bool keeps_state = false;  // some rule of the set does
  bool has_state = false;    // the steps were asked with what the task remembers
  int64_t event_ms = 0;      // keeps_state: the event's time...
  bool is_late = false;
  int64_t watermark_ms = 0;  // ... and the task's time once the event has moved it
  // Rules that match, then others, each in the order of ids.
  std::vector<RuleExplanation> rules;
  size_t rules_judged = 0;    // of them, those that didn't match and are too many to show
  size_t rules_left_out = 0;  // count here
  std::vector<ExplainedOutput> outputs;
};

}  // namespace turnout::router
