#include "deploy/manager/backups.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "deploy/manager/http_answer.h"
#include "runtime/log.h"
#include "state/document_backup.h"

namespace turnout::manager {
namespace {

constexpr absl::Duration kStep = absl::Seconds(2);
constexpr absl::Duration kLookAgain = absl::Minutes(1);
constexpr absl::Duration kUnfinishedFor = absl::Hours(24);
constexpr const char* kNameTime = "%Y-%m-%dt%H-%M-%Sz";
constexpr size_t kNameTimeBytes = 20;

}  // namespace

absl::Time TimeOfBackup(std::string_view name) {
  absl::Time time;
  const std::string begin(name.substr(0, kNameTimeBytes));
  const bool is_one = name.size() > kNameTimeBytes && name[kNameTimeBytes] == '-' &&
                      absl::ParseTime(kNameTime, begin, &time, nullptr);
  return is_one ? time : absl::InfinitePast();
}

absl::StatusOr<MadeBackup> MakeBackup(ItemStore* store, state::CheckpointStore* to,
                                      absl::Time now) {
  const absl::StatusOr<std::vector<std::string>> there = ListBackups(to);
  if (!there.ok()) return there.status();
  const auto name_at = [&](absl::Time time) {
    return absl::StrCat(absl::FormatTime(kNameTime, time, absl::UTCTimeZone()), "-",
                        store->newest());
  };
  // The second one in a second is named by the next.
  while (std::find(there->begin(), there->end(), name_at(now)) != there->end()) {
    now += absl::Seconds(1);
  }
  MadeBackup made{.name = name_at(now)};
  const absl::StatusOr<int64_t> newest = store->BackUp(to, made.name);
  if (!newest.ok()) return newest.status();
  made.newest = *newest;
  const auto bytes = state::BytesOfDocumentBackup(to, made.name);
  if (!bytes.ok()) return bytes.status();
  made.bytes = *bytes;
  return made;
}

absl::Status RemoveOldBackups(state::CheckpointStore* in, size_t keep, absl::Time now) {
  const absl::StatusOr<std::vector<std::string>> whole = ListBackups(in);
  if (!whole.ok()) return whole.status();
  const absl::StatusOr<std::vector<std::string>> unfinished =
      state::ListUnfinishedDocumentBackups(in);
  if (!unfinished.ok()) return unfinished.status();
  std::vector<std::string> removed;
  for (const std::string& name : *whole) {
    if (TimeOfBackup(name) != absl::InfinitePast()) removed.push_back(name);
  }
  std::sort(removed.begin(), removed.end());  // by time
  removed.resize(removed.size() - std::min(removed.size(), keep));
  for (const std::string& name : *unfinished) {
    const absl::Time at = TimeOfBackup(name);
    if (at != absl::InfinitePast() && at < now - kUnfinishedFor) removed.push_back(name);
  }
  for (const std::string& name : removed) {
    if (absl::Status gone = state::RemoveDocumentBackup(in, name); !gone.ok()) return gone;
  }
  return absl::OkStatus();
}

Backups::Backups(ItemStore* store, std::unique_ptr<state::CheckpointStore> to,
                 BackupSettings settings, std::function<bool()> may_now)
    : store_(store),
      to_(std::move(to)),
      settings_(std::move(settings)),
      may_now_(std::move(may_now)) {}

Backups::~Backups() { Stop(); }

void Backups::Start() {
  thread_ = std::thread([this] {
    while (!is_ending_) {
      Step(absl::Now());
      clock_.Sleep(kStep);
    }
  });
}

void Backups::Stop() {
  is_ending_ = true;
  clock_.Stop();
  if (thread_.joinable()) thread_.join();
}

absl::Status Backups::MakeOne(absl::Time now) {
  // Others may have made some, and this manager in another life.
  const absl::StatusOr<std::vector<std::string>> there = ListBackups(to_.get());
  if (!there.ok()) return there.status();
  absl::Time newest_at = absl::InfinitePast();
  for (const std::string& name : *there) newest_at = std::max(newest_at, TimeOfBackup(name));
  {
    const absl::MutexLock lock(&mu_);
    newest_at_ = newest_at;
  }
  // One of the future, by a clock that was wrong, puts none off.
  if (newest_at <= now && now - newest_at < absl::Minutes(settings_.every_minutes)) {
    return absl::OkStatus();
  }
  const absl::StatusOr<MadeBackup> made = MakeBackup(store_, to_.get(), now);
  if (!made.ok()) return made.status();
  {
    const absl::MutexLock lock(&mu_);
    newest_at_ = now;
    newest_bytes_ = made->bytes;
    ++made_;
  }
  runtime::LogInfo("backup_made", "a backup is made, and was read back",
                   {{"name", made->name}, {"bytes", absl::StrCat(made->bytes)}});
  return RemoveOldBackups(to_.get(), static_cast<size_t>(settings_.keep), now);
}

void Backups::Step(absl::Time now) {
  if (!may_now_() || (looked_at_ <= now && now - looked_at_ < kLookAgain)) return;
  looked_at_ = now;
  const absl::Status made = MakeOne(now);
  if (made.ok()) return;
  runtime::LogError("backup_failed", MessageOf(made), {{"to", settings_.to}});
  const absl::MutexLock lock(&mu_);
  ++failed_;
}

void Backups::AppendMetrics(absl::Time now, std::string* text) const {
  const absl::MutexLock lock(&mu_);
  const auto append = [text](std::string_view name, std::string_view kind, std::string_view help,
                             int64_t value) {
    absl::StrAppendFormat(text,
                          "# HELP turnout_manager_%s %s\n# TYPE turnout_manager_%s %s\n"
                          "turnout_manager_%s %d\n",
                          name, help, name, kind, name, value);
  };
  append("backups_total", "counter", "Backups that this process has made.", made_);
  append("backup_failures_total", "counter", "Backups that failed; the log says why.", failed_);
  if (newest_at_ == absl::InfinitePast()) return;
  append("backup_age_seconds", "gauge", "Since the newest whole backup, as last looked for.",
         absl::ToInt64Seconds(now - newest_at_));
  if (made_ > 0) {
    append("backup_bytes", "gauge", "Of the newest backup that this process has made.",
           static_cast<int64_t>(newest_bytes_));
  }
}

}  // namespace turnout::manager
