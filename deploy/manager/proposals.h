// Proposals: changes that a second person is to approve before they are done.
//
// One is an object of a CheckpointStore, `proposals/N.json`, and once it is decided another beside
// it, `proposals/N.decided.json`; each is written only if there is none, so that of two managers
// that share them one is told that it was second. Edits expect the versions that the items had when
// it was made, so that what is approved is what was seen. Decided ones stay for a while; the audit
// log has all of them.
//
// Errors: NotFound for a number that there is none of; ResourceExhausted where too many are open,
//   or the disk is full; DataLoss for an object that can't be read, naming it; else those of
//   CheckpointStore.
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "deploy/manager/change.h"
#include "deploy/manager/item_store.h"
#include "state/checkpoint_store.h"

namespace turnout::manager {

inline constexpr size_t kProposalsOpenMax = 200;
inline constexpr size_t kProposalsOfOneMax = 20;  // open ones of a person
inline constexpr size_t kProposalBytesMax = 8u << 20;
// Of what open ones propose together, beyond which there is no other; of decided ones the oldest
// go.
inline constexpr size_t kProposalsBytesMax = 64u << 20;

enum class ProposalState { kOpen, kApproved, kRejected };

struct Proposal {
  int64_t number = 0;
  ProposalState state = ProposalState::kOpen;
  std::string service;
  // Who proposes what, why and when; an edit's `before` is the version that it expects.
  Change change;
  std::string decided_by;  // empty: nobody has
  int64_t done_as = 0;     // the number of the change, once approved
};

std::string_view StateName(ProposalState state);

// The edits as they were proposed.
std::vector<Edit> EditsOf(const Proposal& proposal);

class Proposals {
 public:
  // `objects` outlives it.
  static absl::StatusOr<std::unique_ptr<Proposals>> Open(state::CheckpointStore* objects);

  // Learns what others that share them have made, decided and forgotten since.
  absl::Status Refresh();

  // Gives it its number.
  absl::StatusOr<Proposal> Add(Proposal proposal);
  absl::StatusOr<Proposal> Find(const std::string& service, int64_t number) const;
  // The newest first.
  std::vector<Proposal> List(const std::string& service, size_t limit) const;
  // Of secrets that open ones would put: they stay sealed as they are until that is decided.
  SealedCounts SealedBy() const;
  // One that is decided stands as it is.
  absl::Status Decide(const Proposal& decided);

 private:
  explicit Proposals(state::CheckpointStore* objects) : objects_(objects) {}
  absl::Status Look() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Learn(const std::string& object) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status HasRoomFor(const Proposal& proposal) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  state::CheckpointStore* const objects_;
  mutable absl::Mutex mu_;
  std::map<int64_t, Proposal> all_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> known_ ABSL_GUARDED_BY(mu_);  // objects
};

}  // namespace turnout::manager
