#include "state/ordered_changes.h"

#include <string>

#include "state/state_format.h"

namespace turnout::state {
namespace {

// What a B-tree's node adds to an entry, roughly.
constexpr size_t kOrderedBytes = 48;

}  // namespace

void OrderStep(StepId step, const ChangeTable& changes, OrderedChanges* ordered) {
  const std::string prefix = StepBegin(step);
  changes.ForEach([&](uint64_t, const ChangeTable::Change& change) {
    if (change.key().starts_with(prefix)) ordered->insert_or_assign(change.key(), &change);
  });
}

size_t BytesOf(const OrderedChanges& ordered) { return OrderedBytes(ordered.size()); }

size_t OrderedBytes(size_t changes) { return changes * kOrderedBytes; }

}  // namespace turnout::state
