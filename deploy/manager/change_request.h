// What a change request must be before it is looked at further, and what of it there is to do.
//
// Errors: InvalidArgument, naming the item or the part at fault, and the cure. Aborted for items
//   that are of another version than was expected.
// Threads: pure functions.
#pragma once

#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "deploy/manager/change.h"
#include "deploy/manager/item_store.h"

namespace turnout::manager {

// Puts the request in order: edits by id, accounts by name, each once. Then: who asks, texts that
// are UTF-8 and not too long, ids and contents that may be, no item twice.
absl::Status CheckRequest(ChangeRequest* request);

using FindItem = absl::FunctionRef<absl::StatusOr<std::optional<Item>>(const ItemId&)>;

// The edits that change something, of a request that is in order. `conflicts` may be null.
absl::StatusOr<std::vector<DoneEdit>> PlanEdits(ChangeRequest request, FindItem find,
                                                std::vector<Conflict>* conflicts);

// Says it of all of them; there is one at least.
absl::Status ConflictStatus(const std::vector<Conflict>& conflicts);

}  // namespace turnout::manager
