#include "runtime/unused_stores.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "state/files.h"
#include "state/state_reader.h"

namespace turnout::runtime {

std::string UnusedStores::PathOf(int32_t partition) const {
  return absl::StrCat(directory_, "/", partition);
}

std::vector<int32_t> UnusedStores::Present() const {
  std::vector<int32_t> present;
  std::error_code error;
  for (std::filesystem::directory_iterator next(directory_, error), end; !error && next != end;
       next.increment(error)) {
    int32_t partition = 0;
    // Others are unfinished ones, or none of ours.
    if (absl::SimpleAtoi(next->path().filename().string(), &partition)) {
      present.push_back(partition);
    }
  }
  std::sort(present.begin(), present.end());
  return present;
}

std::vector<int32_t> UnusedStores::Due(const std::vector<int32_t>& present,
                                       const absl::flat_hash_set<int32_t>& used, absl::Time now) {
  std::map<int32_t, absl::Time> since;
  std::vector<int32_t> due;
  for (const int32_t partition : present) {
    if (used.contains(partition)) continue;
    const auto before = unused_since_.find(partition);
    const absl::Time begun = before == unused_since_.end() ? now : before->second;
    since[partition] = begun;
    if (now - begun >= unused_for_) due.push_back(partition);
  }
  unused_since_ = std::move(since);
  return due;
}

absl::StatusOr<bool> UnusedStores::RemoveIfKept(int32_t partition,
                                                state::TaskCheckpoints& checkpoints) const {
  const std::string path = PathOf(partition);
  state::StatePoint local;
  {
    const auto store = state::StateReader::Open(path);
    if (absl::IsDataLoss(store.status()) || absl::IsNotFound(store.status())) return false;
    if (!store.ok()) return store.status();
    local = (*store)->point();
  }
  const auto listed = checkpoints.List();
  if (!listed.ok()) return listed.status();
  const bool is_kept = std::any_of(listed->begin(), listed->end(), [&](const auto& one) {
    return one.manifest.ok() && one.manifest->point.timeline == local.timeline &&
           one.manifest->point.applied_offset >= local.applied_offset;
  });
  if (!is_kept) return false;
  if (absl::Status removed = state::RemoveAll(path); !removed.ok()) return removed;
  return true;
}

}  // namespace turnout::runtime
