#include "connectors/wire_format.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace turnout::connectors {
namespace {

using namespace std::string_view_literals;

TEST(WireFormat, NumbersAreBigEndian) {
  std::string out;
  WireWriter writer(&out);
  writer.Int8(-2);
  writer.Int16(0x0102);
  writer.Int32(0x03040506);
  writer.Int64(0x0708090a0b0c0d0e);
  EXPECT_EQ(out, "\xfe\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e"sv);
  WireReader reader(out);
  EXPECT_EQ(reader.Int8(), -2);
  EXPECT_EQ(reader.Int16(), 0x0102);
  EXPECT_EQ(reader.Int32(), 0x03040506);
  EXPECT_EQ(reader.Int64(), 0x0708090a0b0c0d0e);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.left(), 0u);
}

TEST(WireFormat, UnsignedVarintsComeBackInTheFewestBytes) {
  const std::pair<uint32_t, size_t> cases[] = {{0, 1},      {127, 1},    {128, 2},
                                               {16'383, 2}, {16'384, 3}, {UINT32_MAX, 5}};
  for (const auto& [value, bytes] : cases) {
    std::string out;
    WireWriter(&out).UnsignedVarint(value);
    EXPECT_EQ(out.size(), bytes) << value;
    WireReader reader(out);
    EXPECT_EQ(reader.UnsignedVarint(), value);
    EXPECT_TRUE(reader.ok());
  }
}

TEST(WireFormat, SignedVarintsAreZigZagAndAsLongAsSaid) {
  const std::pair<int64_t, std::string_view> cases[] = {
      {0, "\0"sv},
      {-1, "\1"sv},
      {1, "\2"sv},
      {63, "\x7e"sv},
      {64, "\x80\1"sv},
      {-65, "\x81\1"sv},
      {std::numeric_limits<int64_t>::max(), "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1"sv},
      {std::numeric_limits<int64_t>::min(), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"sv}};
  for (const auto& [value, bytes] : cases) {
    std::string out;
    WireWriter(&out).SignedVarint(value);
    EXPECT_EQ(out, bytes) << value;
    EXPECT_EQ(SignedVarintBytes(value), static_cast<int>(bytes.size())) << value;
  }
}

TEST(WireFormat, NullAndEmptyStringsDiffer) {
  std::string out;
  WireWriter writer(&out);
  writer.NullableString({});
  writer.NullableString("");
  writer.String("ab");
  writer.OldString({});
  writer.OldString("c");
  EXPECT_EQ(out, "\0\1\3ab\xff\xff\0\1c"sv);
  WireReader reader(out);
  EXPECT_EQ(reader.NullableString().data(), nullptr);
  EXPECT_NE(reader.NullableString().data(), nullptr);
  EXPECT_EQ(reader.String(), "ab");
  EXPECT_EQ(reader.OldString().data(), nullptr);
  EXPECT_EQ(reader.OldString(), "c");
  EXPECT_TRUE(reader.ok());
}

TEST(WireFormat, WhatIsCutShortFailsForGood) {
  WireReader reader("\1\2"sv);
  EXPECT_EQ(reader.Int32(), 0);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.Int8(), 0);
  EXPECT_EQ(reader.String(), "");
  EXPECT_EQ(reader.ArraySize(1), 0u);
  EXPECT_FALSE(reader.ok());
}

struct Hostile {
  const char* name;
  std::string_view bytes;
  void (*read)(WireReader&);
};

TEST(WireFormat, LengthsThatCannotBeAreRefused) {
  const Hostile cases[] = {
      {"a string longer than what is left",
       "\x05"
       "abc"sv,
       [](WireReader& r) { r.String(); }},
      {"a null where none may be", "\0"sv, [](WireReader& r) { r.String(); }},
      {"a varint of six bytes", "\xff\xff\xff\xff\xff\1"sv,
       [](WireReader& r) { r.UnsignedVarint(); }},
      {"a varint beyond 32 bits", "\xff\xff\xff\xff\x1f"sv,
       [](WireReader& r) { r.UnsignedVarint(); }},
      {"more elements than can be",
       "\x04"
       "aaaa"sv,
       [](WireReader& r) { r.ArraySize(2); }},
      {"two thousand million elements", "\x7f\xff\xff\xff"sv,
       [](WireReader& r) { r.OldArraySize(1); }},
      {"a negative length that is not null", "\xff\xfe"sv, [](WireReader& r) { r.OldString(); }},
      {"a tagged field longer than what is left",
       "\1\0\x05"
       "a"sv,
       [](WireReader& r) { r.SkipTags(); }},
      {"tagged fields without end", "\xff\xff\xff\xff\x0f"sv, [](WireReader& r) { r.SkipTags(); }}};
  for (const Hostile& hostile : cases) {
    WireReader reader(hostile.bytes);
    hostile.read(reader);
    EXPECT_FALSE(reader.ok()) << hostile.name;
  }
}

TEST(WireFormat, TaggedFieldsAreReadByNumberAndOthersPassedOver) {
  const auto bytes = "\2\0\1x\3\2\0\7rest"sv;
  WireReader reader(bytes);
  int16_t third = 0;
  reader.EachTag([&third](uint32_t number, WireReader& field) {
    if (number == 3) third = field.Int16();
  });
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(third, 7);
  EXPECT_EQ(reader.left(), 4u);
}

}  // namespace
}  // namespace turnout::connectors
