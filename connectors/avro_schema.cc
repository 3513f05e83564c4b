#include "connectors/avro_schema.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "connectors/avro_program.h"
#include "connectors/instant_text.h"
#include "connectors/json_output.h"

namespace turnout::connectors {
namespace {

using Kind = AvroNode::Kind;
using Logical = AvroNode::Logical;

// Items of arrays that take no byte, in one payload: their count alone says how many there are.
constexpr int kEmptyItemsMax = 10'000;
constexpr int kVarintBytesMax = 10;

// Messages name them.
static_assert(kPayloadDepthMax == 500 && kDecodedBytesMax == size_t{16} << 20);

// Reads one payload into one JsonOutput. Each function returns false after Fail.
class AvroReader {
 public:
  AvroReader(const AvroProgram& program, std::string_view payload, JsonOutput* out)
      : program_(program), payload_(payload), out_(*out) {}

  absl::Status Read() {
    if (!Value(program_.nodes[program_.root], 0) || !Within()) return Refused();
    if (at_ < payload_.size()) {
      begin_ = at_;
      Fail("the value ends before the payload does");
      return Refused();
    }
    if (!out_.is_object()) {
      return absl::InvalidArgumentError("the Avro payload is no record and no map, so no object");
    }
    return absl::OkStatus();
  }

 private:
  bool Value(const AvroNode& node, int depth);
  bool Int(const AvroNode& node);
  bool Long(const AvroNode& node);
  bool Instant(int64_t value, int64_t units_per_second, std::string_view suffix);
  bool TimeOfDay(int64_t value, int64_t units_per_second);
  bool Bytes(const AvroNode& node, std::string_view bytes);
  void Decimal(std::string_view bytes, int scale);
  void Uuid(std::string_view bytes);
  bool String();
  bool Enum(const AvroNode& node);
  bool Union(const AvroNode& node, int depth);
  bool Record(const AvroNode& node, int depth);
  bool Items(const AvroNode& node, bool is_map, int depth);
  bool Block(const AvroNode& item, uint64_t count, bool is_map, int depth, bool* is_first);

  bool ReadLong(int64_t* value);
  bool ReadIndex(const AvroNode& node, std::string_view what, uint32_t* index);
  bool ReadSized(std::string_view* bytes);
  bool Take(size_t size, std::string_view* bytes);

  bool Within() {
    return out_.within_limit() || Fail("the payload is of more JSON than is read (16 MiB)");
  }
  // Of the value that begins at begin_.
  bool Fail(std::string_view what) {
    failure_ = what;
    return false;
  }
  absl::Status Refused() const {
    return absl::InvalidArgumentError(
        absl::StrFormat("the Avro payload at byte %d: %s", begin_, failure_));
  }

