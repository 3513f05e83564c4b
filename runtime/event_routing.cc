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

RoutedEvent EventRouting::Route(router::Router& router, const connectors::Event& event,
                                router::TaskSteps* task) {
  if (!is_rekeyed_) return {&event, {}, &router.Route(RouterEvent(event, topic_), task)};
  if (!DecodeRekeyed(event, &arrived_)) return {&event, {}, nullptr};
  const router::Routes& routes =
      router.Continue(RouterEvent(arrived_.event, topic_), arrived_.steps, arrived_.rule_ids,
                      arrived_.is_shadow, task);
  return {&arrived_.event, arrived_.source, &routes, arrived_.rule_set};
}

}  // namespace turnout::runtime
