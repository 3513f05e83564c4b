#include "deploy/manager/backup_command.h"

#include <sys/stat.h>

#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "deploy/manager/change_log.h"
#include "deploy/manager/item_store.h"
#include "deploy/manager/manager_command.h"
#include "runtime/exit_status.h"
#include "runtime/temporary_directory.h"
#include "state/files.h"

namespace turnout::manager {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(1);

int64_t NowMs() { return absl::ToUnixMillis(absl::Now()); }

absl::Status BackUp(const ManagerOptions& options, const std::string& place) {
  auto to = OpenObjects(options, "--to", place, kPatience);
  if (!to.ok()) return to.status();
  // The log is followed into a store of its own, which goes again.
  std::unique_ptr<state::CheckpointStore> shared;
  std::optional<ChangeLog> log;
  const runtime::TemporaryDirectory aside;
  std::string directory = StoreDirectory(options.data);
  if (!options.shared.empty()) {
    auto opened = OpenObjects(options, "shared", options.shared, kPatience);
    if (!opened.ok()) return opened.status();
    shared = *std::move(opened);
    log.emplace(shared.get());
    if (aside.path().empty()) {
      return absl::UnavailableError("no directory could be made below TMPDIR; make room there");
    }
    directory = StoreDirectory(aside.path());
  } else if (!state::Exists(directory)) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory, ": there is no store; give the manager's --data, or --shared"));
  }
  auto store = ItemStore::Open(directory, NowMs, log ? &*log : nullptr);
  if (absl::IsUnavailable(store.status())) {
    return absl::UnavailableError(absl::StrCat(
        store.status().message(),
        "\nA manager that runs has its store to itself: its option `backups` makes them while it "
        "serves"));
  }
  if (!store.ok()) return store.status();
  const absl::StatusOr<MadeBackup> made = MakeBackup(store->get(), to->get(), absl::Now());
  if (!made.ok()) return made.status();
  std::printf("%s: %" PRId64 " changes, %" PRIu64 " bytes, read back\n", made->name.c_str(),
              made->newest, made->bytes);
  return absl::OkStatus();
}

absl::Status CheckHasNothingElse(const std::string& data) {
  std::error_code error;
  for (std::filesystem::directory_iterator next(data, error), end; !error && next != end;
       next.increment(error)) {
    const std::string name = next->path().filename();
    if (next->path() == StoreDirectory(data) || name == "lost+found") continue;
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s is not empty: there is %s; move it away, or give another place", data, name));
  }
  return absl::OkStatus();
}

absl::Status Restore(const ManagerOptions& options, const std::string& place, std::string name) {
  auto from = OpenObjects(options, "--from", place, kPatience);
  if (!from.ok()) return from.status();
  if (absl::Status checked = CheckHasNothingElse(options.data); !checked.ok()) return checked;
  const absl::StatusOr<std::vector<std::string>> there = ListBackups(from->get());
  if (!there.ok()) return there.status();
  if (there->empty()) {
    return absl::NotFoundError(absl::StrCat(place, ": there is no backup that is whole"));
  }
  if (name.empty()) name = there->back();
  const absl::StatusOr<int64_t> newest =
      RestoreItems(from->get(), name, StoreDirectory(options.data));
  if (absl::IsNotFound(newest.status()) || absl::IsDataLoss(newest.status())) {
    std::string text = absl::StrCat(place, ": ", newest.status().message(), "\nThere are:");
    for (const std::string& one : *there) absl::StrAppend(&text, "\n  --name ", one);
    return absl::Status(newest.status().code(), text);
  }
  if (!newest.ok()) return newest.status();
  std::printf("%s: %" PRId64 " changes are in %s\n", name.c_str(), *newest, options.data.c_str());
  return absl::OkStatus();
}

}  // namespace

int RunBackup(const BackupOptions& options) {
  ::umask(077);
  const auto loaded = LoadManagerOptions(options.config, options.given, OptionsUse::kCopying);
  if (!loaded.ok()) return runtime::ExitStatus(loaded.status());
  const std::string place = options.place.empty() ? loaded->backups.to : options.place;
  if (place.empty() || (loaded->data.empty() && loaded->shared.empty())) {
    return runtime::ExitStatus(absl::InvalidArgumentError(
        "say of what and where: --data DIR or --shared PLACE, and --to PLACE"));
  }
  return runtime::ExitStatus(BackUp(*loaded, place));
}

int RunRestore(const BackupOptions& options) {
  ::umask(077);
  const auto loaded = LoadManagerOptions(options.config, options.given, OptionsUse::kCopying);
  if (!loaded.ok()) return runtime::ExitStatus(loaded.status());
  const std::string place = options.place.empty() ? loaded->backups.to : options.place;
  if (place.empty() || loaded->data.empty()) {
    return runtime::ExitStatus(
        absl::InvalidArgumentError("say from where and to where: --from PLACE --data DIR"));
  }
  return runtime::ExitStatus(Restore(*loaded, place, options.name));
}

}  // namespace turnout::manager
