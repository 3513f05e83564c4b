#include "connectors/spare_batches.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace turnout::connectors {
namespace {

// With records of so many bytes each, added one by one.
std::unique_ptr<RecordBatch> BatchOf(int records, size_t record_bytes) {
  auto batch = std::make_unique<RecordBatch>();
  const std::string value(record_bytes, 'v');
  OutputRecord record;
  record.value = value;
  for (int i = 0; i < records; ++i) batch->Add(record);
  return batch;
}

TEST(SpareBatches, TakesBackWhatItKeptEmpty) {
  SpareBatches spare;
  auto batch = BatchOf(10, 1'000);
  batch->Seal({1, 0}, 5, /*transactional=*/true, nullptr);
  const RecordBatch* const kept = batch.get();
  spare.Keep(std::move(batch));
  EXPECT_GE(spare.bytes(), 10'000u);
  const auto taken = spare.Take();
  EXPECT_EQ(taken.get(), kept);
  EXPECT_EQ(taken->records(), 0);
  EXPECT_FALSE(taken->sealed());
  EXPECT_EQ(spare.bytes(), 0u);
  EXPECT_NE(spare.Take(), nullptr);
}

TEST(SpareBatches, AllThatTheyHoldIsBounded) {
  SpareBatches spare;
  for (int i = 0; i < 2'000; ++i) {
    auto batch = BatchOf(33, 1'000);  // what it holds has doubled a moment ago
    Compressor compressor(Codec::kLz4);
    batch->Seal({1, 0}, 0, /*transactional=*/true, i % 2 == 0 ? nullptr : &compressor);
    EXPECT_GE(batch->memory_bytes(), batch->encoded_bytes() + batch->bytes().size() * (i % 2));
    spare.Keep(std::move(batch));
    ASSERT_LE(spare.bytes(), SpareBatches::kBytesMax);
  }
  EXPECT_GT(spare.bytes(), SpareBatches::kBytesMax / 2);
  size_t held = 0;
  for (size_t before = spare.bytes(); before > 0; before = spare.bytes()) {
    held += spare.Take()->memory_bytes();
    ASSERT_LT(spare.bytes(), before);
  }
  EXPECT_LE(held, SpareBatches::kBytesMax);
}

TEST(SpareBatches, ALargeOneIsLetGo) {
  SpareBatches spare;
  spare.Keep(BatchOf(1, SpareBatches::kBatchBytesMax));
  EXPECT_EQ(spare.bytes(), 0u);
}

}  // namespace
}  // namespace turnout::connectors
