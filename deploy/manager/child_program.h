// ChildProgram: a program that runs beside this one and ends with it: what it writes is read here.
//
// The kernel kills it when the thread that has started it ends, so that is to be one which lives
// as long as the process. It has no file of ours open but both pipes; a crash of it hurts nobody.
//
// Errors: ResourceExhausted, Unavailable of Start.
// Threads: one, the one that starts it. Lifetime: destroying it kills it, and waits for its end.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace turnout::manager {

class ChildProgram {
 public:
  static constexpr size_t kErrBytesMax = 16u << 10;  // the last ones

  // `words`: the path of the program, and its arguments.
  static absl::StatusOr<std::unique_ptr<ChildProgram>> Start(const std::vector<std::string>& words);
  ~ChildProgram();
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;

  // For poll; -1 once they are closed.
  int out() const { return out_; }
  int err() const { return err_; }

  // Takes what has come, waiting for nothing.
  void Read();
  // What has come to standard output since it was last asked: whole lines, or all.
  std::vector<std::string> TakeLines();
  std::string TakeOut();
  size_t out_bytes() const { return out_text_.size(); }
  // The line of standard error that says why it ended; else the last one. Empty: it said nothing.
  std::string WhyEnded() const;

  void Signal(int signal);
  // What it ended with, 128 and more by a signal; nullopt: it has not, or there may be more to
  // read.
  std::optional<int> Ended();

 private:
  ChildProgram(int pid, int out, int err) : pid_(pid), out_(out), err_(err) {}

  int pid_;  // 0: it has ended
  int out_;
  int err_;
  int status_ = 0;
  std::string out_text_;
  std::string err_text_;
};

}  // namespace turnout::manager
