#include "state/directory_checkpoint_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "state/files.h"

namespace turnout::state {
namespace {

// A new empty file beside `path` that no other process uses, whichever machine it runs on.
absl::StatusOr<std::string> NewUnfinished(const std::string& path) {
  const absl::Status made = MakeDirectory(std::filesystem::path(path).parent_path());
  if (!made.ok()) return made;
  std::string name = path + ".XXXXXX" + std::string(kUnfinishedSuffix);
  const int fd = ::mkostemps(name.data(), static_cast<int>(kUnfinishedSuffix.size()), O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "creating", name);
  ::fchmod(fd, 0644);
  ::close(fd);
  return name;
}

}  // namespace

DirectoryCheckpointStore::DirectoryCheckpointStore(std::string directory)
    : directory_(std::move(directory)) {}

std::string DirectoryCheckpointStore::PathOf(std::string_view name) const {
  return directory_ + "/" + std::string(name);
}

absl::StatusOr<std::vector<StoredObject>> DirectoryCheckpointStore::List(std::string_view prefix) {
  // The directory that all of them lie in.
  const size_t slash = prefix.rfind('/');
  const std::string below =
      slash == std::string_view::npos ? directory_ : PathOf(prefix.substr(0, slash));
  std::vector<StoredObject> objects;
  std::error_code error;
  std::filesystem::recursive_directory_iterator next(below, error);
  for (; !error && next != std::filesystem::recursive_directory_iterator(); next.increment(error)) {
    const std::string path = next->path();
    struct stat facts = {};
    if (::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;  // or just removed
    const std::string name = path.substr(directory_.size() + 1);
    if (name.compare(0, prefix.size(), prefix) != 0) continue;
    objects.push_back(
        {.name = name,
         .bytes = static_cast<uint64_t>(facts.st_size),
         .modified_ms = int64_t{facts.st_mtim.tv_sec} * 1000 + facts.st_mtim.tv_nsec / 1'000'000});
  }
  if (error && error.value() != ENOENT) return ErrnoStatus(error.value(), "listing", below);
  std::sort(objects.begin(), objects.end(),
            [](const StoredObject& a, const StoredObject& b) { return a.name < b.name; });
  return objects;
}

absl::Status DirectoryCheckpointStore::Put(std::string_view name, const std::string& local_path) {
  absl::StatusOr<std::string> unfinished = NewUnfinished(PathOf(name));
  if (!unfinished.ok()) return unfinished.status();
  absl::Status status = CopyFile(local_path, *unfinished);
  if (status.ok()) status = Rename(*unfinished, PathOf(name));
  if (!status.ok()) ::unlink(unfinished->c_str());
  return status;
}

absl::StatusOr<bool> DirectoryCheckpointStore::PutIfAbsent(std::string_view name,
                                                           std::string_view bytes) {
  const std::string path = PathOf(name);
  absl::StatusOr<std::string> unfinished = NewUnfinished(path);
  if (!unfinished.ok()) return unfinished.status();
  absl::Status status = WriteFile(*unfinished, bytes);
  bool is_new = true;
  if (status.ok() && ::link(unfinished->c_str(), path.c_str()) != 0) {
    is_new = errno != EEXIST;
    if (is_new) status = ErrnoStatus(errno, "linking", path);
  }
  ::unlink(unfinished->c_str());
  if (status.ok()) status = SyncDirectory(std::filesystem::path(path).parent_path());
  if (!status.ok()) return status;
  return is_new;
}

absl::StatusOr<FileDigest> DirectoryCheckpointStore::Get(std::string_view name,
                                                         const std::string& local_path) {
  DigestStream digest;
  const absl::Status status =
      CopyFile(PathOf(name), local_path, [&](std::string_view piece) { digest.Add(piece); });
  if (!status.ok()) return status;
  return digest.Finish();
}

absl::StatusOr<FileDigest> DirectoryCheckpointStore::Digest(std::string_view name) {
  return Sha256OfFile(PathOf(name));
}

absl::StatusOr<std::string> DirectoryCheckpointStore::Read(std::string_view name,
                                                           size_t bytes_max) {
  return ReadFile(PathOf(name), bytes_max);
}

absl::Status DirectoryCheckpointStore::Remove(std::string_view name) {
  const std::string path = PathOf(name);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, "removing", path);
  return absl::OkStatus();
}

}  // namespace turnout::state
