#include "runtime/line_reader.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace turnout::runtime {
namespace {

constexpr size_t kReadBytes = 65536;

class PlainReader : public LineReader {
 public:
  explicit PlainReader(int descriptor) : descriptor_(descriptor) {}
  ~PlainReader() override { close(descriptor_); }

 protected:
  size_t Read(char* into, size_t bytes_max) override {
    ssize_t bytes = 0;
    do {
      bytes = read(descriptor_, into, bytes_max);
    } while (bytes < 0 && errno == EINTR);
    if (bytes >= 0) return static_cast<size_t>(bytes);
    status_ = absl::DataLossError(std::strerror(errno));
    return 0;
  }

 private:
  const int descriptor_;
};

class GzipReader : public LineReader {
 public:
  explicit GzipReader(gzFile file) : file_(file) {}
  ~GzipReader() override { gzclose_r(file_); }

 protected:
  size_t Read(char* into, size_t bytes_max) override {
    const int bytes = gzread(file_, into, static_cast<unsigned>(bytes_max));
    if (bytes > 0) return static_cast<size_t>(bytes);
    // A text that is cut off reads as ended; only gzerror knows.
    int code = Z_OK;
    const char* const message = gzerror(file_, &code);
    if (code == Z_ERRNO) {
      status_ = absl::DataLossError(std::strerror(errno));
    } else if (code == Z_BUF_ERROR) {
      status_ = absl::DataLossError("the gzipped text is cut off");
    } else if (code != Z_OK) {
      status_ = absl::DataLossError(message);
    }
    return 0;
  }

 private:
  const gzFile file_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LineReader>> LineReader::Open(const std::string& path, Format format,
                                                             std::FILE* standard_input) {
  const int descriptor = path == "-" ? fcntl(fileno(standard_input), F_DUPFD_CLOEXEC, 0)
                                     : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::NotFoundError(std::strerror(errno));
  if (format == Format::kPlain) return std::make_unique<PlainReader>(descriptor);
  const gzFile file = gzdopen(descriptor, "rb");
  if (file == nullptr) {
    close(descriptor);
    return absl::ResourceExhaustedError("no memory to read it");
  }
  return std::make_unique<GzipReader>(file);
}

bool LineReader::Next(std::string_view* line) {
  while (true) {
    const size_t end = buffer_.find('\n', scanned_);
    if (end != std::string::npos || (at_end_ && begin_ < buffer_.size())) {
      *line = std::string_view(buffer_).substr(begin_, end - begin_);
      if (end != std::string::npos && !line->empty() && line->back() == '\r') {
        line->remove_suffix(1);
      }
      begin_ = scanned_ = end == std::string::npos ? buffer_.size() : end + 1;
      return true;
    }
    if (at_end_) return false;
    buffer_.erase(0, begin_);
    begin_ = 0;
    scanned_ = buffer_.size();
    if (before_read_) before_read_();
    buffer_.resize(scanned_ + kReadBytes);
    const size_t bytes = Read(buffer_.data() + scanned_, kReadBytes);
    buffer_.resize(scanned_ + bytes);
    at_end_ = bytes == 0;
    if (!status_.ok()) return false;
  }
}

}  // namespace turnout::runtime
