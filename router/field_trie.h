// FieldTrie: the payload fields that anyone asks for, by the steps of their paths.
//
// The event parser walks an event and this trie together; where the trie ends, the event's subtree
// is only validated. Paths are split at every dot, and so are an event's keys: `a.b` means a then
// b, however either side writes it.
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

  // Where an event's key leads from `node`, or kNoNode. The key may hold dots.
  NodeId Find(NodeId node, std::string_view key) const;

  // The field that `node` stands for, or kNoField.
  FieldId FieldAt(NodeId node) const { return nodes_[node].field; }
  bool HasChildren(NodeId node) const { return nodes_[node].length_mask != 0; }

 private:
  struct TrieNode {
    FieldId field = kNoField;
    bool has_grandchildren = false;
    // Bit n: some child's step is n bytes long (the last bit: that long or longer). Tells most keys
    // of an event apart from the asked-for ones without hashing them.
    uint64_t length_mask = 0;
  };
  struct Slot {
    NodeId parent = kNoNode;
    NodeId child = kNoNode;
    uint64_t hash = 0;
    std::string step;
  };

  static uint64_t LengthBit(size_t length);
  static uint64_t Hash(NodeId node, std::string_view step);
  NodeId FindStep(NodeId node, std::string_view step) const;
  NodeId FindDotted(NodeId node, std::string_view key) const;
  NodeId AddStep(NodeId node, std::string_view step);
  void Insert(Slot slot);
  void GrowSlots();

  std::vector<TrieNode> nodes_;
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  size_t field_count_ = 0;
};

}  // namespace turnout::router
