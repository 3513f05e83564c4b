#include "router/event_reader.h"

#include <string_view>

namespace turnout::router {
namespace {

Leaf LeafOf(std::string_view attribute) {
  Leaf leaf;
  const bool is_null = attribute.data() == nullptr;
  leaf.text = is_null ? "null" : attribute;
  leaf.kind = is_null ? ValueKind::kNull : ValueKind::kString;
  return leaf;
}

}  // namespace

absl::Status EventReader::Start(const Event& event, const FieldTrie& fields,
                                GatheredEvent* gathered) {
  structurals_ = {};
  reading_ = {};
  cloud_event_ = reads_cloud_events_ ? ReadCloudEvent(event) : CloudEvent();
  if (!is_binary()) return absl::OkStatus();
  reading_.payload = EventPart::kData;
  absl::Status checked = CheckAttributes(event, cloud_event_);
  if (checked.ok()) {
    AddAttributes(event, fields, gathered);
  } else {
    reading_.missing = EventPart::kPayload;
  }
  return checked;
}

void EventReader::AddAttributes(const Event& event, const FieldTrie& fields,
                                GatheredEvent* gathered) const {
  ForEachAttribute(event, cloud_event_, [&](std::string_view name, std::string_view value) {
    const FieldTrie::NodeId node = fields.Find(FieldTrie::kRoot, name, name.data() + name.size());
    if (node == FieldTrie::kNoNode) return;
    const FieldId field = fields.FieldAt(node);
    if (field != FieldTrie::kNoField) gathered->Add(field, LeafOf(value));
  });
}

absl::Status EventReader::ReadPayload(const Event& event, const FieldTrie& fields,
                                      GatheredEvent* gathered) {
  if (!is_binary()) {
    if (event.undecodable != nullptr) return absl::InvalidArgumentError(*event.undecodable);
    return parser_.Parse(event.json(), fields, gathered);
  }
  const FieldTrie::NodeId data = fields.Find(FieldTrie::kRoot, kDataField, kDataField.end());
  if (data == FieldTrie::kNoNode || cloud_event_.data != CloudEvent::Data::kJson) {
    return absl::OkStatus();
  }
  if (event.undecodable != nullptr) return absl::InvalidArgumentError(*event.undecodable);
  return parser_.ParseData(event.json(), fields, data, gathered);
}

absl::Status EventReader::Read(const Event& event, const FieldTrie& fields,
                               GatheredEvent* gathered) {
  if (absl::Status started = Start(event, fields, gathered); !started.ok()) return started;
  const size_t with_attributes = gathered->leaves.size();
  parser_.Forget();
  const absl::Status read = ReadPayload(event, fields, gathered);
  if (read.ok()) {
    structurals_ = parser_.structurals();
  } else {
    reading_.missing = reading_.payload;
    gathered->KeepFirst(with_attributes);
  }
  return read;
}

void EventReader::ReadRecord(const Event& event, const FieldTrie& fields, GatheredEvent* gathered) {
  if (Start(event, fields, gathered).ok()) reading_.missing = reading_.payload;
}

}  // namespace turnout::router
