// FieldTrie: the payload fields that anyone asks for, by the steps of their paths.
//
// The event parser walks an event and this trie together; where the trie ends, the event's subtree
// is only validated. Paths are split at every dot, and so are an event's keys: `a.b` means a then
// b, however either side writes it.
//
// Most of an event's keys are asked for by nobody. They are told apart by their length alone where
// no asked-for step has it, else by one probe of a table that holds each step's first eight bytes.
//
// Threads: immutable after the last Add; shared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace turnout::router {

using FieldId = uint32_t;

class FieldTrie {
 public:
  using NodeId = uint32_t;
  static constexpr NodeId kRoot = 0;
  static constexpr NodeId kNoNode = UINT32_MAX;
  static constexpr FieldId kNoField = UINT32_MAX;

  FieldTrie();

  // Makes `path` a field; the same path gets the same id again. Ids count from 0.
  FieldId Add(std::string_view path);

  size_t field_count() const { return field_count_; }
  bool empty() const { return field_count_ == 0; }

  // Where an event's key leads from `node`, or kNoNode. The key may hold dots. Bytes up to
  // `readable_end`, at or behind the key's end, may be read too.
  NodeId Find(NodeId node, std::string_view key, const char* readable_end) const {
    const TrieNode& at = nodes_[node];
    NodeId child = kNoNode;
    if ((at.step_lengths & LengthBit(key.size())) != 0) {
      child = FindStep(node, key, readable_end);
      if (child != kNoNode) return child;
    }
    return at.inner_lengths == 0 ? kNoNode : FindDotted(node, key);
  }

  // The field that `node` stands for, or kNoField.
  FieldId FieldAt(NodeId node) const { return nodes_[node].field; }
  bool HasChildren(NodeId node) const { return nodes_[node].step_lengths != 0; }

 private:
  struct TrieNode {
    FieldId field = kNoField;
    // Bit n: some child's step is n bytes long (the last bit: that long or longer).
    uint64_t step_lengths = 0;
    uint64_t inner_lengths = 0;  // the same, of the children that have children
  };
  struct Slot {
    uint64_t head = 0;  // the step's first eight bytes, the first one lowest, zeros behind
    NodeId parent = kNoNode;
    NodeId child = kNoNode;
    uint32_t length = 0;
    uint32_t tail = 0;  // where the step's other bytes begin in tails_
  };

  static uint64_t LengthBit(size_t length) {
    return uint64_t{1} << (length < kLongLength ? length : kLongLength);
  }
  static constexpr size_t kLongLength = 63;

  size_t SlotOf(NodeId node, uint64_t head, size_t length) const;
  NodeId FindStep(NodeId node, std::string_view step, const char* readable_end) const;
  bool MayLeadOn(NodeId node, std::string_view key) const;
  NodeId FindDotted(NodeId node, std::string_view key) const;
  NodeId AddStep(NodeId node, std::string_view step);
  void Insert(const Slot& slot);
  void GrowSlots();

  std::vector<TrieNode> nodes_;
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  std::string tails_;
  size_t field_count_ = 0;
};

}  // namespace turnout::router
