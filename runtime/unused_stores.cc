#include "runtime/unused_stores.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "state/files.h"
#include "state/state_reader.h"

namespace turnout::runtime {
namespace {

absl::string_view AsAbsl(std::string_view text) { return {text.data(), text.size()}; }

// The newest of its files.
absl::Time LastWritten(const std::string& store) {
  absl::Time newest = absl::InfinitePast();
  std::error_code error;
  for (std::filesystem::directory_iterator next(store, error), end; !error && next != end;
       next.increment(error)) {
    const auto written = std::filesystem::last_write_time(next->path(), error);
    if (error) break;
    newest = std::max(newest, absl::FromChrono(std::chrono::file_clock::to_sys(written)));
  }
  return error ? absl::InfiniteFuture() : newest;  // not known: nothing has come later
}

}  // namespace

std::string UnusedStores::PathOf(int32_t partition) const {
  return absl::StrCat(directory_, "/", partition);
}

std::vector<int32_t> UnusedStores::Present() const {
  std::vector<int32_t> present;
  std::error_code error;
  for (std::filesystem::directory_iterator next(directory_, error), end; !error && next != end;
       next.increment(error)) {
    const std::string name = next->path().filename().string();
    int32_t partition = 0;
    // Others are none of ours.
    if (absl::SimpleAtoi(absl::StripSuffix(name, AsAbsl(state::kUnfinishedSuffix)), &partition)) {
      present.push_back(partition);
    }
  }
  std::sort(present.begin(), present.end());
  present.erase(std::unique(present.begin(), present.end()), present.end());
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
  absl::Status removed = state::RemoveAll(path + std::string(state::kUnfinishedSuffix));
  if (!removed.ok()) return removed;
  state::StatePoint local;
  {
    const auto store = state::StateReader::Open(path);
    if (absl::IsDataLoss(store.status()) || absl::IsNotFound(store.status())) return false;
    if (!store.ok()) return store.status();
    local = (*store)->point();
  }
  const auto listed = checkpoints.List();
  if (!listed.ok()) return listed.status();
  const absl::Time written = LastWritten(path);
  const bool is_useless = std::any_of(listed->begin(), listed->end(), [&](const auto& one) {
    if (!one.manifest.ok()) return false;
    const state::StatePoint& kept = one.manifest->point;
    const bool has_come_later =
        absl::FromUnixMillis(one.manifest->created_at_ms) >= written + unused_for_;
    return kept.applied_offset >= local.applied_offset &&
           (kept.timeline == local.timeline || has_come_later);
  });
  if (!is_useless) return false;
  removed = state::RemoveAll(path);
  if (!removed.ok()) return removed;
  return true;
}

}  // namespace turnout::runtime
