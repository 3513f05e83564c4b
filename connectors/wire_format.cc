#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

constexpr int kVarintBytesMax = 5;  // of 32 bits

}  // namespace

template <typename Unsigned>
void WireWriter::BigEndian(Unsigned value) {
  char bytes[sizeof(value)];
  for (size_t i = sizeof(value); i-- > 0; value = static_cast<Unsigned>(value >> 8)) {
    bytes[i] = static_cast<char>(value & 0xff);
  }
  out_->append(bytes, sizeof(bytes));
}

void WireWriter::Int16(int16_t value) { BigEndian(static_cast<uint16_t>(value)); }
void WireWriter::Int32(int32_t value) { BigEndian(static_cast<uint32_t>(value)); }
void WireWriter::Int64(int64_t value) { BigEndian(static_cast<uint64_t>(value)); }

void WireWriter::UnsignedVarint(uint32_t value) {
  for (; value >= 0x80; value >>= 7) out_->push_back(static_cast<char>(value | 0x80));
  out_->push_back(static_cast<char>(value));
}

void WireWriter::SignedVarint(int64_t value) {
  char bytes[kLongVarintBytesMax];
  out_->append(bytes, static_cast<size_t>(PutSignedVarint(value, bytes) - bytes));
}

void WireWriter::String(std::string_view value) {
  UnsignedVarint(static_cast<uint32_t>(value.size()) + 1);
  out_->append(value);
}

void WireWriter::NullableString(std::string_view value) {
  if (value.data() == nullptr) return UnsignedVarint(0);
  String(value);
}

void WireWriter::OldString(std::string_view value) {
  if (value.data() == nullptr) return Int16(-1);
  Int16(static_cast<int16_t>(value.size()));
  out_->append(value);
}

std::string_view WireReader::Take(size_t size) {
  if (size > rest_.size()) {
    Fail();
    return {};
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

template <typename Unsigned>
Unsigned WireReader::BigEndian() {
  Unsigned value = 0;
  for (const char byte : Take(sizeof(value))) {
    value = static_cast<Unsigned>((value << 8) | static_cast<unsigned char>(byte));
  }
  return value;
}

int8_t WireReader::Int8() {
  const std::string_view byte = Take(1);
  return byte.empty() ? int8_t{0} : static_cast<int8_t>(byte.front());
}

int16_t WireReader::Int16() { return static_cast<int16_t>(BigEndian<uint16_t>()); }
int32_t WireReader::Int32() { return static_cast<int32_t>(BigEndian<uint32_t>()); }
int64_t WireReader::Int64() { return static_cast<int64_t>(BigEndian<uint64_t>()); }

uint32_t WireReader::UnsignedVarint() {
  uint64_t value = 0;
  for (int i = 0; i < kVarintBytesMax; ++i) {
    const auto byte = static_cast<uint8_t>(Int8());
    value |= uint64_t{byte & 0x7fu} << (7 * i);
    if ((byte & 0x80) != 0) continue;
    if (value > UINT32_MAX) break;
    return static_cast<uint32_t>(value);
  }
  Fail();
  return 0;
}

int64_t WireReader::SignedVarint() {
  uint64_t value = 0;
  for (int i = 0; i < kLongVarintBytesMax; ++i) {
    const auto byte = static_cast<uint8_t>(Int8());
    value |= uint64_t{byte & 0x7fu} << (7 * i);
    if ((byte & 0x80) == 0)
      return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  Fail();
  return 0;
}

std::string_view WireReader::Field() {
  const int64_t size = SignedVarint();
  if (size >= 0) return Take(static_cast<size_t>(size));
  if (size != -1) Fail();
  return {};
}

size_t WireReader::FieldArraySize(size_t element_bytes_min) {
  return Bounded(SignedVarint(), element_bytes_min);
}

std::string_view WireReader::Sized(bool nullable) {
  const uint32_t size = UnsignedVarint();
  if (size == 0) {
    if (!nullable) Fail();
    return {};
  }
  return Take(size - 1);
}

size_t WireReader::Bounded(int64_t count, size_t element_bytes_min) {
  if (count <= 0) return 0;
  if (static_cast<uint64_t>(count) > rest_.size() / element_bytes_min) {
    Fail();
    return 0;
  }
  return static_cast<size_t>(count);
}

size_t WireReader::ArraySize(size_t element_bytes_min) {
  return Bounded(int64_t{UnsignedVarint()} - 1, element_bytes_min);
}

std::string_view WireReader::OldString() {
  const int16_t size = Int16();
  if (size >= 0) return Take(static_cast<size_t>(size));
  if (size != -1) Fail();
  return {};
}

size_t WireReader::OldArraySize(size_t element_bytes_min) {
  return Bounded(Int32(), element_bytes_min);
}

}  // namespace turnout::connectors
