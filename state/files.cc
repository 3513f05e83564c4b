#include "state/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"

namespace turnout::state {
namespace {

constexpr size_t kCopyBytes = 256 * 1024;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// A file descriptor that closes itself.
class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool ok() const { return fd_ >= 0; }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

absl::Status WriteAll(const File& file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.fd(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(errno, "writing", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status Sync(const std::string& path, int flags) {
  const File file(path, flags);
  if (!file.ok()) return ErrnoStatus(errno, "opening", path);
  if (::fsync(file.fd()) != 0) return ErrnoStatus(errno, "syncing", path);
  return absl::OkStatus();
}

}  // namespace

absl::Status ErrnoStatus(int error, std::string_view doing, std::string_view path) {
  const std::string message =
      absl::StrCat(View(doing), " ", View(path), ": ", std::generic_category().message(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == ENOSPC || error == EDQUOT) {
    return absl::ResourceExhaustedError(absl::StrCat(message, " (free some of the disk)"));
  }
  return absl::UnavailableError(message);
}

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

absl::Status MakeDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  return error ? ErrnoStatus(error.value(), "making", path) : absl::OkStatus();
}

absl::Status MakeDirectoryDurably(const std::string& path) {
  std::vector<std::string> grown = {std::filesystem::path(path).parent_path()};
  while (!grown.back().empty() && !Exists(grown.back())) {
    grown.push_back(std::filesystem::path(grown.back()).parent_path());
  }
  if (absl::Status made = MakeDirectory(path); !made.ok()) return made;
  for (const std::string& directory : grown) {
    if (absl::Status synced = SyncDirectory(directory); !synced.ok()) return synced;
  }
  return absl::OkStatus();
}

absl::Status RemoveAll(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  return error ? ErrnoStatus(error.value(), "removing", path) : absl::OkStatus();
}

absl::Status Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus(errno, "renaming to", to);
  return SyncDirectory(std::filesystem::path(to).parent_path());
}

absl::Status SyncFile(const std::string& path) { return Sync(path, O_RDONLY); }

absl::Status SyncDirectory(const std::string& path) {
  return Sync(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max) {
  const File file(path, O_RDONLY);
  if (!file.ok()) return ErrnoStatus(errno, "opening", path);
  std::string bytes;
  std::vector<char> part(kCopyBytes);
  while (true) {
    const ssize_t read = ::read(file.fd(), part.data(), part.size());
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return ErrnoStatus(errno, "reading", path);
    if (read == 0) return bytes;
    bytes.append(part.data(), static_cast<size_t>(read));
    if (bytes.size() > bytes_max) {
      return absl::DataLossError(
          absl::StrCat("reading ", path, ": it has more than ", bytes_max, " bytes"));
    }
  }
}

absl::Status WriteFile(const std::string& path, std::string_view bytes) {
  const File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.ok()) return ErrnoStatus(errno, "creating", path);
  if (absl::Status status = WriteAll(file, bytes, path); !status.ok()) return status;
  if (::fsync(file.fd()) != 0) return ErrnoStatus(errno, "syncing", path);
  return absl::OkStatus();
}

absl::Status CopyFile(const std::string& from, const std::string& to,
                      absl::FunctionRef<void(std::string_view piece)> see) {
  const File source(from, O_RDONLY);
  if (!source.ok()) return ErrnoStatus(errno, "opening", from);
  const File target(to, O_WRONLY | O_CREAT | O_TRUNC);
  if (!target.ok()) return ErrnoStatus(errno, "creating", to);
  std::vector<char> part(kCopyBytes);
  while (true) {
    const ssize_t read = ::read(source.fd(), part.data(), part.size());
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return ErrnoStatus(errno, "reading", from);
    if (read == 0) return absl::OkStatus();
    const std::string_view piece(part.data(), static_cast<size_t>(read));
    see(piece);
    if (absl::Status status = WriteAll(target, piece, to); !status.ok()) return status;
  }
}

absl::Status CopyFile(const std::string& from, const std::string& to) {
  absl::Status status = CopyFile(from, to, [](std::string_view) {});
  return status.ok() ? SyncFile(to) : status;
}

bool LinkFile(const std::string& from, const std::string& to) {
  return ::link(from.c_str(), to.c_str()) == 0;
}

}  // namespace turnout::state
