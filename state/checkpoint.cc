#include "state/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "state/files.h"
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

// The snapshot's files: all but what RocksDB makes anew.
absl::StatusOr<std::vector<std::string>> FilesOf(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator next(directory, error), end; !error && next != end;
       next.increment(error)) {
    const std::string name = next->path().filename();
    const bool is_made_anew = name.rfind("LOG", 0) == 0 || name.rfind("OPTIONS", 0) == 0 ||
                              name == "LOCK" || name == "IDENTITY";
    if (!is_made_anew) names.push_back(name);
  }
  if (error) return ErrnoStatus(error.value(), "listing", directory);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TaskCheckpoints::TaskCheckpoints(CheckpointStore* store, std::string task, std::string scratch)
    : store_(store), task_(std::move(task)), scratch_(std::move(scratch)) {}

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

absl::StatusOr<CheckpointFile> TaskCheckpoints::Describe(const std::string& path,
                                                         const std::string& name) {
  if (const auto known = known_.find(name); known != known_.end()) return known->second;
  absl::StatusOr<FileDigest> digest = Sha256OfFile(path);
  if (!digest.ok()) return digest.status();
  return CheckpointFile{.name = name, .bytes = digest->bytes, .sha256 = digest->sha256};
}

absl::Status TaskCheckpoints::Send(const std::string& snapshot,
                                   const std::vector<CheckpointFile>& files) {
  auto objects = store_->List(task_ + kFiles);
  if (!objects.ok()) return objects.status();
  std::map<std::string, uint64_t> there;
  for (const StoredObject& object : *objects) there[object.name] = object.bytes;

  const std::string back = scratch_ + "/back";
  last_cost_ = {};
  for (const CheckpointFile& file : files) {
    ++last_cost_.files;
    last_cost_.bytes += file.bytes;
    const auto found = there.find(ObjectName(file));
    if (found != there.end() && found->second == file.bytes) continue;
    absl::Status status = store_->Put(ObjectName(file), snapshot + "/" + file.name);
    if (!status.ok()) return status;
    ++last_cost_.files_sent;
    last_cost_.bytes_sent += file.bytes;
    status = store_->Get(ObjectName(file), back);
    if (!status.ok()) return status;
    const absl::StatusOr<FileDigest> digest = Sha256OfFile(back);
    if (!digest.ok()) return digest.status();
    if (digest->sha256 != file.sha256) {
      // Under this name it would be taken for the file by the next one.
      store_->Remove(ObjectName(file)).IgnoreError();
      return absl::UnavailableError(
          absl::StrCat("the store gives back other bytes than it was sent: ", ObjectName(file)));
    }
  }
  return absl::OkStatus();
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
  absl::StatusOr<std::vector<std::string>> names = FilesOf(snapshot);
  if (!names.ok()) return names.status();
  std::map<std::string, CheckpointFile> known;
  for (const std::string& name : *names) {
    absl::StatusOr<CheckpointFile> file = Describe(snapshot + "/" + name, name);
    if (!file.ok()) return file.status();
    if (std::filesystem::path(name).extension() == ".sst") known[name] = *file;
    manifest.files.push_back(*std::move(file));
  }
  known_ = std::move(known);

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
  std::vector<ListedCheckpoint> listed;
  for (const int64_t sequence : *sequences) {
    absl::StatusOr<CheckpointManifest> manifest = ReadManifest(sequence);
    if (!manifest.ok() && !absl::IsDataLoss(manifest.status())) return manifest.status();
    listed.push_back({.sequence = sequence, .manifest = std::move(manifest)});
  }
  return listed;
}

absl::Status TaskCheckpoints::Fetch(const CheckpointManifest& manifest,
                                    const std::string& directory) {
  for (const CheckpointFile& file : manifest.files) {
    const std::string path = directory + "/" + file.name;
    const absl::Status status = store_->Get(ObjectName(file), path);
    if (absl::IsNotFound(status)) return Fault(manifest.sequence, kFileMissing, file.name);
    if (!status.ok()) return status;
    const absl::StatusOr<FileDigest> digest = Sha256OfFile(path);
    if (!digest.ok()) return digest.status();
    if (digest->bytes != file.bytes) {
      return Fault(
          manifest.sequence, kFileCut,
          absl::StrFormat("%s has %d bytes, not %d", file.name, digest->bytes, file.bytes));
    }
    if (digest->sha256 != file.sha256) return Fault(manifest.sequence, kFileDamaged, file.name);
  }
  return absl::OkStatus();
}

absl::StatusOr<CheckpointManifest> TaskCheckpoints::Restore(int64_t sequence,
                                                            const std::string& directory) {
  absl::StatusOr<CheckpointManifest> manifest = ReadManifest(sequence);
  if (!manifest.ok()) return manifest;
  const std::string aside = directory + std::string(kUnfinishedSuffix);
  if (absl::Status status = RemoveAll(aside); !status.ok()) return status;
  if (absl::Status status = MakeDirectory(aside); !status.ok()) return status;
  if (absl::Status status = Fetch(*manifest, aside); !status.ok()) return status;
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
  if (absl::Status status = SyncDirectory(aside); !status.ok()) return status;
  if (absl::Status status = RemoveAll(directory); !status.ok()) return status;
  if (absl::Status status = Rename(aside, directory); !status.ok()) return status;
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
