// ValueTable: every value that some pattern names outright, numbered, a field at a time.
//
// Patterns ask "is it this text, this number, this address, this text in any letter case?" so often
// that the event's side of the question is answered once a leaf: one lookup turns it into a number,
// and all patterns compare numbers.
//
// Cost: 20 bytes a value, its text, and 12 to 24 bytes of table.
// Threads: immutable after the last Add; shared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "router/bytes.h"
#include "router/field_trie.h"

namespace turnout::router {

using ValueId = uint32_t;
inline constexpr ValueId kNoValue = UINT32_MAX;

// What a value's bytes are, and with it what they equal.
enum class ValueForm : uint8_t {
  kText,        // a string
  kFoldedText,  // a string in ASCII lower case, equal to whatever folds to it
  kNumber,      // the eight bytes of a double that stands for the number exactly
  kNumberText,  // the spelling of a number that no double stands for
  kWord,        // true, false or null
  kAddress,     // an address' bytes, 4 or 16 of them
};

class ValueTable {
 public:
  // The value's number; the same value of the same field gets the same one again.
  ValueId Add(FieldId field, ValueForm form, std::string_view bytes);

  // kNoValue when no pattern names it.
  ValueId Find(FieldId field, ValueForm form, std::string_view bytes) const {
    if (slots_.empty()) return kNoValue;
    const Probe probe = Look(Tag(field, form), bytes);
    return slots_[probe.slot].value;
  }

  // What the index keeps for a value; kNoTarget until it is set.
  static constexpr uint32_t kNoTarget = UINT32_MAX;
  uint32_t target(ValueId value) const { return values_[value].target; }
  void set_target(ValueId value, uint32_t target) { values_[value].target = target; }

  // The value's bit among the first 64 values of its field, 0 for later ones: sets of values that
  // are all among these are compared as bits.
  uint64_t bit(ValueId value) const {
    const uint32_t ordinal = values_[value].ordinal;
    return ordinal < kBits ? uint64_t{1} << ordinal : 0;
  }

  size_t size() const { return values_.size(); }
  FieldId FieldOf(ValueId value) const { return values_[value].tag >> kFormBits; }
  void ShrinkToFit();

 private:
  struct Stored {
    uint32_t tag;
    uint32_t offset;
    uint32_t length;
    uint32_t target;
    uint32_t ordinal;  // among the values of its field
  };
  struct Slot {
    uint32_t hash = 0;  // the upper half
    ValueId value = kNoValue;
  };
  struct Probe {
    size_t slot;
    uint64_t hash;
  };

  static constexpr uint32_t kBits = 64;
  static constexpr uint32_t kFormBits = 3;
  static constexpr int kUpperHalf = 32;
  static uint32_t Tag(FieldId field, ValueForm form) {
    return (field << kFormBits) | static_cast<uint32_t>(form);
  }

  // The slot that holds the value, or the free one where it belongs.
  Probe Look(uint32_t tag, std::string_view bytes) const {
    const uint64_t hash = HashText(bytes, tag);
    const auto upper = static_cast<uint32_t>(hash >> kUpperHalf);
    size_t at = hash & (slots_.size() - 1);
    for (;; at = (at + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[at];
      if (slot.value == kNoValue) break;
      if (slot.hash == upper && values_[slot.value].tag == tag &&
          EqualBytes(BytesOf(slot.value), bytes)) {
        break;
      }
    }
    return {at, hash};
  }
  std::string_view BytesOf(ValueId value) const {
    return {bytes_.data() + values_[value].offset, values_[value].length};
  }
  void Grow();

  std::vector<Stored> values_;
  std::vector<uint32_t> field_sizes_;  // how many values, by FieldId
  std::vector<Slot> slots_;            // open addressing, a power of two, at most two thirds full
  std::string bytes_;
};

}  // namespace turnout::router
