#include "state/s3_download.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "state/files.h"

namespace turnout::state {
namespace {

class Download {
 public:
  // An empty path: into no file.
  Download(S3Connection* s3, const std::string& key, const std::string& path)
      : s3_(s3),
        key_(key),
        path_(path),
        fd_(path.empty() ? -1
                         : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {}
  ~Download() {
    if (fd_ >= 0) ::close(fd_);
  }
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  absl::StatusOr<FileDigest> Run() {
    if (has_file() && fd_ < 0) return ErrnoStatus(errno, "creating", path_);
    const absl::Status status = Fetch();
    if (status.ok()) return digest_.Finish();
    if (has_file()) ::unlink(path_.c_str());
    return status;
  }

 private:
  bool has_file() const { return !path_.empty(); }

  absl::Status Fetch() {
    std::optional<Backoff> backoff;
    uint64_t furthest = 0;
    while (true) {
      const absl::Status status = AskForTheRest();
      const bool is_another =
          received_ > 0 && (absl::IsFailedPrecondition(status) || absl::IsOutOfRange(status));
      if (is_another) {
        if (absl::Status begun = BeginAnew(); !begun.ok()) return begun;
      } else if (!absl::IsUnavailable(status) || is_local_) {
        return status;
      }
      if (!backoff.has_value() || received_ > furthest) {
        backoff.emplace(&s3_->time(), s3_->options().retry);
      }
      furthest = std::max(furthest, received_);
      if (!backoff->Wait()) {
        return absl::UnavailableError(absl::StrCat(
            status.message(), " (tried ", backoff->waits() + 1, " times since the last byte)"));
      }
    }
  }

  absl::Status AskForTheRest() {
    S3Call call{
        .method = "GET",
        .key = key_,
        .sink = [this](std::string_view piece) { return Write(piece); },
        .on_headers = [this](int status,
                             const HttpHeaders& headers) { return Begin(status, headers); }};
    if (received_ > 0) {
      call.headers = {{"range", absl::StrCat("bytes=", received_, "-")}, {"if-match", etag_}};
    }
    return s3_->Attempt(call, S3Connection::kTransferTimeout).status();
  }

  // Before the body: is it the rest of what is here?
  absl::Status Begin(int status, const HttpHeaders& headers) {
    const std::string_view etag = HeaderOf(headers, "etag");
    if (status == 200) {
      if (absl::Status begun = BeginAnew(); !begun.ok()) return begun;
      etag_ = std::string(etag);
      return absl::OkStatus();
    }
    const std::string_view range = HeaderOf(headers, "content-range");
    if (status != 206 || received_ == 0 || etag != etag_ ||
        !absl::StartsWith(absl::string_view(range.data(), range.size()),
                          absl::StrCat("bytes ", received_, "-"))) {
      received_ = 0;  // the next one asks for all of it
      return absl::UnavailableError(
          absl::StrCat("GET ", key_, ": the answer is not the rest of what was asked for"));
    }
    return absl::OkStatus();
  }

  absl::Status BeginAnew() {
    received_ = 0;
    digest_ = DigestStream();
    if (has_file() && ::ftruncate(fd_, 0) != 0) {
      return Local(ErrnoStatus(errno, "truncating", path_));
    }
    return absl::OkStatus();
  }

  absl::Status Write(std::string_view piece) {
    digest_.Add(piece);
    if (!has_file()) {
      received_ += piece.size();
      return absl::OkStatus();
    }
    while (!piece.empty()) {
      const ssize_t written =
          ::pwrite(fd_, piece.data(), piece.size(), static_cast<off_t>(received_));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Local(ErrnoStatus(errno, "writing", path_));
      received_ += static_cast<uint64_t>(written);
      piece.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  // An error of this machine: asking the store again is of no use.
  absl::Status Local(absl::Status status) {
    is_local_ = true;
    return status;
  }

  S3Connection* const s3_;
  const std::string key_;
  const std::string path_;
  const int fd_;
  DigestStream digest_;  // of what was received
  uint64_t received_ = 0;
  std::string etag_;
  bool is_local_ = false;
};

}  // namespace

absl::StatusOr<FileDigest> DownloadFile(S3Connection* s3, const std::string& key,
                                        const std::string& path) {
  return Download(s3, key, path).Run();
}

absl::StatusOr<FileDigest> DigestObject(S3Connection* s3, const std::string& key) {
  return Download(s3, key, "").Run();
}

}  // namespace turnout::state
