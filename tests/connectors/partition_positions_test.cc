#include "connectors/partition_positions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace turnout::connectors {
namespace {

using ::testing::Optional;
constexpr int64_t kStart = PartitionPositions::kStart;

TEST(PartitionPositions, KnowNothingOfWhatIsNotOurs) {
  PartitionPositions positions;
  positions.Add(1, 5);
  EXPECT_FALSE(positions.Take(0, 5));
  EXPECT_FALSE(positions.Hold(0));
  EXPECT_EQ(positions.SeekFor(0, 3), std::nullopt);
  EXPECT_EQ(positions.EndOffset(0, 9), -1);
  positions.Remove(1);
  EXPECT_FALSE(positions.Has(1));
  EXPECT_FALSE(positions.Take(1, 5));
}

TEST(PartitionPositions, ASeekIsOnlyNeededWhereReadingHasMoved) {
  PartitionPositions positions;
  positions.Add(0, 5);
  EXPECT_EQ(positions.SeekFor(0, 5), std::nullopt);
  EXPECT_THAT(positions.SeekFor(0, 4), Optional(4));
  EXPECT_TRUE(positions.Take(0, 5));
  EXPECT_THAT(positions.SeekFor(0, 5), Optional(5));
  positions.Put(0, 5);
  EXPECT_EQ(positions.SeekFor(0, 5), std::nullopt);
}

TEST(PartitionPositions, AHeldPartitionTakesNothingAndIsAlwaysSought) {
  PartitionPositions positions;
  positions.Add(0, 5);
  EXPECT_TRUE(positions.Hold(0));
  EXPECT_FALSE(positions.Hold(0)) << "it is held already";
  EXPECT_TRUE(positions.IsHeld(0));
  EXPECT_FALSE(positions.Take(0, 5));
  EXPECT_THAT(positions.SeekFor(0, 5), Optional(5));
  positions.Put(0, 5);
  EXPECT_FALSE(positions.IsHeld(0));
  EXPECT_TRUE(positions.Take(0, 5));
}

TEST(PartitionPositions, WhereReadingBeganIsTheFirstEventSeenOfAStartWithoutAnOffset) {
  PartitionPositions positions;
  positions.Add(0, kStart);
  EXPECT_EQ(positions.SeekFor(0, -1), std::nullopt) << "it stands there";
  positions.Hold(0);
  EXPECT_THAT(positions.SeekFor(0, -1), Optional(kStart));
  // What is read from an offset that somebody named says nothing of where reading began.
  positions.Put(0, 3);
  EXPECT_TRUE(positions.Take(0, 3));
  EXPECT_THAT(positions.SeekFor(0, -1), Optional(kStart));
  positions.Put(0, kStart);
  EXPECT_TRUE(positions.Take(0, 7));
  EXPECT_THAT(positions.SeekFor(0, -1), Optional(7));
}

TEST(PartitionPositions, WhatTheLogHoldsBeyondItsEventsDoesNotCountAtItsEnd) {
  PartitionPositions positions;
  positions.Add(0, 5);
  EXPECT_EQ(positions.EndOffset(0, 10), 10);
  EXPECT_TRUE(positions.Take(0, 8));
  positions.ReachEnd(0, 10);
  EXPECT_EQ(positions.EndOffset(0, 10), 9);
  EXPECT_EQ(positions.EndOffset(0, 12), 12) << "it has grown since";
  positions.Put(0, 5);
  EXPECT_EQ(positions.EndOffset(0, 10), 10) << "the end is to be reached again";
}

}  // namespace
}  // namespace turnout::connectors
