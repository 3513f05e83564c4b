#include "state/commit_note.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace turnout::state {
namespace {

TEST(CommitNote, ComesBackAsItWasWritten) {
  CommitNote note;
  note.Use("00c0ffee00c0ffee", 0);
  note.Use("0123456789abcdef", 42);
  const auto back = DecodeCommitNote(EncodeCommitNote(note));
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ(back->rule_sets.size(), 2u);
  EXPECT_EQ(back->rule_sets[1].hash, "0123456789abcdef");
  EXPECT_EQ(back->rule_sets[1].offset, 42);
}

TEST(CommitNote, OfAReplayNamesItsRange) {
  CommitNote note;
  note.replay = ReplayRange{5, 40};
  note.Use("a", 5);
  EXPECT_EQ(EncodeCommitNote(note), "turnout/1 replay=5-40 rules=a@5");
  const auto back = DecodeCommitNote(EncodeCommitNote(note));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->replay, note.replay);
  EXPECT_EQ(DecodeCommitNote("turnout/1 rules=a@5")->replay, std::nullopt);
}

TEST(CommitNote, NamesARuleSetOnceWhileItIsInForce) {
  CommitNote note;
  note.Use("a", 0);
  note.Use("a", 7);
  note.Use("b", 9);
  note.Use("a", 11);
  EXPECT_EQ(EncodeCommitNote(note), "turnout/1 rules=a@0,b@9,a@11");
}

TEST(CommitNote, SaysWhereARuleSetIsOrWasInForce) {
  CommitNote note;
  note.Use("a", 5);
  note.Use("b", 9);
  note.Use("a", 11);
  EXPECT_EQ(note.InForce("a"), (RuleSetSpan{.from = 11}));
  EXPECT_EQ(note.InForce("b"), (RuleSetSpan{.from = 9, .to = 11}));
  EXPECT_EQ(note.InForce("c"), std::nullopt);
  EXPECT_EQ(CommitNote().InForce("a"), std::nullopt);
}

TEST(CommitNote, IsShortWhereNoStateIsKept) {
  CommitNote note;
  for (int64_t i = 0; i < 1000; ++i) {
    note.Use(i % 2 ? "0123456789abcdef" : "fedcba9876543210", 1'000'000'000'000 + i);
  }
  EXPECT_EQ(note.rule_sets.size(), kRuleSetsStatelessMax);
  EXPECT_EQ(note.InForce("0123456789abcdef"), (RuleSetSpan{.from = 1'000'000'000'999}));
  EXPECT_LT(EncodeCommitNote(note).size(), 600u);
}

TEST(CommitNote, ForgetsTheOldestRatherThanOutgrowTheBroker) {
  CommitNote note;
  note.state_start = 0;
  for (int i = 0; i < 1000; ++i) note.Use(i % 2 ? "0123456789abcdef" : "fedcba9876543210", i);
  EXPECT_LE(EncodeCommitNote(note).size(), kCommitNoteBytesMax);
  EXPECT_EQ(note.rule_sets.back().offset, 999);
}

TEST(CommitNote, ForgetsRuleSetsForATimelineToo) {
  CommitNote note;
  note.state_start = 999;
  for (int i = 0; i < 1000; ++i) note.Use(i % 2 ? "0123456789abcdef" : "fedcba9876543210", i);
  for (size_t i = 0; i < kTimelinesMax; ++i) {
    note.GoOnIn({"0123456789abcd" + std::to_string(10 + i), 1'000'000'000'000});
    note.Use("0123456789abcdef", 999);
    EXPECT_LE(EncodeCommitNote(note).size(), kCommitNoteBytesMax);
  }
  EXPECT_EQ(note.rule_sets.back().offset, 999);
  EXPECT_EQ(note.timelines.size(), kTimelinesMax);
}

