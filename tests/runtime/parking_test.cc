#include "runtime/parking.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/record_headers.h"
#include "tests/runtime/parking_fixture.h"

namespace turnout::runtime {
namespace {

TEST_F(ParkingTest, WhatAnUnwellDestinationWouldTakeWaitsAsItIsToBeSent) {
  FallIll();
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics, Strings{"events.parking"});
  EXPECT_EQ(sink_.partitions, std::vector<int32_t>{2});  // the task's, of four
  EXPECT_EQ(LastHeader(kReasonHeader), "it is closed");
  const ParkedRecord parked = LastParked();
  EXPECT_EQ(parked.output.topic, "shop.orders");
  EXPECT_EQ(parked.output.key, "7");
  EXPECT_EQ(parked.output.value, kOrder);
  EXPECT_EQ(parked.output.timestamp_ms, 1);
  ASSERT_EQ(parked.output.headers.size(), 4u);  // the event's one, and provenance
  EXPECT_EQ(parked.output.headers[0].second, "abc");
  EXPECT_EQ(parked.rule_ids, "shop/all");
  EXPECT_EQ(parked.source, "events/6/42");
  EXPECT_EQ(parked.place.number, 0);
  ASSERT_EQ(ledger_.lanes().size(), 1u);
  EXPECT_EQ(ledger_.lanes()[0].waiting(), 1);
  EXPECT_EQ(dispatcher_.counts().parked, 1u);
}

TEST_F(ParkingTest, OthersWaitBehindItHoweverWellTheDestinationIs) {
  ledger_.Open("shop.orders", 1'000, 2)->tail = 5;
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics, Strings{"events.parking"});
  EXPECT_EQ(LastParked().place.number, 5);
  ledger_.Close(ledger_.lanes()[0].id);
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics.back(), "shop.orders");
}

TEST_F(ParkingTest, ANameThatNeverWasATopicsIsDeadLettered) {
  Dispatch(R"({"type":"visit","region":"nowhere"})");
  EXPECT_EQ(sink_.topics, Strings{"events.dead-letter"});
  EXPECT_TRUE(ledger_.empty());
}

TEST_F(ParkingTest, WithoutAParkingTopicItIsDeadLettered) {
  admin_.missing = "events.parking";
  FallIll();
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics, Strings{"events.dead-letter"});
}

TEST_F(ParkingTest, WhatNoWaitingCuresDoesNotWaitBehindOthers) {
  admin_.orders_bytes_max = 10;
  ledger_.Open("shop.orders", 1'000, 2)->tail = 5;
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics, Strings{"events.dead-letter"});
  EXPECT_EQ(LastHeader(kErrorHeader), kErrorTooLarge);
}

TEST_F(ParkingTest, ADeadLetterOfWhatHasWaitedNamesTheRulesThatSentIt) {
  admin_.orders_bytes_max = 10;
  FallIll();
  Dispatch(kOrder);
  ParkedRecord parked = LastParked();
  EXPECT_EQ(parked.rule_set, rules_->hash());
  parked.rule_set = "those from before";
  ASSERT_TRUE(dispatcher_.Deliver(parked).ok());
  EXPECT_EQ(sink_.topics.back(), "events.dead-letter");
  EXPECT_EQ(LastHeader(kRuleSetHeader), "those from before");
}

TEST_F(ParkingTest, TheLastRecordsOfALaneAreKeptWhereThatIsWanted) {
  FallIll();
  Dispatch(kOrder);
  const state::ParkingLane& lane = ledger_.lanes()[0];
  const LaneKey key = {6, lane.id};
  parking_.KeepTail(key);
  EXPECT_EQ(parking_.InTail(key, lane.tail, 0), nullptr);
  for (int i = 0; i < 2; ++i) Dispatch(kOrder);
  EXPECT_EQ(parking_.InTail(key, lane.tail, 0), nullptr);
  ParkedRecord parked;
  for (int number = 1; number <= 2; ++number) {
    const KeptRecord* const kept = parking_.InTail(key, lane.tail, number);
    ASSERT_NE(kept, nullptr);
    ASSERT_TRUE(DecodeParked(kept->View(&headers_), "group", &parked));
    EXPECT_EQ(parked.place.number, number);
  }
  parking_.Drained(key, lane.tail, 2);
  EXPECT_EQ(parking_.InTail(key, lane.tail, 1), nullptr);
  EXPECT_NE(parking_.InTail(key, lane.tail, 2), nullptr);
}

class LimitedTest : public ParkingTest {
 protected:
  LimitedTest() : ParkingTest(100) {}
};

TEST_F(LimitedTest, WhatIsBeyondATeamsBytesWaitsAndIsNeverDropped) {
  Dispatch(kOrder);  // takes more than a second allows
  EXPECT_EQ(sink_.topics, Strings{"shop.orders"});
  Dispatch(kOrder);
  EXPECT_EQ(sink_.topics.back(), "events.parking");
  EXPECT_EQ(LastHeader(kErrorHeader), kErrorOverLimit);
  clock_.Advance(absl::Seconds(60));
  const ParkedRecord parked = LastParked();
  ASSERT_TRUE(dispatcher_.Deliver(parked).ok());
  EXPECT_EQ(sink_.topics.back(), "shop.orders");
  EXPECT_FALSE(budgets_.HasAny("shop"));  // what is drained counts
}

}  // namespace
}  // namespace turnout::runtime
