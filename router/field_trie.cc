#include "router/field_trie.h"

#include <utility>

#include "router/bytes.h"

namespace turnout::router {
namespace {

constexpr size_t kFirstSlots = 16;

std::string_view TailOf(std::string_view step) {
  return step.size() <= kWordBytes ? std::string_view() : step.substr(kWordBytes);
}

}  // namespace

FieldTrie::FieldTrie() : nodes_(1), slots_(kFirstSlots) {}

size_t FieldTrie::SlotOf(NodeId node, uint64_t head, size_t length) const {
  return MixWords(head, (uint64_t{node} << 32) | length) & (slots_.size() - 1);
}

FieldTrie::NodeId FieldTrie::FindStep(NodeId node, std::string_view step,
                                      const char* readable_end) const {
  const uint64_t head = HeadWord(step, readable_end);
  for (size_t at = SlotOf(node, head, step.size());; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.child == kNoNode) return kNoNode;
    if (slot.head != head || slot.parent != node || slot.length != step.size()) continue;
    if (step.size() <= kWordBytes) return slot.child;
    const std::string_view tail = TailOf(step);
    if (EqualBytes({tails_.data() + slot.tail, tail.size()}, tail)) return slot.child;
  }
}

// Whether a child with children has the length at which a dot of the key stands.
bool FieldTrie::MayLeadOn(NodeId node, std::string_view key) const {
  for (uint64_t lengths = nodes_[node].inner_lengths; lengths != 0; lengths &= lengths - 1) {
    const auto length = static_cast<size_t>(__builtin_ctzll(lengths));
    if (length >= key.size()) return false;
    const size_t dot = length == kLongLength ? key.find('.', length) : length;
    if (dot < key.size() && key[dot] == '.') return true;
  }
  return false;
}

// A key leads on through a dot only where a child with children ends before it. Keys and paths may
// have any number of dots, so this goes step by step instead of calling itself.
FieldTrie::NodeId FieldTrie::FindDotted(NodeId node, std::string_view key) const {
  while (MayLeadOn(node, key)) {
    // The first dot ends the first step, whichever length led here.
    const size_t dot = key.find('.');
    const std::string_view step = key.substr(0, dot);
    node = FindStep(node, step, step.data() + step.size());
    if (node == kNoNode) return kNoNode;
    key.remove_prefix(dot + 1);
    if ((nodes_[node].step_lengths & LengthBit(key.size())) == 0) continue;
    const NodeId child = FindStep(node, key, key.data() + key.size());
    if (child != kNoNode) return child;
  }
  return kNoNode;
}

FieldId FieldTrie::Add(std::string_view path) {
  NodeId node = kRoot;
  NodeId parent = kNoNode;
  size_t step_length = 0;
  while (true) {
    const size_t dot = path.find('.');
    const NodeId child = AddStep(node, path.substr(0, dot));
    if (parent != kNoNode) nodes_[parent].inner_lengths |= LengthBit(step_length);
    parent = node;
    node = child;
    if (dot == std::string_view::npos) break;
    step_length = dot;
    path.remove_prefix(dot + 1);
  }
  if (nodes_[node].field == kNoField) nodes_[node].field = static_cast<FieldId>(field_count_++);
  return nodes_[node].field;
}

FieldTrie::NodeId FieldTrie::AddStep(NodeId node, std::string_view step) {
  const NodeId known = FindStep(node, step, step.data() + step.size());
  if (known != kNoNode) return known;
  const auto child = static_cast<NodeId>(nodes_.size());
  nodes_.emplace_back();
  nodes_[node].step_lengths |= LengthBit(step.size());
  if (nodes_.size() * 2 > slots_.size()) GrowSlots();
  Insert({HeadWord(step, step.data() + step.size()), node, child,
          static_cast<uint32_t>(step.size()), static_cast<uint32_t>(tails_.size())});
  tails_ += TailOf(step);
  return child;
}

void FieldTrie::Insert(const Slot& slot) {
  size_t at = SlotOf(slot.parent, slot.head, slot.length);
  while (slots_[at].child != kNoNode) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = slot;
}

void FieldTrie::GrowSlots() {
  const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
  for (const Slot& slot : old) {
    if (slot.child != kNoNode) Insert(slot);
  }
}

}  // namespace turnout::router
