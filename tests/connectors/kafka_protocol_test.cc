// The bytes of requests and answers, each way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "connectors/cluster_protocol.h"
#include "connectors/produce_protocol.h"
#include "connectors/request_frame.h"
#include "connectors/transaction_protocol.h"
#include "tests/connectors/kafka_answers.h"

namespace turnout::connectors {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr ProducerIdentity kProducer{0x1122, 5};

// All of a frame as it goes out, `step` bytes and `pieces` pieces at a time.
std::string SentBytes(RequestFrame& frame, size_t step, size_t pieces_max) {
  std::string sent;
  std::vector<std::string_view> pieces(pieces_max);
  while (const size_t count = frame.Rest(sent.size(), absl::MakeSpan(pieces))) {
    std::string written;
    for (size_t i = 0; i < count; ++i) written += pieces[i];
    sent += written.substr(0, step);
  }
  return sent;
}

TEST(KafkaProtocol, MetadataAsksForTopicsAndCreatesNone) {
  const std::vector<std::string> topics = {"t"};
  std::string out;
  WriteMetadata(12, topics, &out);
  EXPECT_EQ(out, "\2" + std::string(16, '\0') + "\2t\0\0\0\0"s);
  out.clear();
  WriteMetadata(9, topics, &out);
  EXPECT_EQ(out, "\2\2t\0\0\0\0\0"sv);
}

MetadataAnswer Cluster() {
  MetadataAnswer cluster;
  cluster.throttle_ms = 3;
  cluster.controller = 2;
  cluster.brokers = {{1, "a.example", 9092}, {2, "b.example", 9093}};
  cluster.topics.push_back({0, "orders", std::string(16, 'i'), {{0, 0, 1, 7}, {5, 1, -1, 8}}});
  cluster.topics.push_back({3, "gone", "", {}});
  return cluster;
}

TEST(KafkaProtocol, MetadataTellsBrokersTopicsAndLeadersInEveryVersion) {
  for (const int16_t version : {9, 10, 11, 12}) {
    const auto answer = ReadMetadata(version, MetadataBytes(version, Cluster()));
    ASSERT_TRUE(answer.ok()) << version << answer.status();
    EXPECT_EQ(answer->throttle_ms, 3);
    EXPECT_EQ(answer->controller, 2);
    ASSERT_EQ(answer->brokers.size(), 2u);
    EXPECT_EQ(answer->brokers[1].id, 2);
    EXPECT_EQ(answer->brokers[1].host, "b.example");
    EXPECT_EQ(answer->brokers[1].port, 9093);
    ASSERT_EQ(answer->topics.size(), 2u);
    EXPECT_EQ(answer->topics[0].name, "orders");
    EXPECT_EQ(answer->topics[0].id, version >= 10 ? std::string(16, 'i') : "");
    ASSERT_EQ(answer->topics[0].partitions.size(), 2u);
    EXPECT_EQ(answer->topics[0].partitions[0].leader, 1);
    EXPECT_EQ(answer->topics[0].partitions[0].leader_epoch, 7);
    EXPECT_EQ(answer->topics[0].partitions[1].error_code, 5);
    EXPECT_EQ(answer->topics[1].error_code, 3);
  }
}

TEST(KafkaProtocol, FindCoordinatorAsksForOneAndTellsItsBroker) {
  std::string out;
  WriteFindCoordinator(CoordinatorKind::kTransaction, "tx", &out);
  EXPECT_EQ(out, "\1\2\3tx\0"sv);
  const auto answer = ReadFindCoordinator(FindCoordinatorBytes("tx", {3, "c", 9094}, 15));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->error_code, 15);
  EXPECT_EQ(answer->broker.id, 3);
  EXPECT_EQ(answer->broker.host, "c");
  EXPECT_EQ(answer->broker.port, 9094);
}

TEST(KafkaProtocol, InitProducerIdSaysWhoWeAreIfWeAre) {
  std::string out;
  WriteInitProducerId("tx", 60'000, {}, &out);
  EXPECT_EQ(out, "\3tx\0\0\xea\x60\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0"sv);
  out.clear();
  WriteInitProducerId({}, 1, kProducer, &out);
  EXPECT_EQ(out, "\0\0\0\0\1\0\0\0\0\0\0\x11\x22\0\5\0"sv);
  const auto answer = ReadInitProducerId(ProducerBytes(0, kProducer));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->producer, kProducer);
}

TEST(KafkaProtocol, EndTxnRaisesTheEpochFromVersionFiveOn) {
  std::string out;
  WriteEndTxn("tx", kProducer, true, &out);
  EXPECT_EQ(out, "\3tx\0\0\0\0\0\0\x11\x22\0\5\1\0"sv);
  EXPECT_EQ(ReadEndTxn(5, ProducerBytes(0, kProducer))->producer, kProducer);
  EXPECT_EQ(ReadEndTxn(4, ErrorBytes(51))->error_code, 51);
  EXPECT_EQ(ReadEndTxn(4, ErrorBytes(0))->producer, ProducerIdentity{});
}

TEST(KafkaProtocol, PartitionsAndOffsetsAreAddedToATransaction) {
  std::string out;
  const std::vector<TopicPartitions> topics = {{"t", {0, 2}}};
  WriteAddPartitionsToTxn("tx", kProducer, topics, &out);
  EXPECT_EQ(out, "\3tx\0\0\0\0\0\0\x11\x22\0\5\2\2t\3\0\0\0\0\0\0\0\2\0\0"sv);
  out.clear();
  WriteAddOffsetsToTxn("tx", kProducer, "g", &out);
  EXPECT_EQ(out, "\3tx\0\0\0\0\0\0\x11\x22\0\5\2g\0"sv);
  EXPECT_EQ(ReadAddOffsetsToTxn(ErrorBytes(47))->error_code, 47);
}

