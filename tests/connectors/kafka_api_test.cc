#include "connectors/kafka_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

using namespace std::string_view_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A broker's answer to ApiVersions, as Kafka 4 gives it.
std::string ApiVersionsBytes(const std::vector<ApiVersionsAnswer::Range>& ranges,
                             int16_t transaction_version) {
  std::string features;
  WireWriter field(&features);
  field.ArraySize(2);
  for (const auto& [name, level] :
       {std::pair{"metadata.version", int16_t{29}}, {"transaction.version", transaction_version}}) {
    field.String(name);
    field.Int16(level);
    field.Int16(level);
    field.NoTags();
  }
  std::string out;
  WireWriter writer(&out);
  writer.Int16(0);
  writer.ArraySize(ranges.size());
  for (const ApiVersionsAnswer::Range& range : ranges) {
    writer.Int16(range.api);
    writer.Int16(range.min);
    writer.Int16(range.max);
    writer.NoTags();
  }
  writer.Int32(0);
  writer.UnsignedVarint(2);  // tagged fields
  writer.UnsignedVarint(1);  // the features' epoch
  writer.UnsignedVarint(8);
  writer.Int64(5);
  writer.UnsignedVarint(2);
  writer.UnsignedVarint(static_cast<uint32_t>(features.size()));
  return out + features;
}

std::vector<ApiVersionsAnswer::Range> Kafka4() {
  return {{0, 0, 13}, {3, 0, 13}, {10, 0, 6}, {18, 0, 4}, {22, 0, 6},
          {24, 0, 5}, {25, 0, 4}, {26, 0, 5}, {28, 0, 5}};
}

ApiVersionTable Agree(const std::vector<ApiVersionsAnswer::Range>& ranges,
                      int16_t transaction_version) {
  const std::string bytes = ApiVersionsBytes(ranges, transaction_version);
  const auto answer = ReadApiVersions(bytes);
  EXPECT_TRUE(answer.ok()) << answer.status();
  const auto table = ApiVersionTable::Agree(*answer);
  EXPECT_TRUE(table.ok()) << table.status();
  return *table;
}

TEST(KafkaApi, ARequestSaysWhatItIsAndWhoAsks) {
  std::string out;
  WriteRequestHeader(Api::kEndTxn, 5, 7, "me", &out);
  EXPECT_EQ(out, "\0\x1a\0\5\0\0\0\7\0\2me\0"sv);
  out.clear();
  WriteRequestHeader(Api::kSaslHandshake, 1, 1, "me", &out);
  EXPECT_EQ(out, "\0\x11\0\1\0\0\0\1\0\2me"sv);
}

TEST(KafkaApi, AnAnswersBodyComesAfterItsHeader) {
  const auto answer = ReadAnswerHeader(Api::kEndTxn, "\0\0\0\7\0body"sv);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->correlation_id, 7);
  EXPECT_EQ(answer->body, "body");
  EXPECT_EQ(ReadAnswerHeader(Api::kApiVersions, "\0\0\0\7body"sv)->body, "body");
  EXPECT_TRUE(absl::IsUnavailable(ReadAnswerHeader(Api::kEndTxn, "\0\0\0"sv).status()));
  EXPECT_TRUE(absl::IsUnavailable(ReadCorrelationId("\0\0\0"sv).status()));
}

TEST(KafkaApi, TheNewestVersionThatBothSpeakIsTaken) {
  const ApiVersionTable table = Agree(Kafka4(), 2);
  EXPECT_TRUE(table.has_second_transactions());
  EXPECT_EQ(table.Version(Api::kProduce), 12);
  EXPECT_EQ(table.Version(Api::kMetadata), 12);
  EXPECT_EQ(table.Version(Api::kTxnOffsetCommit), 5);
  EXPECT_EQ(table.Version(Api::kEndTxn), 5);
  EXPECT_EQ(table.Version(Api::kInitProducerId), 5);
}

TEST(KafkaApi, AClusterWithTransactionsOfTheFirstVersionIsAskedNothingOfTheSecond) {
  const ApiVersionTable table = Agree(Kafka4(), 1);
  EXPECT_FALSE(table.has_second_transactions());
  EXPECT_EQ(table.Version(Api::kProduce), 11);
  EXPECT_EQ(table.Version(Api::kTxnOffsetCommit), 4);
  EXPECT_EQ(table.Version(Api::kEndTxn), 4);
}

TEST(KafkaApi, ABrokerThatIsTooOldForOneOfThemHasNoSecondTransactions) {
  std::vector<ApiVersionsAnswer::Range> ranges = Kafka4();
  ranges[0].max = 11;
  const ApiVersionTable table = Agree(ranges, 2);
  EXPECT_FALSE(table.has_second_transactions());
  EXPECT_EQ(table.Version(Api::kEndTxn), 4);
}

TEST(KafkaApi, ABrokerThatIsTooOldIsNamedByItsRequest) {
  std::vector<ApiVersionsAnswer::Range> ranges = Kafka4();
  ranges[0].max = 8;
  const auto table = ApiVersionTable::Agree(*ReadApiVersions(ApiVersionsBytes(ranges, 0)));
  EXPECT_TRUE(absl::IsUnimplemented(table.status()));
  EXPECT_THAT(std::string(table.status().message()),
              HasSubstr("speaks versions 0 to 8 of Produce, the batch sink 9 to 12"));
  ranges.clear();
  EXPECT_FALSE(ApiVersionTable::Agree(*ReadApiVersions(ApiVersionsBytes(ranges, 0))).ok());
}

TEST(KafkaApi, ABrokerThatDoesNotKnowTheVersionSaysSo) {
  // The answer to version 0.
  const auto answer = ReadApiVersions("\0\x23\0\0\0\1\0\x12\0\0\0\2"sv);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->error_code, 35);
}

TEST(KafkaApi, SaslGoesThereAndBack) {
  std::string out;
  WriteSaslHandshake("PLAIN", &out);
  EXPECT_EQ(out, "\0\5PLAIN"sv);
  const auto handshake = ReadSaslHandshake("\0\x21\0\0\0\2\0\5PLAIN\0\3ABC"sv);
  ASSERT_TRUE(handshake.ok());
  EXPECT_EQ(handshake->error_code, 33);
  EXPECT_THAT(handshake->mechanisms, ElementsAre("PLAIN", "ABC"));

  out.clear();
  WriteSaslAuthenticate("\0u\0p"sv, &out);
  EXPECT_EQ(out, "\5\0u\0p\0"sv);
  const auto done = ReadSaslAuthenticate("\0\0\0\3ok\0\0\0\0\0\0\x0e\x10\0"sv);
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->bytes, "ok");
  EXPECT_EQ(done->session_lifetime_ms, 3'600);
}

TEST(KafkaApi, AnswersCutAnywhereCannotBeRead) {
  const std::string versions = ApiVersionsBytes(Kafka4(), 2);
  for (size_t size = 0; size < versions.size(); ++size) {
    EXPECT_FALSE(ReadApiVersions(std::string_view(versions).substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace turnout::connectors
