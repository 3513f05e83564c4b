// What the administrator's requests say, byte by byte, and what becomes of the answers. That a real
// broker takes them is tests/broker's.

#include "connectors/transaction_admin.h"

#include <memory>
#include <string>
#include <vector>

#include "connectors/transaction_protocol.h"
#include "connectors/wire_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/connectors/fake_broker.h"
#include "tests/connectors/kafka_fixture.h"

namespace turnout::connectors {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr absl::Duration kWithin = absl::Seconds(10);

std::string Listed(const std::string& id, int64_t producer, const std::string& state) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.Int16(0);
  writer.ArraySize(0);
  writer.ArraySize(1);
  writer.String(id);
  writer.Int64(producer);
  writer.String(state);
  writer.NoTags();
  writer.NoTags();
  return out;
}

std::string Described(const std::string& id, int16_t code) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.ArraySize(1);
  writer.Int16(code);
  writer.String(id);
  writer.String("Ongoing");
  writer.Int32(15'000);
  writer.Int64(1'234);
  writer.Int64(7);
  writer.Int16(3);
  writer.ArraySize(1);
  writer.String("out");
  writer.ArraySize(2);
  writer.Int32(0);
  writer.Int32(1);
  for (int tags = 0; tags < 3; ++tags) writer.NoTags();
  return out;
}

// Two producers of out/0, of which one has a transaction open.
std::string Producers(int16_t code) {
  std::string out;
  WireWriter writer(&out);
  writer.Int32(0);
  writer.ArraySize(1);
  writer.String("out");
  writer.ArraySize(1);
  writer.Int32(0);
  writer.Int16(code);
  writer.NullableString({});
  writer.ArraySize(2);
  for (const int64_t start : {-1, 42}) {
    writer.Int64(start + 100);
    writer.Int32(5);
    writer.Int32(9);
    writer.Int64(1'000);
    writer.Int32(2);
    writer.Int64(start);
    writer.NoTags();
  }
  for (int tags = 0; tags < 3; ++tags) writer.NoTags();
  return out;
}

std::string Marked(int16_t code) {
  std::string out;
  WireWriter writer(&out);
  writer.ArraySize(1);
  writer.Int64(142);
  writer.ArraySize(1);
  writer.String("out");
  writer.ArraySize(1);
  writer.Int32(0);
  writer.Int16(code);
  for (int tags = 0; tags < 4; ++tags) writer.NoTags();
  return out;
}

class TransactionAdminTest : public testing::Test {
 protected:
  TransactionAdminTest() {
    broker_.AddTopic("out", 1);
    KafkaClientOptions client;
    client.bootstrap_servers = broker_.address();
    client.client_id = "admin";
    admin_ = TransactionAdmin::Make(client).value();
  }

  FakeBroker broker_;
  std::unique_ptr<TransactionAdmin> admin_;
};

TEST_F(TransactionAdminTest, ListsWhatCoordinatorsKnow) {
  broker_.AnswerNext(Api::kListTransactions, Listed("tx", 7, "Empty"));
  broker_.AnswerNext(Api::kDescribeTransactions, Described("tx", 0));
  const auto known = admin_->List(kWithin);
  ASSERT_TRUE(known.ok()) << known.status();
  ASSERT_EQ(known->size(), 1u);
  const KnownTransaction& one = known->front();
  EXPECT_EQ(one.id, "tx");
  EXPECT_EQ(one.state, "Ongoing");
  EXPECT_EQ(one.timeout_ms, 15'000);
  EXPECT_EQ(one.start_ms, 1'234);
  EXPECT_EQ(one.producer, 7);
  EXPECT_EQ(one.epoch, 3);
  EXPECT_THAT(one.partitions, ElementsAre(TopicPartition{"out", 0}, TopicPartition{"out", 1}));
}

TEST_F(TransactionAdminTest, OneThatIsGoneMeanwhileStaysAsItWasListed) {
  broker_.AnswerNext(Api::kListTransactions, Listed("tx", 7, "Empty"));
  broker_.AnswerNext(Api::kDescribeTransactions, Described("tx", 105));
  const auto known = admin_->List(kWithin);
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_EQ(known->front().state, "Empty");
}

TEST_F(TransactionAdminTest, SaysWhatIsNotGranted) {
  broker_.AnswerNext(Api::kListTransactions, Listed("tx", 7, "Empty"));
  broker_.AnswerNext(Api::kDescribeTransactions, Described("tx", 53));
  const auto known = admin_->List(kWithin);
  EXPECT_TRUE(absl::IsInvalidArgument(known.status())) << known.status();
  EXPECT_THAT(std::string(known.status().message()), HasSubstr("transaction tx"));
  broker_.AnswerNext(Api::kDescribeProducers, Producers(29));
  const auto open = admin_->FindOpen({"out"}, kWithin);
  EXPECT_TRUE(absl::IsInvalidArgument(open.status())) << open.status();
  broker_.AnswerNext(Api::kWriteTxnMarkers, Marked(31));
  const absl::Status marked = admin_->AbortInPartition({.of = {"out", 0}}, kWithin);
  EXPECT_TRUE(absl::IsInvalidArgument(marked)) << marked;
  EXPECT_THAT(std::string(marked.message()), HasSubstr("ClusterAction"));
}

TEST_F(TransactionAdminTest, ATopicThatIsMissingIsToBeNamedAnew) {
  const auto open = admin_->FindOpen({"nope"}, kWithin);
  EXPECT_EQ(open.status(),
            absl::InvalidArgumentError("topic nope doesn't exist: name one that does"));
}

class OldBrokersTest : public KafkaTest {};

TEST_F(OldBrokersTest, TransactionsNeedNewerOnesAndWhichIsSaid) {
  const auto admin = TransactionAdmin::Make(ClientOptions("admin")).value();
  EXPECT_EQ(admin->List(kWithin).status(),
            absl::UnimplementedError("a broker is too old: this needs Kafka 3.0 or newer"));
}

TEST_F(TransactionAdminTest, FindsWhatIsOpenInPartitionsAndEndsIt) {
  broker_.AnswerNext(Api::kDescribeProducers, Producers(0));
  const auto open = admin_->FindOpen({"out"}, kWithin);
  ASSERT_TRUE(open.ok()) << open.status();
  ASSERT_EQ(open->size(), 1u);
  EXPECT_EQ(open->front().of, (TopicPartition{"out", 0}));
  EXPECT_EQ(open->front().start_offset, 42);
  EXPECT_EQ(open->front().producer, 142);
  EXPECT_EQ(open->front().epoch, 5);
  EXPECT_EQ(open->front().coordinator_epoch, 2);
  broker_.AnswerNext(Api::kWriteTxnMarkers, Marked(0));
  const absl::Status marked = admin_->AbortInPartition(open->front(), kWithin);
  EXPECT_TRUE(marked.ok()) << marked;
  EXPECT_EQ(broker_.requests(Api::kWriteTxnMarkers), 1);
}

TEST_F(TransactionAdminTest, FencingTakesTheIdOver) {
  ASSERT_TRUE(admin_->Fence("tx", kWithin).ok());
  const ProducerIdentity first = broker_.producer("tx");
  ASSERT_TRUE(admin_->Fence("tx", kWithin).ok());
  EXPECT_EQ(broker_.producer("tx").id, first.id);
  EXPECT_GT(broker_.producer("tx").epoch, first.epoch);
}

TEST_F(TransactionAdminTest, GivesUpAfterItsTime) {
  broker_.SetAway(true);
  EXPECT_TRUE(absl::IsUnavailable(admin_->List(absl::Milliseconds(200)).status()));
  EXPECT_TRUE(absl::IsUnavailable(admin_->Fence("tx", absl::Milliseconds(200))));
  EXPECT_TRUE(absl::IsUnavailable(admin_->FindOpen({"out"}, absl::Milliseconds(200)).status()));
}

TEST(TransactionAdminProtocol, RequestsAreAsKafkaReadsThem) {
  std::string out;
  WriteListTransactions(&out);
  EXPECT_EQ(out, std::string("\x01\x01\x00", 3));
  out.clear();
  WriteDescribeTransaction("ab", &out);
  EXPECT_EQ(out, std::string("\x02\x03"
                             "ab\x00",
                             5));
  out.clear();
  const std::vector<TopicPartition> two = {{"a", 1}, {"a", 2}};
  WriteDescribeProducers(two, &out);
  EXPECT_EQ(out, std::string("\x02\x02"
                             "a\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00",
                             14));
  out.clear();
  WriteAbortMarker({.of = {"a", 1}, .producer = 2, .epoch = 3, .coordinator_epoch = 4}, &out);
  EXPECT_EQ(out, std::string("\x02\x00\x00\x00\x00\x00\x00\x00\x02\x00\x03\x00\x02\x02"
                             "a\x02\x00\x00\x00\x01\x00\x00\x00\x00\x04\x00\x00",
                             27));
}

TEST(TransactionAdminProtocol, AnswersThatAreCutShortAreRefused) {
  const std::string listed = Listed("tx", 7, "Empty");
  const std::string described = Described("tx", 0);
  const std::string producers = Producers(0);
  const std::string marked = Marked(0);
  for (size_t size = 0; size < producers.size(); ++size) {
    const auto cut = [size](const std::string& all) {
      return std::string_view(all).substr(0, size);
    };
    if (size < listed.size()) {
      EXPECT_FALSE(ReadListTransactions(cut(listed)).ok());
    }
    if (size < described.size()) {
      EXPECT_FALSE(ReadDescribeTransaction(cut(described)).ok());
    }
    if (size < marked.size()) {
      EXPECT_FALSE(ReadAbortMarker(cut(marked)).ok());
    }
    EXPECT_FALSE(ReadDescribeProducers(cut(producers)).ok());
  }
}

}  // namespace
}  // namespace turnout::connectors
