#include "deploy/manager/key_rotation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "deploy/manager/json_writer.h"
#include "runtime/log.h"

namespace turnout::manager {
namespace {

constexpr absl::Duration kPause = absl::Seconds(1);

}  // namespace

void KeyRotation::Start() {
  thread_ = std::thread([this] {
    while (true) {
      Step();
      const absl::MutexLock lock(&mu_);
      if (mu_.AwaitWithTimeout(absl::Condition(&is_stopped_), kPause)) return;
    }
  });
}

void KeyRotation::Stop() {
  {
    const absl::MutexLock lock(&mu_);
    is_stopped_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<SealedCounts> KeyRotation::Count() const {
  absl::StatusOr<SealedCounts> counts = store_->SealedBy();
  if (!counts.ok()) return counts;
  for (const auto& [id, count] : proposals_->SealedBy()) (*counts)[id] += count;
  return counts;
}

SealedCounts KeyRotation::counted() const {
  const absl::MutexLock lock(&mu_);
  return counted_;
}

int64_t KeyRotation::Rewrap(const state::Keyring& keys) {
  const auto rewrap = [&keys](const std::string& sealed) { return keys.Rewrap(sealed); };
  const std::string why =
      absl::StrCat("secrets are sealed by the master key ", keys.sealing_id(), " from now on");
  int64_t all = 0;
  while (true) {
    {
      const absl::MutexLock lock(&mu_);
      if (is_stopped_) return all;
    }
    const absl::StatusOr<int64_t> count = store_->Rewrap(why, rewrap);
    if (!count.ok()) {
      runtime::LogError("rewrap_failed", std::string(count.status().message()));
      return -1;
    }
    all += *count;
    if (*count == 0) return all;
  }
}

void KeyRotation::Step() {
  if (seen_change_ >= 0) keys_->Look(counted());
  const std::shared_ptr<const state::Keyring> keys = keys_->Current();
  const int64_t change = store_->newest();
  const SealedCounts proposed = proposals_->SealedBy();
  const bool is_active = is_active_();
  if (keys == seen_keys_ && change == seen_change_ && proposed == seen_proposed_ &&
      is_active == seen_active_) {
    return;
  }
  absl::StatusOr<SealedCounts> counts = Count();
  int64_t rewrapped = 0;
  const bool has_others =
      counts.ok() && std::any_of(counts->begin(), counts->end(),
                                 [&](const auto& one) { return one.first != keys->sealing_id(); });
  if (has_others && is_active) {
    rewrapped = Rewrap(*keys);
    counts = Count();
  }
  if (!counts.ok()) {
    runtime::LogError("rewrap_failed", std::string(counts.status().message()));
    return;
  }
  for (const auto& [id, count] : *counts) {
    if (count == 0 || id == keys->sealing_id() || !is_active) continue;
    runtime::LogWarning("secrets_sealed_by_old_key",
                        "versions of secrets stay sealed by a key that is not the first: they are "
                        "in open proposals, or the key is not among the master keys, or they are "
                        "damaged",
                        {{"key", id}, {"versions", count}});
  }
  if (rewrapped > 0) {
    runtime::LogInfo("secrets_rewrapped", "secrets are sealed by another master key",
                     {{"versions", rewrapped}, {"sealing", keys->sealing_id()}});
  }
  if (rewrapped >= 0) {
    seen_keys_ = keys;
    seen_change_ = change;  // its own changes are looked at once more, for nothing
    seen_proposed_ = proposed;
    seen_active_ = is_active;
  }
  const absl::MutexLock lock(&mu_);
  counted_ = *std::move(counts);
}

std::string KeysToJson(const MasterKeys& keys, const SealedCounts& counts) {
  const std::shared_ptr<const state::Keyring> current = keys.Current();
  SealedCounts all = counts;
  for (const std::string& id : current->ids()) all[id] += 0;
  const std::string list = JsonArray(all, [&](const auto& one) {
    return JsonObject()
        .Text("id", one.first)
        .Number("seals", one.second)
        .Flag("is_there", current->Has(one.first))
        .Done();
  });
  JsonObject json;
  json.Text("sealing", current->sealing_id()).Json("keys", list);
  if (const std::string trouble = keys.trouble(); !trouble.empty()) json.Text("trouble", trouble);
  return json.Done();
}

}  // namespace turnout::manager
