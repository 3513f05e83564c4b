// RecordBatch: records of one partition, in the form in which Kafka keeps and serves them.
//
// Internal to connectors/. Records are encoded as they are added, behind room for the header; Seal
// compresses them, fills the header in and takes the checksum. A sealed batch never changes: sent
// again, it is the same bytes with the same sequence numbers, by which the broker knows it.
//
// Format: record batch, version 2 (https://kafka.apache.org/documentation/#messageformat).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/compression.h"
#include "connectors/record.h"
#include "connectors/transaction_protocol.h"

namespace turnout::connectors {

class RecordBatch {
 public:
  // Base offset to record count, all of fixed width.
  static constexpr size_t kHeaderBytes = 61;
  // By which a record may be longer in a batch than alone: time and offset count from the first
  // one's, and the length counts them.
  static constexpr size_t kDifferencesBytesMax = 14;

  RecordBatch() { Clear(); }

  // Copies the record.
  void Add(const OutputRecord& record);
  // What it takes at most once a record has been added of which a batch of its own takes
  // `alone_bytes`, before compression.
  size_t BytesWith(int64_t alone_bytes) const {
    return bytes_.size() + static_cast<size_t>(alone_bytes) - kHeaderBytes + kDifferencesBytesMax;
  }

  // `compressor` may be null. The first record has `base_sequence`.
  void Seal(ProducerIdentity producer, int32_t base_sequence, bool transactional,
            Compressor* compressor);
  bool sealed() const { return sealed_; }
  int32_t base_sequence() const { return base_sequence_; }
  // Once it is sealed.
  std::string_view bytes() const { return compressed_.empty() ? bytes_ : compressed_; }

  // Before compression, header included.
  size_t encoded_bytes() const { return bytes_.size(); }
  // What it holds, used or not.
  size_t memory_bytes() const {
    return sizeof(RecordBatch) + bytes_.capacity() + compressed_.capacity();
  }
  int32_t records() const { return records_; }
  // Key and value of the largest record.
  int64_t largest_record_bytes() const { return largest_record_bytes_; }

  // Adds the first half of the records to `first`, the others to `second`.
  void SplitInto(RecordBatch* first, RecordBatch* second) const;

  // Empty again, its memory kept.
  void Clear();

 private:
  std::string bytes_;
  std::string compressed_;  // header included; empty when the records are sent as they are
  int32_t records_ = 0;
  int32_t base_sequence_ = 0;
  int64_t first_timestamp_ms_ = 0;
  int64_t max_timestamp_ms_ = 0;
  int64_t largest_record_bytes_ = 0;
  bool sealed_ = false;
};

}  // namespace turnout::connectors
