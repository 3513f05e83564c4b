#include "state/parking_ledger.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace turnout::state {
namespace {

TEST(ParkingLedgerTest, GivesADestinationALaneOfItsOwn) {
  ParkingLedger ledger;
  EXPECT_EQ(ledger.LaneOf("a"), nullptr);
  ParkingLane* const lane = ledger.Open("a", 1'000, 3);
  EXPECT_EQ(lane->name, "a");
  EXPECT_EQ(lane->partition, 3);
  EXPECT_EQ(ledger.LaneOf("a"), lane);
  EXPECT_EQ(ledger.LaneOf("b"), nullptr);
}

TEST(ParkingLedgerTest, NeverUsesALanesIdAgain) {
  ParkingLedger ledger;
  const int64_t first = ledger.Open("a", 1'000, 0)->id;
  ledger.Close(first);
  EXPECT_TRUE(ledger.empty());
  const auto decoded = ParkingLedger::Decode(ledger.Encode());
  ASSERT_TRUE(decoded.ok());
  ledger = *decoded;
  EXPECT_GT(ledger.Open("a", 1'000, 0)->id, first);
  EXPECT_EQ(ledger.Open("b", 5'000, 0)->id, 5'000);
}

TEST(ParkingLedgerTest, IsTheSameOnceItWasWritten) {
  ParkingLedger ledger;
  *ledger.Open("shop.orders", 1'767'225'600'000, 7) = {.name = "shop.orders",
                                                       .id = 1'767'225'600'000,
                                                       .partition = 7,
                                                       .head = 4,
                                                       .tail = 90,
                                                       .offset = 1234};
  ledger.Open("shop.labels", 1'767'225'600'001, 0)->tail = 1;
  const std::string text = ledger.Encode();
  EXPECT_EQ(text, "19b76daa801;shop.orders:19b76daa800:7:4:5a:4d2;shop.labels:19b76daa801:0:0:1:-");
  const auto decoded = ParkingLedger::Decode(text);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, ledger);
  EXPECT_EQ(ParkingLedger().Encode(), "");
  EXPECT_EQ(*ParkingLedger::Decode(""), ParkingLedger());
}

TEST(ParkingLedgerTest, StaysWithinItsBytesHoweverManyDestinationsAreUnwell) {
  ParkingLedger ledger;
  std::set<std::string> names;
  for (int i = 0; i < 1'000; ++i) {
    const std::string destination = absl::StrCat("team-", i, ".a-destination-of-some-length");
    ParkingLane* lane = ledger.LaneOf(destination);
    if (lane == nullptr) lane = ledger.Open(destination, 1'767'225'600'000, 9'999);
    lane->head = lane->tail = 999'999'999'999;
    lane->offset = 99'999'999'999'999;
    names.insert(lane->name);
    EXPECT_EQ(ledger.LaneOf(destination), lane);
  }
  EXPECT_LE(ledger.Encode().size(), kParkingLedgerBytesMax);
  EXPECT_GE(names.size(), 15u);  // seven of their own and eight that are shared
  const auto decoded = ParkingLedger::Decode(ledger.Encode());
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, ledger);
}

TEST(ParkingLedgerTest, LetsADestinationOfASharedLaneHaveItsOwnOnceThatIsThrough) {
  ParkingLedger ledger;
  for (int i = 0; i < 50; ++i) {
    const std::string destination(200, static_cast<char>('a' + i % 26));
    if (ledger.LaneOf(destination) == nullptr) ledger.Open(destination, 1, 0);
  }
  ParkingLane* const shared = ledger.LaneOf(std::string(200, 'z'));
  ASSERT_NE(shared, nullptr);
  ASSERT_TRUE(shared->is_shared());
  while (!ledger.empty()) ledger.Close(ledger.lanes().front().id);
  EXPECT_FALSE(ledger.Open(std::string(200, 'z'), 1, 0)->is_shared());
}

// 26 destinations are unwell, 19 of them in the eight shared lanes.
TEST(ParkingLedgerTest, LeavesWellDestinationsOutOfSharedLanes) {
  ParkingLedger ledger;
  for (int i = 0; i < 26; ++i) ledger.Open(absl::StrCat("unwell.", i, ".of-some-length"), 1, 0);
  const auto decoded = ParkingLedger::Decode(ledger.Encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ledger = *decoded;
  EXPECT_TRUE(ledger.lanes().back().is_shared());
  for (int i = 0; i < 26; ++i) {
    EXPECT_NE(ledger.LaneOf(absl::StrCat("unwell.", i, ".of-some-length")), nullptr) << i;
  }
  int drawn_in = 0;
  for (int i = 0; i < 10'000; ++i) drawn_in += ledger.LaneOf(absl::StrCat("well.", i)) != nullptr;
  EXPECT_LE(drawn_in, 50);
}

TEST(ParkingLedgerTest, TakesASharedLaneOfAnEarlierVersionForEverybodys) {
  auto ledger = ParkingLedger::Decode(
      "5;#0:1:0:0:1:-;#1:2:0:0:1:-;#2:3:0:0:1:-;#3:4:0:0:1:-;"
      "#4:5:0:0:1:-;#5:1:0:0:1:-;#6:2:0:0:1:-;#7:3:0:0:1:-");
  ASSERT_TRUE(ledger.ok());
  EXPECT_NE(ledger->LaneOf("anybody"), nullptr);
}

TEST(ParkingLedgerTest, RefusesWhatIsNone) {
  for (const char* text : {"x", "1;", "1;a", "1;a:1:0:0:1", "1;a:1:0:2:1:-", "1;:1:0:0:1:-",
                           "1;a:1:0:0:g:-", "1;a:1:0:0:1:-:7"}) {
    EXPECT_FALSE(ParkingLedger::Decode(text).ok()) << text;
  }
}

}  // namespace
}  // namespace turnout::state
