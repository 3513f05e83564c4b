#include "connectors/record_batch.h"

#include <algorithm>
#include <vector>

#include "connectors/crc32c.h"
#include "connectors/record_size.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

constexpr size_t kBatchLengthEnd = 12;  // base offset and length: not counted in the length
constexpr size_t kChecksummedBegin = 21;
constexpr int8_t kMagic = 2;
constexpr int16_t kTransactional = 0x10;
constexpr size_t kHeaderFieldsBytesMin = 2;  // two lengths

// Null is the length -1.
char* PutField(std::string_view field, char* at) {
  if (field.data() == nullptr) return PutSignedVarint(-1, at);
  at = PutSignedVarint(static_cast<int64_t>(field.size()), at);
  return std::copy(field.begin(), field.end(), at);
}

// A header's name is never null, so that an empty view of nothing is an empty name.
std::string_view NotNull(std::string_view name) { return name.data() == nullptr ? "" : name; }

}  // namespace

void RecordBatch::Clear() {
  bytes_.assign(kHeaderBytes, '\0');
  compressed_.clear();
  records_ = 0;
  largest_record_bytes_ = 0;
  sealed_ = false;
}

void RecordBatch::Add(const OutputRecord& record) {
  if (records_ == 0) first_timestamp_ms_ = max_timestamp_ms_ = record.timestamp_ms;
  max_timestamp_ms_ = std::max(max_timestamp_ms_, record.timestamp_ms);
  const int64_t delta_ms = record.timestamp_ms - first_timestamp_ms_;
  const int64_t body = RecordBodyBytes(record, delta_ms, records_);
  const size_t begin = bytes_.size();
  bytes_.resize(begin + static_cast<size_t>(SignedVarintBytes(body) + body));
  char* at = PutSignedVarint(body, bytes_.data() + begin);
  *at++ = 0;  // attributes
  at = PutSignedVarint(delta_ms, at);
  at = PutSignedVarint(records_, at);
  at = PutField(record.key, at);
  at = PutField(record.value, at);
  at = PutSignedVarint(static_cast<int64_t>(record.headers.size()), at);
  for (const auto& [name, value] : record.headers) {
    at = PutField(value, PutField(NotNull(name), at));
  }
  ++records_;
  largest_record_bytes_ = std::max(largest_record_bytes_,
                                   static_cast<int64_t>(record.key.size() + record.value.size()));
}

void RecordBatch::SplitInto(RecordBatch* first, RecordBatch* second) const {
  WireReader reader(std::string_view(bytes_).substr(kHeaderBytes));
  std::vector<Header> headers;
  for (int32_t i = 0; i < records_ && reader.ok(); ++i) {
    OutputRecord record;
    reader.SignedVarint();  // length
    reader.Int8();          // attributes
    record.timestamp_ms = first_timestamp_ms_ + reader.SignedVarint();
    reader.SignedVarint();  // offset
    record.key = reader.Field();
    record.value = reader.Field();
    headers.resize(reader.FieldArraySize(kHeaderFieldsBytesMin));
    for (auto& [name, value] : headers) {
      name = reader.Field();
      value = reader.Field();
    }
    record.headers = headers;
    (i < records_ / 2 ? first : second)->Add(record);
  }
}

void RecordBatch::Seal(ProducerIdentity producer, int32_t base_sequence, bool transactional,
                       Compressor* compressor) {
  int16_t attributes = transactional ? kTransactional : int16_t{0};
  const std::string_view records = std::string_view(bytes_).substr(kHeaderBytes);
  if (compressor != nullptr && compressor->Compress(records, &compressed_)) {
    compressed_.insert(0, kHeaderBytes, '\0');
    attributes = static_cast<int16_t>(attributes | static_cast<int16_t>(compressor->codec()));
  } else {
    compressed_.clear();
  }
  std::string& batch = compressed_.empty() ? bytes_ : compressed_;

  std::string checked;
  WireWriter body(&checked);
  body.Int16(attributes);
  body.Int32(records_ - 1);  // the last record's offset, from the first
  body.Int64(first_timestamp_ms_);
  body.Int64(max_timestamp_ms_);
  body.Int64(producer.id);
  body.Int16(producer.epoch);
  body.Int32(base_sequence);
  body.Int32(records_);
  batch.replace(kChecksummedBegin, checked.size(), checked);

  std::string front;
  WireWriter head(&front);
  head.Int64(0);  // base offset: the broker's to choose
  head.Int32(static_cast<int32_t>(batch.size() - kBatchLengthEnd));
  head.Int32(-1);  // leader epoch: the broker's too
  head.Int8(kMagic);
  head.Int32(static_cast<int32_t>(Crc32c(std::string_view(batch).substr(kChecksummedBegin))));
  batch.replace(0, front.size(), front);
  base_sequence_ = base_sequence;
  sealed_ = true;
}

}  // namespace turnout::connectors
