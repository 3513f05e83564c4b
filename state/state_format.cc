#include "state/state_format.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_format.h"

namespace turnout::state {
namespace {

constexpr char kEntryTag = 1;
constexpr size_t kNumberBytes = 8;
constexpr size_t kPointBytesMin = 1 + 3 * kNumberBytes;
constexpr int kStateFormatMin = 1;
constexpr int kFirstFormatWithTimelines = 2;

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

void AppendNumber(int64_t number, std::string* out) {
  char bytes[kNumberBytes];
  std::memcpy(bytes, &number, kNumberBytes);
  out->append(bytes, kNumberBytes);
}

int64_t NumberAt(std::string_view bytes, size_t at) {
  int64_t number = 0;
  std::memcpy(&number, bytes.data() + at, kNumberBytes);
  return number;
}

absl::Status PointCutShort() {
  return absl::DataLossError("the state's applied offset is cut short");
}

}  // namespace

void EncodeKey(StepId step, std::string_view key, std::string* out) {
  char prefix[kStepPrefixBytes] = {kEntryTag};
  for (size_t i = 1; i < kStepPrefixBytes; ++i) {
    prefix[i] = static_cast<char>(step >> (64 - 8 * i));
  }
  out->assign(prefix, kStepPrefixBytes);
  out->append(key);
}

void EncodeValue(std::string_view value, int64_t expires_at_ms, char* out) {
  std::memcpy(out, &expires_at_ms, kExpiryBytes);
  std::copy(value.begin(), value.end(), out + kExpiryBytes);
}

std::string StepBegin(StepId step) {
  std::string begin;
  EncodeKey(step, {}, &begin);
  return begin;
}

std::string StepEnd(StepId step) {
  if (step == std::numeric_limits<StepId>::max()) return std::string(1, kEntryTag + 1);
  return StepBegin(step + 1);
}

std::optional<EntryKey> DecodeKey(std::string_view key) {
  if (key.size() < kStepPrefixBytes || key[0] != kEntryTag) return std::nullopt;
  EntryKey entry;
  for (size_t i = 1; i < kStepPrefixBytes; ++i) {
    entry.step = entry.step << 8 | static_cast<uint8_t>(key[i]);
  }
  entry.key = key.substr(kStepPrefixBytes);
  return entry;
}

std::optional<EntryValue> DecodeValue(std::string_view value) {
  if (value.size() < kExpiryBytes) return std::nullopt;
  return EntryValue{.expires_at_ms = NumberAt(value, 0), .value = value.substr(kExpiryBytes)};
}

std::string EncodePoint(const StatePoint& point) {
  std::string bytes(1, static_cast<char>(kStateFormat));
  AppendNumber(point.start_offset, &bytes);
  AppendNumber(point.applied_offset, &bytes);
  AppendNumber(point.watermark_ms, &bytes);
  bytes.push_back(static_cast<char>(point.timeline.size()));
  return bytes + point.timeline + point.rule_set;
}

absl::StatusOr<StatePoint> DecodePoint(std::string_view bytes) {
  if (bytes.empty()) return absl::DataLossError("the state's applied offset is empty");
  const int format = bytes[0];
  if (format < kStateFormatMin || format > kStateFormat) {
    return absl::DataLossError(
        absl::StrFormat("the state is of format %d, this version reads formats %d to %d", format,
                        kStateFormatMin, kStateFormat));
  }
  if (bytes.size() < kPointBytesMin) return PointCutShort();
  StatePoint point{.start_offset = NumberAt(bytes, 1),
                   .applied_offset = NumberAt(bytes, 1 + kNumberBytes),
                   .watermark_ms = NumberAt(bytes, 1 + 2 * kNumberBytes)};
  std::string_view names = bytes.substr(kPointBytesMin);
  if (format >= kFirstFormatWithTimelines) {
    if (names.empty()) return PointCutShort();
    const size_t timeline_bytes = static_cast<uint8_t>(names[0]);
    names.remove_prefix(1);
    if (names.size() < timeline_bytes) return PointCutShort();
    point.timeline = names.substr(0, timeline_bytes);
    names.remove_prefix(timeline_bytes);
  }
  point.rule_set = names;
  if (point.start_offset < 0 || point.applied_offset < point.start_offset) {
    return absl::DataLossError(absl::StrFormat("the state's offsets make no sense: %d after %d",
                                               point.applied_offset, point.start_offset));
  }
  return point;
}

}  // namespace turnout::state
