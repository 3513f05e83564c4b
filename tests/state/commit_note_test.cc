#include "state/commit_note.h"

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

TEST(CommitNote, PassesOverWordsOfLaterVersions) {
  const auto note = DecodeCommitNote("turnout/1 checkpoint=9 rules=a@1 x");
  ASSERT_TRUE(note.ok()) << note.status();
  EXPECT_EQ(note->rule_sets.size(), 1u);
}

}  // namespace
}  // namespace turnout::state
