#include "state/document_backup.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "state/checkpoint_files.h"
#include "state/files.h"
#include "state/sealed_text.h"

namespace turnout::state {
namespace {

constexpr std::string_view kBackups = "backups/";
constexpr std::string_view kManifest = "/manifest";
constexpr absl::string_view kFormatLine = "turnout-documents 1";
constexpr absl::string_view kHoldsWord = "holds ";
constexpr absl::string_view kFileWord = "file ";
constexpr size_t kManifestBytesMax = size_t{8} << 20;

struct Manifest {
  std::string holds;
  std::vector<CheckpointFile> files;
};

absl::Status CheckName(std::string_view name) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const auto may_be = [&](char c) { return is_plain(c) || c == '.' || c == '_' || c == '-'; };
  if (!name.empty() && name.size() <= kBackupNameBytesMax && is_plain(name[0]) &&
      std::all_of(name.begin(), name.end(), may_be)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "a backup can't have this name; give 1 to %d of a-z, 0-9, `.`, `_` and `-`, a letter or "
      "digit first",
      kBackupNameBytesMax));
}

std::string Below(std::string_view name) { return std::string(kBackups) + std::string(name); }

std::string ManifestName(std::string_view name) { return Below(name) + std::string(kManifest); }

std::string ObjectName(std::string_view name, const CheckpointFile& file) {
  return Below(name) + "/files/" + file.sha256;
}

absl::Status Taken(std::string_view name) {
  return absl::InvalidArgumentError(
      absl::StrFormat("there is a backup `%s` already; give another name", name));
}

absl::Status Fault(std::string_view name, absl::string_view what) {
  return absl::DataLossError(
      absl::StrFormat("the backup `%s` is not whole: %s; restore another one", name, what));
}

std::string Encode(const Manifest& manifest) {
  std::string text = absl::StrCat(kFormatLine, "\n", kHoldsWord, manifest.holds, "\n");
  for (const CheckpointFile& file : manifest.files) {
    absl::StrAppend(&text, kFileWord, FileLine(file), "\n");
  }
  return SealText(std::move(text));
}

absl::StatusOr<Manifest> ReadManifest(CheckpointStore* from, std::string_view name) {
  const absl::StatusOr<std::string> sealed = from->Read(ManifestName(name), kManifestBytesMax);
  if (absl::IsNotFound(sealed.status())) {
    return absl::NotFoundError(absl::StrFormat("there is no backup `%s`", name));
  }
  if (!sealed.ok()) return sealed.status();
  const absl::StatusOr<std::string_view> text = OpenSealed(*sealed);
  if (!text.ok()) return Fault(name, absl::StrCat("manifest: ", text.status().message()));
  const std::vector<absl::string_view> lines =
      absl::StrSplit(absl::string_view(text->data(), text->size()), '\n', absl::SkipEmpty());
  if (lines.size() < 2 || lines[0] != kFormatLine) {
    return Fault(name, "its manifest is of a format that this version doesn't read");
  }
  Manifest manifest;
  absl::string_view holds = lines[1];
  bool is_sound = absl::ConsumePrefix(&holds, kHoldsWord);
  manifest.holds = std::string(holds);
  for (size_t i = 2; i < lines.size() && is_sound; ++i) {
    absl::string_view line = lines[i];
    is_sound =
        absl::ConsumePrefix(&line, kFileWord) && ReadFileLine(line, &manifest.files.emplace_back());
  }
  if (!is_sound) return Fault(name, "a line of its manifest makes no sense");
  return manifest;
}

// Reads all of the store there, and opens it.
absl::StatusOr<std::string> Examine(const std::string& directory, DescribeDocuments describe) {
  const absl::StatusOr<std::unique_ptr<DocumentStore>> store = DocumentStore::OpenToRead(directory);
  if (!store.ok()) return store.status();
  if (absl::Status verified = (*store)->Verify(); !verified.ok()) return verified;
  return describe((*store)->View());
}

absl::StatusOr<std::string> Copy(const std::string& snapshot, CheckpointStore* to,
                                 std::string_view name, DescribeDocuments describe) {
  absl::StatusOr<std::string> holds = Examine(snapshot, describe);
  if (!holds.ok()) return holds;
  Manifest manifest{.holds = *holds};
  const absl::StatusOr<std::vector<std::string>> names = ListSnapshot(snapshot);
  if (!names.ok()) return names.status();
  for (const std::string& file_name : *names) {
    absl::StatusOr<CheckpointFile> file = DescribeFile(snapshot, file_name);
    if (!file.ok()) return file.status();
    const absl::Status sent = SendFile(to, ObjectName(name, *file), snapshot + "/" + file_name,
                                       {file->bytes, file->sha256});
    if (!sent.ok()) return sent;
    manifest.files.push_back(*std::move(file));
  }
  const absl::StatusOr<bool> published = to->PutIfAbsent(ManifestName(name), Encode(manifest));
  if (!published.ok()) return published.status();
  if (!*published) return Taken(name);
  return holds;
}

absl::Status Fetch(CheckpointStore* from, std::string_view name, const Manifest& manifest,
                   const std::string& directory) {
  for (const CheckpointFile& file : manifest.files) {
    const std::string path = directory + "/" + file.name;
    const absl::StatusOr<FileDigest> fetched = from->Get(ObjectName(name, file), path);
    if (absl::IsNotFound(fetched.status())) {
      return Fault(name, absl::StrCat(file.name, " is missing"));
    }
    if (!fetched.ok()) return fetched.status();
    if (*fetched != FileDigest{file.bytes, file.sha256}) {
      return Fault(name, absl::StrCat(file.name, " is damaged"));
    }
    if (absl::Status synced = SyncFile(path); !synced.ok()) return synced;
  }
  return SyncDirectory(directory);
}

