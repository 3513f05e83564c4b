#include "state/state_format.h"

#include "gtest/gtest.h"

namespace turnout::state {
namespace {

TEST(StateFormat, KeysOfAStepLieTogetherInTheOrderOfTheirBytes) {
  std::string previous;
  for (const StepId step : {StepId{0}, StepId{1}, StepId{255}, StepId{256}, StepId{1} << 63,
                            std::numeric_limits<StepId>::max()}) {
    for (const std::string& key : {std::string(), std::string("\0", 1), std::string("a"),
                                   std::string("ab"), std::string("\xff\xff")}) {
      std::string encoded;
      EncodeKey(step, key, &encoded);
      EXPECT_LT(previous, encoded);
      EXPECT_LE(StepBegin(step), encoded);
      EXPECT_LT(encoded, StepEnd(step));
      EXPECT_LT(kPointKey, encoded);
      const std::optional<EntryKey> entry = DecodeKey(encoded);
      ASSERT_TRUE(entry);
      EXPECT_EQ(entry->step, step);
      EXPECT_EQ(entry->key, key);
      previous = encoded;
    }
  }
}

TEST(StateFormat, BytesThatAreNoEntryAreNotTakenForOne) {
  EXPECT_FALSE(DecodeKey(kPointKey));
  EXPECT_FALSE(DecodeKey(""));
  EXPECT_FALSE(DecodeKey(std::string_view("\1\0\0\0", 4)));
  EXPECT_FALSE(DecodeValue("1234567"));
}

TEST(StateFormat, AValueComesBackWithItsExpiry) {
  for (const int64_t expires_at_ms : {int64_t{-5}, int64_t{0}, int64_t{1} << 40, kNeverExpires}) {
    std::string encoded;
    encoded.resize(kExpiryBytes + 3);
    EncodeValue(std::string_view("a\0b", 3), expires_at_ms, encoded.data());
    const std::optional<EntryValue> value = DecodeValue(encoded);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->expires_at_ms, expires_at_ms);
    EXPECT_EQ(value->value, std::string_view("a\0b", 3));
  }
}

TEST(StateFormat, AnEntryIsSeenUntilTheWatermarkReachesItsExpiry) {
  const EntryValue value{.expires_at_ms = 100};
  EXPECT_TRUE(value.IsSeenAt(99));
  EXPECT_FALSE(value.IsSeenAt(100));
  EXPECT_TRUE(EntryValue{.expires_at_ms = kNeverExpires}.IsSeenAt(kNeverExpires - 1));
}

TEST(StateFormat, APointComesBackAndADamagedOneDoesNot) {
  const StatePoint point{.start_offset = 7,
                         .applied_offset = 1'000'000'007,
                         .watermark_ms = -3,
                         .rule_set = "c0ffee",
                         .timeline = "tea"};
  const std::string encoded = EncodePoint(point);
  EXPECT_EQ(DecodePoint(encoded).value(), point);
  const size_t numbers = encoded.size() - point.rule_set.size();
  for (size_t bytes = 0; bytes < numbers; ++bytes) {
    EXPECT_EQ(DecodePoint(encoded.substr(0, bytes)).status().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_FALSE(DecodePoint(std::string(1, '\0') + encoded.substr(1)).ok());
  EXPECT_FALSE(DecodePoint("\3" + encoded.substr(1)).ok());
  EXPECT_FALSE(DecodePoint(EncodePoint({.start_offset = 9, .applied_offset = 8})).ok());
  EXPECT_FALSE(DecodePoint(EncodePoint({.start_offset = -1, .applied_offset = 8})).ok());
}

}  // namespace
}  // namespace turnout::state