TEST(KafkaProtocol, OffsetsCarryTheMemberAndTheirNotes) {
  const GroupMetadata group{"g", 4, "m", ""};
  const std::vector<SourceOffset> offsets = {{1, 9, "n"}, {2, 10, ""}};
  std::string out;
  WriteTxnOffsetCommit("tx", kProducer, group, "s", offsets, &out);
  EXPECT_EQ(out,
            "\3tx\2g\0\0\0\0\0\0\x11\x22\0\5\0\0\0\4\2m\0\2\2s\3"
            "\0\0\0\1\0\0\0\0\0\0\0\x09\xff\xff\xff\xff\2n\0"
            "\0\0\0\2\0\0\0\0\0\0\0\x0a\xff\xff\xff\xff\0\0\0\0"sv);
}

TEST(KafkaProtocol, OfManyPartitionsThoseThatFailedAreTold) {
  const std::string bytes = PartitionErrorBytes({{"t", 0, 0}, {"u", 4, 29}});
  for (const auto& read : {ReadAddPartitionsToTxn, ReadTxnOffsetCommit}) {
    const auto answer = read(bytes);
    ASSERT_TRUE(answer.ok());
    ASSERT_EQ(answer->failed.size(), 1u);
    EXPECT_EQ(answer->failed[0].topic, "u");
    EXPECT_EQ(answer->failed[0].partition, 4);
    EXPECT_EQ(answer->failed[0].error_code, 29);
  }
}

TEST(KafkaProtocol, AProduceHoldsEachTopicOnceAndItsBatchesWhereTheyLie) {
  const std::vector<ProduceBatch> batches = {{"a", 0, "one"}, {"a", 1, "two"}, {"b", 0, "three"}};
  RequestFrame frame;
  WriteProduce("tx", 30'000, batches, &frame);
  frame.Seal();
  const std::string expected =
      "\0\0\0\x30"
      "\3tx\xff\xff\0\0\x75\x30\3"
      "\2a\3\0\0\0\0\4one\0\0\0\0\1\4two\0\0"
      "\2b\2\0\0\0\0\6three\0\0\0"s;
  ASSERT_EQ(expected.size(), 4u + 0x30);
  EXPECT_EQ(frame.bytes(), expected.size());
  EXPECT_EQ(SentBytes(frame, 1'000, 64), expected);
}

TEST(RequestFrame, GoesOutWholeHoweverSmallTheSteps) {
  for (const size_t step : {1, 2, 3, 7}) {
    for (const size_t pieces : {1, 2, 5}) {
      RequestFrame frame;
      frame.own()->append("begin ");
      frame.Borrow("");
      frame.Borrow("first ");
      frame.Borrow("second ");
      frame.own()->append("end");
      frame.Borrow(" last");
      frame.Seal();
      EXPECT_EQ(SentBytes(frame, step, pieces), "\0\0\0\x1b"s + "begin first second end last");
    }
  }
}

TEST(KafkaProtocol, AProduceTellsWhatBecameOfEachPartition) {
  const std::string bytes = ProduceBytes({{"a", 0, 0}, {"a", 1, 6}, {"b", 3, 10}});
  const auto answer = ReadProduce(bytes);
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->partitions.size(), 3u);
  EXPECT_EQ(answer->partitions[1].topic, "a");
  EXPECT_EQ(answer->partitions[1].index, 1);
  EXPECT_EQ(answer->partitions[1].error_code, 6);
  EXPECT_EQ(answer->partitions[0].base_offset, 42);
  EXPECT_EQ(answer->partitions[2].topic, "b");
}

struct CutAnswer {
  const char* name;
  std::string bytes;
  std::function<bool(std::string_view)> is_read;
};

TEST(KafkaProtocol, AnAnswerCutAnywhereCannotBeRead) {
  const CutAnswer answers[] = {
      {"Metadata", MetadataBytes(12, Cluster()),
       [](std::string_view bytes) { return ReadMetadata(12, bytes).ok(); }},
      {"FindCoordinator", FindCoordinatorBytes("tx", {3, "c", 9094}, 0),
       [](std::string_view bytes) { return ReadFindCoordinator(bytes).ok(); }},
      {"InitProducerId", ProducerBytes(0, kProducer),
       [](std::string_view bytes) { return ReadInitProducerId(bytes).ok(); }},
      {"EndTxn", ProducerBytes(0, kProducer),
       [](std::string_view bytes) { return ReadEndTxn(5, bytes).ok(); }},
      {"AddOffsetsToTxn", ErrorBytes(0),
       [](std::string_view bytes) { return ReadAddOffsetsToTxn(bytes).ok(); }},
      {"TxnOffsetCommit", PartitionErrorBytes({{"t", 0, 0}, {"u", 4, 29}}),
       [](std::string_view bytes) { return ReadTxnOffsetCommit(bytes).ok(); }},
      {"Produce", ProduceBytes({{"a", 0, 0}, {"b", 3, 10}}),
       [](std::string_view bytes) { return ReadProduce(bytes).ok(); }}};
  for (const CutAnswer& answer : answers) {
    EXPECT_TRUE(answer.is_read(answer.bytes)) << answer.name;
    for (size_t size = 0; size < answer.bytes.size(); ++size) {
      EXPECT_FALSE(answer.is_read(std::string_view(answer.bytes).substr(0, size)))
          << answer.name << " cut at " << size;
    }
  }
}

}  // namespace
}  // namespace turnout::connectors