  const AvroProgram& program_;
  const std::string_view payload_;
  JsonOutput& out_;
  size_t at_ = 0;
  size_t begin_ = 0;
  int empty_items_ = 0;
  std::string_view failure_;  // a literal
};

bool AvroReader::Take(size_t size, std::string_view* bytes) {
  if (size > payload_.size() - at_) return Fail("a value is cut off");
  *bytes = payload_.substr(at_, size);
  at_ += size;
  return true;
}

bool AvroReader::ReadLong(int64_t* value) {
  begin_ = at_;
  uint64_t bits = 0;
  for (int i = 0; i < kVarintBytesMax; ++i) {
    if (at_ == payload_.size()) return Fail("a number is cut off");
    const auto byte = static_cast<unsigned char>(payload_[at_++]);
    if (i == kVarintBytesMax - 1 && byte > 1) break;
    bits |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *value = static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
      return true;
    }
  }
  return Fail("a number has more than 64 bits");
}

bool AvroReader::ReadIndex(const AvroNode& node, std::string_view what, uint32_t* index) {
  int64_t value = 0;
  if (!ReadLong(&value)) return false;
  if (value < 0 || value >= node.parts) return Fail(what);
  *index = node.first_part + static_cast<uint32_t>(value);
  return true;
}

bool AvroReader::ReadSized(std::string_view* bytes) {
  int64_t size = 0;
  if (!ReadLong(&size)) return false;
  if (size < 0) return Fail("a length is negative");
  if (static_cast<uint64_t>(size) > payload_.size() - at_) {
    return Fail("a length is beyond the payload's end");
  }
  return Take(static_cast<size_t>(size), bytes);
}

bool AvroReader::Value(const AvroNode& node, int depth) {
  if (!Within()) return false;
  begin_ = at_;
  std::string_view bytes;
  switch (node.kind) {
    case Kind::kUndefined:
      return Fail("its type is not defined");
    case Kind::kNull:
      out_.Raw("null");
      return true;
    case Kind::kBoolean:
      if (!Take(1, &bytes)) return false;
      if (static_cast<unsigned char>(bytes[0]) > 1) return Fail("a boolean is neither 0 nor 1");
      out_.Bool(bytes[0] == 1);
      return true;
    case Kind::kInt:
      return Int(node);
    case Kind::kLong:
      return Long(node);
    case Kind::kFloat: {
      if (!Take(sizeof(float), &bytes)) return false;
      uint32_t bits = 0;
      for (size_t i = sizeof(bits); i-- > 0;)
        bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
      out_.Float(std::bit_cast<float>(bits));
      return true;
    }
    case Kind::kDouble: {
      if (!Take(sizeof(double), &bytes)) return false;
      uint64_t bits = 0;
      for (size_t i = sizeof(bits); i-- > 0;)
        bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
      out_.Double(std::bit_cast<double>(bits));
      return true;
    }
    case Kind::kBytes:
      return ReadSized(&bytes) && Bytes(node, bytes);
    case Kind::kFixed:
      return Take(node.size, &bytes) && Bytes(node, bytes);
    case Kind::kString:
      return String();
    case Kind::kEnum:
      return Enum(node);
    case Kind::kUnion:
      return Union(node, depth);
    case Kind::kRecord:
      return Record(node, depth);
    case Kind::kArray:
      return Items(node, false, depth);
    case Kind::kMap:
      return Items(node, true, depth);
  }
  return Fail("its type is not known");
}

bool AvroReader::Int(const AvroNode& node) {
  int64_t value = 0;
  if (!ReadLong(&value)) return false;
  if (value != static_cast<int32_t>(value)) return Fail("an int has more than 32 bits");
  if (node.logical == Logical::kTimeMillis) return TimeOfDay(value, 1'000);
  if (node.logical == Logical::kDate) {
    InstantText text;
    if (const std::string_view day = DayText(value, &text); !day.empty()) return out_.String(day);
  }
  out_.Signed(value);
  return true;
}

bool AvroReader::Long(const AvroNode& node) {
  int64_t value = 0;
  if (!ReadLong(&value)) return false;
  switch (node.logical) {
    case Logical::kTimeMicros:
      return TimeOfDay(value, 1'000'000);
    case Logical::kTimestampMillis:
      return Instant(value, 1'000, "Z");
    case Logical::kTimestampMicros:
      return Instant(value, 1'000'000, "Z");
    case Logical::kTimestampNanos:
      return Instant(value, 1'000'000'000, "Z");
    case Logical::kLocalTimestampMillis:
      return Instant(value, 1'000, "");
    case Logical::kLocalTimestampMicros:
      return Instant(value, 1'000'000, "");
    case Logical::kLocalTimestampNanos:
      return Instant(value, 1'000'000'000, "");
    default:
      out_.Signed(value);
      return true;
  }
}

// What has no text as an instant (a far future that stands for "never") stays the number it is.
bool AvroReader::Instant(int64_t value, int64_t units_per_second, std::string_view suffix) {
  int64_t seconds = value / units_per_second;
  int64_t rest = value % units_per_second;
  if (rest < 0) {
    rest += units_per_second;
    --seconds;
  }
  const int nanoseconds = static_cast<int>(rest * (1'000'000'000 / units_per_second));
  InstantText text;
  const std::string_view instant = SecondText(seconds, nanoseconds, suffix, &text);
  if (!instant.empty()) return out_.String(instant);
  out_.Signed(value);
  return true;
}

bool AvroReader::TimeOfDay(int64_t value, int64_t units_per_second) {
  const int nanoseconds =
      static_cast<int>(value % units_per_second * (1'000'000'000 / units_per_second));
  InstantText text;
  const std::string_view time =
      value < 0 ? "" : TimeOfDayText(value / units_per_second, nanoseconds, &text);
  if (!time.empty()) return out_.String(time);
  out_.Signed(value);
  return true;
}

bool AvroReader::Bytes(const AvroNode& node, std::string_view bytes) {
  if (node.logical == Logical::kDecimal) {
    if (bytes.size() > kDecimalBytesMax) return Fail("a decimal has more than 128 bytes");
    Decimal(bytes, node.scale);
  } else if (node.logical == Logical::kUuid) {
    Uuid(bytes);
  } else {
    out_.Base64(bytes);
  }
  return true;
}

// Of a two's complement number, the most significant byte first: exactly its digits, with the point
// `scale` digits from their end.
void AvroReader::Decimal(std::string_view bytes, int scale) {
  constexpr uint32_t kLimb = 1'000'000'000;
  constexpr int kLimbDigits = 9;
  std::array<uint32_t, kDecimalBytesMax * 8 / 29 + 1> limbs{};
  size_t used = 0;
  const bool negative = !bytes.empty() && (bytes[0] & 0x80) != 0;
  // The magnitude is the complement plus one.
  uint64_t carry_in = 0;
  for (const char byte : bytes) {
    const auto bits = static_cast<unsigned char>(byte);
    carry_in = negative ? static_cast<unsigned char>(~bits) : bits;
    for (size_t i = 0; i < used; ++i) {
      carry_in += uint64_t{limbs[i]} << 8;
      limbs[i] = static_cast<uint32_t>(carry_in % kLimb);
      carry_in /= kLimb;
    }
    if (carry_in > 0) limbs[used++] = static_cast<uint32_t>(carry_in);
  }
  if (negative) {
    size_t i = 0;
    while (i < used && limbs[i] == kLimb - 1) limbs[i++] = 0;
    if (i == used) ++used;
    ++limbs[i];
  }
  std::array<char, limbs.size() * kLimbDigits> digits;  // the least significant first
  size_t count = 0;
  for (size_t i = 0; i < used; ++i) {
    uint32_t limb = limbs[i];
    for (int d = 0; d < kLimbDigits; ++d, limb /= 10) {
      digits[count++] = static_cast<char>('0' + limb % 10);
    }
  }
  while (count > 0 && digits[count - 1] == '0') --count;
  const auto point = static_cast<size_t>(scale);
  if (negative) out_.Raw('-');
  for (size_t i = std::max(count, point + 1); i-- > 0;) {
    out_.Raw(i < count ? digits[i] : '0');
    if (i == point && point > 0) out_.Raw('.');
  }
}

void AvroReader::Uuid(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out_.Raw('"');
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out_.Raw('-');
    const auto byte = static_cast<unsigned char>(bytes[i]);
    out_.Raw(kDigits[byte >> 4]);
    out_.Raw(kDigits[byte & 15]);
  }
  out_.Raw('"');
}

bool AvroReader::String() {
  std::string_view text;
  if (!ReadSized(&text)) return false;
  return out_.String(text) || Fail("a string is not UTF-8");
}

bool AvroReader::Enum(const AvroNode& node) {
  uint32_t index = 0;
  if (!ReadIndex(node, "an enum has no such symbol", &index)) return false;
  out_.Raw(program_.parts[index].text);
  return true;
}

bool AvroReader::Union(const AvroNode& node, int depth) {
  uint32_t index = 0;
  if (!ReadIndex(node, "a union has no such branch", &index)) return false;
  return Value(program_.nodes[program_.parts[index].node], depth);
}

bool AvroReader::Record(const AvroNode& node, int depth) {
  if (depth >= kPayloadDepthMax) return Fail("objects and arrays nest deeper than 500");
  const AvroProgram::Part* const parts = program_.parts.data() + node.first_part;
  out_.Raw('{');
  for (uint32_t i = 0; i < node.parts; ++i) {
    if (i > 0) out_.Raw(',');
    out_.Raw(parts[i].text);
    if (!Value(program_.nodes[parts[i].node], depth + 1)) return false;
  }
  out_.Raw('}');
  return true;
}

bool AvroReader::Items(const AvroNode& node, bool is_map, int depth) {
  if (depth >= kPayloadDepthMax) return Fail("objects and arrays nest deeper than 500");
  const AvroNode& item = program_.nodes[program_.parts[node.first_part].node];
  out_.Raw(is_map ? '{' : '[');
  bool is_first = true;
  while (true) {
    int64_t count = 0;
    if (!ReadLong(&count)) return false;
    if (count == 0) break;
    size_t end = 0;
    if (count < 0) {  // the block's size in bytes follows
      int64_t size = 0;
      if (!ReadLong(&size)) return false;
      if (size < 0 || static_cast<uint64_t>(size) > payload_.size() - at_) {
        return Fail("a block's size is beyond the payload's end");
      }
      end = at_ + static_cast<size_t>(size);
    }
    const uint64_t items = count < 0 ? -static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
    if (!Block(item, items, is_map, depth, &is_first)) return false;
    if (count < 0 && at_ != end) return Fail("a block is not of the size that it says");
  }
  out_.Raw(is_map ? '}' : ']');
  return true;
}

bool AvroReader::Block(const AvroNode& item, uint64_t count, bool is_map, int depth,
                       bool* is_first) {
  for (; count > 0; --count) {
    if (!*is_first) out_.Raw(',');
    *is_first = false;
    const size_t before = at_;
    if (is_map) {
      if (!String()) return false;
      out_.Raw(':');
    }
    if (!Value(item, depth + 1)) return false;
    if (at_ == before && ++empty_items_ > kEmptyItemsMax) {
      return Fail("more than 10000 items take no byte");
    }
  }
  return true;
}

class AvroSchema final : public PayloadSchema {
 public:
  explicit AvroSchema(AvroProgram program) : program_(std::move(program)) {}

  absl::Status AppendJson(std::string_view payload, std::string* json) const override {
    if (payload.size() > kPayloadBytesMax) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "the payload has %d bytes; at most %d are read", payload.size(), kPayloadBytesMax));
    }
    JsonOutput out(json);
    absl::Status status = AvroReader(program_, payload, &out).Read();
    if (status.ok()) out.Keep();
    return status;
  }

 private:
  const AvroProgram program_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const PayloadSchema>> CompileAvroSchema(
    std::string_view text, absl::Span<const SchemaReference> references) {
  absl::StatusOr<AvroProgram> program = CompileAvroProgram(text, references);
  if (!program.ok()) return program.status();
  return std::make_unique<const AvroSchema>(*std::move(program));
}

}  // namespace turnout::connectors
