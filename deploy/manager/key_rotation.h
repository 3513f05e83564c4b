// KeyRotation: has every secret sealed by the newest master key, and knows which other ones are
// still needed.
//
// Once a second it looks whether the keys have changed, and counts anew what is sealed by which key
// where there was a change. As long as something is sealed by another key than the one that seals
// now, it is rewrapped, durably and in steps (ItemStore::Rewrap). Secrets can be put and released
// meanwhile. Open proposals, which are written once, are counted alone: what one of them puts is
// rewrapped once it is approved. Where managers share a log, those that stand by read the keys and
// count too, but leave rewrapping to the active one.
//
// Errors: logged, and tried again after the next change of keys or items.
// Threads: its own, between Start and Stop; status: any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "deploy/manager/item_store.h"
#include "deploy/manager/master_keys.h"
#include "deploy/manager/proposals.h"

namespace turnout::manager {

class KeyRotation {
 public:
  // They outlive it.
  KeyRotation(MasterKeys* keys, ItemStore* store, Proposals* proposals,
              std::function<bool()> is_active)
      : keys_(keys), store_(store), proposals_(proposals), is_active_(std::move(is_active)) {}
  ~KeyRotation() { Stop(); }

  void Start();
  void Stop();

  // What the thread does each second.
  void Step();

  // Counted now.
  absl::StatusOr<SealedCounts> Count() const;
  // As of the last step.
  SealedCounts counted() const;

 private:
  // Of how many versions; -1 for an error, which is logged.
  int64_t Rewrap(const state::Keyring& keys);

  MasterKeys* const keys_;
  ItemStore* const store_;
  Proposals* const proposals_;
  const std::function<bool()> is_active_;
  // What the last step has seen, so that it is not done again for nothing.
  std::shared_ptr<const state::Keyring> seen_keys_;
  int64_t seen_change_ = -1;
  SealedCounts seen_proposed_;
  bool seen_active_ = false;
  mutable absl::Mutex mu_;
  bool is_stopped_ ABSL_GUARDED_BY(mu_) = false;
  SealedCounts counted_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

// How each key stands, for the API: `{"sealing", "keys": [{"id", "seals", "is_there"}],
// "trouble"}`.
std::string KeysToJson(const MasterKeys& keys, const SealedCounts& counts);

}  // namespace turnout::manager
