// WireWriter, WireReader: the primitive types of Kafka's protocol, to bytes and back.
//
// Internal to connectors/. Strings, arrays and tagged fields are those of the flexible versions
// (lengths are varints, one more than what follows; 0 is null), which is all that the batch sink
// speaks; the few older ones that cannot be avoided have names of their own.
//
// Errors: a reader that meets the end, an overlong varint or a length beyond what is left fails for
//   good: every later answer is zero or empty, and ok() tells. So a decoder reads on and asks once.
// Lifetime: a reader's strings are views of the bytes that it was given.
// Format: https://kafka.apache.org/protocol.html#protocol_types
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace turnout::connectors {

// As unsigned, small where `value` is near 0.
inline uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

inline constexpr int kLongVarintBytesMax = 10;

// Bytes that the signed varint of `value` takes.
inline int SignedVarintBytes(int64_t value) {
  return (static_cast<int>(std::bit_width(ZigZag(value) | 1)) + 6) / 7;
}

// Writes the signed varint of `value` to `at`, which has room for it; returns what follows it.
inline char* PutSignedVarint(int64_t value, char* at) {
  uint64_t rest = ZigZag(value);
  for (; rest >= 0x80; rest >>= 7) *at++ = static_cast<char>(rest | 0x80);
  *at++ = static_cast<char>(rest);
  return at;
}

class WireWriter {
 public:
  // Appends to `out`, which outlives the writer.
  explicit WireWriter(std::string* out) : out_(out) {}

  void Bool(bool value) { Int8(value ? 1 : 0); }
  void Int8(int8_t value) { out_->push_back(static_cast<char>(value)); }
  void Int16(int16_t value);
  void Int32(int32_t value);
  void Int64(int64_t value);
  void UnsignedVarint(uint32_t value);
  void SignedVarint(int64_t value);

  void String(std::string_view value);
  // Null where data() is.
  void NullableString(std::string_view value);
  void ArraySize(size_t count) { UnsignedVarint(static_cast<uint32_t>(count) + 1); }
  void NoTags() { UnsignedVarint(0); }

  // Of versions that are not flexible: the length is an int16; -1 is null.
  void OldString(std::string_view value);

 private:
  template <typename Unsigned>
  void BigEndian(Unsigned value);

  std::string* out_;
};

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  size_t left() const { return rest_.size(); }

  bool Bool() { return Int8() != 0; }
  int8_t Int8();
  int16_t Int16();
  int32_t Int32();
  int64_t Int64();
  uint32_t UnsignedVarint();

  // Null (data() is null) only if nullable; a null where none may be is a failure.
  std::string_view String() { return Sized(false); }
  std::string_view NullableString() { return Sized(true); }
  // Elements to come; null counts as none. Never more than there can be: each takes at least
  // `element_bytes_min` (1 or more), so that a decoder may reserve room for them.
  size_t ArraySize(size_t element_bytes_min);

  // Of records: lengths are signed varints; -1 is null.
  int64_t SignedVarint();
  std::string_view Field();
  size_t FieldArraySize(size_t element_bytes_min);

  std::string_view OldString();
  size_t OldArraySize(size_t element_bytes_min);

  // Passes over tagged fields.
  void SkipTags() {
    EachTag([](uint32_t, WireReader&) {});
  }
  // `on_tag(number, reader of that field's bytes)`; what the field's reader fails at fails this
  // one.
  template <typename OnTag>
  void EachTag(OnTag on_tag) {
    const uint32_t count = UnsignedVarint();
    for (uint32_t i = 0; i < count && ok_; ++i) {
      const uint32_t number = UnsignedVarint();
      const uint32_t size = UnsignedVarint();
      WireReader field(Take(size));
      if (!ok_) return;
      on_tag(number, field);
      if (!field.ok()) Fail();
    }
  }

 private:
  template <typename Unsigned>
  Unsigned BigEndian();
  std::string_view Take(size_t size);
  std::string_view Sized(bool nullable);
  size_t Bounded(int64_t count, size_t element_bytes_min);
  void Fail() { ok_ = false, rest_ = {}; }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace turnout::connectors
