#include "runtime/dead_letter.h"

#include <string>
#include <vector>

#include "connectors/partitioner.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/record_headers.h"

namespace turnout::runtime {
namespace {

using connectors::Event;
using connectors::Header;
using testing::ElementsAre;

TEST(DeadLetter, TellsTheEventFromWhatIsSaidOfIt) {
  const std::vector<Header> headers = {{"own", "x"},
                                       {kErrorHeader, kErrorUnavailable},
                                       {kReasonHeader, "it is away"},
                                       {kDestinationHeader, "out.a"},
                                       {kRulesHeader, "t/a,t/b"},
                                       {kRuleSetHeader, "abc"},
                                       {kSourceHeader, "events/0/7"}};
  const Event record = {.partition = 2, .offset = 5, .key = "k", .value = "v", .headers = headers};
  DeadLetter letter;
  ASSERT_TRUE(ReadDeadLetter(record, &letter));
  EXPECT_EQ(letter.event.headers.size(), 1u);
  EXPECT_EQ(letter.event.key, "k");
  EXPECT_EQ(letter.kind, kErrorUnavailable);
  EXPECT_EQ(letter.reason, "it is away");
  EXPECT_EQ(letter.team(), "t");
  EXPECT_TRUE(letter.NamesRule("t/b"));
  EXPECT_FALSE(letter.NamesRule("t/"));
  EXPECT_EQ(letter.source, "events/0/7");
  EXPECT_EQ(letter.from().destination, "out.a");
  EXPECT_EQ(letter.from().rule_ids, "t/a,t/b");
  EXPECT_FALSE(letter.from().is_record);
}

TEST(DeadLetter, GoesOnWithTheStepThatItStoppedAt) {
  const std::vector<Header> headers = {{kErrorHeader, kErrorTooLarge},
                                       {kStepsHeader, "0000000000000abc"},
                                       {kDestinationHeader, "turnout.rekey"},
                                       {kRulesHeader, "t/a"}};
  DeadLetter letter;
  ASSERT_TRUE(ReadDeadLetter({.headers = headers}, &letter));
  EXPECT_THAT(letter.from().steps, ElementsAre(0xabc));
  EXPECT_TRUE(letter.from().destination.empty()) << "it was no destination of the rule's";
}

TEST(DeadLetter, OfPoisonHasTheEventsOwnTime) {
  const std::vector<Header> headers = {{"own", "x"},
                                       {kTimestampHeader, "1234"},
                                       {kOmittedHeader, "9"},
                                       {kErrorHeader, kErrorPoison}};
  DeadLetter letter;
  ASSERT_TRUE(ReadDeadLetter({.timestamp_ms = 99, .headers = headers}, &letter));
  EXPECT_EQ(letter.event.timestamp_ms, 1234);
  EXPECT_EQ(letter.event.headers.size(), 1u);
  EXPECT_TRUE(letter.is_omitted);
  EXPECT_FALSE(letter.is_of_replay);
}

TEST(DeadLetter, OfAReplayIsKnownAsSuch) {
  const std::vector<Header> headers = {{kErrorHeader, kErrorUnroutable}, {kReplayHeader, "job"}};
  DeadLetter letter;
  ASSERT_TRUE(ReadDeadLetter({.headers = headers}, &letter));
  EXPECT_TRUE(letter.is_of_replay);
}

// An event may be a dead letter of a pipeline before.
TEST(DeadLetter, IsThatOfThisPipeline) {
  const std::vector<Header> headers = {{kErrorHeader, kErrorUnreadable},
                                       {kReasonHeader, "theirs"},
                                       {kErrorHeader, kErrorUnroutable},
                                       {kReasonHeader, "ours"},
                                       {kValueHeader, kValueIsRecord}};
  DeadLetter letter;
  ASSERT_TRUE(ReadDeadLetter({.headers = headers}, &letter));
  EXPECT_EQ(letter.reason, "ours");
  EXPECT_EQ(letter.event.headers.size(), 2u);
  EXPECT_TRUE(letter.is_record);
  EXPECT_FALSE(ReadDeadLetter({}, &letter));
}

TEST(OffsetSet, JoinsWhatTouches) {
  OffsetSet set;
  EXPECT_TRUE(set.empty());
  for (const int64_t offset : {5, 7, 6, 20}) set.Add(offset, offset + 1);
  EXPECT_EQ(set.ToMark(), R"({"redriven":[[5,8],[20,21]]})");
  set.Add(0, 30);
  EXPECT_EQ(set.ranges(), 1u);
  EXPECT_TRUE(set.Contains(0));
  EXPECT_TRUE(set.Contains(29));
  EXPECT_FALSE(set.Contains(30));
  EXPECT_FALSE(set.Contains(-1));
}

TEST(OffsetSet, IsWhatItsMarksSay) {
  OffsetSet set;
  ASSERT_TRUE(set.AddMark(R"({"redriven":[[5,8],[20,21]]})"));
  ASSERT_TRUE(set.AddMark(R"({"redriven":[[8,10]]})"));
  EXPECT_EQ(set.ToMark(), R"({"redriven":[[5,10],[20,21]]})");
  for (const char* damaged : {"", "{}", R"({"redriven":[]})", R"({"redriven":[[5]]})",
                              R"({"redriven":[[5,x]]})", R"({"redriven":[5,8]})"}) {
    EXPECT_FALSE(OffsetSet().AddMark(damaged)) << damaged;
  }
}

TEST(Mark, ComesToThePartitionOfWhatItNames) {
  for (int32_t partition = 0; partition < 7; ++partition) {
    EXPECT_EQ(connectors::PartitionOfKey(MarkKey(partition, 7), 7), partition);
  }
  const std::vector<Header> headers = {{kMarkHeader, "1"}};
  EXPECT_TRUE(IsMark({.headers = headers}));
  EXPECT_FALSE(IsMark({}));
}

}  // namespace
}  // namespace turnout::runtime
