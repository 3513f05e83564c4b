// SpareBatches: batches whose records are acknowledged, kept for their memory.
//
// Internal to connectors/. Counted is what they hold, not what was in them: a string that has grown
// keeps up to twice as much, and a compressed batch has two of them.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "connectors/record_batch.h"

namespace turnout::connectors {

class SpareBatches {
 public:
  // Of all together.
  static constexpr size_t kBytesMax = 16 << 20;
  // One that is larger is rare, and would keep the memory of many.
  static constexpr size_t kBatchBytesMax = 128 << 10;

  // An empty one.
  std::unique_ptr<RecordBatch> Take();
  // Keeps it, emptied, or lets it go.
  void Keep(std::unique_ptr<RecordBatch> batch);

  size_t bytes() const { return bytes_; }

 private:
  std::vector<std::unique_ptr<RecordBatch>> batches_;
  size_t bytes_ = 0;
};

}  // namespace turnout::connectors
