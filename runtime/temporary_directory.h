// TemporaryDirectory: a directory of one's own below TMPDIR, gone with all that is in it at the
// end.
//
// Threads: one.
#pragma once

#include <string>

namespace turnout::runtime {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  // Empty if it could not be made.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace turnout::runtime
