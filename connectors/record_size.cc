#include "connectors/record_size.h"

#include "connectors/record_batch.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

constexpr int64_t kAttributesBytes = 1;

// A length and its bytes; null is the length -1, a single byte.
int64_t FieldBytes(std::string_view field) {
  if (field.data() == nullptr) return SignedVarintBytes(-1);
  const auto length = static_cast<int64_t>(field.size());
  return SignedVarintBytes(length) + length;
}

}  // namespace

int64_t RecordBodyBytes(const OutputRecord& record, int64_t timestamp_delta_ms,
                        int32_t offset_delta) {
  int64_t bytes = kAttributesBytes + SignedVarintBytes(timestamp_delta_ms) +
                  SignedVarintBytes(offset_delta) + FieldBytes(record.key) +
                  FieldBytes(record.value) +
                  SignedVarintBytes(static_cast<int64_t>(record.headers.size()));
  for (const Header& header : record.headers) {
    bytes += FieldBytes(header.first) + FieldBytes(header.second);
  }
  return bytes;
}

int64_t RecordBatchBytes(const OutputRecord& record) {
  const int64_t body = RecordBodyBytes(record, 0, 0);
  return static_cast<int64_t>(RecordBatch::kHeaderBytes) + SignedVarintBytes(body) + body;
}

}  // namespace turnout::connectors
