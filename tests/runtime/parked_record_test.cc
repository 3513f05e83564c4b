#include "runtime/parked_record.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/record_headers.h"

namespace turnout::runtime {
namespace {

using connectors::Header;

constexpr char kGroup[] = "shop/with/slashes";

class ParkedRecordTest : public testing::Test {
 protected:
  ParkedRecordTest() {
    EncodeParked({.partition = 3, .lane = 1'000, .number = 7}, -1, 2, kGroup, &place_);
    headers_ = {{"trace", "abc"},
                {kDestinationHeader, "the event's own"},
                {kReasonHeader, "it is gone"},
                {kDestinationHeader, "shop.orders"},
                {kRulesHeader, "shop/all"},
                {kSourceHeader, "events/3/42"},
                {kParkedHeader, place_}};
  }

  connectors::Event Record() const {
    return {.timestamp_ms = 5, .key = "k", .value = "v", .headers = headers_};
  }

  std::string place_;
  std::vector<Header> headers_;
  ParkedRecord parked_;
};

TEST_F(ParkedRecordTest, IsTheOutputThatItWas) {
  ASSERT_TRUE(DecodeParked(Record(), kGroup, &parked_));
  EXPECT_EQ(parked_.place.partition, 3);
  EXPECT_EQ(parked_.place.lane, 1'000);
  EXPECT_EQ(parked_.place.number, 7);
  EXPECT_EQ(parked_.output.topic, "shop.orders");
  EXPECT_EQ(parked_.output.timestamp_ms, -1);
  EXPECT_EQ(parked_.output.key, "k");
  EXPECT_EQ(parked_.output.value, "v");
  EXPECT_EQ(parked_.output.partition, -1);
  ASSERT_EQ(parked_.output.headers.size(), 2u);
  EXPECT_EQ(parked_.output.headers[1].second, "the event's own");
  EXPECT_EQ(parked_.rule_ids, "shop/all");
  EXPECT_EQ(parked_.source, "events/3/42");
}

TEST_F(ParkedRecordTest, OfAnotherGroupIsNoneOfOurs) {
  EXPECT_FALSE(DecodeParked(Record(), "shop", &parked_));
}

TEST_F(ParkedRecordTest, WithoutItsHeaderIsNoneOfOurs) {
  headers_.pop_back();
  EXPECT_FALSE(DecodeParked(Record(), kGroup, &parked_));
  headers_.clear();
  EXPECT_FALSE(DecodeParked(Record(), kGroup, &parked_));
}

TEST_F(ParkedRecordTest, DamagedIsNoneOfOurs) {
  for (const std::string& place :
       {std::string("3/1000/7/-1/2"), std::string("3/1000/7/-1/x/") + kGroup,
        std::string("3/1000/7/-1/7/") + kGroup, std::string("/1000/7/-1/2/") + kGroup}) {
    headers_.back().second = place;
    EXPECT_FALSE(DecodeParked(Record(), kGroup, &parked_)) << place;
  }
}

}  // namespace
}  // namespace turnout::runtime