absl::StatusOr<std::string> FetchAndExamine(CheckpointStore* from, std::string_view name,
                                            const std::string& directory,
                                            DescribeDocuments describe) {
  const absl::StatusOr<Manifest> manifest = ReadManifest(from, name);
  if (!manifest.ok()) return manifest.status();
  if (absl::Status made = MakeDirectoryDurably(directory); !made.ok()) return made;
  if (absl::Status fetched = Fetch(from, name, *manifest, directory); !fetched.ok()) {
    return fetched;
  }
  absl::StatusOr<std::string> holds = Examine(directory, describe);
  if (absl::IsDataLoss(holds.status())) return Fault(name, holds.status().message());
  if (holds.ok() && *holds != manifest->holds) {
    return Fault(name, absl::StrCat("it holds ", *holds, ", not ", manifest->holds));
  }
  return holds;
}

}  // namespace

absl::StatusOr<std::string> BackUpDocuments(const DocumentStore& store, const std::string& scratch,
                                            CheckpointStore* to, std::string_view name,
                                            DescribeDocuments describe) {
  if (absl::Status checked = CheckName(name); !checked.ok()) return checked;
  const auto there = to->List(ManifestName(name));
  if (!there.ok()) return there.status();
  if (!there->empty()) return Taken(name);
  if (absl::Status removed = RemoveAll(scratch); !removed.ok()) return removed;
  const absl::Status made = store.Snapshot(scratch);
  absl::StatusOr<std::string> holds = made.ok() ? Copy(scratch, to, name, describe) : made;
  const absl::Status removed = RemoveAll(scratch);
  if (holds.ok() && !removed.ok()) return removed;
  return holds;
}

absl::StatusOr<std::string> RestoreDocuments(CheckpointStore* from, std::string_view name,
                                             const std::string& directory,
                                             DescribeDocuments describe) {
  if (absl::Status checked = CheckName(name); !checked.ok()) return checked;
  if (Exists(directory)) {
    return absl::FailedPreconditionError(
        absl::StrCat(directory, " is there already; move it away, or give another place"));
  }
  const std::string aside = directory + std::string(kUnfinishedSuffix);
  if (absl::Status removed = RemoveAll(aside); !removed.ok()) return removed;
  absl::StatusOr<std::string> holds = FetchAndExamine(from, name, aside, describe);
  absl::Status status = holds.status();
  if (status.ok()) status = Rename(aside, directory);
  if (status.ok()) return holds;
  RemoveAll(aside).IgnoreError();
  return status;
}

absl::StatusOr<std::vector<std::string>> ListDocumentBackups(CheckpointStore* in) {
  absl::StatusOr<std::vector<StoredObject>> objects = in->List(kBackups);
  if (!objects.ok()) return objects.status();
  std::stable_sort(
      objects->begin(), objects->end(),
      [](const StoredObject& a, const StoredObject& b) { return a.modified_ms < b.modified_ms; });
  std::vector<std::string> names;
  for (const StoredObject& object : *objects) {
    if (!object.name.ends_with(kManifest)) continue;
    const std::string name = object.name.substr(
        kBackups.size(), object.name.size() - kBackups.size() - kManifest.size());
    if (CheckName(name).ok()) names.push_back(name);
  }
  return names;
}

absl::StatusOr<std::vector<std::string>> ListUnfinishedDocumentBackups(CheckpointStore* in) {
  const absl::StatusOr<std::vector<StoredObject>> objects = in->List(kBackups);
  if (!objects.ok()) return objects.status();
  std::set<std::string> names;
  std::set<std::string> whole;
  for (const StoredObject& object : *objects) {
    const std::string name = object.name.substr(
        kBackups.size(), object.name.find('/', kBackups.size()) - kBackups.size());
    if (!CheckName(name).ok()) continue;
    names.insert(name);
    if (object.name == ManifestName(name)) whole.insert(name);
  }
  std::vector<std::string> unfinished;
  std::set_difference(names.begin(), names.end(), whole.begin(), whole.end(),
                      std::back_inserter(unfinished));
  return unfinished;
}

absl::StatusOr<uint64_t> BytesOfDocumentBackup(CheckpointStore* in, std::string_view name) {
  const absl::StatusOr<std::vector<StoredObject>> objects = in->List(Below(name) + "/");
  if (!objects.ok()) return objects.status();
  uint64_t bytes = 0;
  for (const StoredObject& object : *objects) bytes += object.bytes;
  return bytes;
}

absl::Status RemoveDocumentBackup(CheckpointStore* in, std::string_view name) {
  if (absl::Status checked = CheckName(name); !checked.ok()) return checked;
  if (absl::Status removed = in->Remove(ManifestName(name)); !removed.ok()) return removed;
  const absl::StatusOr<std::vector<StoredObject>> objects = in->List(Below(name) + "/");
  if (!objects.ok()) return objects.status();
  for (const StoredObject& object : *objects) {
    if (absl::Status removed = in->Remove(object.name); !removed.ok()) return removed;
  }
  return absl::OkStatus();
}

}  // namespace turnout::state
