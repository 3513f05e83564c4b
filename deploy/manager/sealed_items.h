// SealedItems: which master keys the versions of secrets in an ItemStore are sealed by, and their
// move to another one.
//
// A version that is sealed anew stays that version and holds the same (change.h, Rewrapped): of its
// record, and of the newest one's, the text alone is replaced.
//
// Errors: DataLoss for records that can't be read.
// Threads: pure functions of a view.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/manager/change.h"
#include "deploy/manager/item_store.h"
#include "state/document_store.h"

namespace turnout::manager {

inline constexpr size_t kRewrappedMax = 200;               // versions in a change
inline constexpr std::string_view kRewrapsBy = "turnout";  // who makes such changes

absl::StatusOr<SealedCounts> CountSealed(const state::DocumentView& view);

// At most kRewrappedMax versions that `rewrap` makes another text of.
absl::StatusOr<std::vector<Rewrapped>> PlanRewrap(const state::DocumentView& view,
                                                  RewrapText rewrap);

// Adds what is written for the change's rewrapped versions.
absl::Status AddRewrapped(const state::DocumentView& view, const Change& change,
                          std::vector<state::DocumentChange>* batch);

// Of each secret only what no rewrapping changes, to compare changes by.
Change WithSealedParts(Change change);

}  // namespace turnout::manager
