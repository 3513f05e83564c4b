// LineReader: lines of any size from a file, standard input or gzipped text.
//
// Reads what is there and gives out whole lines of it before it asks for more, so a reader of a
// pipe answers as lines arrive. A last line without its end counts.
//
// Errors: Open answers NotFound with the system's reason; a read that fails ends the lines, and
//   status() says why: check it after the last line.
// Lifetime: a line is valid until the next Next. Threads: one.
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace turnout::runtime {

class LineReader {
 public:
  enum class Format {
    kPlain,
    kMaybeGzip,  // by its first bytes; waits for a full buffer, so not for pipes that trickle
  };

  // "-" reads `standard_input` from where its file descriptor stands.
  static absl::StatusOr<std::unique_ptr<LineReader>> Open(const std::string& path, Format format,
                                                          std::FILE* standard_input);
  virtual ~LineReader() = default;

  // False when there is no more. The line comes without its end (`\n` or `\r\n`).
  bool Next(std::string_view* line);

  const absl::Status& status() const { return status_; }

  // Called before each wait for more, for writing out what is still buffered.
  void set_before_read(std::function<void()> call) { before_read_ = std::move(call); }

 protected:
  // Bytes read, 0 at the end; sets status_ and answers 0 when it fails.
  virtual size_t Read(char* into, size_t bytes_max) = 0;

  absl::Status status_;

 private:
  std::string buffer_;
  size_t begin_ = 0;    // of the next line in buffer_
  size_t scanned_ = 0;  // no line end before it
  bool at_end_ = false;
  std::function<void()> before_read_;
};

}  // namespace turnout::runtime
