// TempStream: a FILE that a test fills for a command to read, or reads after a command has written.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace turnout::support {

class TempStream {
 public:
  explicit TempStream(std::string_view text = {}) : file_(std::tmpfile()) {
    if (!text.empty()) std::fwrite(text.data(), 1, text.size(), file_);
    std::fflush(file_);
    std::rewind(file_);
  }
  ~TempStream() { std::fclose(file_); }
  TempStream(const TempStream&) = delete;
  TempStream& operator=(const TempStream&) = delete;

  std::FILE* get() const { return file_; }

  // All that was written.
  std::string text() const {
    std::fflush(file_);
    std::rewind(file_);
    std::string all;
    char part[4096];
    for (size_t bytes = 0; (bytes = std::fread(part, 1, sizeof part, file_)) > 0;) {
      all.append(part, bytes);
    }
    return all;
  }

 private:
  std::FILE* const file_;
};

}  // namespace turnout::support
