// SequenceMark: how far a log was acknowledged, beside the log, so that its loss is noticed.
//
// A log whose end is gone or damaged looks like one that a crash cut short. The mark tells the two
// apart: it is written after the log and before anybody is told, so a log that ends before its mark
// has lost something. It has two slots that are written in turn; a crash spoils one at most.
//
// Errors: DataLoss for a mark of which no slot can be read; else those of files.h.
// Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace turnout::state {

class SequenceMark {
 public:
  // The one at `path`, which is made if there is none: at 0.
  static absl::StatusOr<std::unique_ptr<SequenceMark>> Open(const std::string& path);
  ~SequenceMark();
  SequenceMark(const SequenceMark&) = delete;
  SequenceMark& operator=(const SequenceMark&) = delete;

  uint64_t sequence() const;

  // Durable when it returns. Of a smaller one nothing is written.
  absl::Status Advance(uint64_t sequence);

 private:
  SequenceMark(std::string path, int fd);
  absl::Status Read();

  const std::string path_;
  const int fd_;
  mutable absl::Mutex mu_;
  uint64_t sequence_ ABSL_GUARDED_BY(mu_) = 0;
  int next_slot_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace turnout::state
