// ItemStore: every item in its newest version, and every change there ever was.
//
// A change is applied whole or not at all, and is durable when Apply returns: it survives kill -9
// and power loss. Edits whose content is what is there already are left out; where nothing is
// left nothing is written, so that the same request again changes nothing.
//
// Errors: Aborted from Apply where an item is not of the version that was expected; `conflicts`
//   says which. InvalidArgument for contents that may not stand there, or an item named twice.
//   NotFound for a version or a change that there is none of. ResourceExhausted for a full disk
//   and Unavailable for a store that doesn't answer: nothing was changed. DataLoss for a damaged
//   store, with the cure: restore a backup. FailedPrecondition from Open for a store that has
//   another history than the log.
// Threads: any. Readers don't wait for writers; changes are applied one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "deploy/manager/change.h"
#include "deploy/manager/item.h"
#include "state/checkpoint_store.h"

namespace turnout::manager {

class ChangeLog;

// An item as it is, where an edit expected another version. `item.version` is 0 if there is none.
struct Conflict {
  Item item;
  int64_t expected = 0;
};

// A line of an item's history, or of a service's.
struct ChangeSummary {
  int64_t number = 0;
  int64_t at_ms = 0;
  std::string by;
  std::string why;
  std::vector<std::string> approved_by;
  std::optional<int64_t> reverts;
  std::vector<ItemId> items;
};

// How many versions of secrets, old ones too, a master key seals, by its id.
using SealedCounts = std::map<std::string, int64_t>;
// The same secret, sealed by the key that seals now; as it is if it is already.
using RewrapText = absl::FunctionRef<absl::StatusOr<std::string>(const std::string& sealed)>;

class ItemStore {
 public:
  // `now_ms` is asked for the time of each change. With a log, which outlives the store, changes
  // are those of all managers that share it: each is there before it is here, a manager that is
  // behind catches up before it applies its own, and what the log has not of this store is added to
  // it. Where an Apply fails the change may yet be made, as the log then says.
  static absl::StatusOr<std::unique_ptr<ItemStore>> Open(const std::string& directory,
                                                         std::function<int64_t()> now_ms,
                                                         ChangeLog* log = nullptr);
  virtual ~ItemStore() = default;

  // The change as it was done; its number is 0 where nothing was to be changed. `conflicts` may be
  // null.
  virtual absl::StatusOr<Change> Apply(ChangeRequest request, std::vector<Conflict>* conflicts) = 0;

  // Replaces what seals versions of secrets, of kRewrappedMax of them at once, in a change that has
  // no edits (change.h); answers of how many. 0: no other one can be; what `rewrap` fails with is
  // passed over.
  virtual absl::StatusOr<int64_t> Rewrap(std::string_view why, RewrapText rewrap) = 0;
  virtual absl::StatusOr<SealedCounts> SealedBy() const = 0;

  // Nullopt: there is none now.
  virtual absl::StatusOr<std::optional<Item>> Get(const ItemId& id) const = 0;
  // As of that change: the newest version that is not newer. Nullopt: there was none then.
  virtual absl::StatusOr<std::optional<Item>> GetAt(const ItemId& id, int64_t change) const = 0;
  // Sorted by id. `service` empty: of all; kind none: of all.
  virtual absl::StatusOr<std::vector<Item>> List(std::string_view service,
                                                 std::optional<ItemKind> kind) const = 0;
  // Services that have ever had an item; sorted.
  virtual absl::StatusOr<std::vector<std::string>> Services() const = 0;

  virtual absl::StatusOr<Change> FindChange(int64_t number) const = 0;
  // The newest first: those before `before` (0: from the newest on), at most `limit`.
  virtual absl::StatusOr<std::vector<ChangeSummary>> HistoryOf(const ItemId& id, int64_t before,
                                                               size_t limit) const = 0;
  virtual absl::StatusOr<std::vector<ChangeSummary>> HistoryOfService(std::string_view service,
                                                                      int64_t before,
                                                                      size_t limit) const = 0;
  // The newest change of all; 0: there was none.
  virtual int64_t newest() const = 0;

  // What would undo that change: each of its items as it was before, expected to be as that change
  // left it. Aborted where one has been changed since, with `conflicts`.
  virtual absl::StatusOr<ChangeRequest> Undoing(int64_t number,
                                                std::vector<Conflict>* conflicts) const = 0;

  // Called after each change that was applied, in their order, on the thread that applied it; at
  // most one is set. It may read, but not apply: the next change waits for it.
  virtual void OnChange(std::function<void(const Change&)> called) = 0;

  // Applies what other managers have added to the log; answers the newest change. For a standby to
  // call every second or so; without a log it has nothing to do.
  virtual absl::StatusOr<int64_t> CatchUp() = 0;

  // With a log: catches up, and adds an empty change of `by`'s, behind which changes are this
  // manager's alone. Once another one has added anything, or the log has failed, Apply answers
  // Unavailable and changes nothing, until Lead is called again.
  virtual absl::Status Lead(std::string_view by) = 0;
  virtual bool leads() const = 0;

  // A verified copy under `name` in the store; what it holds is all changes up to the number that
  // is answered.
  virtual absl::StatusOr<int64_t> BackUp(state::CheckpointStore* to, std::string_view name) = 0;
};

// Fills an empty directory from such a copy. FailedPrecondition if it is not empty; DataLoss,
// having written nothing, for a copy that is not whole. Answers the newest change in it.
absl::StatusOr<int64_t> RestoreItems(state::CheckpointStore* from, std::string_view name,
                                     const std::string& directory);

// The names of the copies there are, the newest last.
absl::StatusOr<std::vector<std::string>> ListBackups(state::CheckpointStore* in);

}  // namespace turnout::manager
