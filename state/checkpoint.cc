#include "state/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "state/checkpoint_files.h"
#include "state/files.h"
#include "state/parallel.h"
#include "state/sha256.h"
#include "state/state_reader.h"

namespace turnout::state {
namespace {

constexpr char kManifests[] = "/manifests/";
constexpr char kFiles[] = "/files/";
constexpr size_t kSequenceDigits = 19;  // of the largest int64_t: names sort as numbers

absl::Status Fault(int64_t sequence, std::string_view fault, absl::string_view what) {
  return absl::DataLossError(absl::StrFormat(
      "%s: checkpoint %d: %s", absl::string_view(fault.data(), fault.size()), sequence, what));
}

std::optional<uint64_t> SizeOf(const std::string& path) {
  std::error_code error;
  const uint64_t bytes = std::filesystem::file_size(path, error);
  if (error) return std::nullopt;
  return bytes;
}

}  // namespace

TaskCheckpoints::TaskCheckpoints(CheckpointStore* store, std::string task, std::string scratch,
                                 int transfers_max)
    : store_(store),
      task_(std::move(task)),
      scratch_(std::move(scratch)),
      transfers_max_(transfers_max) {}

std::string TaskCheckpoints::ManifestName(int64_t sequence) const {
  return absl::StrFormat("%s%s%0*d", task_, kManifests, static_cast<int>(kSequenceDigits),
                         sequence);
}

std::string TaskCheckpoints::ObjectName(const CheckpointFile& file) const {
  return task_ + kFiles + file.sha256;
}

absl::StatusOr<std::vector<int64_t>> TaskCheckpoints::Sequences() {
  const std::string prefix = task_ + kManifests;
  auto objects = store_->List(prefix);
  if (!objects.ok()) return objects.status();
  std::vector<int64_t> sequences;
  for (const StoredObject& object : *objects) {
    int64_t sequence = 0;
    const std::string digits = object.name.substr(prefix.size());
    // Others are unfinished ones, or none of ours.
    if (digits.size() == kSequenceDigits && absl::SimpleAtoi(digits, &sequence)) {
      sequences.push_back(sequence);
    }
  }
  return sequences;
}

absl::StatusOr<CheckpointManifest> TaskCheckpoints::ReadManifest(int64_t sequence) {
  absl::StatusOr<std::string> text = store_->Read(ManifestName(sequence), kManifestBytesMax);
  if (absl::IsNotFound(text.status())) {
    return Fault(sequence, kManifestMissing, "there is no such checkpoint");
  }
  if (absl::IsDataLoss(text.status())) {
    return Fault(sequence, kManifestDamaged, text.status().message());
  }
  if (!text.ok()) return text.status();
  absl::StatusOr<CheckpointManifest> manifest = DecodeManifest(*text);
  if (manifest.ok() && manifest->sequence != sequence) {
    return Fault(sequence, kManifestDamaged, "it says that it is another one");
  }
  return manifest;
}

absl::StatusOr<std::vector<CheckpointFile>> TaskCheckpoints::Describe(const std::string& snapshot) {
  const absl::StatusOr<std::vector<std::string>> names = ListSnapshot(snapshot);
  if (!names.ok()) return names.status();
  std::vector<CheckpointFile> files(names->size());
  const absl::Status described = ForEachInParallel(files.size(), transfers_max_, [&](size_t i) {
    const std::string& name = (*names)[i];
    if (const auto known = known_.find(name); known != known_.end()) {
      files[i] = known->second;
      return absl::OkStatus();
    }
    absl::StatusOr<CheckpointFile> file = DescribeFile(snapshot, name);
    if (!file.ok()) return file.status();
    files[i] = *std::move(file);
    return absl::OkStatus();
  });
  if (!described.ok()) return described;
  Remember(files);
  return files;
}

// The tables among the files of the store as it is now.
void TaskCheckpoints::Remember(const std::vector<CheckpointFile>& files) {
  known_.clear();
  for (const CheckpointFile& file : files) {
    if (IsTable(file.name)) known_[file.name] = file;
  }
}

absl::Status TaskCheckpoints::Send(const std::string& snapshot,
                                   const std::vector<CheckpointFile>& files) {
  auto objects = store_->List(task_ + kFiles);
  if (!objects.ok()) return objects.status();
  std::map<std::string, uint64_t> there;
  for (const StoredObject& object : *objects) there[object.name] = object.bytes;

  last_cost_ = {};
  std::vector<const CheckpointFile*> missing;
  for (const CheckpointFile& file : files) {
    ++last_cost_.files;
    last_cost_.bytes += file.bytes;
    const auto found = there.find(ObjectName(file));
    if (found != there.end() && found->second == file.bytes) continue;
    missing.push_back(&file);
    ++last_cost_.files_sent;
    last_cost_.bytes_sent += file.bytes;
  }
  return ForEachInParallel(missing.size(), transfers_max_, [&](size_t i) {
    const CheckpointFile& file = *missing[i];
    return SendFile(store_, ObjectName(file), snapshot + "/" + file.name,
                    {file.bytes, file.sha256});
  });
}

absl::StatusOr<bool> TaskCheckpoints::AllThere(const CheckpointManifest& manifest) {
  auto objects = store_->List(task_ + kFiles);
  if (!objects.ok()) return objects.status();
  std::set<std::string> there;
  for (const StoredObject& object : *objects) there.insert(object.name);
  return std::all_of(manifest.files.begin(), manifest.files.end(),
                     [&](const CheckpointFile& file) { return there.count(ObjectName(file)) > 0; });
}

absl::StatusOr<CheckpointManifest> TaskCheckpoints::Take(TaskStore* state, int64_t created_at_ms) {
  const absl::StatusOr<std::vector<int64_t>> sequences = Sequences();
  if (!sequences.ok()) return sequences.status();
  const std::string snapshot = scratch_ + "/snapshot";
  if (absl::Status status = RemoveAll(scratch_); !status.ok()) return status;
  if (absl::Status status = MakeDirectory(scratch_); !status.ok()) return status;
  if (absl::Status status = state->Snapshot(snapshot); !status.ok()) return status;

  CheckpointManifest manifest{.sequence = sequences->empty() ? 1 : sequences->back() + 1,
                              .created_at_ms = created_at_ms};
  {
    auto reader = StateReader::Open(snapshot);
    if (!reader.ok()) return reader.status();
    manifest.point = (*reader)->point();
  }
  absl::StatusOr<std::vector<CheckpointFile>> files = Describe(snapshot);
  if (!files.ok()) return files.status();
  manifest.files = *std::move(files);

  if (absl::Status status = Send(snapshot, manifest.files); !status.ok()) return status;
  const absl::StatusOr<bool> published =
      store_->PutIfAbsent(ManifestName(manifest.sequence), EncodeManifest(manifest));
  if (!published.ok()) return published.status();
  if (!*published) {
    return absl::AbortedError(absl::StrFormat(
        "another owner of %s published checkpoint %d meanwhile", task_, manifest.sequence));
  }
  // Another owner may have pruned a file that no manifest named when it looked.
  const absl::StatusOr<bool> there = AllThere(manifest);
  if (!there.ok()) return there.status();
  if (!*there) {
    store_->Remove(ManifestName(manifest.sequence)).IgnoreError();
    return absl::AbortedError(absl::StrFormat("another owner of %s removed files of checkpoint %d",
                                              task_, manifest.sequence));
  }
  if (absl::Status status = RemoveAll(scratch_); !status.ok()) return status;
  return manifest;
}

absl::StatusOr<std::vector<ListedCheckpoint>> TaskCheckpoints::List() {
  const absl::StatusOr<std::vector<int64_t>> sequences = Sequences();
  if (!sequences.ok()) return sequences.status();
  std::vector<ListedCheckpoint> listed(sequences->size());
  const absl::Status read = ForEachInParallel(listed.size(), transfers_max_, [&](size_t i) {
    listed[i].sequence = (*sequences)[i];
    listed[i].manifest = ReadManifest(listed[i].sequence);
    const absl::Status& status = listed[i].manifest.status();
    return absl::IsDataLoss(status) ? absl::OkStatus() : status;
  });
  if (!read.ok()) return read;
  return listed;
}

absl::Status TaskCheckpoints::Fetch(const CheckpointManifest& manifest, const std::string& replaced,
                                    const std::string& directory) {
  uint64_t bytes = 0;
  for (const CheckpointFile& file : manifest.files) bytes += file.bytes;
  restore_bytes_done_ = 0;
  restore_bytes_ = bytes;
  const absl::Status fetched =
      ForEachInParallel(manifest.files.size(), transfers_max_, [&](size_t i) {
        const CheckpointFile& file = manifest.files[i];
        absl::Status status = FetchOne(manifest.sequence, file, replaced, directory);
        restore_bytes_done_ += file.bytes;
        return status;
      });
  restore_bytes_ = 0;
  return fetched;
}

// From the store that is replaced, if it has the very same; RocksDB never writes into a table, so
// two names may share one. Else from the checkpoints.
absl::Status TaskCheckpoints::FetchOne(int64_t sequence, const CheckpointFile& file,
                                       const std::string& replaced, const std::string& directory) {
  const FileDigest wanted{file.bytes, file.sha256};
  const std::string path = directory + "/" + file.name;
  const std::string local = replaced + "/" + file.name;
  if (IsTable(file.name) && SizeOf(local) == file.bytes) {
    const absl::StatusOr<FileDigest> digest = Sha256OfFile(local);
    if (digest.ok() && *digest == wanted && LinkFile(local, path)) return absl::OkStatus();
  }
  const absl::StatusOr<FileDigest> fetched = store_->Get(ObjectName(file), path);
  if (absl::IsNotFound(fetched.status())) return Fault(sequence, kFileMissing, file.name);
  if (!fetched.ok()) return fetched.status();
  if (fetched->bytes != file.bytes) {
    return Fault(sequence, kFileCut,
                 absl::StrFormat("%s has %d bytes, not %d", file.name, fetched->bytes, file.bytes));
  }
  if (*fetched != wanted) return Fault(sequence, kFileDamaged, file.name);
  return absl::OkStatus();
}

absl::StatusOr<CheckpointManifest> TaskCheckpoints::Restore(int64_t sequence,
                                                            const std::string& directory) {
  absl::StatusOr<CheckpointManifest> manifest = ReadManifest(sequence);
  if (!manifest.ok()) return manifest;
  const std::string aside = directory + std::string(kUnfinishedSuffix);
  if (absl::Status status = RemoveAll(aside); !status.ok()) return status;
  if (absl::Status status = MakeDirectory(aside); !status.ok()) return status;
  if (absl::Status status = Fetch(*manifest, directory, aside); !status.ok()) return status;
  {
    auto reader = StateReader::Open(aside);
    if (!reader.ok()) return Fault(sequence, kNotOpening, reader.status().message());
    if ((*reader)->point() != manifest->point) {
      return Fault(
          sequence, kPointDiffers,
          absl::StrFormat("%d in the files, %d in the manifest", (*reader)->point().applied_offset,
                          manifest->point.applied_offset));
    }
  }
  if (absl::Status status = RemoveAll(directory); !status.ok()) return status;
  if (absl::Status status = Rename(aside, directory); !status.ok()) return status;
  Remember(manifest->files);
  return manifest;
}

absl::StatusOr<PruneResult> TaskCheckpoints::Prune(const PrunePolicy& policy, int64_t now_ms) {
  absl::StatusOr<std::vector<ListedCheckpoint>> listed = List();
  if (!listed.ok()) return listed.status();
  // Files are listed before manifests are removed: what is published later is younger.
  auto objects = store_->List(task_ + "/");
  if (!objects.ok()) return objects.status();

  PruneResult result;
  std::set<std::string> kept;
  std::set<std::string> removed;
  // Only sound ones count as kept: a damaged one is no reason to let go of an older one.
  size_t sound = 0;
  for (auto next = listed->rbegin(); next != listed->rend(); ++next) {
    const bool is_sound = next->manifest.ok();
    const bool is_old = is_sound && next->manifest->created_at_ms < now_ms - policy.age_ms_max;
    const bool keep = sound < policy.count_min || (sound < policy.count_max && !is_old);
    if (keep) {
      kept.insert(ManifestName(next->sequence));
      if (!is_sound) continue;
      ++sound;
      for (const CheckpointFile& file : next->manifest->files) kept.insert(ObjectName(file));
      continue;
    }
    if (absl::Status status = store_->Remove(ManifestName(next->sequence)); !status.ok()) {
      return status;
    }
    ++result.checkpoints_removed;
    removed.insert(ManifestName(next->sequence));
  }
  for (const StoredObject& object : *objects) {
    if (kept.count(object.name) > 0 || removed.count(object.name) > 0) continue;
    if (object.modified_ms > now_ms - policy.unreferenced_age_ms_max) continue;
    if (absl::Status status = store_->Remove(object.name); !status.ok()) return status;
    ++result.objects_removed;
  }
  return result;
}

}  // namespace turnout::state
