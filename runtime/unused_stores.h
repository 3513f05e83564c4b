// UnusedStores: local stores of partitions that moved to another replica. They serve as a base when
// the partition comes back soon; later they only take disk.
//
// One is removed once nobody here has used it for a while and the checkpoints have all that it has,
// or somebody else has gone beyond it: a checkpoint of another timeline, made that while after the
// store was last written, is at its offset or further. Then it is either behind a newer base or of
// a history that was given up. What a killed restore or creation left beside it goes with it.
// Threads: one at a time. RemoveIfKept blocks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "state/checkpoint.h"

namespace turnout::runtime {

class UnusedStores {
 public:
  // `directory` holds the stores, each named by its partition's number.
  UnusedStores(std::string directory, absl::Duration unused_for)
      : directory_(std::move(directory)), unused_for_(unused_for) {}

  // The partitions that have a store there, or an unfinished one, in order; none if the directory
  // is not there.
  std::vector<int32_t> Present() const;

  // Those of `present` that have not been among the used ones for long enough by now.
  std::vector<int32_t> Due(const std::vector<int32_t>& present,
                           const absl::flat_hash_set<int32_t>& used, absl::Time now);

  // Removes the partition's store if a sound checkpoint makes it useless, and answers whether it
  // did. A store that can't be read is left alone; an unfinished one never serves, and goes.
  absl::StatusOr<bool> RemoveIfKept(int32_t partition, state::TaskCheckpoints& checkpoints) const;

 private:
  std::string PathOf(int32_t partition) const;

  const std::string directory_;
  const absl::Duration unused_for_;
  std::map<int32_t, absl::Time> unused_since_;
};

}  // namespace turnout::runtime
