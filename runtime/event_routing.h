// EventRouting: hands an event to a router as what it is: one of the source, or one that was
// re-keyed and goes on with the steps that wait for it here, or one that was put back from where it
// had been put aside, and goes on where it stood. What came in another format than JSON is decoded
// here, and nowhere else on an event's way.
//
// Threads: a worker's own. Lifetime: the answer is valid until the next call, and while the event's
// bytes live.
#pragma once

#include <string>
#include <string_view>

#include "connectors/record.h"
#include "router/router.h"
#include "router/task_steps.h"
#include "runtime/event_format.h"
#include "runtime/redriven_event.h"
#include "runtime/rekey.h"

namespace turnout::runtime {

struct RoutedEvent {
  const connectors::Event* event = nullptr;  // as it was in the source
  std::string_view source;                   // its position there; empty: that of the event itself
  const router::Routes* routes = nullptr;    // null: the record is not a re-keyed event
  std::string_view sent_by = {};             // rule set that re-keyed it; empty: it was not
  // Of one that comes here to go on: from where; all of its rules were in shadow where they
  // matched.
  router::Redriven from = {};
  bool is_shadow = false;
};

class EventRouting {
 public:
  // `topic` is the one that is read; `is_rekeyed` whether it is the internal one.
  // `schemas` is borrowed; null: all values are JSON.
  EventRouting(std::string topic, bool is_rekeyed, SchemaRegistry* schemas = nullptr)
      : topic_(std::move(topic)), is_rekeyed_(is_rekeyed), format_(schemas) {}

  // Values may be of another format: each event is prepared before it is routed.
  bool decodes() const { return !format_.is_json(); }
  // What the event's schema lacks, if its payload is needed (`reads_payload`) and lacks something:
  // who does not wait for it routes the event as one that can't be read.
  const PayloadReading& Prepare(const connectors::Event& event, bool reads_payload);
  void SayNotAwaited() { format_.SayNotAwaited(); }
  // Asks for its schema, for later.
  void AskAhead(const connectors::Event& event) { format_.AskFor(Read(event).event->value); }

  // As far as that is told without a router; `routes` is null.
  RoutedEvent Read(const connectors::Event& event);
  RoutedEvent Route(router::Router& router, const connectors::Event& event,
                    router::TaskSteps* task);

 private:
  const std::string topic_;
  const bool is_rekeyed_;
  ArrivedEvent arrived_;
  RedrivenEvent redriven_;
  EventFormat format_;
  PayloadReading reading_;  // of the event that was prepared
};

}  // namespace turnout::runtime
