// OrderedChanges: changes of a ChangeTable by their keys, beside it, for the steps that are
// scanned.
//
// Lifetime: what it points to is the table's, and lives until the table's Clear.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/container/btree_map.h"
#include "state/change_table.h"
#include "state/task_state.h"

namespace turnout::state {

using OrderedChanges = absl::btree_map<std::string_view, const ChangeTable::Change*>;

// Adds the step's changes. Looks at all that the table has.
void OrderStep(StepId step, const ChangeTable& changes, OrderedChanges* ordered);

// What it takes beside the table, roughly.
size_t BytesOf(const OrderedChanges& ordered);
// By how much so many changes more make that grow, at most.
size_t OrderedBytes(size_t changes);

}  // namespace turnout::state
