#include "state/commit_note.h"

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

TEST(CommitNote, NamesARuleSetOnceWhileItIsInForce) {
  CommitNote note;
  note.Use("a", 0);
  note.Use("a", 7);
  note.Use("b", 9);
  note.Use("a", 11);
  EXPECT_EQ(EncodeCommitNote(note), "turnout/1 rules=a@0,b@9,a@11");
}

TEST(CommitNote, ForgetsTheOldestRatherThanOutgrowTheBroker) {
  CommitNote note;
  for (int i = 0; i < 1000; ++i) note.Use(i % 2 ? "0123456789abcdef" : "fedcba9876543210", i);
  EXPECT_LE(EncodeCommitNote(note).size(), kCommitNoteBytesMax);
  EXPECT_EQ(note.rule_sets.back().offset, 999);
}

TEST(CommitNote, RefusesWhatIsNotItsOwnOrDamaged) {
  for (const char* text :
       {"", "hello", "turnout/2 rules=a@1", "turnout/1 rules=a", "turnout/1 rules=@1",
        "turnout/1 rules=a@x", "turnout/1 rules=a@-1", "turnout/1 rules=a@1,,b@2"}) {
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
  EXPECT_EQ(EncodeCommitNote(note), "turnout/1 state=5 checkpoint=7 rules=b@10,c@20,d@30");
  note.Checkpointed(8, 20);
  const auto back = DecodeCommitNote(EncodeCommitNote(note));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->state_start, 5);
  EXPECT_EQ(back->checkpoint, 8);
  EXPECT_EQ(back->rule_sets, (std::vector<RuleSetSince>{{"c", 20}, {"d", 30}}));
  note.Checkpointed(9, 1000);
  EXPECT_EQ(note.rule_sets.size(), 1u);
  for (const char* text :
       {"turnout/1 state=x rules=", "turnout/1 checkpoint= rules=", "turnout/1 state=-1 rules="}) {
    EXPECT_FALSE(DecodeCommitNote(text).ok()) << text;
  }
}

TEST(CommitNote, PassesOverWordsOfLaterVersions) {
  const auto note = DecodeCommitNote("turnout/1 later=9 rules=a@1 x");
  ASSERT_TRUE(note.ok()) << note.status();
  EXPECT_EQ(note->rule_sets.size(), 1u);
}

}  // namespace
}  // namespace turnout::state
