#include "router/event_fields.h"

#include "router/predicate_text.h"

namespace turnout::router {

void EventFields::Ask(const PatternContent& pattern) {
  for (const FieldTest& test : pattern.tests) {
    const FieldRef& field = test.field;
    if (field.source == FieldRef::Source::kPayload) {
      payload_ids_.try_emplace(field.path, payload_.Add(field.path));
      reads_payload_ = true;
    } else {
      kafka_.try_emplace(FieldText(field), static_cast<FieldId>(kafka_.size()));
    }
  }
}

FieldId EventFields::IdOf(const FieldRef& field) const {
  if (field.source == FieldRef::Source::kPayload) {
    const auto found = payload_ids_.find(field.path);
    return found == payload_ids_.end() ? FieldTrie::kNoField : found->second;
  }
  const auto found = kafka_.find(FieldText(field));
  return found == kafka_.end() ? FieldTrie::kNoField
                               : static_cast<FieldId>(payload_.field_count()) + found->second;
}

void EventFields::Add(const FieldRef& field, std::string_view text, ValueKind kind) {
  const FieldId id = IdOf(field);
  if (id == FieldTrie::kNoField) return;
  Leaf leaf;
  leaf.text = text;
  leaf.kind = kind;
  gathered_.Add(id, leaf);
}

void EventFields::AddRecord(const Event& event) {
  using Source = FieldRef::Source;
  gathered_.Reset(payload_.field_count() + kafka_.size());
  partition_ = std::to_string(event.partition);
  if (event.key.data() != nullptr) Add({Source::kKey, ""}, event.key, ValueKind::kString);
  Add({Source::kTopic, ""}, event.topic, ValueKind::kString);
  Add({Source::kPartition, ""}, partition_, ValueKind::kNumber);
  for (const Header& header : event.headers) {
    const bool is_null = header.second.data() == nullptr;
    Add({Source::kHeader, std::string(header.first)}, is_null ? "null" : header.second,
        is_null ? ValueKind::kNull : ValueKind::kString);
  }
}

absl::Status EventFields::Read(const Event& event) {
  event_bytes_ = event.json().size();
  AddRecord(event);
  if (!reads_payload_) return absl::OkStatus();
  return reader_.Read(event, payload_, &gathered_);
}

absl::Span<const LeafIndex> EventFields::Leaves(const FieldRef& field) {
  leaves_.clear();
  const FieldId id = IdOf(field);
  if (id == FieldTrie::kNoField) return leaves_;
  for (LeafIndex leaf = gathered_.found[id].first; leaf != kNoLeaf;
       leaf = gathered_.leaves[leaf].next) {
    leaves_.push_back(leaf);
  }
  return leaves_;
}

Value EventFields::ValueOf(LeafIndex leaf) {
  const Leaf& decoded = gathered_.Decoded(leaf, event_bytes_);
  return {decoded.kind, decoded.text};
}

}  // namespace turnout::router
