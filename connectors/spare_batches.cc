#include "connectors/spare_batches.h"

#include <utility>

namespace turnout::connectors {

std::unique_ptr<RecordBatch> SpareBatches::Take() {
  if (batches_.empty()) return std::make_unique<RecordBatch>();
  std::unique_ptr<RecordBatch> batch = std::move(batches_.back());
  batches_.pop_back();
  bytes_ -= batch->memory_bytes();
  return batch;
}

void SpareBatches::Keep(std::unique_ptr<RecordBatch> batch) {
  const size_t bytes = batch->memory_bytes();
  if (bytes > kBatchBytesMax || bytes_ + bytes > kBytesMax) return;
  batch->Clear();  // its memory stays
  bytes_ += bytes;
  batches_.push_back(std::move(batch));
}

}  // namespace turnout::connectors
