#include "state/change_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/hash/hash.h"

namespace turnout::state {
namespace {

constexpr size_t kSlotsMin = 16;
constexpr size_t kBlockBytesMin = 4 * 1024;
constexpr size_t kBlockBytesMax = 128 * 1024;
// Kept by Clear however little was used.
constexpr size_t kKeptSlots = 1024;
constexpr size_t kAlignment = 8;

size_t Aligned(size_t bytes) { return (bytes + kAlignment - 1) & ~(kAlignment - 1); }

// At most three of four are taken.
size_t SlotsFor(size_t changes) {
  return std::bit_ceil(std::max(kSlotsMin, changes + changes / 3 + 1));
}

// Eight bytes of `key` from `at` on as a number that compares as they do; zeros beyond its end.
uint64_t Prefix(std::string_view key, size_t at) {
  uint64_t prefix = 0;
  if (at < key.size()) std::memcpy(&prefix, key.data() + at, std::min<size_t>(8, key.size() - at));
  static_assert(std::endian::native == std::endian::little);
  return __builtin_bswap64(prefix);
}

size_t CommonBytes(std::string_view a, std::string_view b) {
  const size_t most = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + most, b.begin()).first -
                             a.begin());
}

}  // namespace

uint64_t ChangeTable::Hash(std::string_view key) { return absl::Hash<std::string_view>()(key); }

const ChangeTable::Change* ChangeTable::Find(uint64_t hash, std::string_view key) const {
  if (size_ == 0) return nullptr;
  const size_t last = slots_.size() - 1;
  for (size_t at = FirstSlot(hash);; at = (at + 1) & last) {
    const Slot& slot = slots_[at];
    if (slot.change == nullptr) return nullptr;
    if (slot.hash == hash && slot.change->key() == key) return slot.change;
  }
}

size_t ChangeTable::Bytes(const Change& change) {
  return sizeof(Change) + change.key_bytes_ + change.value_room_;
}

ChangeTable::Slot* ChangeTable::Look(uint64_t hash, std::string_view key) {
  const size_t last = slots_.size() - 1;
  for (size_t at = FirstSlot(hash);; at = (at + 1) & last) {
    Slot& slot = slots_[at];
    if (slot.change == nullptr) return &slot;
    if (slot.hash == hash && slot.change->key() == key) return &slot;
  }
}

ChangeTable::Place ChangeTable::Replace(uint64_t hash, std::string_view key, size_t value_bytes) {
  if (SlotsFor(size_ + 1) > slots_.size()) Resize(SlotsFor(size_ + 1));
  Slot* const slot = Look(hash, key);
  Change* change = slot->change;
  if (change == nullptr) ++size_;
  const bool is_new = change == nullptr || change->value_room_ < value_bytes;
  if (is_new) {
    if (change != nullptr) used_bytes_ -= Bytes(*change);
    const size_t bytes = Aligned(sizeof(Change) + key.size() + value_bytes);
    Change* const made = new (Allocate(bytes)) Change;
    made->key_bytes_ = static_cast<uint32_t>(key.size());
    made->value_room_ = static_cast<uint32_t>(bytes - sizeof(Change) - key.size());
    std::copy(key.begin(), key.end(), made->bytes());
    slot->hash = hash;
    slot->change = change = made;
    used_bytes_ += bytes;
  }
  change->value_bytes_ = static_cast<uint32_t>(value_bytes);
  return {change, change->bytes() + key.size(), is_new};
}

void ChangeTable::Reserve(size_t more) {
  if (SlotsFor(size_ + more) > slots_.size()) Resize(SlotsFor(size_ + more));
}

void ChangeTable::Resize(size_t slots) {
  const std::vector<Slot> before = std::move(slots_);
  slots_ = std::vector<Slot>(slots);
  shift_ = 64 - std::countr_zero(slots);
  for (const Slot& slot : before) {
    if (slot.change == nullptr) continue;
    size_t at = FirstSlot(slot.hash);
    while (slots_[at].change != nullptr) at = (at + 1) & (slots - 1);
    slots_[at] = slot;
  }
}

void ChangeTable::EraseIf(absl::FunctionRef<bool(const Change&)> is_erased) {
  for (Slot& slot : slots_) {
    if (slot.change == nullptr || !is_erased(*slot.change)) continue;
    used_bytes_ -= Bytes(*slot.change);
    slot = Slot();
    --size_;
  }
  Resize(SlotsFor(size_));  // no gaps between a change and its first slot
}

void ChangeTable::Clear() {
  if (slots_.size() > kKeptSlots && SlotsFor(size_) * 8 < slots_.size()) {
    slots_.clear();
    size_ = 0;
    Resize(kKeptSlots);
  } else if (size_ > 0) {
    std::fill(slots_.begin(), slots_.end(), Slot());
  }
  // One block as large as what was used, or the one that there is unless it is far too large.
  if (blocks_.size() > 1 || (block_bytes_ > kBlockBytesMax && used_bytes_ * 8 < block_bytes_)) {
    blocks_.clear();
    block_bytes_ = 0;
    const size_t bytes = std::max(kBlockBytesMin, Aligned(used_bytes_));
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(bytes), bytes});
    block_bytes_ = bytes;
  }
  size_ = 0;
  block_used_ = 0;
  used_bytes_ = 0;
}

size_t ChangeTable::NextBlockBytes() const {
  return std::clamp(block_bytes_ / 4, kBlockBytesMin, kBlockBytesMax);
}

char* ChangeTable::Allocate(size_t bytes) {
  if (blocks_.empty() || blocks_.back().bytes - block_used_ < bytes) {
    const size_t size = std::max(bytes, NextBlockBytes());
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
    block_bytes_ += size;
    block_used_ = 0;
  }
  char* const start = blocks_.back().data.get() + block_used_;
  block_used_ += bytes;
  return start;
}

size_t ChangeTable::allocated_bytes() const {
  return block_bytes_ + slots_.size() * sizeof(Slot) + blocks_.capacity() * sizeof(Block);
}

size_t ChangeTable::GrowthMax(size_t changes, size_t used_bytes) const {
  const size_t slots = std::max(slots_.size(), SlotsFor(size_ + changes)) - slots_.size();
  // The ends of blocks into which the next change does not fit, and the last block's.
  return slots * sizeof(Slot) + used_bytes + used_bytes / 4 + kBlockBytesMax;
}

std::vector<const ChangeTable::Change*> ChangeTable::Sorted() const {
  std::vector<const Change*> sorted;
  if (size_ == 0) return sorted;
  // Keys begin alike; the eight bytes behind that mostly decide.
  std::string_view first;
  size_t common = 0;
  ForEach([&](uint64_t, const Change& change) {
    if (first.data() == nullptr) {
      first = change.key();
      common = first.size();
    }
    if (common > 0) common = std::min(common, CommonBytes(first, change.key()));
  });
  struct Item {
    uint64_t prefix;
    const Change* change;
  };
  std::vector<Item> items;
  items.reserve(size_);
  ForEach([&](uint64_t, const Change& change) {
    items.push_back({Prefix(change.key(), common), &change});
  });
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.change->key() < b.change->key();
  });
  sorted.reserve(size_);
  for (const Item& item : items) sorted.push_back(item.change);
  return sorted;
}

}  // namespace turnout::state
