#include "router/field_trie.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace turnout::router {
namespace {

constexpr size_t kFirstSlots = 16;
constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15u;

uint64_t Mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * kMultiplier;
  return hash ^ (hash >> 29);
}

}  // namespace

FieldTrie::FieldTrie() : nodes_(1), slots_(kFirstSlots) {}

uint64_t FieldTrie::LengthBit(size_t length) {
  return uint64_t{1} << std::min<size_t>(length, 63);
}

uint64_t FieldTrie::Hash(NodeId node, std::string_view step) {
  uint64_t hash = Mix(kMultiplier, (uint64_t{node} << 32) | step.size());
  while (step.size() >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, step.data(), sizeof(word));
    hash = Mix(hash, word);
    step.remove_prefix(sizeof(word));
  }
  uint64_t word = 0;
  std::memcpy(&word, step.data(), step.size());
  return Mix(hash, word);
}

FieldTrie::NodeId FieldTrie::FindStep(NodeId node, std::string_view step) const {
  if ((nodes_[node].length_mask & LengthBit(step.size())) == 0) return kNoNode;
  const uint64_t hash = Hash(node, step);
  for (size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.child == kNoNode) return kNoNode;
    if (slot.hash == hash && slot.parent == node && slot.step == step) return slot.child;
  }
}

FieldTrie::NodeId FieldTrie::Find(NodeId node, std::string_view key) const {
  const NodeId child = FindStep(node, key);
  if (child != kNoNode || !nodes_[node].has_grandchildren) return child;
  return FindDotted(node, key);
}

FieldTrie::NodeId FieldTrie::FindDotted(NodeId node, std::string_view key) const {
  size_t dot = key.find('.');
  if (dot == std::string_view::npos) return kNoNode;
  while (node != kNoNode && dot != std::string_view::npos) {
    node = FindStep(node, key.substr(0, dot));
    key.remove_prefix(dot + 1);
    dot = key.find('.');
  }
  return node == kNoNode ? kNoNode : FindStep(node, key);
}

FieldId FieldTrie::Add(std::string_view path) {
  NodeId node = kRoot;
  NodeId parent = kNoNode;
  while (true) {
    const size_t dot = path.find('.');
    const NodeId child = AddStep(node, path.substr(0, dot));
    if (parent != kNoNode) nodes_[parent].has_grandchildren = true;
    parent = node;
    node = child;
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  if (nodes_[node].field == kNoField) nodes_[node].field = static_cast<FieldId>(field_count_++);
  return nodes_[node].field;
}

FieldTrie::NodeId FieldTrie::AddStep(NodeId node, std::string_view step) {
  const NodeId known = FindStep(node, step);
  if (known != kNoNode) return known;
  const auto child = static_cast<NodeId>(nodes_.size());
  nodes_.emplace_back();
  nodes_[node].length_mask |= LengthBit(step.size());
  if (nodes_.size() * 2 > slots_.size()) GrowSlots();
  Insert({node, child, Hash(node, step), std::string(step)});
  return child;
}

void FieldTrie::Insert(Slot slot) {
  size_t at = slot.hash & (slots_.size() - 1);
  while (slots_[at].child != kNoNode) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = std::move(slot);
}

void FieldTrie::GrowSlots() {
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
  for (Slot& slot : old) {
    if (slot.child != kNoNode) Insert(std::move(slot));
  }
}

}  // namespace turnout::router
