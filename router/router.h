// Router: one event and one rule set in, outputs out. No threads, no I/O, no clock.
//
// Outputs of one team with the same destination, record key and bytes are one output, which names
// all its rules: an event goes to a destination once, however many rules of a team send it there.
// A match passes its rule's steps, then its shape, then goes to its destinations.
//
// Errors: a bad event is not an error of the router: Routes::payload_error says why the payload
//   could not be read (rules over `$kafka` alone have been judged all the same), and
//   Routes::rejections lists matches that could not be routed (a field that a destination or a
//   record key or a shape needs is missing). The caller dead-letters both.
// Threads: one Router a thread; many may share a RuleSet.
// Lifetime: Routes is valid until the next Route, and while the event's bytes live.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "router/event.h"
#include "router/rule_set.h"

namespace turnout::router {

struct Output {
  std::string_view destination;  // topic name
  std::string_view key;          // record key; null data(): none
  std::string_view value;        // the payload, or what the rules' shape made of it
  absl::Span<const RuleIndex> rules;
  // "team/a,team/b": the provenance header's value.
  std::string_view rule_ids;
};

struct Rejection {
  RuleIndex rule = 0;
  std::string_view reason;  // a sentence naming the field
};

// A match that a step let go no further.
struct Stopped {
  RuleIndex rule = 0;
  std::string_view step;  // its name
};

struct Routes {
  absl::Status payload_error;  // OK, or InvalidArgument
  absl::Span<const RuleIndex> matched;
  absl::Span<const Output> outputs;
  absl::Span<const Rejection> rejections;
  absl::Span<const Stopped> stopped;
};

class Router {
 public:
  explicit Router(std::shared_ptr<const RuleSet> rules);
  ~Router();

  const Routes& Route(const Event& event);
  const RuleSet& rules() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace turnout::router
