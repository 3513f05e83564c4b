#include "connectors/record_size.h"

#include <string>

#include "gtest/gtest.h"

namespace turnout::connectors {
namespace {

TEST(RecordBatchBytes, CountsHeaderFramingKeyAndValue) {
  EXPECT_EQ(RecordBatchBytes({.key = "k", .value = "0123456789"}), 79);
}

TEST(RecordBatchBytes, CountsNullsAsOneByteEach) {
  EXPECT_EQ(RecordBatchBytes({}), 61 + 1 + 3 + 1 + 1 + 1);
  EXPECT_EQ(RecordBatchBytes({.key = "", .value = ""}), RecordBatchBytes({}));
}

TEST(RecordBatchBytes, CountsEachHeaderWithItsLengths) {
  const Header headers[] = {{"a", "1"}, {"b", std::string_view()}};
  EXPECT_EQ(RecordBatchBytes({.headers = headers}), RecordBatchBytes({}) + 4 + 3);
}

TEST(RecordBatchBytes, GrowsItsLengthFieldsWithTheValue) {
  // 63 is the largest length that a one-byte zigzag varint holds, 8,191 the largest of two bytes.
  // The record's own length, which counts the value's, crosses the first bound a few bytes earlier.
  const std::string value(8192, 'x');
  const auto bytes = [&](size_t n) {
    return RecordBatchBytes({.value = std::string_view(value).substr(0, n)});
  };
  EXPECT_EQ(bytes(64) - bytes(63), 2);
  EXPECT_EQ(bytes(57) - bytes(56), 1);
  EXPECT_EQ(bytes(58) - bytes(57), 2);
  EXPECT_EQ(bytes(8192) - bytes(8191), 2);
  EXPECT_EQ(bytes(100) - bytes(99), 1);
}

}  // namespace
}  // namespace turnout::connectors
