#include "connectors/kafka_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/id_takeover.h"
#include "tests/connectors/kafka_fixture.h"

// librdkafka 2.0.2 forgets to free the offsets that are on their way when a fatal error comes with
// the partitions. They are allocated by the thread that commits.
#if defined(__has_feature)
#define TURNOUT_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define TURNOUT_ADDRESS_SANITIZER 1
#else
#define TURNOUT_ADDRESS_SANITIZER 0
#endif
#if TURNOUT_ADDRESS_SANITIZER
#include <sanitizer/lsan_interface.h>
using LibraryMayLeak = __lsan::ScopedDisabler;
#else
struct LibraryMayLeak {
  LibraryMayLeak() {}
};
#endif

namespace turnout::connectors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Kind = DestinationFailure::Kind;

class KafkaSinkTest : public KafkaTest {
 protected:
  void SetUp() override {
    KafkaTest::SetUp();
    CreateTopic("out", 1);
  }

  // Begins a transaction with one record in it.
  void BeginWithRecord(Sink& sink, const std::string& topic = "out") {
    ASSERT_TRUE(sink.Begin().ok());
    OutputRecord record;
    record.topic = topic;
    record.value = "value";
    ASSERT_TRUE(sink.Produce(record).ok());
  }

  static absl::Status CommitAsMember(Sink& sink) {
    return CommitAtLast(sink, std::vector<SourceOffset>{{0, 5, "note"}}, kMember);
  }

  static inline const GroupMetadata kMember{"group", 1, "member", ""};
};

class KafkaSinkDeliveryTest : public KafkaSinkTest,
                              public ::testing::WithParamInterface<Delivery> {};

TEST_P(KafkaSinkDeliveryTest, WhatIsCommittedComesBackByteForByte) {
  auto sink = OpenSink(SinkOptions(GetParam()));
  const std::vector<Header> headers = {
      {"a", "1"}, {"a", "2"}, {"empty", std::string_view("", 0)}, {"null", {}}, {"", "unnamed"}};
  std::vector<OutputRecord> records(5);
  for (OutputRecord& record : records) {
    record.topic = "out";
    record.timestamp_ms = 1'700'000'000'123;
  }
  records[0].key = "key", records[0].value = "value", records[0].headers = headers;
  records[1].value = "null key";
  records[2].key = "tombstone";
  records[3].key = std::string_view("", 0), records[3].value = std::string_view("", 0);
  records[4].key = "after", records[4].value = std::string_view("nul\0inside", 10);
  ASSERT_TRUE(sink->Begin().ok());
  for (const OutputRecord& record : records) ASSERT_TRUE(sink->Produce(record).ok());
  ASSERT_TRUE(CommitAtLast(*sink).ok());

  auto source = MakeSource(SourceOptions("out"));
  Assignments listener;
  const auto events = PollEvents(*source, listener, 5);
  ASSERT_EQ(events.size(), 5u);
  for (const KeptEvent& event : events) EXPECT_EQ(event.timestamp_ms, 1'700'000'000'123);
  EXPECT_EQ(events[0].key, "key");
  EXPECT_EQ(events[0].value, "value");
  EXPECT_THAT(events[0].headers, ElementsAre(Pair("a", "1"), Pair("a", "2"), Pair("empty", ""),
                                             Pair("null", "(null)"), Pair("", "unnamed")));
  EXPECT_TRUE(events[1].null_key);
  EXPECT_TRUE(events[1].headers.empty());
  EXPECT_TRUE(events[2].null_value);
  EXPECT_FALSE(events[3].null_key);
  EXPECT_FALSE(events[3].null_value);
  EXPECT_EQ(events[4].value, std::string("nul\0inside", 10));
}

TEST_P(KafkaSinkDeliveryTest, ARecordTooLargeAbortsAndNamesItsTopic) {
  auto sink = OpenSink(SinkOptions(GetParam()));
  FailNext(kProduce, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  BeginWithRecord(*sink);
  const absl::Status status = CommitAtLast(*sink);
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  const auto failures = sink->FailuresOfTransaction();
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].topic, "out");
  EXPECT_EQ(failures[0].kind, Kind::kRecordTooLarge);
  EXPECT_THAT(failures[0].reason, HasSubstr("MSG_SIZE_TOO_LARGE"));

  ASSERT_TRUE(sink->Abort().ok());
  EXPECT_EQ(sink->FailuresOfTransaction().size(), 1u);
  BeginWithRecord(*sink);
  const absl::Status then = CommitAtLast(*sink);
  EXPECT_TRUE(then.ok()) << then;
  EXPECT_TRUE(sink->FailuresOfTransaction().empty());
}

