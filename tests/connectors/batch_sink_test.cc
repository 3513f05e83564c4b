#include "connectors/batch_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "connectors/produce_queue.h"
#include "connectors/transactional_ids.h"
#include "tests/connectors/fake_broker.h"

namespace turnout::connectors {
namespace {

using ::testing::HasSubstr;
using Kind = DestinationFailure::Kind;

class BatchSinkTest : public ::testing::Test {
 protected:
  static inline const GroupMetadata kMember{"group", 1, "member", ""};
  static inline const std::vector<SourceOffset> kOffsets = {{0, 5, "note"}, {1, 7, ""}};

  explicit BatchSinkTest(int16_t transaction_version = 2, int brokers = 1)
      : broker(transaction_version, brokers) {
    broker.AddTopic("out", 1);
  }

  KafkaSinkOptions Options(Delivery delivery = Delivery::kExactlyOnce) const {
    KafkaSinkOptions options;
    options.client.bootstrap_servers = broker.address();
    options.client.client_id = "sink";
    options.delivery = delivery;
    options.transactional_id = "tx";
    options.source_topic = "source";
    return options;
  }

  static absl::Status OpenAtLast(Sink& sink) {
    absl::Status status;
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    do {
      status = sink.Open();
    } while (absl::IsUnavailable(status) && absl::Now() < deadline);
    return status;
  }

  std::unique_ptr<Sink> OpenSink(const KafkaSinkOptions& options) {
    auto made = MakeBatchSink(options);
    EXPECT_TRUE(made.ok()) << made.status();
    const absl::Status opened = OpenAtLast(**made);
    EXPECT_TRUE(opened.ok()) << opened;
    return *std::move(made);
  }
  std::unique_ptr<Sink> OpenSink() { return OpenSink(Options()); }

  static absl::Status Produce(Sink& sink, std::string_view topic = "out", std::string_view key = {},
                              std::string_view value = "value") {
    OutputRecord record;
    record.topic = topic;
    record.key = key;
    record.value = value;
    return sink.Produce(record);
  }
  static void BeginWithRecord(Sink& sink, std::string_view topic = "out") {
    ASSERT_TRUE(sink.Begin().ok());
    const absl::Status produced = Produce(sink, topic);
    ASSERT_TRUE(produced.ok()) << produced;
  }

  static void BeginWithRecordIsRefused(Sink& sink) {
    EXPECT_TRUE(absl::IsInternal(sink.Begin())) << "one ends, one is open: no more";
  }

  static absl::Status CommitAtLast(Sink& sink, absl::Span<const SourceOffset> offsets = kOffsets,
                                   const GroupMetadata& group = kMember) {
    absl::Status status;
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    do {
      status = sink.Commit(offsets, group);
    } while (absl::IsUnavailable(status) && absl::Now() < deadline);
    return status;
  }
  static absl::Status AbortAtLast(Sink& sink) {
    absl::Status status;
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    do {
      status = sink.Abort();
    } while (absl::IsUnavailable(status) && absl::Now() < deadline);
    return status;
  }

  // The broker ends the transaction just before this request of its commit: as when fenced.
  void ExpectFencedAndRedoneAfterATimeOutBefore(Api api) {
    auto sink = OpenSink();
    broker.TimeOutBeforeNext(api);
    BeginWithRecord(*sink);
    const absl::Status status = CommitAtLast(*sink);
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    ASSERT_TRUE(OpenAtLast(*sink).ok());
    BeginWithRecord(*sink);
    EXPECT_TRUE(CommitAtLast(*sink).ok());
    EXPECT_EQ(broker.committed_records("out"), 1);
  }

  FakeBroker broker;
};

class FirstTransactionsTest : public BatchSinkTest {
 protected:
  FirstTransactionsTest() : BatchSinkTest(1) {}
};

// The second one leads "other".
class TwoBrokersTest : public BatchSinkTest {
 protected:
  TwoBrokersTest() : BatchSinkTest(2, 2) {
    broker.AddTopic("other", 1);
    broker.SetLeader("other", 0, 1);
  }

  // Both brokers have taken a record from it.
  std::unique_ptr<Sink> OpenSinkThatKnowsTheOther() {
    KafkaSinkOptions options = Options();
    options.destination_patience_ms = 1'000;
    options.call_timeout_ms = 200;
    auto sink = OpenSink(options);
    BeginWithRecord(*sink);
    EXPECT_TRUE(Produce(*sink, "other").ok());
    EXPECT_TRUE(CommitAtLast(*sink).ok());
    return sink;
  }

