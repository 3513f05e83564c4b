#include "router/value_table.h"

namespace turnout::router {
namespace {

constexpr size_t kFirstSlots = 16;

}  // namespace

ValueId ValueTable::Add(FieldId field, ValueForm form, std::string_view bytes) {
  if (values_.size() * 3 >= slots_.size() * 2) Grow();
  const uint32_t tag = Tag(field, form);
  const Probe probe = Look(tag, bytes);
  Slot& slot = slots_[probe.slot];
  if (slot.value != kNoValue) return slot.value;
  slot = {static_cast<uint32_t>(probe.hash >> kUpperHalf), static_cast<ValueId>(values_.size())};
  if (field_sizes_.size() <= field) field_sizes_.resize(size_t{field} + 1, 0);
  values_.push_back({tag, static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(bytes.size()),
                     kNoTarget, field_sizes_[field]++});
  bytes_ += bytes;
  return slot.value;
}

void ValueTable::Grow() {
  slots_.assign(slots_.empty() ? kFirstSlots : slots_.size() * 2, Slot());
  for (ValueId value = 0; value < values_.size(); ++value) {
    const Probe probe = Look(values_[value].tag, BytesOf(value));
    slots_[probe.slot] = {static_cast<uint32_t>(probe.hash >> kUpperHalf), value};
  }
}

void ValueTable::ShrinkToFit() {
  values_.shrink_to_fit();
  bytes_.shrink_to_fit();
}

}  // namespace turnout::router