// One destination's leader is gone for longer than others are to wait for it.
TEST_P(KafkaSinkDeliveryTest, ALeaderlessTopicIsNamedOnceOthersHaveWaitedLongEnough) {
  CreateTopic("stuck", 1);
  rd_kafka_mock_partition_set_leader(mock, "stuck", 0, -1);
  KafkaSinkOptions options = SinkOptions(GetParam());
  options.destination_patience_ms = 500;
  auto sink = OpenSink(options);
  const absl::Time begun = absl::Now();
  BeginWithRecord(*sink);
  OutputRecord record;
  record.topic = "stuck";
  record.value = "value";
  ASSERT_TRUE(sink->Produce(record).ok());
  const absl::Status status = CommitAsMember(*sink);
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_LT(absl::Now() - begun, absl::Milliseconds(options.transaction_timeout_ms));
  const auto failures = sink->FailuresOfTransaction();
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].topic, "stuck");
  EXPECT_EQ(failures[0].kind, Kind::kSlow);
  EXPECT_THAT(failures[0].reason, HasSubstr("1 records are not acknowledged"));

  absl::Status aborted = sink->Abort();
  while (absl::IsUnavailable(aborted)) aborted = sink->Abort();
  ASSERT_TRUE(aborted.ok()) << aborted;
  BeginWithRecord(*sink);
  const absl::Status then = CommitAtLast(*sink);
  EXPECT_TRUE(then.ok()) << then;
}

// Where nothing is taken, no topic is to blame.
TEST_P(KafkaSinkDeliveryTest, WhileNoBrokerAnswersNoTopicIsToBlame) {
  KafkaSinkOptions options = SinkOptions(GetParam());
  options.destination_patience_ms = 200;
  auto sink = OpenSink(options);
  BeginWithRecord(*sink);
  BrokerDown();
  for (int i = 0; i < 4; ++i) {
    const absl::Status status = sink->Commit({}, {});
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
  EXPECT_TRUE(sink->FailuresOfTransaction().empty());
  BrokerUp();
  const absl::Status then = CommitAtLast(*sink);
  EXPECT_TRUE(then.ok()) << then;
}

TEST_P(KafkaSinkDeliveryTest, ARecordLargerThanTheClientLetsThroughIsATooLargeOne) {
  KafkaSinkOptions options = SinkOptions(GetParam());
  options.record_bytes_max = 2'000;
  options.batch_bytes_max = 1'500;
  auto sink = OpenSink(options);
  ASSERT_TRUE(sink->Begin().ok());
  const std::string large(3'000, 'x');
  OutputRecord record;
  record.topic = "out";
  record.value = large;
  EXPECT_TRUE(absl::IsAborted(sink->Produce(record)));
  ASSERT_EQ(sink->FailuresOfTransaction().size(), 1u);
  EXPECT_EQ(sink->FailuresOfTransaction()[0].kind, Kind::kRecordTooLarge);
  EXPECT_TRUE(absl::IsAborted(CommitAtLast(*sink)));
  EXPECT_TRUE(sink->Abort().ok());
}

// A leader that is not there yet for the first of two requests on their way, and is for the second.
// The mock broker looks at the sequence numbers of transactional producers, and at no others'.
TEST_P(KafkaSinkDeliveryTest, WhatOnlyALaterBatchSpeaksForIsNotCommitted) {
  KafkaSinkOptions options = SinkOptions(GetParam());
  options.batch_bytes_max = 1;  // every record is a request
  auto sink = OpenSink(options);
  FailNext(kProduce, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
  const auto produce = [&sink] {
    ASSERT_TRUE(sink->Begin().ok());
    for (const std::string_view value : {"first", "second"}) {
      OutputRecord record;
      record.topic = "out";
      record.value = value;
      ASSERT_TRUE(sink->Produce(record).ok());
    }
  };
  produce();
  const absl::Status status = CommitAtLast(*sink);
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_TRUE(sink->FailuresOfTransaction().empty()) << "no destination is to blame";
  ASSERT_TRUE(sink->Abort().ok());
  produce();
  const absl::Status then = CommitAtLast(*sink);
  ASSERT_TRUE(then.ok()) << then;

  auto source = MakeSource(SourceOptions("out"));
  Assignments listener;
  const bool second_was_taken = GetParam() == Delivery::kAtLeastOnce;
  std::vector<std::string> due = {"first", "second"};
  if (second_was_taken) due.insert(due.begin(), "second");
  std::vector<std::string> values;
  for (const KeptEvent& event : PollEvents(*source, listener, due.size())) {
    values.push_back(event.value);
  }
  EXPECT_EQ(values, due);
}

TEST_P(KafkaSinkDeliveryTest, ACommitThatFoundTheBrokerAwaySucceedsWhenItIsBack) {
  auto sink = OpenSink(SinkOptions(GetParam()));
  BeginWithRecord(*sink);
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  BrokerDown();
  BeginWithRecord(*sink);
  const absl::Status away = sink->Commit({}, {});
  EXPECT_TRUE(absl::IsUnavailable(away)) << away;
  BrokerUp();
  const absl::Status back = CommitAtLast(*sink);
  EXPECT_TRUE(back.ok()) << back;
}

TEST_P(KafkaSinkDeliveryTest, ClosingEndsInTimeWhenTheBrokerIsGone) {
  auto sink = OpenSink(SinkOptions(GetParam()));
  BeginWithRecord(*sink);
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  BrokerDown();
  BeginWithRecord(*sink);
  const absl::Time begin = absl::Now();
  sink->Close(absl::Seconds(1));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(3));
}

INSTANTIATE_TEST_SUITE_P(Both, KafkaSinkDeliveryTest,
                         ::testing::Values(Delivery::kExactlyOnce, Delivery::kAtLeastOnce),
                         [](const auto& delivery) {
                           return delivery.param == Delivery::kExactlyOnce ? "ExactlyOnce"
                                                                           : "AtLeastOnce";
                         });

TEST_F(KafkaSinkTest, KeysGoToThePartitionsThatJavaClientsChoose) {
  // Java's Utils.murmur2 of these, from Kafka's own unit tests.
  const std::map<std::string, int32_t> hashes = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107}};
  CreateTopic("many", 97);
  auto sink = OpenSink(SinkOptions(Delivery::kAtLeastOnce));
  ASSERT_TRUE(sink->Begin().ok());
  for (const auto& [key, hash] : hashes) {
    OutputRecord record;
    record.topic = "many";
    record.key = key;
    ASSERT_TRUE(sink->Produce(record).ok());
  }
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  auto source = MakeSource(SourceOptions("many"));
  Assignments listener;
  const auto events = PollEvents(*source, listener, hashes.size());
  ASSERT_EQ(events.size(), hashes.size());
  for (const KeptEvent& event : events) {
    EXPECT_EQ(event.partition, (hashes.at(event.key) & 0x7fffffff) % 97) << event.key;
  }
}

