#include "runtime/event_routing.h"

namespace turnout::runtime {
namespace {

router::Event RouterEvent(const connectors::Event& event, const std::string& topic) {
  return {.value = event.value,
          .key = event.key,
          .topic = topic,
          .partition = event.partition,
          .timestamp_ms = event.timestamp_ms,
          .headers = event.headers};
}

}  // namespace

RoutedEvent EventRouting::Read(const connectors::Event& event) {
  if (!is_rekeyed_) return {&event, {}, nullptr};
  if (DecodeRekeyed(event, &arrived_)) {
    return {&arrived_.event,   arrived_.source,   nullptr,
            arrived_.rule_set, arrived_.rule_ids, arrived_.steps};
  }
  if (!DecodeRedriven(event, &redriven_)) return {&event, {}, nullptr};
  const router::Redriven from = redriven_.from();
  return {&redriven_.event, redriven_.source, nullptr, {}, from.rule_ids, from.steps};
}

RoutedEvent EventRouting::Route(router::Router& router, const connectors::Event& event,
                                router::TaskSteps* task) {
  if (!is_rekeyed_) return {&event, {}, &router.Route(RouterEvent(event, topic_), task)};
  RoutedEvent routed = Read(event);
  if (routed.event == &arrived_.event) {
    routed.routes = &router.Continue(RouterEvent(arrived_.event, topic_), arrived_.steps,
                                     arrived_.rule_ids, arrived_.is_shadow, task);
  } else if (routed.event == &redriven_.event) {
    routed.routes = &router.Redrive(RouterEvent(redriven_.event, topic_), redriven_.from());
  }
  return routed;
}

}  // namespace turnout::runtime
