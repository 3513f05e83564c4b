#include "runtime/state_command.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/json_text.h"
#include "runtime/real_time.h"
#include "state/checkpoint.h"
#include "state/checkpoint_location.h"
#include "state/state_reader.h"

namespace turnout::runtime {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kStepIdBase = 16;
// Somebody waits at a terminal: less than a router's patience with a store that is away.
constexpr absl::Duration kStorePatience = absl::Seconds(15);
constexpr std::string_view kS3 = "s3://";

// A directory that is gone with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::error_code error;
    const std::filesystem::path place = std::filesystem::temp_directory_path(error);
    std::string name = (error ? std::filesystem::path("/tmp") : place) / "turnout-state-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;  // empty if it could not be made
};

// What is read, with what it lies in.
struct Opened {
  std::unique_ptr<TemporaryDirectory> restored;
  int64_t checkpoint = 0;
  std::unique_ptr<state::StateReader> reader;
};

// A task's checkpoints: the store that they are in, and the task's name there.
struct TaskLocation {
  std::string store;
  std::string task;
};

// Splits off what follows the last slash.
absl::StatusOr<TaskLocation> Locate(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (path.substr(0, kS3.size()) == kS3 && slash < kS3.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(absl::string_view(path.data(), path.size()),
                     " names no task (write s3://BUCKET/PREFIX/GROUP/TOPIC/PARTITION)"));
  }
  return TaskLocation{std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

absl::StatusOr<int64_t> NewestSound(state::TaskCheckpoints& checkpoints, const std::string& path) {
  const auto listed = checkpoints.List();
  if (!listed.ok()) return listed.status();
  for (auto next = listed->rbegin(); next != listed->rend(); ++next) {
    if (next->manifest.ok()) return next->sequence;
  }
  if (!listed->empty()) return listed->back().manifest.status();
  return absl::NotFoundError(absl::StrCat("there is no checkpoint at ", path,
                                          " (a task's are at STORE/GROUP/TOPIC/PARTITION)"));
}

absl::StatusOr<Opened> OpenCheckpoint(const std::string& path, const StateOptions& options) {
  const absl::StatusOr<TaskLocation> location = Locate(path);
  if (!location.ok()) return location.status();
  Opened opened;
  opened.restored = std::make_unique<TemporaryDirectory>();
  const std::string& restored = opened.restored->path();
  if (restored.empty()) return absl::UnavailableError("no temporary directory can be made");
  state::S3Options s3 = options.s3;
  s3.retry.deadline = kStorePatience;
  const auto store = state::MakeCheckpointStore(location->store, s3, RealTimeAndChance());
  if (!store.ok()) return store.status();
  state::TaskCheckpoints checkpoints(store->get(), location->task, restored + "/scratch");
  opened.checkpoint = options.checkpoint;
  if (opened.checkpoint == 0) {
    const absl::StatusOr<int64_t> newest = NewestSound(checkpoints, path);
    if (!newest.ok()) return newest.status();
    opened.checkpoint = *newest;
  }
  const auto manifest = checkpoints.Restore(opened.checkpoint, restored + "/store");
  if (!manifest.ok()) return manifest.status();
  auto reader = state::StateReader::Open(restored + "/store");
  if (!reader.ok()) return reader.status();
  opened.reader = *std::move(reader);
  return opened;
}

absl::StatusOr<Opened> Open(const StateOptions& options) {
  if (options.path.rfind(kS3, 0) == 0) {
    const size_t end = options.path.find_last_not_of('/');  // `s3://bucket/orders/3/`
    return OpenCheckpoint(options.path.substr(0, end + 1), options);
  }
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(options.path, error).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // `store/`
  if (std::filesystem::is_directory(path / "manifests", error)) {
    return OpenCheckpoint(path, options);
  }
  Opened opened;
  auto reader = state::StateReader::Open(path);
  if (!reader.ok()) return reader.status();
  opened.reader = *std::move(reader);
  return opened;
}

std::string StepName(state::StepId step) { return absl::StrFormat("\"%016x\"", step); }

// Null for what is none.
std::string TimeOrNull(int64_t time_ms) {
  const bool is_none = time_ms == state::kNeverExpires || time_ms == state::kNoWatermark;
  return is_none ? "null" : absl::StrCat(time_ms);
}

std::string EntryLine(const state::EntryKey& key, const state::EntryValue& value,
                      int64_t watermark_ms) {
  return absl::StrFormat(
      "{\"step\":%s,\"key\":%s,\"value_hex\":\"%s\",\"expires_at_ms\":%s,\"expired\":%s}\n",
      StepName(key.step), JsonString(key.key),
      absl::BytesToHexString({value.value.data(), value.value.size()}),
      TimeOrNull(value.expires_at_ms), value.IsSeenAt(watermark_ms) ? "false" : "true");
}

absl::Status List(const StateOptions& options, std::optional<state::StepId> step,
                  const state::StateReader& reader, std::FILE* out) {
  uint64_t shown = 0;
  const auto show = [&](const state::EntryKey& key, const state::EntryValue& value) {
    const std::string line = EntryLine(key, value, reader.point().watermark_ms);
    std::fwrite(line.data(), 1, line.size(), out);
    return ++shown != options.limit;
  };
  return step ? reader.ForEach(*step, show) : reader.ForEach(show);
}

absl::StatusOr<bool> Get(std::string_view key, state::StepId step, const state::StateReader& reader,
                         std::FILE* out) {
  bool found = false;
  const absl::Status status =
      reader.ForEach(step, [&](const state::EntryKey& entry, const state::EntryValue& value) {
        if (entry.key != key) return entry.key < key;
        found = true;
        const std::string line = EntryLine(entry, value, reader.point().watermark_ms);
        std::fwrite(line.data(), 1, line.size(), out);
        return false;
      });
  if (!status.ok()) return status;
  return found;
}

absl::Status Stats(const Opened& opened, std::FILE* out) {
  const absl::StatusOr<std::vector<state::StepFigures>> steps = opened.reader->Steps();
  if (!steps.ok()) return steps.status();
  const state::StatePoint& point = opened.reader->point();
  std::string line = absl::StrFormat(
      "{\"checkpoint\":%s,\"start_offset\":%d,\"applied_offset\":%d,\"watermark_ms\":%s,"
      "\"rule_set\":%s,\"disk_bytes\":%d,\"steps\":[",
      opened.checkpoint == 0 ? "null" : absl::StrCat(opened.checkpoint), point.start_offset,
      point.applied_offset, TimeOrNull(point.watermark_ms), JsonString(point.rule_set),
      opened.reader->disk_bytes());
  for (const state::StepFigures& step : *steps) {
    absl::StrAppendFormat(&line, "%s{\"step\":%s,\"entries\":%d,\"expired\":%d,\"bytes\":%d}",
                          line.back() == '[' ? "" : ",", StepName(step.step), step.entries,
                          step.entries_expired, step.bytes);
  }
  line += "]}\n";
  std::fwrite(line.data(), 1, line.size(), out);
  return absl::OkStatus();
}

int Failed(const absl::Status& status, std::FILE* err) {
  const std::string message(status.message());
  std::fprintf(err, "turnout state: %s\n", message.c_str());
  const bool is_theirs = absl::IsNotFound(status) || absl::IsInvalidArgument(status);
  return is_theirs ? kExitUsage : kExitFailed;
}

int Usage(const std::string& message, std::FILE* err) {
  std::fprintf(err, "turnout state: %s\n", message.c_str());
  return kExitUsage;
}

}  // namespace