TEST(CommitNote, RefusesWhatIsNotItsOwnOrDamaged) {
  for (const char* text :
       {"", "hello", "turnout/2 rules=a@1", "turnout/1 rules=a", "turnout/1 rules=@1",
        "turnout/1 rules=a@x", "turnout/1 replay=5 rules=a@1", "turnout/1 replay=5-x rules=a@1",
        "turnout/1 rules=a@-1", "turnout/1 rules=a@1,,b@2"}) {
    EXPECT_FALSE(DecodeCommitNote(text).ok()) << text;
  }
  EXPECT_FALSE(DecodeCommitNote(std::string(5000, ' ')).ok());
}

TEST(CommitNote, SaysWhereTheStateBeganAndWhatItsLastCheckpointIs) {
  CommitNote note;
  note.state_start = 5;
  for (const auto& [hash, offset] : {std::pair("a", 5), {"b", 10}, {"c", 20}, {"d", 30}}) {
    note.Use(hash, offset);
  }
  note.Checkpointed(7, 19);
  EXPECT_EQ(EncodeCommitNote(note), "turnout/1 state=5 checkpoint=7@19 rules=a@5,b@10,c@20,d@30");
  note.Checkpointed(8, 20);
  const auto back = DecodeCommitNote(EncodeCommitNote(note));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->state_start, 5);
  EXPECT_EQ(back->checkpoint, (NotedCheckpoint{8, 20}));
  EXPECT_EQ(back->rule_sets, note.rule_sets) << "a restore may go back so far";
  for (const char* text :
       {"turnout/1 state=x rules=", "turnout/1 checkpoint= rules=", "turnout/1 state=-1 rules=",
        "turnout/1 checkpoint=1@ rules=", "turnout/1 checkpoint=1@x rules=",
        "turnout/1 checkpoint=@1 rules=", "turnout/1 timelines=a rules=",
        "turnout/1 timelines=a@1, rules=", "turnout/1 timelines=@1 rules="}) {
    EXPECT_FALSE(DecodeCommitNote(text).ok()) << text;
  }
}

TEST(CommitNote, ForgetsWhatNoRecoveryNeedsButTheLastOnes) {
  CommitNote note;
  note.state_start = 0;
  for (int i = 0; i < 20; ++i) {
    note.Use(std::string(1, static_cast<char>('a' + i)), 10 * i);
    if (i < 10) note.GoOnIn({"t" + std::to_string(i), 20 * i});
  }
  note.Checkpointed(7, 150);
  EXPECT_EQ(note.rule_sets.size(), 20u);
  note.Checkpointed(8, 160);
  // The eighth may turn out to be damaged: what the seventh has not seen is still known.
  EXPECT_EQ(note.rule_sets.size(), kRuleSetsKept);
  EXPECT_EQ(note.rule_sets.front().offset, 120);
  EXPECT_EQ(note.timelines.size(), kTimelinesKept);
  note.Checkpointed(9, 1000);
  EXPECT_EQ(note.rule_sets.size(), kRuleSetsKept);
  EXPECT_EQ(note.timelines.front().id, "t4");
}

TEST(CommitNote, NamesTheWishesThatAreDone) {
  CommitNote note;
  note.Use("a", 5);
  for (int i = 1; i <= 6; ++i) note.Fulfil(std::to_string(i));
  note.Fulfil("6");
  EXPECT_EQ(EncodeCommitNote(note), "turnout/1 restored=3,4,5,6 rules=a@5");
  const auto back = DecodeCommitNote(EncodeCommitNote(note));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(back->HasFulfilled("3"));
  EXPECT_FALSE(back->HasFulfilled("2"));
}