TEST_F(KafkaSinkTest, OutputsAndOffsetsAreCommittedTogether) {
  auto sink = OpenSink(SinkOptions(Delivery::kExactlyOnce));
  for (int i = 0; i < 3; ++i) {
    BeginWithRecord(*sink);
    const absl::Status status = CommitAsMember(*sink);
    ASSERT_TRUE(status.ok()) << status;
  }
}

TEST_F(KafkaSinkTest, OffsetsOfNoMemberAreRefusedBeforeTheyReachTheBroker) {
  auto sink = OpenSink(SinkOptions(Delivery::kExactlyOnce));
  BeginWithRecord(*sink);
  const std::vector<SourceOffset> offsets = {{0, 5, ""}};
  const absl::Status status = sink->Commit(offsets, GroupMetadata{"group", -1, "", ""});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

TEST_F(KafkaSinkTest, OpeningAgainInATransactionThatHasJustBegunIsNoTrouble) {
  auto sink = OpenSink(SinkOptions(Delivery::kExactlyOnce));
  for (int i = 0; i < 20; ++i) {
    BeginWithRecord(*sink);
    const absl::Status opened = sink->Open();
    ASSERT_TRUE(opened.ok()) << opened;
  }
}

TEST_F(KafkaSinkTest, ATopicRefusedByTheTransactionIsNamed) {
  auto sink = OpenSink(SinkOptions(Delivery::kExactlyOnce));
  FailNext(kAddPartitionsToTxn, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  BeginWithRecord(*sink);
  const absl::Status status = CommitAsMember(*sink);
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  ASSERT_EQ(sink->FailuresOfTransaction().size(), 1u);
  EXPECT_EQ(sink->FailuresOfTransaction()[0].topic, "out");
  EXPECT_EQ(sink->FailuresOfTransaction()[0].kind, Kind::kForbidden);
  EXPECT_TRUE(sink->Abort().ok());
}

TEST_F(KafkaSinkTest, AMissingTopicIsNamed) {
  rd_kafka_mock_topic_set_error(mock, "gone", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  auto sink = OpenSink(SinkOptions(Delivery::kExactlyOnce));
  ASSERT_TRUE(sink->Begin().ok());
  OutputRecord record;
  record.topic = "gone";
  absl::Status status = sink->Produce(record);
  if (status.ok()) status = CommitAsMember(*sink);
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  ASSERT_EQ(sink->FailuresOfTransaction().size(), 1u);
  EXPECT_EQ(sink->FailuresOfTransaction()[0].topic, "gone");
  EXPECT_EQ(sink->FailuresOfTransaction()[0].kind, Kind::kMissing);
}

TEST_F(KafkaSinkTest, AnIllegalTopicNameIsAMissingTopic) {
  auto sink = OpenSink(SinkOptions(Delivery::kExactlyOnce));
  ASSERT_TRUE(sink->Begin().ok());
  const std::string name(600, 'x');
  OutputRecord record;
  record.topic = name;
  EXPECT_TRUE(absl::IsAborted(sink->Produce(record)));
  ASSERT_EQ(sink->FailuresOfTransaction().size(), 1u);
  EXPECT_EQ(sink->FailuresOfTransaction()[0].kind, Kind::kMissing);
}

// What becomes of a transaction when one of its requests fails so.
struct Outcome {
  std::string name;
  int16_t api;
  rd_kafka_resp_err_t code;
  absl::StatusCode status;
};

class KafkaSinkOutcomeTest : public KafkaSinkTest, public ::testing::WithParamInterface<Outcome> {};

TEST_P(KafkaSinkOutcomeTest, AFailedRequestHasTheOutcomeThatIsPromisedAndIsRecoveredFrom) {
  auto sink = OpenSink(SinkOptions(Delivery::kExactlyOnce));
  FailNext(GetParam().api, GetParam().code);
  BeginWithRecord(*sink);
  absl::Status status;
  {
    const LibraryMayLeak leak;
    status = CommitAsMember(*sink);
  }
  EXPECT_EQ(status.code(), GetParam().status) << status;
  EXPECT_TRUE(sink->FailuresOfTransaction().empty());

  if (absl::IsAborted(status)) {
    ASSERT_TRUE(sink->Abort().ok());
  } else if (!status.ok()) {
    const absl::Status opened = OpenAtLast(*sink);
    ASSERT_TRUE(opened.ok()) << opened;
  }
  BeginWithRecord(*sink);
  const absl::Status then = CommitAsMember(*sink);
  EXPECT_TRUE(then.ok()) << then;
}

constexpr auto kFencedCode = absl::StatusCode::kFailedPrecondition;
INSTANTIATE_TEST_SUITE_P(
    Codes, KafkaSinkOutcomeTest,
    ::testing::Values(
        Outcome{"BusyCoordinator", kEndTxn, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
                absl::StatusCode::kOk},
        Outcome{"MovedCoordinator", kAddOffsetsToTxn, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
                absl::StatusCode::kOk},
        Outcome{"TransactionBefore", kAddPartitionsToTxn, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
                absl::StatusCode::kOk},
        Outcome{"OldGeneration", kTxnOffsetCommit, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
                absl::StatusCode::kAborted},
        Outcome{"UnknownMember", kTxnOffsetCommit, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
                absl::StatusCode::kAborted},
        Outcome{"FencedInstance", kTxnOffsetCommit, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
                kFencedCode},
        Outcome{"FencedAtEnd", kEndTxn, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, kFencedCode},
        Outcome{"OldEpochAtEnd", kEndTxn, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, kFencedCode},
        Outcome{"FencedAtPartitions", kAddPartitionsToTxn, RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
                kFencedCode},
        Outcome{"FencedAtOffsets", kTxnOffsetCommit, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
                kFencedCode},
        Outcome{"ForbiddenId", kAddPartitionsToTxn,
                RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                absl::StatusCode::kInternal},
        Outcome{"BrokenState", kEndTxn, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE,
                absl::StatusCode::kInternal}),
    [](const auto& outcome) { return outcome.param.name; });

TEST_F(KafkaSinkTest, OpeningWithoutABrokerIsUnavailableAndGoesOnWhenThereIsOne) {
  BrokerDown();
  auto made = MakeKafkaSink(SinkOptions(Delivery::kExactlyOnce));
  ASSERT_TRUE(made.ok());
  const absl::Time begin = absl::Now();
  absl::Status opened = (*made)->Open();
  EXPECT_TRUE(absl::IsUnavailable(opened)) << opened;
  EXPECT_LT(absl::Now() - begin, absl::Seconds(3));
  BrokerUp();
  opened = OpenAtLast(**made);
  EXPECT_TRUE(opened.ok()) << opened;
}

TEST_F(KafkaSinkTest, AnIdThatMayNotBeUsedSaysWhatToGrant) {
  FailNext(kInitProducerId, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
  auto made = MakeKafkaSink(SinkOptions(Delivery::kExactlyOnce));
  ASSERT_TRUE(made.ok());
  const absl::Status opened = OpenAtLast(**made);
  EXPECT_TRUE(absl::IsInternal(opened)) << opened;
  EXPECT_THAT(std::string(opened.message()), HasSubstr("producer tx"));
  EXPECT_THAT(std::string(opened.message()),
              HasSubstr("grant this principal Write and Describe on the transactional id"));
}

// A process of before may have had the batch sink, which produces under more ids.
TEST_F(KafkaSinkTest, OpeningTakesTheOtherIdsOfThisNameOverToo) {
  rd_kafka_mock_push_request_errors(mock, kInitProducerId, 2, RD_KAFKA_RESP_ERR_NO_ERROR,
                                    RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
  auto made = MakeKafkaSink(SinkOptions(Delivery::kExactlyOnce));
  ASSERT_TRUE(made.ok());
  const absl::Status refused = OpenAtLast(**made);
  EXPECT_TRUE(absl::IsInternal(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("producer tx."));
  EXPECT_THAT(std::string(refused.message()), HasSubstr(": taking over"));
  EXPECT_TRUE(absl::IsInternal((*made)->Begin()));
  ASSERT_TRUE(OpenAtLast(**made).ok());
  BeginWithRecord(**made);
  const absl::Status status = CommitAsMember(**made);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(KafkaSinkTest, AnotherIdThatMayNotBeUsedWasNobodys) {
  rd_kafka_mock_push_request_errors(mock, kInitProducerId, 2, RD_KAFKA_RESP_ERR_NO_ERROR,
                                    RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
  auto sink = OpenSink(SinkOptions(Delivery::kExactlyOnce));
  BeginWithRecord(*sink);
  const absl::Status status = CommitAsMember(*sink);
  EXPECT_TRUE(status.ok()) << status;
}

// The answer may come just as a call gives up waiting.
TEST_F(KafkaSinkTest, AnIdThatMayNotBeUsedIsNobodysHoweverShortOneWaits) {
  constexpr int kTries = 50;
  int not_ours = 0;
  for (int i = 0; i < kTries; ++i) {
    rd_kafka_mock_push_request_errors(mock, kInitProducerId, 1,
                                      RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    IdTakeover takeover("tx.1");
    absl::Status done;
    do {
      done = takeover.Work(SinkOptions(Delivery::kExactlyOnce), 1);
    } while (absl::IsUnavailable(done));
    not_ours += done.ok() ? 1 : 0;
  }
  EXPECT_EQ(not_ours, kTries);
}

TEST_F(KafkaSinkTest, CallsOutOfTurnAreRefused) {
  auto made = MakeKafkaSink(SinkOptions(Delivery::kExactlyOnce));
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(absl::IsInternal((*made)->Begin()));
  EXPECT_TRUE(absl::IsInternal((*made)->Produce({})));
  EXPECT_TRUE(absl::IsInternal((*made)->Commit({}, {})));
  EXPECT_TRUE((*made)->Abort().ok());
  (*made)->Close(absl::Seconds(1));
  (*made)->Close(absl::Seconds(1));
}

TEST_F(KafkaSinkTest, ExactlyOnceNeedsAnIdAndATopic) {
  KafkaSinkOptions options = SinkOptions(Delivery::kExactlyOnce);
  options.transactional_id.clear();
  EXPECT_TRUE(absl::IsInvalidArgument(MakeKafkaSink(options).status()));
  options = SinkOptions(Delivery::kExactlyOnce);
  options.source_topic.clear();
  EXPECT_TRUE(absl::IsInvalidArgument(MakeKafkaSink(options).status()));
}

}  // namespace
}  // namespace turnout::connectors
