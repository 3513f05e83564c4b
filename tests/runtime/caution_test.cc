// What is tried next, and what is noted of it before. That it finds the right event under crashes
// and refusals is the simulation's.

#include "runtime/caution.h"

#include <optional>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using connectors::Event;
using state::CommitNote;
using state::NotedTry;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Event> Events(int32_t partition, int64_t first, int64_t count) {
  std::vector<Event> events;
  for (int64_t i = 0; i < count; ++i)
    events.push_back({.partition = partition, .offset = first + i});
  return events;
}

std::vector<Event> operator+(std::vector<Event> a, const std::vector<Event>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

CommitNote Trying(int64_t events, int64_t times) {
  CommitNote note;
  note.trying = NotedTry{.events = events, .times = times};
  return note;
}

// Tries the next of `events`: what was noted of it.
NotedTry Try(Caution* caution, const std::vector<Event>& events) {
  const std::vector<int32_t> unnoted = caution->Unnoted(events);
  EXPECT_EQ(unnoted.size(), 1u);
  const NotedTry noted = caution->NoteOf(unnoted.front()).value();
  caution->Noted(unnoted.front());
  EXPECT_THAT(caution->Unnoted(events), IsEmpty());
  return noted;
}

TEST(Caution, IsCalmOnceEveryPartitionHasCommittedSomething) {
  Caution caution(3);
  EXPECT_TRUE(caution.is_calm());
  caution.Assign(0, 10, {});
  caution.Assign(1, -1, {});
  const std::vector<Event> events = Events(0, 10, 5) + Events(1, 0, 5);
  EXPECT_EQ(caution.Admit(events), 10u);
  EXPECT_THAT(caution.Unnoted(events), ElementsAre(0, 1));
  EXPECT_FALSE(caution.AdmitsAll(events));
  for (const int32_t partition : {0, 1}) {
    EXPECT_EQ(caution.NoteOf(partition), NotedTry{});
    caution.Noted(partition);
  }
  EXPECT_TRUE(caution.AdmitsAll(events));
  caution.Passed(0, 15);
  EXPECT_FALSE(caution.is_calm());
  caution.Passed(1, 5);
  EXPECT_TRUE(caution.is_calm());
}

TEST(Caution, TriesLessAtATimeWhereWhoCameBeforeDidNotGetAsFar) {
  Caution caution(3);
  caution.Assign(0, 10, Trying(0, 1));
  caution.Assign(1, 20, {});
  const std::vector<Event> events = Events(0, 10, 100) + Events(1, 20, 1);
  EXPECT_EQ(caution.Admit(events), static_cast<size_t>(Caution::kSomeEvents));
  EXPECT_EQ(caution.Admit(Events(1, 20, 3) + events), 3u) << "the others' first, without it";
  EXPECT_EQ(Try(&caution, Events(0, 10, 64)), (NotedTry{.events = 64}));
  caution.Passed(0, 74);
  EXPECT_TRUE(caution.IsCareful(events[64])) << "the event may be further on";
  caution.Passed(0, 10 + Caution::kReach);
  EXPECT_FALSE(caution.IsCareful(Events(0, 10 + Caution::kReach, 1)[0]));
}

TEST(Caution, GivesAnEventUpThatWasTriedAloneSoManyTimes) {
  const std::vector<Event> events = Events(0, 10, 100);
  CommitNote note = Trying(Caution::kSomeEvents, 1);
  for (int64_t times = 1; times <= 4; ++times) {
    Caution caution(3);  // of a process each
    caution.Assign(0, 10, note);
    EXPECT_EQ(caution.Admit(events), 1u);
    note.trying = Try(&caution, Events(0, 10, 1));
    EXPECT_EQ(note.trying, (NotedTry{.events = 1, .times = times}));
    EXPECT_EQ(caution.GivesUp(0), times == 4);
    EXPECT_FALSE(caution.GivesUpBare(0));
    if (times < 4) continue;
    EXPECT_THAT(caution.WhyGivenUp(0), HasSubstr("3 times"));
    caution.Passed(0, 11);
    EXPECT_FALSE(caution.GivesUp(0));
    EXPECT_EQ(caution.Admit(Events(0, 11, 99)), 1u) << "it may not be the only one";
    EXPECT_EQ(Try(&caution, Events(0, 11, 1)), (NotedTry{.events = 1, .times = 1}));
  }
}

TEST(Caution, GivesUpWithoutWhatTheEventHasWhereThatFailsToo) {
  Caution caution(1);
  caution.Assign(0, 10, Trying(1, 3));
  Try(&caution, Events(0, 10, 1));
  EXPECT_TRUE(caution.GivesUpBare(0));
}

TEST(Caution, LooksForTheEventWhereARecordWasRefused) {
  Caution caution(2);
  const std::vector<Event> events = Events(0, 10, 1'000);
  caution.Blame(0, 10, 1'010, "refused");
  EXPECT_EQ(caution.Admit(events), static_cast<size_t>(Caution::kSomeEvents));
  Try(&caution, Events(0, 10, 64));
  caution.Blame(0, 10, 74, "refused");
  for (int64_t times = 1; times <= 2; ++times) {
    EXPECT_EQ(Try(&caution, Events(0, 10, 1)), (NotedTry{.events = 1, .times = times}));
    caution.Blame(0, 10, 11, "refused by x");
  }
  EXPECT_FALSE(caution.GivesUp(0));
  Try(&caution, Events(0, 10, 1));
  EXPECT_TRUE(caution.GivesUp(0));
  EXPECT_THAT(caution.WhyGivenUp(0), HasSubstr("refused by x"));
  caution.Passed(0, 74);
  EXPECT_EQ(caution.Admit(Events(0, 74, 100)), static_cast<size_t>(Caution::kSomeEvents));
  caution.Passed(0, 1'010);
  EXPECT_TRUE(caution.is_calm());
}

TEST(Caution, TakesANoteBackWhereTheEventIsNotToBlame) {
  const struct {
    CommitNote before;
    std::optional<NotedTry> taken_back;
  } cases[] = {{{}, std::nullopt},
               {Trying(0, 1), NotedTry{}},
               {Trying(64, 1), NotedTry{.events = 64}},
               {Trying(1, 2), NotedTry{.events = 1, .times = 2}}};
  for (const auto& [before, taken_back] : cases) {
    Caution caution(3);
    caution.Assign(0, 10, before);
    const NotedTry noted = Try(&caution, Events(0, 10, 1));
    EXPECT_THAT(caution.NotedInVain(), IsEmpty());
    caution.Excuse(0);
    ASSERT_THAT(caution.NotedInVain(), ElementsAre(0));
    EXPECT_EQ(caution.NoteOf(0), taken_back);
    caution.Noted(0);
    EXPECT_THAT(caution.NotedInVain(), IsEmpty());
    EXPECT_EQ(Try(&caution, Events(0, 10, 1)), noted) << "the same again";
  }
}

TEST(Caution, TakesEachNoteBackWhereItsWorkerEndsInGoodOrder) {
  Caution caution(3);
  caution.Assign(0, 10, {});
  caution.Assign(1, 20, Trying(1, 2));
  EXPECT_EQ(Try(&caution, Events(1, 20, 5)), (NotedTry{.events = 1, .times = 3}));
  caution.ExcuseAll();
  EXPECT_THAT(caution.NotedInVain(), ElementsAre(1));
  EXPECT_EQ(caution.NoteOf(1), (NotedTry{.events = 1, .times = 2}));
}

TEST(Caution, PaysNoAttentionToWhatIsReplayed) {
  Caution caution(3);
  caution.Assign(0, 100, Trying(1, 1));
  EXPECT_TRUE(caution.AdmitsAll(Events(0, 50, 50)));
  EXPECT_EQ(caution.Admit(Events(0, 50, 60)), 50u);
}

TEST(Caution, NotesNothingWhereNoEventIsEverGivenUp) {
  Caution caution(0);
  caution.Assign(0, 10, Trying(1, 9));
  caution.Blame(0, 10, 20, "refused");
  EXPECT_TRUE(caution.is_calm());
}

TEST(CarefulTurn, IsOneWorkersAtATime) {
  CarefulTurn turn;
  const int workers[2] = {};
  EXPECT_TRUE(turn.Take(&workers[0]));
  EXPECT_TRUE(turn.Take(&workers[0]));
  EXPECT_FALSE(turn.Take(&workers[1]));
  turn.Leave(&workers[1]);
  EXPECT_FALSE(turn.Take(&workers[1]));
  turn.Leave(&workers[0]);
  EXPECT_TRUE(turn.Take(&workers[1]));
}

}  // namespace
}  // namespace turnout::runtime