TEST(CommitNote, GoesBackToABaseWithoutWhatCameAfterIt) {
  const auto note = DecodeCommitNote(
      "turnout/1 state=0 timelines=s@0,t@40,u@80 checkpoint=9@90 rules=a@0,b@50,c@70");
  ASSERT_TRUE(note.ok()) << note.status();
  CommitNote back = *note;
  back.GoBackTo({.timeline = "t", .start_offset = 0, .applied_offset = 60, .checkpoint = 5}, "v",
                "");
  EXPECT_EQ(EncodeCommitNote(back),
            "turnout/1 state=0 timelines=s@0,t@40,v@60 checkpoint=5@60 rules=a@0,b@50,c@70");
  EXPECT_TRUE(back.WentThrough("t", 60)) << "the base itself";
  EXPECT_FALSE(back.WentThrough("t", 61)) << "what was made of it before";
  EXPECT_FALSE(back.WentThrough("u", 90));
  EXPECT_TRUE(back.WentThrough("v", 90));

  CommitNote by_other_rules = *note;
  by_other_rules.GoBackTo(
      {.timeline = "t", .start_offset = 0, .applied_offset = 60, .checkpoint = 5}, "v", "d");
  EXPECT_EQ(by_other_rules.rule_sets, (std::vector<RuleSetSince>{{"a", 0}, {"b", 50}, {"d", 60}}));

  CommitNote from_nothing = *note;
  from_nothing.GoBackTo({.timeline = "u", .start_offset = 0, .applied_offset = 0}, "v", "d");
  EXPECT_EQ(EncodeCommitNote(from_nothing), "turnout/1 state=0 timelines=v@0 rules=d@0");

  CommitNote before_timelines;
  before_timelines.Use("a", 0);
  before_timelines.GoBackTo({.start_offset = 3, .applied_offset = 60, .checkpoint = 5}, "v", "");
  EXPECT_EQ(before_timelines.timelines, (std::vector<TimelineSince>{{"", 3}, {"v", 60}}));
}

TEST(CommitNote, GoesBackToABaseFromTheReplayThatItsTimelineBeganWith) {
  const auto note = DecodeCommitNote("turnout/1 state=0 timelines=s@0,t@40,u@80 rules=a@0");
  ASSERT_TRUE(note.ok()) << note.status();
  CommitNote back = *note;
  back.GoBackTo({.timeline = "u", .start_offset = 0, .applied_offset = 30, .checkpoint = 5}, "v",
                "");
  EXPECT_EQ(EncodeCommitNote(back),
            "turnout/1 state=0 timelines=s@0,t@30,u@30,v@30 checkpoint=5@30 rules=a@0");
  EXPECT_TRUE(back.WentThrough("u", 30)) << "the base itself";
  EXPECT_TRUE(back.WentThrough("s", 30));
  EXPECT_FALSE(back.WentThrough("s", 40)) << "what another owner had made of it by then";
  EXPECT_FALSE(back.WentThrough("t", 50));
}

TEST(CommitNote, HasRoomToGoBackHoweverManyTimelinesItHas) {
  CommitNote note;
  for (size_t i = 0; i < kTimelinesMax; ++i) {
    note.GoOnIn({"t" + std::to_string(i), static_cast<int64_t>(10 * i)});
  }
  note.GoBackTo({.timeline = note.timelines.back().id, .applied_offset = 500, .checkpoint = 5}, "v",
                "");
  EXPECT_EQ(note.timelines.size(), kTimelinesMax);
  EXPECT_TRUE(note.WentThrough("t" + std::to_string(kTimelinesMax - 1), 500));
  EXPECT_EQ(note.timelines.back().id, "v");
}

TEST(CommitNote, ReadsWhatEarlierVersionsSaidOfCheckpoints) {
  const auto note = DecodeCommitNote("turnout/1 state=5 checkpoint=7 rules=a@5,b@9");
  ASSERT_TRUE(note.ok()) << note.status();
  EXPECT_EQ(note->checkpoint, (NotedCheckpoint{7, -1}));
  EXPECT_EQ(EncodeCommitNote(*note), "turnout/1 state=5 checkpoint=7 rules=a@5,b@9");
  EXPECT_TRUE(note->WentThrough("", 6));
  EXPECT_TRUE(note->WentThrough("t", 6));
}

TEST(CommitNote, ForgetsAsMuchAsItCanWhereThereAreManyRuleSets) {
  CommitNote note;
  note.state_start = 0;
  for (int i = 0; i < 60; ++i) note.Use(i % 2 ? "a" : "b", i);
  note.Checkpointed(1, 40);
  EXPECT_EQ(note.rule_sets.front().offset, 40);
}

