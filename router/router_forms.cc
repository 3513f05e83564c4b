#include <string_view>

#include "router/router_impl.h"

namespace turnout::router {

// Once an event and form, however many rules have it.
const Router::Impl::FormedEvent& Router::Impl::Formed(uint32_t form, const Event& event) {
  FormedEvent& slot = formed[form];
  if (slot.event == event_number) return slot;
  slot = {.event = event_number, .result = FormEvent(plan.forms[form], event)};
  const bool is_made = slot.result.outcome == Enricher::Outcome::kEnriched;
  if (is_made && CloudEventOf(event).mode != CloudEvent::Mode::kNone) {
    slot.content_type = formed_type.Of(slot.result.value);
  }
  return slot;
}

Enricher::Result Router::Impl::CantBeRead(std::string_view needed_by, const absl::Status& why) {
  const absl::string_view message = why.message();
  return {.reason = arena.Join({"the rule's `", needed_by, "` needs the payload, which can't be ",
                                "read: ", std::string_view(message.data(), message.size())})};
}

const CloudEvent& Router::Impl::CloudEventOf(const Event& event) {
  if (cloud_event_of == event_number) return cloud_event;
  cloud_event_of = event_number;
  cloud_event = rules->settings().cloud_events ? ReadCloudEvent(event) : CloudEvent();
  return cloud_event;
}

absl::Status Router::Impl::FindStructurals(const Event& event,
                                           absl::Span<const uint32_t>* structurals) {
  *structurals = scratch->structurals();
  if (!structurals->empty()) return absl::OkStatus();
  if (!routes.payload_error.ok()) return routes.payload_error;
  if (event.undecodable != nullptr) return absl::InvalidArgumentError(*event.undecodable);
  gathered.Reset(0);
  const absl::Status parsed =
      CloudEventOf(event).mode == CloudEvent::Mode::kBinary
          ? parser.ParseData(event.json(), no_fields, FieldTrie::kNoNode, &gathered)
          : parser.Parse(event.json(), no_fields, &gathered);
  *structurals = parser.structurals();
  return parsed;
}

absl::Status Router::Impl::FindJson(const Event& event, std::string_view* text,
                                    absl::Span<const uint32_t>* structurals) {
  const CloudEvent& read_as = CloudEventOf(event);
  if (read_as.mode != CloudEvent::Mode::kBinary) {
    *text = event.json();
    return FindStructurals(event, structurals);
  }
  if (structured_of != event_number) {
    // Where no rule reads payloads, nobody has looked yet.
    absl::Status found = CheckAttributes(event, read_as);
    if (found.ok() && read_as.data == CloudEvent::Data::kJson) {
      found = FindStructurals(event, structurals);
    }
    if (!found.ok()) return found;
    structured.Write(event, read_as, *structurals);
    structured_of = event_number;
  }
  *text = structured.text();
  *structurals = structured.structurals();
  return absl::OkStatus();
}

Enricher::Result Router::Impl::FormEvent(const RoutePlan::Form& form, const Event& event) {
  std::string_view text;
  absl::Span<const uint32_t> structurals;
  if (absl::Status found = FindJson(event, &text, &structurals); !found.ok()) {
    return CantBeRead(form.enrich == nullptr ? "shape" : "enrich", found);
  }
  if (form.enrich != nullptr) {
    const Enricher::Result enriched =
        enricher.Enrich(*form.enrich, text, structurals, *scratch, &arena);
    if (enriched.outcome != Enricher::Outcome::kEnriched || form.shape == nullptr) return enriched;
    text = enriched.value;
    gathered.Reset(0);
    const absl::Status status = parser.Parse(text, no_fields, &gathered);
    if (!status.ok()) return CantBeRead("shape", status);
    structurals = parser.structurals();
  }
  const EventShaper::Result shaped = shaper.Shape(*form.shape, text, structurals, &arena);
  if (IsNull(shaped.value)) return {.reason = shaped.reason};
  return {.outcome = Enricher::Outcome::kEnriched, .value = shaped.value};
}

}  // namespace turnout::router
