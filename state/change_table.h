// ChangeTable: the latest change of each key, in a hash table over memory of its own.
//
// Changes lie one after another in blocks; slots of hash and address lie apart, in the order of the
// hashes' upper bits, so that one table is emptied into another with both read from front to back.
// A value that fits takes the place of the one before; a longer one leaves a gap. Once warm, a
// table that is filled and cleared again and again allocates nothing.
//
// Lifetime: a Change lives until Clear; its value changes with the next Replace of its key.
// Threads: one, or several that only read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

namespace turnout::state {

class ChangeTable {
 public:
  // In front of its key's and its value's bytes.
  class Change {
   public:
    std::string_view key() const { return {bytes(), key_bytes_}; }
    // As it will be written; empty if the change is a deletion.
    std::string_view value() const { return {bytes() + key_bytes_, value_bytes_}; }
    bool is_deletion() const { return value_bytes_ == 0; }

   private:
    friend class ChangeTable;
    const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
    char* bytes() { return reinterpret_cast<char*>(this + 1); }

    uint32_t key_bytes_ = 0;
    uint32_t value_bytes_ = 0;
    uint32_t value_room_ = 0;
  };

  static uint64_t Hash(std::string_view key);

  // Nothing if the key has not been changed. `hash` is the key's.
  const Change* Find(uint64_t hash, std::string_view key) const;

  struct Place {
    Change* change = nullptr;
    char* value = nullptr;
    bool is_new = false;  // the change is where it was not before: a new key, or a longer value
  };
  // Makes a change of so long a value, 0 for a deletion, whose bytes the caller writes.
  Place Replace(uint64_t hash, std::string_view key, size_t value_bytes);

  // Room for so many keys more without another look at those that are there.
  void Reserve(size_t more);

  // Forgets those of which `is_erased` says so.
  void EraseIf(absl::FunctionRef<bool(const Change&)> is_erased);

  // Forgets all changes; keeps some memory, in proportion to what was used of it.
  void Clear();

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  // Memory that is taken, and, roughly, what of it is in use.
  size_t allocated_bytes() const;
  size_t used_bytes() const { return used_bytes_ + size_ * 2 * sizeof(Slot); }
  // By how much, at most, so many changes more of so many used bytes make allocated_bytes() grow.
  size_t GrowthMax(size_t changes, size_t used_bytes) const;

  // So far ahead the next changes are fetched by what goes through them in another order than that
  // of their memory.
  static constexpr size_t kAhead = 16;

  // Calls visit(hash, change) for each, in no order that means anything.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (size_t at = 0; at < slots_.size(); ++at) {
      const Slot& slot = slots_[at];
      if (at + kAhead < slots_.size()) __builtin_prefetch(slots_[at + kAhead].change);
      if (slot.change != nullptr) visit(slot.hash, *slot.change);
    }
  }

  // All of them, in the order of the keys' bytes.
  std::vector<const Change*> Sorted() const;

 private:
  struct Slot {
    uint64_t hash = 0;
    Change* change = nullptr;
  };
  struct Block {
    std::unique_ptr<char[]> data;
    size_t bytes = 0;
  };

  static size_t Bytes(const Change& change);
  size_t FirstSlot(uint64_t hash) const { return static_cast<size_t>(hash >> shift_); }
  // That of the key, or the empty one where it would be.
  Slot* Look(uint64_t hash, std::string_view key);
  void Resize(size_t slots);
  size_t NextBlockBytes() const;
  char* Allocate(size_t bytes);

  std::vector<Slot> slots_;  // a power of two of them
  int shift_ = 63;
  size_t size_ = 0;
  std::vector<Block> blocks_;
  size_t block_used_ = 0;  // of the last one
  size_t block_bytes_ = 0;
  size_t used_bytes_ = 0;
};

}  // namespace turnout::state
