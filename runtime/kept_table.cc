#include "runtime/kept_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/log.h"

namespace turnout::runtime {
namespace {

// Of the time that deletions are kept for; the rest is for reading on, and for clocks that differ.
constexpr double kDeletionsSafeFor = 0.9;
// A table that is followed lags by a look (kTableLookEvery), or by a few while brokers are slow:
// shorter times can't be told from none.
constexpr absl::Duration kLiveLagMin = absl::Seconds(20);

}  // namespace

KeptTable::KeptTable(std::string name, std::string topic, uint64_t bytes_max,
                     std::unique_ptr<state::TableStore> store,
                     std::unique_ptr<connectors::TableSource> source, Clock* clock)
    : name_(std::move(name)),
      topic_(std::move(topic)),
      bytes_max_(bytes_max),
      store_(std::move(store)),
      source_(std::move(source)),
      clock_(clock),
      loads_all_(store_->offsets().empty()) {
  const absl::MutexLock lock(&mu_);
  status_.name = name_;
  status_.topic = topic_;
}

absl::Status KeptTable::Turn(absl::Duration max_wait) {
  const absl::Status turned = TurnOnce(max_wait);
  // From then on until it is read anew; a partition that the topic gains takes nothing away.
  const bool just_loaded = !loaded_ && turned.ok() && source_->loaded();
  if (just_loaded) loaded_ = true;
  const absl::MutexLock lock(&mu_);
  status_.loaded = loaded_;
  status_.refused = !refused_.ok();
  status_.lag = source_->lag();
  if (just_loaded) {
    LogInfo("table_loaded", absl::StrCat("table ", name_, " is loaded"),
            {{"table", name_}, {"topic", topic_}, {"records", status_.records}});
  }
  const std::string problem(turned.message().data(), turned.message().size());
  if (problem != status_.problem) {
    status_.problem = problem;
    if (!turned.ok()) {
      LogWarning("table_problem", absl::StrCat("table ", name_, ": ", problem),
                 {{"table", name_}, {"topic", topic_}, {"reason", problem}});
    }
  }
  return turned;
}

void KeptTable::ReadAnew(std::string because) {
  loaded_ = false;
  is_pending_ = false;
  anew_because_ = std::move(because);
  source_->StartAnew();
}

absl::Status KeptTable::TurnOnce(absl::Duration max_wait) {
  if (absl::Status held = HoldToLimit(); !held.ok()) return held;
  if (is_damaged_.exchange(false)) ReadAnew("its files are damaged");
  if (!is_pending_) {
    absl::StatusOr<connectors::TableBatch> batch = source_->Poll(max_wait);
    if (!batch.ok()) return batch.status();
    batch_ = *std::move(batch);
    is_pending_ = true;
    if (std::string missed = MissedDeletions(); !missed.empty()) {
      ReadAnew(std::move(missed));
      return absl::OkStatus();
    }
  }
  if (batch_.starts_anew) {
    if (absl::Status emptied = Empty(); !emptied.ok()) return emptied;
    batch_.starts_anew = false;
  }
  if (absl::Status applied = Apply(); !applied.ok()) {
    is_damaged_ = is_damaged_ || absl::IsDataLoss(applied);
    return applied;
  }
  is_pending_ = false;
  return absl::OkStatus();
}

absl::Status KeptTable::HoldToLimit() {
  if (refused_.ok()) {
    const uint64_t bytes = store_->stats().disk_bytes;
    if (bytes <= bytes_max_) return absl::OkStatus();
    refused_ = absl::ResourceExhaustedError(
        absl::StrCat("it takes ", bytes, " bytes on disk, and may take ", bytes_max_,
                     " (limits.table_bytes_max); it is refused until the next start"));
    loaded_ = false;
  }
  // Again and again until it is done: the disk is others' too.
  if (!store_->offsets().empty()) {
    if (absl::Status cleared = store_->Clear(); !cleared.ok()) return cleared;
  }
  return refused_;
}

std::string KeptTable::MissedDeletions() const {
  // One that is being loaded from the beginning would take as long the next time.
  if (batch_.starts_anew || store_->offsets().empty() || (loads_all_ && !loaded_)) return {};
  const std::optional<int64_t> until_ms = store_->complete_until_ms();
  if (!until_ms) return "nothing says when it was last read to its topic's end";
  const connectors::TableLook look = source_->look();
  absl::Duration safe_for = kDeletionsSafeFor * look.deletions_kept_for;
  if (loaded_) safe_for = std::max(safe_for, kLiveLagMin);
  const absl::Duration behind = look.at - absl::FromUnixMillis(*until_ms);
  if (behind <= safe_for) return {};
  return absl::StrCat("it was last read to its topic's end ",
                      absl::FormatDuration(absl::Trunc(behind, absl::Seconds(1))),
                      " ago, and the topic keeps deletions for ",
                      absl::FormatDuration(look.deletions_kept_for), " (delete.retention.ms)");
}

std::optional<int64_t> KeptTable::CompleteUntilMs() const {
  const connectors::TableLook look = source_->look();
  // What is read from the beginning on is complete as of when that was begun.
  const absl::Time until = store_->offsets().empty() ? look.at : look.reached;
  const int64_t until_ms = absl::ToUnixMillis(until);
  if (until_ms <= store_->complete_until_ms().value_or(0)) return std::nullopt;
  return until_ms;
}

absl::Status KeptTable::Empty() {
  loaded_ = false;
  loads_all_ = true;
  if (absl::Status cleared = store_->Clear(); !cleared.ok()) return cleared;
  std::string because = std::exchange(anew_because_, "");
  if (because.empty()) because = "its topic is not the one it was";
  LogWarning("table_anew", absl::StrCat("table ", name_, " is read again: ", because),
             {{"table", name_}, {"topic", topic_}, {"reason", because}});
  const absl::MutexLock lock(&mu_);
  ++status_.anew;
  return absl::OkStatus();
}

absl::Status KeptTable::Apply() {
  const std::optional<int64_t> complete_until_ms = CompleteUntilMs();
  if (batch_.records.empty() && batch_.next_offsets.empty() && !complete_until_ms) {
    return absl::OkStatus();
  }
  changes_.clear();
  texts_.clear();
  uint64_t skipped = 0;
  for (const connectors::Event& record : batch_.records) {
    if (record.key.data() == nullptr) {
      ++skipped;
      continue;
    }
    state::TableChange change{.key = record.key};
    if (record.value.size() > state::kTableValueBytesMax) {
      ++skipped;
    } else if (record.value.data() != nullptr) {
      change.value = reader_.Read(record.value);
      skipped += !change.value;
      const bool is_copy = change.value && (change.value->data() < record.value.data() ||
                                            change.value->data() >
                                                record.value.data() + record.value.size());
      if (is_copy) change.value = texts_.emplace_back(*change.value);
    }
    changes_.push_back(change);
  }
  const absl::StatusOr<size_t> refused =
      store_->Apply(changes_, batch_.next_offsets, complete_until_ms);
  if (!refused.ok()) return refused.status();
  skipped += *refused;
  const absl::MutexLock lock(&mu_);
  status_.records += batch_.records.size();
  status_.skipped += skipped;
  if (!batch_.records.empty()) status_.last_change = clock_->TimeOfDay();
  if (skipped > 0) {
    LogWarning("table_records_skipped",
               absl::StrCat("table ", name_, ": ", skipped,
                            " records are no table's: no key, a value over 1 MiB, or one that is "
                            "neither JSON nor text"),
               {{"table", name_}, {"topic", topic_}, {"records", skipped}});
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> KeptTable::Find(std::string_view key, std::string* value) const {
  if (!loaded_.load(std::memory_order_acquire)) {
    return absl::UnavailableError(absl::StrCat("table ", name_, " is not loaded"));
  }
  absl::StatusOr<bool> found = store_->Find(key, value);
  if (absl::IsDataLoss(found.status())) is_damaged_ = true;
  return found;
}

TableStatus KeptTable::status() const {
  TableStatus status;
  {
    const absl::MutexLock lock(&mu_);
    status = status_;
  }
  const state::TableStats stats = store_->stats();
  status.entries_estimate = stats.entries_estimate;
  status.disk_bytes = stats.disk_bytes;
  return status;
}

}  // namespace turnout::runtime
