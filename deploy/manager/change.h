// Change: what somebody did to items, in one step, with who, when and why: the unit of history.
//
// Changes are numbered over all services, from 1, without a gap. A change holds its edits' contents
// whole, so that every version of every item can be read, compared and gone back to; nothing is
// ever overwritten. An item's version is the number of the change that wrote it.
//
// A change may have no edits, but versions of secrets whose data keys are wrapped by another master
// key from then on. They stay the versions they are, and hold the same: their sealed texts alone
// are replaced. It is a change so that all managers that share a log follow it.
//
// Format: JSON (ToJson), which the log, the API and backups share.
// Errors: DataLoss from ReadChange for a text that is no change.
// Threads: ordinary values, pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/manager/item.h"

namespace turnout::manager {

inline constexpr size_t kEditsPerChangeMax = 20'000;
inline constexpr size_t kChangeBytesMax = 64u << 20;  // of all its texts
inline constexpr size_t kWhyBytesMax = 4'000;
inline constexpr size_t kPersonBytesMax = 400;  // of who did it, or an account that it names

// One item as it is to be.
struct Edit {
  ItemId id;
  std::optional<ItemContent> content;  // none: the item is deleted
  // The version that whoever edits has seen, 0 where there was none. None: whatever there is.
  std::optional<int64_t> expected;
};

struct ChangeRequest {
  std::string by;
  std::string why;
  std::vector<Edit> edits;         // of different items
  std::optional<int64_t> reverts;  // the change that this one undoes
  std::vector<std::string> approved_by;
};

// An edit as it was done.
struct DoneEdit {
  ItemId id;
  std::optional<ItemContent> content;  // none: deleted
  int64_t before = 0;                  // the version that it replaced; 0: there was none
};

// A version of a secret, sealed by another master key.
struct Rewrapped {
  ItemId id;
  int64_t version = 0;
  std::string text;
};

struct Change {
  int64_t number = 0;
  int64_t at_ms = 0;  // Unix time
  std::string by;
  std::string why;
  std::vector<std::string> approved_by;
  std::optional<int64_t> reverts;
  std::vector<DoneEdit> edits;  // sorted by id
  std::vector<Rewrapped> rewrapped;
};

std::string ToJson(const Change& change);
absl::StatusOr<Change> ReadChange(std::string_view json);

}  // namespace turnout::manager
