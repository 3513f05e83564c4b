#include "runtime/event_routing.h"

namespace turnout::runtime {
namespace {

router::Event RouterEvent(const connectors::Event& event, const std::string& topic,
                          const PayloadReading& reading) {
  return {.value = event.value,
          .key = event.key,
          .topic = topic,
          .partition = event.partition,
          .timestamp_ms = event.timestamp_ms,
          .headers = event.headers,
          .decoded = reading.decoded,
          .undecodable = reading.undecodable};
}

}  // namespace

RoutedEvent EventRouting::Read(const connectors::Event& event) {
  if (!is_rekeyed_) return {&event, {}, nullptr};
  if (DecodeRekeyed(event, &arrived_)) {
    return {.event = &arrived_.event,
            .source = arrived_.source,
            .sent_by = arrived_.rule_set,
            .from = {.rule_ids = arrived_.rule_ids, .steps = arrived_.steps},
            .is_shadow = arrived_.is_shadow};
  }
  if (!DecodeRedriven(event, &redriven_)) return {&event, {}, nullptr};
  return {.event = &redriven_.event, .source = redriven_.source, .from = redriven_.from()};
}

const PayloadReading& EventRouting::Prepare(const connectors::Event& event, bool reads_payload) {
  reading_ = {};
  const RoutedEvent read = Read(event);
  // A record that rules made is JSON; one that is not ours is not looked into.
  const bool is_event = !is_rekeyed_ || read.event != &event;
  if (reads_payload && is_event && !read.from.is_record) reading_ = format_.Read(read.event->value);
  return reading_;
}

RoutedEvent EventRouting::Route(router::Router& router, const connectors::Event& event,
                                router::TaskSteps* task) {
  if (!is_rekeyed_) return {&event, {}, &router.Route(RouterEvent(event, topic_, reading_), task)};
  RoutedEvent routed = Read(event);
  if (routed.event == &arrived_.event) {
    routed.routes = &router.Continue(RouterEvent(arrived_.event, topic_, reading_), arrived_.steps,
                                     arrived_.rule_ids, arrived_.is_shadow, task);
  } else if (routed.event == &redriven_.event) {
    routed.routes =
        &router.Redrive(RouterEvent(redriven_.event, topic_, reading_), redriven_.from());
  }
  return routed;
}

}  // namespace turnout::runtime