int RunState(const StateOptions& options, std::FILE* out, std::FILE* err) {
  std::optional<state::StepId> step;
  if (!options.step.empty()) {
    const char* const end = options.step.data() + options.step.size();
    step.emplace();
    const auto read = std::from_chars(options.step.data(), end, *step, kStepIdBase);
    if (read.ec != std::errc() || read.ptr != end) {
      return Usage("`" + options.step + "` is no step's id (up to 16 hexadecimal digits)", err);
    }
  }
  if (options.verb == "get" && (!step || !options.key)) {
    return Usage("get asks for one entry: name it with --step ID and --key KEY", err);
  }
  const absl::StatusOr<Opened> opened = Open(options);
  if (!opened.ok()) return Failed(opened.status(), err);
  absl::Status status;
  if (options.verb == "ls") {
    status = List(options, step, *opened->reader, out);
  } else if (options.verb == "stats") {
    status = Stats(*opened, out);
  } else if (options.verb == "get") {
    const absl::StatusOr<bool> found = Get(*options.key, *step, *opened->reader, out);
    if (found.ok()) return *found ? kExitOk : kExitFailed;
    status = found.status();
  } else {
    return Usage("`" + options.verb + "` is none of ls, get and stats", err);
  }
  return status.ok() ? kExitOk : Failed(status, err);
}

}  // namespace turnout::runtime