TEST(CommitNote, KnowsTheTimelinesThatLedToIt) {
  CommitNote note;
  note.state_start = 5;
  note.Use("a", 5);
  for (const TimelineSince& one : {TimelineSince{"", 5}, {"t", 10}, {"t", 12}, {"u", 20}}) {
    note.GoOnIn(one);
  }
  EXPECT_EQ(EncodeCommitNote(note), "turnout/1 state=5 timelines=-@5,t@10,u@20 rules=a@5");
  auto back = DecodeCommitNote(EncodeCommitNote(note));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->timelines, note.timelines);
  EXPECT_TRUE(back->WentThrough("", 10));
  EXPECT_FALSE(back->WentThrough("", 11)) << "the next one had begun";
  EXPECT_TRUE(back->WentThrough("t", 20));
  EXPECT_FALSE(back->WentThrough("t", 21));
  EXPECT_TRUE(back->WentThrough("u", 1'000'000));
  EXPECT_FALSE(back->WentThrough("x", 15));
  // A checkpoint at the end of a timeline is still of use.
  back->Checkpointed(1, 10);
  back->Checkpointed(2, 30);
  EXPECT_EQ(back->timelines.front().id, "");
  back->Checkpointed(3, 40);
  EXPECT_EQ(back->timelines.size(), 3u) << "a restore may go back to them";
}

TEST(CommitNote, HasRoomForItsTimelinesBesideManyRuleSets) {
  CommitNote note;
  note.state_start = int64_t{1} << 60;
  note.checkpoint = {int64_t{1} << 60, int64_t{1} << 60};
  for (size_t i = 0; i < kTimelinesMax; ++i) {
    note.GoOnIn({"0123456789abcd" + std::to_string(10 + i), 1'000'000'000'000});
  }
  for (size_t i = 0; i < kRestoredMax; ++i) {
    note.Fulfil(std::to_string(1'800'000'000'000 + i) + "-current");
  }
  for (int i = 0; i < 96; ++i) {
    note.Use(i % 2 ? "0123456789abcdef" : "fedcba9876543210", 1'000'000'000'000 + i);
  }
  EXPECT_EQ(note.rule_sets.size(), 96u);
  EXPECT_LE(EncodeCommitNote(note).size(), kCommitNoteBytesMax);
}

TEST(CommitNote, SaysWhatIsTriedAndWhatWasGivenUp) {
  CommitNote note;
  note.Use("a", 5);
  note.trying = NotedTry{.events = 64, .times = 2};
  note.GiveUp(7);
  note.GiveUp(9);
  EXPECT_EQ(EncodeCommitNote(note), "turnout/1 trying=64x2 given_up=7,9 rules=a@5");
  const auto back = DecodeCommitNote(EncodeCommitNote(note));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->trying, note.trying);
  EXPECT_TRUE(back->HasGivenUp(7));
  EXPECT_FALSE(back->HasGivenUp(8));
  for (const char* text : {"turnout/1 trying=64 rules=a@5", "turnout/1 trying=x1 rules=a@5",
                           "turnout/1 given_up=7, rules=a@5"}) {
    EXPECT_FALSE(DecodeCommitNote(text).ok()) << text;
  }
}

// A restore may begin at an older checkpoint than any recovery.
TEST(CommitNote, RemembersTheLastEventsThatWereGivenUp) {
  CommitNote note;
  note.Use("a", 0);
  for (const int64_t offset : {5, 15, 25}) note.GiveUp(offset);
  note.Checkpointed(1, 10);
  note.Checkpointed(2, 20);
  EXPECT_EQ(note.given_up, (std::vector<int64_t>{5, 15, 25}));
  for (int64_t offset = 30; offset < 50; ++offset) note.GiveUp(offset);
  EXPECT_EQ(note.given_up.size(), kGivenUpMax);
  EXPECT_EQ(note.given_up.back(), 49);
}

TEST(CommitNote, PassesOverWordsOfLaterVersions) {
  const auto note = DecodeCommitNote("turnout/1 later=9 rules=a@1 x");
  ASSERT_TRUE(note.ok()) << note.status();
  EXPECT_EQ(note->rule_sets.size(), 1u);
}

}  // namespace
}  // namespace turnout::state
