#include "connectors/record_size.h"

namespace turnout::connectors {
namespace {

// Base offset to record count, all of fixed width.
constexpr int64_t kBatchHeaderBytes = 61;
// Attributes, timestamp delta and offset delta of the first record of a batch, a byte each.
constexpr int64_t kRecordPrefixBytes = 3;

// Bytes of a zigzag varint that holds a length.
int64_t LengthBytes(int64_t length) {
  uint64_t zigzag = static_cast<uint64_t>(length) << 1;
  int64_t bytes = 1;
  while (zigzag >>= 7) ++bytes;
  return bytes;
}

// A length and its bytes; null is the length -1, a single byte.
int64_t FieldBytes(std::string_view field) {
  if (field.data() == nullptr) return 1;
  const int64_t length = static_cast<int64_t>(field.size());
  return LengthBytes(length) + length;
}

}  // namespace

int64_t RecordBatchBytes(const OutputRecord& record) {
  int64_t body = kRecordPrefixBytes + FieldBytes(record.key) + FieldBytes(record.value) +
                 LengthBytes(static_cast<int64_t>(record.headers.size()));
  for (const Header& header : record.headers) {
    body += FieldBytes(header.first) + FieldBytes(header.second);
  }
  return kBatchHeaderBytes + LengthBytes(body) + body;
}

}  // namespace turnout::connectors