  void ExpectTheOtherToBeNamedAsSlow(Sink& sink) {
    EXPECT_TRUE(absl::IsAborted(CommitAtLast(sink)));
    ASSERT_EQ(sink.FailuresOfTransaction().size(), 1u);
    EXPECT_EQ(sink.FailuresOfTransaction()[0].topic, "other");
    EXPECT_EQ(sink.FailuresOfTransaction()[0].kind, Kind::kSlow);
    EXPECT_TRUE(AbortAtLast(sink).ok());
    BeginWithRecord(sink);
    EXPECT_TRUE(CommitAtLast(sink).ok());
    EXPECT_EQ(broker.committed_records("out"), 2);
    EXPECT_EQ(broker.committed_records("other"), 1);
  }
};

TEST_F(BatchSinkTest, OutputsAndOffsetsAreCommittedTogetherAndTheEpochRises) {
  auto sink = OpenSink();
  const std::vector<std::string> ids = TransactionalIdsOf("tx");
  for (int i = 1; i <= 2 * kTransactionalIds; ++i) {
    const std::string& id = ids[static_cast<size_t>((i - 1) % kTransactionalIds)];
    const ProducerIdentity before = broker.producer(id);
    BeginWithRecord(*sink);
    EXPECT_EQ(broker.committed_records("out"), i - 1);
    const absl::Status status = CommitAtLast(*sink);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(broker.committed_records("out"), i);
    EXPECT_EQ(broker.producer(id).epoch, before.epoch + 1);
  }
  EXPECT_EQ(broker.committed_offsets(), (std::map<int32_t, int64_t>{{0, 5}, {1, 7}}));
  EXPECT_EQ(broker.last_version(Api::kProduce), 12);
  EXPECT_EQ(broker.last_version(Api::kEndTxn), 5);
  EXPECT_EQ(broker.requests(Api::kAddPartitionsToTxn), 0);
  EXPECT_EQ(broker.requests(Api::kAddOffsetsToTxn), 0);
}

TEST_F(FirstTransactionsTest, PartitionsAndOffsetsAreAddedAtTheCoordinator) {
  auto sink = OpenSink();
  constexpr int kOnceRoundAndOne = kTransactionalIds + 1;
  for (int i = 1; i <= kOnceRoundAndOne; ++i) {
    BeginWithRecord(*sink);
    const absl::Status status = CommitAtLast(*sink);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(broker.committed_records("out"), i);
  }
  EXPECT_EQ(broker.committed_offsets().at(1), 7);
  EXPECT_EQ(broker.last_version(Api::kProduce), 11);
  EXPECT_EQ(broker.last_version(Api::kEndTxn), 4);
  EXPECT_EQ(broker.requests(Api::kAddPartitionsToTxn), kOnceRoundAndOne);
  EXPECT_EQ(broker.requests(Api::kAddOffsetsToTxn), kOnceRoundAndOne);
  // The sequence numbers of an id go on, since its epoch stays.
  for (int i = 0; i < kOnceRoundAndOne; ++i) {
    EXPECT_EQ(broker.committed("out", 0).at(static_cast<size_t>(i)).base_sequence,
              i < kTransactionalIds ? 0 : 1);
  }
}

TEST_F(BatchSinkTest, NoTransactionWaitsForTheMarkersOfTheOneBefore) {
  broker.KeepLastIdBusy();
  auto sink = OpenSink();
  for (int i = 1; i <= 10; ++i) {
    BeginWithRecord(*sink);
    const absl::Status status = CommitAtLast(*sink);
    ASSERT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(broker.committed_records("out"), 10);
  EXPECT_EQ(broker.requests(Api::kProduce), 10);
  EXPECT_EQ(broker.requests(Api::kTxnOffsetCommit), 10);
}

TEST_F(FirstTransactionsTest, NoTransactionWaitsForTheMarkersOfTheOneBefore) {
  broker.KeepLastIdBusy();
  auto sink = OpenSink();
  for (int i = 1; i <= 10; ++i) {
    BeginWithRecord(*sink);
    const absl::Status status = CommitAtLast(*sink);
    ASSERT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(broker.requests(Api::kAddPartitionsToTxn), 10);
}

// Whatever a process of before had open, under whichever id.
TEST_F(BatchSinkTest, OpeningFencesEveryIdOfAGhost) {
  for (const int open_under : {1, 2}) {
    FakeBroker fresh;
    fresh.AddTopic("out", 1);
    KafkaSinkOptions options = Options();
    options.client.bootstrap_servers = fresh.address();
    auto ghost = OpenSink(options);
    if (open_under == 2) {
      BeginWithRecord(*ghost);
      ASSERT_TRUE(CommitAtLast(*ghost).ok());
    }
    const int before = fresh.committed_records("out");
    BeginWithRecord(*ghost);
    auto successor = OpenSink(options);
    const absl::Status fenced = CommitAtLast(*ghost);
    EXPECT_TRUE(absl::IsFailedPrecondition(fenced)) << open_under << fenced;
    EXPECT_EQ(fresh.committed_records("out"), before);
    for (int i = 1; i <= 2; ++i) {
      BeginWithRecord(*successor);
      ASSERT_TRUE(CommitAtLast(*successor).ok());
      EXPECT_EQ(fresh.committed_records("out"), before + i);
    }
  }
}

// An id that somebody took while another one's transaction went on is noticed by the next turn.
TEST_F(BatchSinkTest, AnIdThatIsTakenBetweenItsTurnsIsNoticedAtItsNextOne) {
  auto sink = OpenSink();
  BeginWithRecord(*sink);
  broker.Fence("tx.2");
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  BeginWithRecord(*sink);
  EXPECT_TRUE(absl::IsFailedPrecondition(CommitAtLast(*sink)));
  ASSERT_TRUE(OpenAtLast(*sink).ok());
  for (int i = 2; i <= 3; ++i) {
    BeginWithRecord(*sink);
    ASSERT_TRUE(CommitAtLast(*sink).ok());
    EXPECT_EQ(broker.committed_records("out"), i);
  }
}

TEST_F(BatchSinkTest, OpeningGoesOnWithTheIdThatItCameTo) {
  KafkaSinkOptions options = Options();
  options.call_timeout_ms = 100;
  auto made = MakeBatchSink(options);
  ASSERT_TRUE(made.ok());
  broker.FailNext(Api::kInitProducerId, 0);                    // tx
  broker.FailNext(Api::kInitProducerId, 51, /*times=*/1'000);  // tx.2, for longer than the call
  EXPECT_TRUE(absl::IsUnavailable((*made)->Open()));
  EXPECT_TRUE(absl::IsUnavailable((*made)->Open()));
  EXPECT_EQ(broker.producer("tx").epoch, 0);
  EXPECT_EQ(broker.producer("tx.2").epoch, -1);
}

TEST_F(BatchSinkTest, TheNextTransactionFillsWhileOneEndsAndEndsAfterIt) {
  auto sink = OpenSink();
  ASSERT_TRUE(sink->may_overlap());
  BeginWithRecord(*sink);
  sink->StartCommit(kOffsets, kMember);
  for (int round = 1; round <= 4; ++round) {
    BeginWithRecord(*sink);
    BeginWithRecordIsRefused(*sink);
    const absl::Status status = CommitAtLast(*sink);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(broker.committed_records("out"), round);
    EXPECT_EQ(broker.requests(Api::kTxnOffsetCommit), round);
    EXPECT_EQ(broker.requests(Api::kEndTxn), round);
    sink->StartCommit(kOffsets, kMember);
  }
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  EXPECT_EQ(broker.committed_records("out"), 5);
}

TEST_F(FirstTransactionsTest, TheNextTransactionFillsWhileOneEndsAndEndsAfterIt) {
  auto sink = OpenSink();
  for (int round = 1; round <= 3; ++round) {
    BeginWithRecord(*sink);
    if (round > 1) {
      ASSERT_TRUE(CommitAtLast(*sink).ok());
    }
    EXPECT_EQ(broker.committed_records("out"), round - 1);
    sink->StartCommit(kOffsets, kMember);
  }
}

TEST_F(BatchSinkTest, RecordsWaitUntilThoseOfTheTransactionBeforeAreAcknowledged) {
  KafkaSinkOptions options = Options();
  options.call_timeout_ms = 100;
  auto sink = OpenSink(options);
  BeginWithRecord(*sink);
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  broker.SetAway(true);
  BeginWithRecord(*sink);
  sink->StartCommit(kOffsets, kMember);
  ASSERT_TRUE(sink->Begin().ok());
  const std::string large(100'000, 'x');
  absl::Status produced;
  int taken = 0;
  while (produced.ok() && taken < 100) {
    produced = Produce(*sink, "out", {}, large);
    taken += produced.ok() ? 1 : 0;
  }
  EXPECT_TRUE(absl::IsUnavailable(produced)) << produced;
  EXPECT_GT(taken, 5);
  EXPECT_LT(taken, 30) << "what waits is bounded";
  EXPECT_TRUE(absl::IsUnavailable(sink->Commit(kOffsets, kMember)));
  broker.SetAway(false);
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  EXPECT_EQ(broker.committed_records("out"), 2);
  sink->StartCommit(kOffsets, kMember);
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  EXPECT_EQ(broker.committed_records("out"), 2 + taken);
}

TEST_F(BatchSinkTest, AnAbortTakesTheTransactionThatGoesOnFromIt) {
  auto sink = OpenSink();
  broker.FailNext(Api::kProduce, 29);  // TOPIC_AUTHORIZATION_FAILED
  BeginWithRecord(*sink);
  sink->StartCommit(kOffsets, kMember);
  ASSERT_TRUE(sink->Begin().ok());
  ASSERT_TRUE(Produce(*sink).ok());
  const absl::Status status = CommitAtLast(*sink);
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  ASSERT_EQ(sink->FailuresOfTransaction().size(), 1u);
  ASSERT_TRUE(AbortAtLast(*sink).ok());
  EXPECT_EQ(broker.committed_records("out"), 0);
  BeginWithRecord(*sink);
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  EXPECT_TRUE(sink->FailuresOfTransaction().empty());
  EXPECT_EQ(broker.committed_records("out"), 1);
}

TEST_F(BatchSinkTest, AFailureOfTheNextTransactionIsItsOwn) {
  KafkaSinkOptions options = Options();
  options.record_bytes_max = 2'000;
  auto sink = OpenSink(options);
  BeginWithRecord(*sink);
  sink->StartCommit(kOffsets, kMember);
  ASSERT_TRUE(sink->Begin().ok());
  EXPECT_TRUE(absl::IsAborted(Produce(*sink, "out", {}, std::string(3'000, 'x'))));
  EXPECT_EQ(sink->FailuresOfTransaction().size(), 1u);
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  EXPECT_EQ(broker.committed_records("out"), 1);
  ASSERT_TRUE(AbortAtLast(*sink).ok());
  EXPECT_EQ(broker.committed_records("out"), 1);
}

TEST_F(BatchSinkTest, AllPartitionsOfALeaderGoInOneRequest) {
  for (int i = 0; i < 50; ++i) broker.AddTopic("team" + std::to_string(i), 2);
  auto sink = OpenSink();
  ASSERT_TRUE(sink->Begin().ok());
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(Produce(*sink, "team" + std::to_string(i % 50), std::to_string(i)).ok());
  }
  const absl::Status status = CommitAtLast(*sink);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(broker.requests(Api::kProduce), 1);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(broker.committed_records("team" + std::to_string(i)), 20);
}

TEST(BatchSinkClusterTest, EachLeaderHasItsRequestAndThoseThatMoveAreFollowed) {
  FakeBroker cluster(2, 3);
  cluster.AddTopic("many", 6);
  for (int32_t partition = 0; partition < 6; ++partition) {
    cluster.SetLeader("many", partition, partition % 3);
  }
  cluster.SetCoordinator(1);
  KafkaSinkOptions options;
  options.client.bootstrap_servers = cluster.address();
  options.transactional_id = "tx";
  options.source_topic = "source";
  auto sink = MakeBatchSink(options);
  ASSERT_TRUE(sink.ok());
  ASSERT_TRUE((*sink)->Open().ok());
  const auto transact = [&sink] {
    ASSERT_TRUE((*sink)->Begin().ok());
    for (int i = 0; i < 60; ++i) {
      const std::string key = std::to_string(i);
      OutputRecord record;
      record.topic = "many";
      record.key = key;
      ASSERT_TRUE((*sink)->Produce(record).ok());
    }
    const std::vector<SourceOffset> offsets = {{0, 5, ""}};
    absl::Status status;
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    do {
      status = (*sink)->Commit(offsets, {"group", 1, "member", ""});
    } while (absl::IsUnavailable(status) && absl::Now() < deadline);
    ASSERT_TRUE(status.ok()) << status;
  };
  transact();
  for (int broker = 0; broker < 3; ++broker) EXPECT_EQ(cluster.requests(Api::kProduce, broker), 1);
  EXPECT_EQ(cluster.requests(Api::kEndTxn, 1), 1);
  EXPECT_EQ(cluster.committed_records("many"), 60);

  cluster.SetLeader("many", 2, 0);
  cluster.SetCoordinator(2);
  transact();
  EXPECT_EQ(cluster.committed_records("many"), 120);
  EXPECT_EQ(cluster.requests(Api::kEndTxn, 2), 1);

  // Without a word: the broker is gone.
  cluster.SetBrokerAway(2);
  cluster.SetLeader("many", 5, 1);
  cluster.SetCoordinator(0);
  transact();
  EXPECT_EQ(cluster.committed_records("many"), 180);
  EXPECT_EQ(cluster.requests(Api::kEndTxn, 0), 1);
}

TEST_F(BatchSinkTest, MuchIsSentInSeveralRequests) {
  broker.AddTopic("many", 8);
  auto sink = OpenSink();
  ASSERT_TRUE(sink->Begin().ok());
  const std::string value(10'000, 'v');
  for (int i = 0; i < 1'000; ++i) {
    const absl::Status status = Produce(*sink, "many", std::to_string(i), value);
    ASSERT_TRUE(status.ok()) << status;
  }
  const absl::Status status = CommitAtLast(*sink);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_GT(broker.requests(Api::kProduce), 2);
  EXPECT_EQ(broker.committed_records("many"), 1'000);
  for (int partition = 0; partition < 8; ++partition) {
    int32_t next = 0;
    for (const FakeBroker::Batch& batch : broker.committed("many", partition)) {
      EXPECT_EQ(batch.base_sequence, next);
      EXPECT_LE(batch.bytes.size(), 1'000'000u);
      next += batch.records;
    }
  }
}

// Partitions are added while the transaction fills: nothing could go out before otherwise.
TEST_F(FirstTransactionsTest, ATransactionMayBeLargerThanTheQueue) {
  auto sink = OpenSink();
  ASSERT_TRUE(sink->Begin().ok());
  const std::string value(900'000, 'v');
  const int records = static_cast<int>(ProduceQueue::kQueueBytesMax / value.size()) + 5;
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  for (int i = 0; i < records; ++i) {
    absl::Status status;
    do {
      status = Produce(*sink, "out", {}, value);
    } while (absl::IsUnavailable(status) && absl::Now() < deadline);
    ASSERT_TRUE(status.ok()) << i << status;
  }
  EXPECT_GT(broker.requests(Api::kProduce), 1);
  const absl::Status status = CommitAtLast(*sink);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(broker.committed_records("out"), records);
}

TEST_F(BatchSinkTest, WhatWasAbortedIsNeverCommitted) {
  auto sink = OpenSink();
  BeginWithRecord(*sink);
  EXPECT_TRUE(AbortAtLast(*sink).ok());
  BeginWithRecord(*sink);
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  EXPECT_EQ(broker.committed_records("out"), 1);
}

TEST_F(FirstTransactionsTest, AnAbortAlsoRaisesTheEpoch) {
  broker.AddTopic("many", 1);
  auto sink = OpenSink();
  ASSERT_TRUE(sink->Begin().ok());
  broker.FailNext(Api::kEndTxn, 14);
  ASSERT_TRUE(Produce(*sink).ok());
  broker.FailNext(Api::kTxnOffsetCommit, 22);  // after the record was produced
  EXPECT_TRUE(absl::IsAborted(CommitAtLast(*sink)));
  const ProducerIdentity before = broker.producer();
  ASSERT_TRUE(AbortAtLast(*sink).ok());
  EXPECT_EQ(broker.producer().epoch, before.epoch + 1);
  BeginWithRecord(*sink);
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  EXPECT_EQ(broker.committed_records("out"), 1);
}

TEST_F(BatchSinkTest, AnEmptyTransactionAsksNobody) {
  auto sink = OpenSink();
  ASSERT_TRUE(sink->Begin().ok());
  EXPECT_TRUE(CommitAtLast(*sink, {}).ok());
  ASSERT_TRUE(sink->Begin().ok());
  EXPECT_TRUE(sink->Abort().ok());
  EXPECT_EQ(broker.requests(Api::kEndTxn), 0);
}

// A batch or an end that came through but whose answer was lost is not done twice.
TEST_F(BatchSinkTest, LostAnswersChangeNothing) {
  for (const Api api : {Api::kProduce, Api::kTxnOffsetCommit, Api::kEndTxn}) {
    FakeBroker fresh;
    fresh.AddTopic("out", 1);
    KafkaSinkOptions options = Options();
    options.client.bootstrap_servers = fresh.address();
    auto sink = OpenSink(options);
    BeginWithRecord(*sink);
    ASSERT_TRUE(CommitAtLast(*sink).ok());
    fresh.CloseInsteadOfAnswering(api);
    BeginWithRecord(*sink);
    const absl::Status status = CommitAtLast(*sink);
    EXPECT_TRUE(status.ok()) << ApiName(api) << status;
    EXPECT_EQ(fresh.committed_records("out"), 2) << ApiName(api);
  }
}

TEST_F(BatchSinkTest, ACommitThatFoundTheBrokerAwaySucceedsWhenItIsBack) {
  for (const Delivery delivery : {Delivery::kExactlyOnce, Delivery::kAtLeastOnce}) {
    KafkaSinkOptions options = Options(delivery);
    options.call_timeout_ms = 100;
    auto sink = OpenSink(options);
    BeginWithRecord(*sink);
    ASSERT_TRUE(CommitAtLast(*sink).ok());
    const int before = broker.committed_records("out");
    broker.SetAway(true);
    BeginWithRecord(*sink);
    const absl::Time begin = absl::Now();
    const absl::Status away = sink->Commit(kOffsets, kMember);
    EXPECT_TRUE(absl::IsUnavailable(away)) << away;
    EXPECT_THAT(std::string(away.message()), HasSubstr("1 records are not acknowledged yet"));
    EXPECT_LT(absl::Now() - begin, absl::Seconds(4));
    broker.SetAway(false);
    const absl::Status back = CommitAtLast(*sink);
    EXPECT_TRUE(back.ok()) << back;
    EXPECT_EQ(broker.committed_records("out"), before + 1);
  }
}

TEST_F(BatchSinkTest, AtLeastOnceKeepsNoTransaction) {
  auto sink = OpenSink(Options(Delivery::kAtLeastOnce));
  for (int i = 0; i < 3; ++i) {
    BeginWithRecord(*sink);
    ASSERT_TRUE(CommitAtLast(*sink, {}).ok());
  }
  ASSERT_EQ(broker.committed("out", 0).size(), 3u);
  EXPECT_EQ(broker.committed("out", 0)[2].base_sequence, 2);
  EXPECT_FALSE(broker.committed("out", 0)[2].transactional);
  EXPECT_EQ(broker.requests(Api::kEndTxn), 0);
  EXPECT_EQ(broker.requests(Api::kFindCoordinator), 0);
}

TEST_F(BatchSinkTest, ADestinationThatRefusesIsNamedAndTheNextTransactionGoesOn) {
  const struct {
    int16_t code;
    Kind kind;
  } cases[] = {{10, Kind::kRecordTooLarge}, {29, Kind::kForbidden}, {87, Kind::kRecordRefused}};
  for (const Delivery delivery : {Delivery::kExactlyOnce, Delivery::kAtLeastOnce}) {
    auto sink = OpenSink(Options(delivery));
    for (const auto& [code, kind] : cases) {
      broker.FailNext(Api::kProduce, code);
      BeginWithRecord(*sink);
      const absl::Status status = CommitAtLast(*sink);
      EXPECT_TRUE(absl::IsAborted(status)) << status;
      ASSERT_EQ(sink->FailuresOfTransaction().size(), 1u);
      EXPECT_EQ(sink->FailuresOfTransaction()[0].topic, "out");
      EXPECT_EQ(sink->FailuresOfTransaction()[0].kind, kind);
      EXPECT_EQ(sink->FailuresOfTransaction()[0].record_bytes, 5);
      ASSERT_TRUE(AbortAtLast(*sink).ok());
      BeginWithRecord(*sink);
      const absl::Status then = CommitAtLast(*sink);
      EXPECT_TRUE(then.ok()) << then;
      EXPECT_TRUE(sink->FailuresOfTransaction().empty());
    }
  }
}

// As where a topic's max.message.bytes was lowered meanwhile.
TEST_F(BatchSinkTest, ABatchThatIsTooLargeAsAWholeIsTakenInParts) {
  constexpr int kRecords = 50;
  for (const Delivery delivery : {Delivery::kExactlyOnce, Delivery::kAtLeastOnce}) {
    FakeBroker fresh;
    fresh.AddTopic("out", 1);
    fresh.SetBatchBytesMax("out", 1'000);
    KafkaSinkOptions options = Options(delivery);
    options.client.bootstrap_servers = fresh.address();
    auto sink = OpenSink(options);
    for (int round = 1; round <= 3; ++round) {
      ASSERT_TRUE(sink->Begin().ok());
      for (int i = 0; i < kRecords; ++i) {
        const std::string value = absl::StrFormat("value %d/%02d", round, i);
        ASSERT_TRUE(Produce(*sink, "out", "key", value + std::string(90, '.')).ok());
      }
      const absl::Status status = CommitAtLast(*sink);
      ASSERT_TRUE(status.ok()) << status;
      ASSERT_EQ(fresh.committed_records("out"), round * kRecords);
    }
    std::string log;
    for (const FakeBroker::Batch& batch : fresh.committed("out", 0)) log += batch.bytes;
    size_t last = 0;
    for (int i = 0; i < 3 * kRecords; ++i) {
      const size_t found =
          log.find(absl::StrFormat("value %d/%02d", 1 + i / kRecords, i % kRecords));
      ASSERT_NE(found, std::string::npos);
      ASSERT_GE(found, last);
      last = found;
    }
  }
}

TEST_F(BatchSinkTest, OnlyARecordThatIsTooLargeByItselfIsBlamed) {
  broker.SetBatchBytesMax("out", 1'000);
  auto sink = OpenSink();
  ASSERT_TRUE(sink->Begin().ok());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Produce(*sink, "out", "key", std::string(i == 13 ? 2'000 : 100, 'v')).ok());
  }
  const absl::Status status = CommitAtLast(*sink);
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  ASSERT_EQ(sink->FailuresOfTransaction().size(), 1u);
  EXPECT_EQ(sink->FailuresOfTransaction()[0].kind, Kind::kRecordTooLarge);
  EXPECT_EQ(sink->FailuresOfTransaction()[0].record_bytes, 2'003);
  ASSERT_TRUE(AbortAtLast(*sink).ok());
  ASSERT_TRUE(sink->Begin().ok());
  for (int i = 0; i < 19; ++i) {
    ASSERT_TRUE(Produce(*sink, "out", "key", std::string(100, 'v')).ok());
  }
  const absl::Status then = CommitAtLast(*sink);
  EXPECT_TRUE(then.ok()) << then;
  EXPECT_EQ(broker.committed_records("out"), 19);
}

TEST_F(FirstTransactionsTest, ATopicRefusedByTheCoordinatorIsNamed) {
  auto sink = OpenSink();
  broker.FailNext(Api::kAddPartitionsToTxn, 29);
  BeginWithRecord(*sink);
  EXPECT_TRUE(absl::IsAborted(CommitAtLast(*sink)));
  ASSERT_EQ(sink->FailuresOfTransaction().size(), 1u);
  EXPECT_EQ(sink->FailuresOfTransaction()[0].kind, Kind::kForbidden);
  EXPECT_TRUE(AbortAtLast(*sink).ok());
}

TEST_F(FirstTransactionsTest, ATopicThatWasJustMadeMayNotBeKnownToTheCoordinatorYet) {
  auto sink = OpenSink();
  broker.FailNext(Api::kAddPartitionsToTxn, 3, /*times=*/2);
  BeginWithRecord(*sink);
  const absl::Status status = CommitAtLast(*sink);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(sink->FailuresOfTransaction().empty());
  EXPECT_EQ(broker.committed_records("out"), 1);
}

TEST_F(BatchSinkTest, AMissingTopicIsNamedOnceItIsMissingForLong) {
  auto sink = OpenSink();
  ASSERT_TRUE(sink->Begin().ok());
  absl::Status status;
  const absl::Time begin = absl::Now();
  do {
    status = Produce(*sink, "gone");
  } while (absl::IsUnavailable(status) && absl::Now() - begin < absl::Seconds(10));
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  ASSERT_EQ(sink->FailuresOfTransaction().size(), 1u);
  EXPECT_EQ(sink->FailuresOfTransaction()[0].kind, Kind::kMissing);
  ASSERT_TRUE(AbortAtLast(*sink).ok());
  broker.AddTopic("gone", 1);
  BeginWithRecord(*sink, "gone");
  EXPECT_TRUE(CommitAtLast(*sink).ok());
}

TEST_F(BatchSinkTest, ATopicThatTookRecordsAndIsGoneIsNamedAtOnceAndTakesThemOnceMadeAnew) {
  broker.AddTopic("shop", 3);
  auto sink = OpenSink();
  for (int id = 0; id < 6; ++id) {
    BeginWithRecord(*sink, "shop");
    ASSERT_TRUE(CommitAtLast(*sink).ok());
  }
  broker.RemoveTopic("shop");
  BeginWithRecord(*sink, "shop");
  const absl::Time begin = absl::Now();
  EXPECT_TRUE(absl::IsAborted(CommitAtLast(*sink)));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(4));
  ASSERT_EQ(sink->FailuresOfTransaction().size(), 1u);
  EXPECT_EQ(sink->FailuresOfTransaction()[0].kind, Kind::kMissing);
  ASSERT_TRUE(AbortAtLast(*sink).ok());
  broker.AddTopic("shop", 1);  // fewer partitions than it had
  ASSERT_TRUE(sink->Begin().ok());
  for (const char* const key : {"a", "b", "c", "d"}) {
    ASSERT_TRUE(Produce(*sink, "shop", key).ok());
  }
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  EXPECT_EQ(broker.committed_records("shop"), 4);
}

TEST_F(BatchSinkTest, ADestinationThatTakesNothingWhileOthersDoIsNamedAsSlow) {
  broker.AddTopic("slow", 1);
  broker.SetLeader("slow", 0, -1);
  KafkaSinkOptions options = Options();
  options.destination_patience_ms = 200;
  auto sink = OpenSink(options);
  BeginWithRecord(*sink);
  ASSERT_TRUE(Produce(*sink, "slow").ok());
  EXPECT_TRUE(absl::IsAborted(CommitAtLast(*sink)));
  ASSERT_EQ(sink->FailuresOfTransaction().size(), 1u);
  EXPECT_EQ(sink->FailuresOfTransaction()[0].topic, "slow");
  EXPECT_EQ(sink->FailuresOfTransaction()[0].kind, Kind::kSlow);
}

TEST_F(TwoBrokersTest, ADestinationWhoseLeaderIsSilentIsNamedAsSlow) {
  auto sink = OpenSinkThatKnowsTheOther();
  broker.SetBrokerSilent(1);
  BeginWithRecord(*sink);
  ASSERT_TRUE(Produce(*sink, "other").ok());
  ExpectTheOtherToBeNamedAsSlow(*sink);
}

TEST_F(TwoBrokersTest, ADestinationWhoseLeaderIsLostWithWhatWasSentIsNamedAsSlow) {
  auto sink = OpenSinkThatKnowsTheOther();
  broker.SetBrokerSilent(1);
  BeginWithRecord(*sink);
  ASSERT_TRUE(Produce(*sink, "other").ok());
  // The first broker's answer has come before the second one is lost.
  do {
    ASSERT_TRUE(absl::IsUnavailable(sink->Commit(kOffsets, kMember)));
  } while (broker.requests(Api::kProduce, 0) < 2);
  ASSERT_TRUE(absl::IsUnavailable(sink->Commit(kOffsets, kMember)));
  broker.SetBrokerAway(1);
  ExpectTheOtherToBeNamedAsSlow(*sink);
}

TEST_F(BatchSinkTest, WhereNothingIsTakenNobodyIsSlow) {
  broker.AddTopic("slow", 1);
  broker.SetLeader("slow", 0, -1);
  KafkaSinkOptions options = Options();
  options.destination_patience_ms = 50;
  options.call_timeout_ms = 500;
  auto sink = OpenSink(options);
  BeginWithRecord(*sink, "slow");
  EXPECT_TRUE(absl::IsUnavailable(sink->Commit(kOffsets, kMember)));
  broker.SetLeader("slow", 0, 0);
  EXPECT_TRUE(CommitAtLast(*sink).ok());
}

TEST_F(BatchSinkTest, ARecordGoesToThePartitionThatItNames) {
  broker.AddTopic("parts", 5);
  auto sink = OpenSink();
  ASSERT_TRUE(sink->Begin().ok());
  for (int32_t partition = 0; partition < 5; ++partition) {
    ASSERT_TRUE(sink->Produce({.topic = "parts", .key = "k", .partition = partition}).ok());
  }
  EXPECT_TRUE(absl::IsUnavailable(sink->Produce({.topic = "parts", .partition = 5})));
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  for (int32_t partition = 0; partition < 5; ++partition) {
    EXPECT_EQ(broker.committed("parts", partition).size(), 1u) << partition;
  }
}

TEST_F(BatchSinkTest, ARecordLargerThanTheClientLetsThroughIsATooLargeOne) {
  KafkaSinkOptions options = Options();
  options.record_bytes_max = 2'000;
  auto sink = OpenSink(options);
  ASSERT_TRUE(sink->Begin().ok());
  EXPECT_TRUE(absl::IsAborted(Produce(*sink, "out", {}, std::string(3'000, 'x'))));
  EXPECT_EQ(sink->FailuresOfTransaction().at(0).kind, Kind::kRecordTooLarge);
  EXPECT_TRUE(absl::IsAborted(CommitAtLast(*sink)));
  EXPECT_TRUE(AbortAtLast(*sink).ok());
}

TEST_F(BatchSinkTest, OffsetsOfNoMemberAreRefusedBeforeTheyReachTheBroker) {
  auto sink = OpenSink();
  BeginWithRecord(*sink);
  const absl::Status status = CommitAtLast(*sink, kOffsets, GroupMetadata{"group", -1, "", ""});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(broker.requests(Api::kTxnOffsetCommit), 0);
}

TEST_F(BatchSinkTest, AFencedProducerLetsGoAndMayOpenAgain) {
  auto sink = OpenSink();
  BeginWithRecord(*sink);
  broker.Fence();
  const absl::Status status = CommitAtLast(*sink);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("same `instance`"));
  ASSERT_TRUE(OpenAtLast(*sink).ok());
  BeginWithRecord(*sink);
  EXPECT_TRUE(CommitAtLast(*sink).ok());
  EXPECT_EQ(broker.committed_records("out"), 1);
}

TEST_F(BatchSinkTest, AFencedProducersAbortTakesNothingBack) {
  auto sink = OpenSink();
  BeginWithRecord(*sink);
  EXPECT_TRUE(absl::IsAborted([&] {
    broker.FailNext(Api::kTxnOffsetCommit, 22);
    return CommitAtLast(*sink);
  }()));
  broker.Fence();
  const ProducerIdentity owner = broker.producer();
  EXPECT_TRUE(absl::IsFailedPrecondition(AbortAtLast(*sink)));
  EXPECT_EQ(broker.producer(), owner);
}

// What becomes of a transaction when one of its requests fails so.
struct Outcome {
  const char* name;
  Api api;
  int16_t code;
  absl::StatusCode status;
};

class BatchSinkOutcomeTest : public BatchSinkTest, public ::testing::WithParamInterface<Outcome> {};

TEST_P(BatchSinkOutcomeTest, AFailedRequestHasTheOutcomeThatIsPromisedAndIsRecoveredFrom) {
  auto sink = OpenSink();
  broker.FailNext(GetParam().api, GetParam().code);
  BeginWithRecord(*sink);
  const absl::Status status = CommitAtLast(*sink);
  EXPECT_EQ(status.code(), GetParam().status) << status;
  EXPECT_TRUE(sink->FailuresOfTransaction().empty());
  const bool committed = status.ok();
  if (absl::IsAborted(status)) {
    const absl::Status aborted = AbortAtLast(*sink);
    ASSERT_TRUE(aborted.ok()) << aborted;
  } else if (!status.ok()) {
    ASSERT_TRUE(OpenAtLast(*sink).ok());
  }
  BeginWithRecord(*sink);
  const absl::Status then = CommitAtLast(*sink);
  EXPECT_TRUE(then.ok()) << then;
  EXPECT_EQ(broker.committed_records("out"), committed ? 2 : 1);
}

constexpr auto kOk = absl::StatusCode::kOk;
constexpr auto kAborted = absl::StatusCode::kAborted;
constexpr auto kFenced = absl::StatusCode::kFailedPrecondition;
constexpr auto kFatal = absl::StatusCode::kInternal;
INSTANTIATE_TEST_SUITE_P(
    Codes, BatchSinkOutcomeTest,
    ::testing::Values(Outcome{"MovedLeader", Api::kProduce, 6, kOk},
                      Outcome{"FewReplicas", Api::kProduce, 19, kOk},
                      Outcome{"TransactionBefore", Api::kProduce, 51, kOk},
                      Outcome{"JustMade", Api::kProduce, 3, kOk},
                      Outcome{"LostSequence", Api::kProduce, 45, kAborted},
                      Outcome{"AbortableAtProduce", Api::kProduce, 120, kAborted},
                      Outcome{"FencedAtProduce", Api::kProduce, 47, kFenced},
                      Outcome{"ForbiddenId", Api::kProduce, 53, kFatal},
                      Outcome{"FromTheFuture", Api::kProduce, 9'999, kFatal},
                      Outcome{"MovedGroup", Api::kTxnOffsetCommit, 16, kOk},
                      Outcome{"LoadingGroup", Api::kTxnOffsetCommit, 14, kOk},
                      Outcome{"OldGeneration", Api::kTxnOffsetCommit, 22, kAborted},
                      Outcome{"UnknownMember", Api::kTxnOffsetCommit, 25, kAborted},
                      Outcome{"StaleMember", Api::kTxnOffsetCommit, 113, kAborted},
                      Outcome{"FencedInstance", Api::kTxnOffsetCommit, 82, kFenced},
                      Outcome{"FencedAtOffsets", Api::kTxnOffsetCommit, 47, kFenced},
                      Outcome{"LargeNote", Api::kTxnOffsetCommit, 12, kFatal},
                      Outcome{"BusyCoordinator", Api::kEndTxn, 14, kOk},
                      Outcome{"MovedCoordinator", Api::kEndTxn, 16, kOk},
                      Outcome{"EndOfTheOneBefore", Api::kEndTxn, 51, kOk},
                      Outcome{"AbortableAtEnd", Api::kEndTxn, 120, kAborted},
                      Outcome{"FencedAtEnd", Api::kEndTxn, 90, kFenced},
                      Outcome{"OldEpochAtEnd", Api::kEndTxn, 47, kFenced},
                      Outcome{"TimedOut", Api::kEndTxn, 48, kAborted}),
    [](const auto& outcome) { return std::string(outcome.param.name); });

// As after a pause that was longer than a transaction may take: everything is there but its end.
TEST_F(BatchSinkTest, ATransactionThatTheBrokerHasTimedOutIsRedone) {
  auto sink = OpenSink();
  broker.TimeOutBeforeNext(Api::kEndTxn);
  BeginWithRecord(*sink);
  const absl::Status status = CommitAtLast(*sink);
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("limits.transaction_timeout"));
  EXPECT_TRUE(sink->FailuresOfTransaction().empty());
  const absl::Status aborted = AbortAtLast(*sink);
  ASSERT_TRUE(aborted.ok()) << aborted;
  for (int i = 1; i <= 3; ++i) {
    BeginWithRecord(*sink);
    const absl::Status then = CommitAtLast(*sink);
    ASSERT_TRUE(then.ok()) << then;
    EXPECT_EQ(broker.committed_records("out"), i);
  }
}

TEST_F(BatchSinkTest, ATransactionThatHasTimedOutBeforeItsOffsetsCameIsFencedAndMayBeRedone) {
  ExpectFencedAndRedoneAfterATimeOutBefore(Api::kTxnOffsetCommit);
}

TEST_F(FirstTransactionsTest, ATransactionThatTheBrokerHasTimedOutIsFencedAndMayBeRedone) {
  ExpectFencedAndRedoneAfterATimeOutBefore(Api::kEndTxn);
}

TEST_F(BatchSinkTest, RecordsThatWereNotTriedYetAreNotLate) {
  KafkaSinkOptions options = Options(Delivery::kAtLeastOnce);
  options.transaction_timeout_ms = 1'000;
  auto sink = OpenSink(options);
  BeginWithRecord(*sink);
  absl::SleepFor(absl::Milliseconds(1'100));  // as if this process had been paused
  const absl::Status status = CommitAtLast(*sink);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(BatchSinkTest, ABatchThatTheBrokerHasAlreadyIsDone) {
  auto sink = OpenSink();
  broker.FailNext(Api::kProduce, 46);
  BeginWithRecord(*sink);
  EXPECT_TRUE(CommitAtLast(*sink).ok());
  EXPECT_EQ(broker.requests(Api::kProduce), 1);
}

TEST_F(BatchSinkTest, HostileAnswersAreLostAnswers) {
  auto sink = OpenSink();
  for (const Api api : {Api::kProduce, Api::kTxnOffsetCommit, Api::kEndTxn}) {
    broker.AnswerNext(api, "\xff\xff\xff\xff\xff\xff");
    BeginWithRecord(*sink);
    const absl::Status status = CommitAtLast(*sink);
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(broker.committed_records("out"), 3);
}

TEST_F(BatchSinkTest, OpeningWithoutABrokerIsUnavailableAndGoesOnWhenThereIsOne) {
  broker.SetAway(true);
  KafkaSinkOptions options = Options();
  options.call_timeout_ms = 100;
  auto made = MakeBatchSink(options);
  ASSERT_TRUE(made.ok());
  const absl::Time begin = absl::Now();
  const absl::Status opened = (*made)->Open();
  EXPECT_TRUE(absl::IsUnavailable(opened)) << opened;
  EXPECT_LT(absl::Now() - begin, absl::Seconds(4));
  broker.SetAway(false);
  EXPECT_TRUE(OpenAtLast(**made).ok());
}

TEST_F(BatchSinkTest, AnIdThatMayNotBeUsedSaysWhatToGrant) {
  broker.FailNext(Api::kInitProducerId, 53);
  auto made = MakeBatchSink(Options());
  ASSERT_TRUE(made.ok());
  const absl::Status opened = OpenAtLast(**made);
  EXPECT_TRUE(absl::IsInternal(opened)) << opened;
  EXPECT_THAT(std::string(opened.message()), HasSubstr("producer tx"));
  EXPECT_THAT(std::string(opened.message()),
              HasSubstr("grant this principal Write and Describe on the transactional id"));
}

TEST_F(BatchSinkTest, AnIdWhoseCoordinatorMayNotBeAskedForSaysWhatToGrantAndOpensOnceItIs) {
  broker.FailNext(Api::kFindCoordinator, 53, /*times=*/5);
  auto made = MakeBatchSink(Options());
  ASSERT_TRUE(made.ok());
  absl::Status opened = OpenAtLast(**made);
  EXPECT_TRUE(absl::IsInternal(opened)) << opened;
  EXPECT_THAT(std::string(opened.message()), HasSubstr("producer tx: finding the coordinator"));
  EXPECT_THAT(std::string(opened.message()),
              HasSubstr("grant this principal Write and Describe on the transactional id"));
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (!opened.ok() && absl::Now() < deadline) opened = (*made)->Open();
  EXPECT_TRUE(opened.ok()) << opened;
}

// The group's coordinator.
TEST_F(BatchSinkTest, AGroupThatMayNotBeReadSaysWhatToGrant) {
  auto sink = OpenSink();
  broker.FailNext(Api::kFindCoordinator, 30, /*times=*/1'000);
  BeginWithRecord(*sink);
  const absl::Status status = CommitAtLast(*sink);
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("grant this principal Read on the consumer group"));
}

TEST_F(BatchSinkTest, ClosingEndsInTimeWhenTheBrokerIsGone) {
  auto sink = OpenSink();
  BeginWithRecord(*sink);
  ASSERT_TRUE(CommitAtLast(*sink).ok());
  broker.SetAway(true);
  BeginWithRecord(*sink);
  const absl::Time begin = absl::Now();
  sink->Close(absl::Milliseconds(300));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(4));
}

TEST_F(BatchSinkTest, CallsOutOfTurnAreRefused) {
  auto made = MakeBatchSink(Options());
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(absl::IsInternal((*made)->Begin()));
  EXPECT_TRUE(absl::IsInternal((*made)->Produce({})));
  EXPECT_TRUE(absl::IsInternal((*made)->Commit({}, {})));
  EXPECT_TRUE((*made)->Abort().ok());
  (*made)->Close(absl::Seconds(1));
  (*made)->Close(absl::Seconds(1));
}

TEST_F(BatchSinkTest, OptionsThatCannotBeAreRefused) {
  KafkaSinkOptions options = Options();
  options.transactional_id.clear();
  EXPECT_TRUE(absl::IsInvalidArgument(MakeBatchSink(options).status()));
  options = Options();
  options.source_topic.clear();
  EXPECT_TRUE(absl::IsInvalidArgument(MakeBatchSink(options).status()));
  options = Options();
  options.client.bootstrap_servers = "host:port";
  EXPECT_TRUE(absl::IsInvalidArgument(MakeBatchSink(options).status()));
  options = Options();
  options.client.properties = {{"sasl.kerberos.principal", "p"}};
  EXPECT_TRUE(absl::IsUnimplemented(MakeBatchSink(options).status()));
}

}  // namespace
}  // namespace turnout::connectors
