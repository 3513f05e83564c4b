#include "runtime/state_command.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "router/rule_set.h"
#include "router/step.h"
#include "runtime/exit_status.h"
#include "runtime/json_text.h"
#include "runtime/real_time.h"
#include "runtime/rule_archive.h"
#include "runtime/status_json.h"
#include "runtime/temporary_directory.h"
#include "state/checkpoint.h"
#include "state/checkpoint_location.h"
#include "state/directory_checkpoint_store.h"
#include "state/state_reader.h"

namespace turnout::runtime {
namespace {

constexpr int kStepIdBase = 16;
// Somebody waits at a terminal: less than a router's patience with a store that is away.
constexpr absl::Duration kStorePatience = absl::Seconds(15);
constexpr std::string_view kS3 = "s3://";

// Which rule's a step is, and of what kind, as they stand in an answer: `,"rule":...,"kind":...`.
using StepOwners = std::map<state::StepId, std::string>;

// What is read, with what it lies in.
struct Opened {
  std::unique_ptr<TemporaryDirectory> restored;
  int64_t checkpoint = 0;
  std::unique_ptr<state::StateReader> reader;
  StepOwners owners;  // of the steps whose rules are known
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

// Of the rule set of that hash, if it is kept there; else of none.
StepOwners FindOwners(state::CheckpointStore& store, const std::string& group,
                      const std::string& rule_set) {
  StepOwners owners;
  const auto rules = RuleArchive(&store, group).Find(rule_set);
  if (!rules.ok()) return owners;
  for (const router::Team& team : (*rules)->teams()) {
    for (const router::Rule& rule : team->rules) {
      const std::string id = JsonString(absl::StrCat(team->team, "/", rule.name));
      for (const router::Step& step : rule.steps) {
        owners[step.id] =
            absl::StrFormat(",\"rule\":%s,\"kind\":\"%s\"", id, router::StepName(step.kind));
      }
    }
  }
  return owners;
}

// Of a task's checkpoints at STORE/GROUP/TOPIC/PARTITION.
StepOwners OwnersInStoreOf(const std::string& path, const StateOptions& options,
                           const std::string& rule_set) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  if (parts.size() < 4) return {};
  const std::string store_path = absl::StrJoin(parts.begin(), parts.end() - 3, "/");
  const auto store = state::MakeCheckpointStore(store_path, options.s3, RealTimeAndChance());
  return store.ok() ? FindOwners(**store, *(parts.end() - 3), rule_set) : StepOwners();
}

// Of a store at STATE_DIR/tasks/TOPIC/PARTITION, whose checkpoints lie in STATE_DIR by default.
StepOwners OwnersBesideStore(const std::filesystem::path& path, const std::string& rule_set) {
  const std::filesystem::path checkpoints =
      path.parent_path().parent_path().parent_path() / "checkpoints";
  state::DirectoryCheckpointStore store(checkpoints.string());
  std::error_code error;
  for (std::filesystem::directory_iterator group(checkpoints, error), end; !error && group != end;
       group.increment(error)) {
    StepOwners owners = FindOwners(store, group->path().filename().string(), rule_set);
    if (!owners.empty()) return owners;
  }
  return {};
}

absl::Status NoCheckpointAt(const std::string& path) {
  return absl::NotFoundError(absl::StrCat("there is no checkpoint at ", path,
                                          " (a task's are at STORE/GROUP/TOPIC/PARTITION)"));
}

absl::StatusOr<int64_t> NewestSound(state::TaskCheckpoints& checkpoints, const std::string& path) {
  const auto listed = checkpoints.List();
  if (!listed.ok()) return listed.status();
  for (auto next = listed->rbegin(); next != listed->rend(); ++next) {
    if (next->manifest.ok()) return next->sequence;
  }
  if (!listed->empty()) return listed->back().manifest.status();
  return NoCheckpointAt(path);
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
  opened.owners = OwnersInStoreOf(path, {.s3 = std::move(s3)}, opened.reader->point().rule_set);
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
  opened.owners = OwnersBesideStore(path, opened.reader->point().rule_set);
  return opened;
}

// `"step":"ID"`, and whose it is.
std::string StepFields(state::StepId step, const StepOwners& owners) {
  const auto owner = owners.find(step);
  return absl::StrFormat("\"step\":\"%016x\"%s", step, owner == owners.end() ? "" : owner->second);
}

// Null for what is none.
std::string TimeOrNull(int64_t time_ms) {
  const bool is_none = time_ms == state::kNeverExpires || time_ms == state::kNoWatermark;
  return is_none ? "null" : absl::StrCat(time_ms);
}

// What can't stand on a command line, or not as it is: bytes of no text, and NUL.
bool NeedsHex(std::string_view key) {
  return key.find('\0') != std::string_view::npos || !IsUtf8(key);
}

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString({bytes.data(), bytes.size()});
}

std::string EntryLine(const Opened& opened, const state::EntryKey& key,
                      const state::EntryValue& value) {
  std::string line =
      absl::StrFormat("{%s,\"key\":%s", StepFields(key.step, opened.owners), JsonString(key.key));
  if (NeedsHex(key.key)) absl::StrAppend(&line, ",\"key_hex\":\"", Hex(key.key), "\"");
  absl::StrAppendFormat(&line, ",\"value_hex\":\"%s\",\"expires_at_ms\":%s,\"expired\":%s}\n",
                        Hex(value.value), TimeOrNull(value.expires_at_ms),
                        value.IsSeenAt(opened.reader->point().watermark_ms) ? "false" : "true");
  return line;
}

absl::Status List(const StateOptions& options, std::optional<state::StepId> step,
                  const Opened& opened, std::FILE* out) {
  uint64_t shown = 0;
  const auto show = [&](const state::EntryKey& key, const state::EntryValue& value) {
    const std::string line = EntryLine(opened, key, value);
    std::fwrite(line.data(), 1, line.size(), out);
    return ++shown != options.limit;
  };
  return step ? opened.reader->ForEach(*step, show) : opened.reader->ForEach(show);
}

absl::StatusOr<bool> Get(std::string_view key, state::StepId step, const Opened& opened,
                         std::FILE* out) {
  bool found = false;
  const absl::Status status = opened.reader->ForEach(
      step, [&](const state::EntryKey& entry, const state::EntryValue& value) {
        if (entry.key != key) return entry.key < key;
        found = true;
        const std::string line = EntryLine(opened, entry, value);
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
    absl::StrAppendFormat(&line, "%s{%s,\"entries\":%d,\"expired\":%d,\"bytes\":%d}",
                          line.back() == '[' ? "" : ",", StepFields(step.step, opened.owners),
                          step.entries, step.entries_expired, step.bytes);
  }
  line += "]}\n";
  std::fwrite(line.data(), 1, line.size(), out);
  return absl::OkStatus();
}

std::string CheckpointLine(const state::ListedCheckpoint& one) {
  if (!one.manifest.ok()) {
    const std::string why(one.manifest.status().message());
    return absl::StrFormat("{\"checkpoint\":%d,\"damaged\":%s}\n", one.sequence, JsonString(why));
  }
  uint64_t bytes = 0;
  for (const state::CheckpointFile& file : one.manifest->files) bytes += file.bytes;
  const state::StatePoint& point = one.manifest->point;
  return absl::StrFormat(
      "{\"checkpoint\":%d,\"time\":\"%s\",\"applied_offset\":%d,\"watermark_ms\":%s,"
      "\"rule_set\":%s,\"timeline\":%s,\"bytes\":%d}\n",
      one.sequence, Timestamp(absl::FromUnixMillis(one.manifest->created_at_ms)),
      point.applied_offset, TimeOrNull(point.watermark_ms), JsonString(point.rule_set),
      JsonString(point.timeline), bytes);
}

// What state.restore.time may choose among.
absl::Status ListCheckpoints(const StateOptions& options, std::FILE* out) {
  std::string path = options.path;
  if (path.rfind(kS3, 0) != 0) path = std::filesystem::absolute(path).lexically_normal();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const absl::StatusOr<TaskLocation> location = Locate(path);
  if (!location.ok()) return location.status();
  const TemporaryDirectory scratch;
  if (scratch.path().empty()) {
    return absl::UnavailableError("no temporary directory can be made");
  }
  state::S3Options s3 = options.s3;
  s3.retry.deadline = kStorePatience;
  const auto store = state::MakeCheckpointStore(location->store, s3, RealTimeAndChance());
  if (!store.ok()) return store.status();
  const auto listed =
      state::TaskCheckpoints(store->get(), location->task, scratch.path() + "/scratch").List();
  if (!listed.ok()) return listed.status();
  if (listed->empty()) return NoCheckpointAt(path);
  for (const state::ListedCheckpoint& one : *listed) {
    const std::string line = CheckpointLine(one);
    std::fwrite(line.data(), 1, line.size(), out);
  }
  return absl::OkStatus();
}

int Failed(const absl::Status& status, std::FILE* err) {
  const std::string message(status.message());
  std::fprintf(err, "turnout state: %s\n", message.c_str());
  const bool is_theirs = absl::IsNotFound(status) || absl::IsInvalidArgument(status);
  return is_theirs ? kExitRefused : kExitFailed;
}

int NotThere(const Opened& opened, state::StepId step, const std::string& key, std::FILE* err) {
  const std::string name =
      NeedsHex(key) ? absl::StrCat("of the bytes ", Hex(key)) : absl::StrCat("`", key, "`");
  std::fprintf(err, "turnout state: step %016llx has no key %s at offset %lld\n",
               static_cast<unsigned long long>(step), name.c_str(),
               static_cast<long long>(opened.reader->point().applied_offset));
  return kExitFailed;
}

int Usage(const std::string& message, std::FILE* err) {
  std::fprintf(err, "turnout state: %s\n", message.c_str());
  return kExitRefused;
}

}  // namespace

std::optional<std::string> BytesOfHex(std::string_view text) {
  const bool is_hex = text.size() % 2 == 0 && std::all_of(text.begin(), text.end(), [](char c) {
                        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
                      });
  if (!is_hex) return std::nullopt;
  return absl::HexStringToBytes({text.data(), text.size()});
}

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
    return Usage("get asks for one entry: name it with --step ID and --key KEY or --key-hex HEX",
                 err);
  }
  if (options.verb == "checkpoints") {
    const absl::Status listed = ListCheckpoints(options, out);
    return listed.ok() ? kExitOk : Failed(listed, err);
  }
  const absl::StatusOr<Opened> opened = Open(options);
  if (!opened.ok()) return Failed(opened.status(), err);
  absl::Status status;
  if (options.verb == "ls") {
    status = List(options, step, *opened, out);
  } else if (options.verb == "stats") {
    status = Stats(*opened, out);
  } else if (options.verb == "get") {
    const absl::StatusOr<bool> found = Get(*options.key, *step, *opened, out);
    if (found.ok() && *found) return kExitOk;
    if (found.ok()) return NotThere(*opened, *step, *options.key, err);
    status = found.status();
  } else {
    return Usage("`" + options.verb + "` is none of ls, get, stats and checkpoints", err);
  }
  return status.ok() ? kExitOk : Failed(status, err);
}

}  // namespace turnout::runtime
