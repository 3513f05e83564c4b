// What an ItemStore reads and writes: the records below the keys of item_keys.h.
//
// Errors: NotFound for a change that there is none of; DataLoss, naming the item or the change, for
//   records that are gone or can't be read.
// Threads: pure functions of a view.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/manager/change.h"
#include "deploy/manager/item.h"
#include "deploy/manager/item_store.h"
#include "state/document_store.h"

namespace turnout::manager {

// All that a change writes, but for what it has rewrapped (sealed_items.h).
std::vector<state::DocumentChange> RecordsOf(const Change& change);

// The newest change; 0: there is none.
absl::StatusOr<int64_t> NewestIn(const state::DocumentView& view);

// "changes N", and that number; DataLoss if one is missing among them.
absl::StatusOr<std::string> DescribeItems(const state::DocumentView& view, int64_t* newest);

// FailedPrecondition for a store that another version wrote in a way of its own. Nullopt: nothing
// was ever written to it.
absl::StatusOr<std::optional<std::string>> CheckFormat(const state::DocumentView& view);

absl::StatusOr<std::optional<Item>> FindNewest(const state::DocumentView& view, const ItemId& id);
absl::StatusOr<std::optional<Item>> FindVersion(const state::DocumentView& view, const ItemId& id,
                                                int64_t number);
absl::StatusOr<std::vector<Item>> ListItems(const state::DocumentView& view,
                                            std::string_view service, std::optional<ItemKind> kind);

absl::StatusOr<Change> FindWholeChange(const state::DocumentView& view, int64_t number);

// The numbers of keys below `prefix`, the newest first; those before `before`, 0 for all.
absl::StatusOr<std::vector<int64_t>> NumbersBefore(const state::DocumentView& view,
                                                   const std::string& prefix, int64_t before,
                                                   size_t limit);

absl::StatusOr<std::vector<ChangeSummary>> Summarize(
    const state::DocumentView& view, const absl::StatusOr<std::vector<int64_t>>& numbers);

}  // namespace turnout::manager
