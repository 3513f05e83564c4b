#include "connectors/record_batch.h"

#include <gtest/gtest.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <vector>

#include "connectors/crc32c.h"
#include "connectors/partitioner.h"
#include "connectors/record_size.h"
#include "connectors/wire_format.h"

namespace turnout::connectors {
namespace {

using namespace std::string_view_literals;

constexpr ProducerIdentity kProducer{77, 3};

TEST(Crc32c, IsTheOneThatIscsiAndKafkaUse) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);    // RFC 3720, B.4
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);  // the same
}

int64_t BigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  const int unused = 64 - 8 * static_cast<int>(bytes.size());
  return static_cast<int64_t>(value << unused) >> unused;
}

// A batch's field by its place in Kafka's documentation.
int64_t Field(std::string_view batch, size_t begin, size_t size) {
  return BigEndian(batch.substr(begin, size));
}

OutputRecord Record(std::string_view key, std::string_view value, int64_t timestamp_ms) {
  OutputRecord record;
  record.topic = "t";
  record.key = key;
  record.value = value;
  record.timestamp_ms = timestamp_ms;
  return record;
}

TEST(RecordBatch, HasTheHeaderThatKafkaDocuments) {
  RecordBatch batch;
  batch.Add(Record("k", "v", 1'000));
  batch.Add(Record("k", "v", 1'500));
  batch.Add(Record("k", "v", 900));
  batch.Seal(kProducer, 12, true, nullptr);
  const std::string_view bytes = batch.bytes();
  EXPECT_EQ(Field(bytes, 0, 8), 0);                                        // base offset
  EXPECT_EQ(Field(bytes, 8, 4), static_cast<int64_t>(bytes.size()) - 12);  // length
  EXPECT_EQ(Field(bytes, 12, 4), -1);                                      // leader epoch
  EXPECT_EQ(Field(bytes, 16, 1), 2);                                       // magic
  EXPECT_EQ(static_cast<uint32_t>(Field(bytes, 17, 4)), Crc32c(bytes.substr(21)));
  EXPECT_EQ(Field(bytes, 21, 2), 0x10);   // transactional
  EXPECT_EQ(Field(bytes, 23, 4), 2);      // last offset
  EXPECT_EQ(Field(bytes, 27, 8), 1'000);  // first timestamp
  EXPECT_EQ(Field(bytes, 35, 8), 1'500);  // largest timestamp
  EXPECT_EQ(Field(bytes, 43, 8), 77);     // producer
  EXPECT_EQ(Field(bytes, 51, 2), 3);
  EXPECT_EQ(Field(bytes, 53, 4), 12);  // sequence
  EXPECT_EQ(Field(bytes, 57, 4), 3);   // records
}

TEST(RecordBatch, EncodesNullsEmptiesAndHeadersApart) {
  const std::vector<Header> headers = {
      {"h", "x"}, {"empty", ""}, {"null", std::string_view()}, {"", "unnamed"}};
  OutputRecord record = Record("", std::string_view(), 5);
  record.headers = headers;
  RecordBatch batch;
  batch.Add(record);
  EXPECT_EQ(batch.encoded_bytes(), static_cast<size_t>(RecordBatchBytes(record)));
  batch.Seal(kProducer, 0, false, nullptr);
  EXPECT_EQ(Field(batch.bytes(), 21, 2), 0);
  EXPECT_EQ(batch.bytes().substr(RecordBatch::kHeaderBytes),
            "\x40"    // 32 bytes follow
            "\0\0\0"  // attributes, timestamp, offset
            "\0\1"    // an empty key, no value
            "\x08"    // four headers
            "\2h\2x\x0a"
            "empty\0\x08null\1\0\x0eunnamed"sv);
}

TEST(RecordBatch, KnowsWhatARecordAddsAtMost) {
  RecordBatch batch;
  const std::string value(300, 'v');
  for (int i = 0; i < 200; ++i) {
    const OutputRecord record = Record("k", value, 1'700'000'000'000 + 37 * i * (i % 2 ? 1 : -1));
    const size_t at_most = batch.BytesWith(RecordBatchBytes(record));
    batch.Add(record);
    ASSERT_LE(batch.encoded_bytes(), at_most) << i;
    ASSERT_GE(batch.encoded_bytes() + RecordBatch::kDifferencesBytesMax, at_most) << i;
  }
  EXPECT_EQ(batch.records(), 200);
  EXPECT_EQ(batch.largest_record_bytes(), 301);
}

TEST(RecordBatch, IsSplitIntoWhatTheHalvesWouldHaveBeen) {
  const std::vector<Header> headers = {
      {"h", "x"}, {"empty", ""}, {"null", std::string_view()}, {"", "unnamed"}};
  std::vector<OutputRecord> records = {
      Record("k", "v", 1'700'000'000'000), Record("", std::string_view(), 1'699'999'999'000),
      Record(std::string_view(), "", 1'700'000'000'500), Record("key", "value", -1),
      Record(std::string_view(), std::string_view(), 5)};
  records[1].headers = headers;
  records[3].headers = headers;
  for (const Codec codec : {Codec::kNone, Codec::kLz4}) {
    Compressor compressor(codec, -1);
    RecordBatch whole, first, second, expected_first, expected_second;
    for (const OutputRecord& record : records) whole.Add(record);
    whole.Seal(kProducer, 12, true, &compressor);
    EXPECT_EQ(whole.base_sequence(), 12);
    whole.SplitInto(&first, &second);
    for (size_t i = 0; i < 2; ++i) expected_first.Add(records[i]);
    for (size_t i = 2; i < 5; ++i) expected_second.Add(records[i]);
    EXPECT_EQ(second.largest_record_bytes(), 8);
    for (RecordBatch* batch : {&first, &second, &expected_first, &expected_second}) {
      batch->Seal(kProducer, 12, true, nullptr);
    }
    EXPECT_EQ(first.bytes(), expected_first.bytes());
    EXPECT_EQ(second.bytes(), expected_second.bytes());
  }
}

TEST(RecordBatch, IsEmptyAgainAfterClear) {
  RecordBatch batch;
  batch.Add(Record("key", "value", 1'000));
  batch.Seal(kProducer, 9, true, nullptr);
  batch.Clear();
  EXPECT_EQ(batch.records(), 0);
  EXPECT_FALSE(batch.sealed());
  batch.Add(Record("k", "v", 7));
  batch.Seal(kProducer, 0, false, nullptr);
  RecordBatch fresh;
  fresh.Add(Record("k", "v", 7));
  fresh.Seal(kProducer, 0, false, nullptr);
  EXPECT_EQ(batch.bytes(), fresh.bytes());
}

std::string Decompressed(Codec codec, std::string_view in, size_t size) {
  std::string out(size, '\0');
  switch (codec) {
    case Codec::kGzip: {
      z_stream stream = {};
      EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
      stream.avail_in = static_cast<uInt>(in.size());
      stream.next_out = reinterpret_cast<Bytef*>(out.data());
      stream.avail_out = static_cast<uInt>(out.size());
      EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
      inflateEnd(&stream);
      break;
    }
    case Codec::kSnappy:
      EXPECT_TRUE(snappy::RawUncompress(in.data(), in.size(), out.data()));
      break;
    case Codec::kLz4: {
      LZ4F_dctx* context = nullptr;
      LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
      size_t in_size = in.size();
      size_t out_size = out.size();
      EXPECT_EQ(LZ4F_decompress(context, out.data(), &out_size, in.data(), &in_size, nullptr), 0u);
      LZ4F_freeDecompressionContext(context);
      break;
    }
    case Codec::kZstd:
      EXPECT_EQ(ZSTD_decompress(out.data(), out.size(), in.data(), in.size()), size);
      break;
    case Codec::kNone:
      break;
  }
  return out;
}

class RecordBatchCodecTest : public ::testing::TestWithParam<const char*> {};

TEST_P(RecordBatchCodecTest, CompressedRecordsAreTheSameRecords) {
  const absl::StatusOr<Codec> codec = CodecOf(GetParam());
  ASSERT_TRUE(codec.ok());
  for (const int level : {-1, 1, 12}) {
    Compressor compressor(*codec, level);
    for (int round = 0; round < 2; ++round) {  // its memory is used again
      RecordBatch plain;
      RecordBatch batch;
      for (int i = 0; i < 100; ++i) {
        const std::string value = "the same text each time, nearly " + std::to_string(i + round);
        plain.Add(Record("key", value, i));
        batch.Add(Record("key", value, i));
      }
      plain.Seal(kProducer, 0, true, nullptr);
      batch.Seal(kProducer, 0, true, &compressor);
      const std::string_view bytes = batch.bytes();
      EXPECT_LT(bytes.size(), plain.bytes().size() / 2);
      EXPECT_EQ(Field(bytes, 21, 2), 0x10 | static_cast<int>(*codec));
      EXPECT_EQ(Field(bytes, 8, 4), static_cast<int64_t>(bytes.size()) - 12);
      EXPECT_EQ(static_cast<uint32_t>(Field(bytes, 17, 4)), Crc32c(bytes.substr(21)));
      const std::string_view records = plain.bytes().substr(RecordBatch::kHeaderBytes);
      EXPECT_EQ(Decompressed(*codec, bytes.substr(RecordBatch::kHeaderBytes), records.size()),
                records);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, RecordBatchCodecTest,
                         ::testing::Values("gzip", "snappy", "lz4", "zstd"),
                         [](const auto& codec) { return std::string(codec.param); });

TEST(RecordBatch, WhatCompressionMakesLargerIsSentAsItIs) {
  Compressor compressor(Codec::kLz4);
  RecordBatch batch;
  batch.Add(Record("k", "v", 1));
  batch.Seal(kProducer, 0, false, &compressor);
  EXPECT_EQ(Field(batch.bytes(), 21, 2), 0);
  EXPECT_EQ(batch.bytes().size(), batch.encoded_bytes());
}

TEST(Codec, AnUnknownNameIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(CodecOf("brotli").status()));
  EXPECT_EQ(*CodecOf("none"), Codec::kNone);
}

TEST(Partitioner, KeysGoToThePartitionsThatJavaClientsChoose) {
  // From Kafka's own unit tests of Utils.murmur2.
  const std::pair<std::string_view, int32_t> hashes[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107}};
  for (const auto& [key, hash] : hashes) {
    EXPECT_EQ(Murmur2(key), hash) << key;
    EXPECT_EQ(PartitionOfKey(key, 97), (hash & 0x7fffffff) % 97) << key;
  }
}

TEST(Partitioner, UnkeyedRecordsStayTogetherAndThenMoveOn) {
  StickyPartition sticky(1);
  std::vector<int> batches(8);
  for (int i = 0; i < 800; ++i) {
    const int32_t partition = sticky.Of(8);
    EXPECT_EQ(sticky.Of(8), partition);
    ++batches[static_cast<size_t>(partition)];
    sticky.Next();
  }
  for (const int count : batches) EXPECT_GT(count, 60);
}

}  // namespace
}  // namespace turnout::connectors
