#include "runtime/rule_shelf.h"

#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/rule_directory.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using router::Team;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string Rules(const std::string& team, const std::string& rule) {
  return absl::StrFormat(
      "team: %s\ndestinations: [\"*\"]\nrules:\n  - {name: %s, match: {type: [x]}, to: out}\n",
      team, rule);
}

std::string Line(const std::string& team, const std::string& rule) {
  return absl::StrFormat(R"({"team": "%s", "name": "%s", "to": "out", "match": {"type": ["x"]}})"
                         "\n",
                         team, rule);
}

class RuleShelfTest : public testing::Test {
 protected:
  bool Look() { return LookAt(&origin_, &shelf_); }
  static bool LookAt(RuleDirectory* origin, RuleShelf* shelf) {
    std::optional<RuleFiles> files = origin->Take(absl::Now());
    return files.has_value() && shelf->Take(*std::move(files));
  }
  void Write(const std::string& name, std::string_view text) { directory_.Write(name, text); }
  void Remove(const std::string& name) { std::filesystem::remove(Path(name)); }
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

  // "team/rule" of all rules.
  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    for (const Team& team : shelf_.teams()) {
      for (const router::Rule& rule : team->rules) ids.push_back(team->team + "/" + rule.name);
    }
    return ids;
  }
  std::vector<std::string> RefusedFiles() const {
    std::vector<std::string> files;
    for (const RefusedFile& refused : shelf_.refused()) {
      files.push_back(std::filesystem::path(refused.file).filename());
    }
    return files;
  }

  const support::TempDirectory directory_;
  RuleDirectory origin_{directory_.path(), {}};
  RuleShelf shelf_{{}};
};

TEST_F(RuleShelfTest, AFileThatChangedIsReadAgainAndNoOther) {
  Write("a.yaml", Rules("a", "one"));
  Write("b.yaml", Rules("b", "one"));
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/one", "b/one"));
  const Team a = shelf_.teams()[0];
  EXPECT_FALSE(Look());

  Write("b.yaml", Rules("b", "two"));
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/one", "b/two"));
  EXPECT_EQ(shelf_.teams()[0], a);
  EXPECT_FALSE(Look());
}

TEST_F(RuleShelfTest, AFileThatIsOnlyTouchedChangesNothing) {
  Write("a.yaml", Rules("a", "one"));
  Look();
  const Team a = shelf_.teams()[0];
  Write("a.yaml", Rules("a", "one"));
  std::filesystem::last_write_time(
      Path("a.yaml"), std::filesystem::file_time_type::clock::now() + std::chrono::seconds(60));
  EXPECT_FALSE(Look());
  EXPECT_EQ(shelf_.teams()[0], a);
}

TEST_F(RuleShelfTest, AFileOfTheSameSizeInTheSameInstantIsSeenToHaveChanged) {
  Write("a.yaml", Rules("a", "one"));
  Look();
  Write("a.yaml", Rules("a", "two"));
  Look();
  Look();
  EXPECT_THAT(Ids(), ElementsAre("a/two"));
}

TEST_F(RuleShelfTest, ABadFileKeepsItsTeamsAndIsRefusedUntilItIsMended) {
  Write("a.yaml", Rules("a", "one"));
  Write("b.yaml", Rules("b", "one"));
  Look();
  Write("b.yaml", "team: b\ndestinations: [\"*\"]\nrules: 7\n");
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/one", "b/one"));
  ASSERT_THAT(RefusedFiles(), ElementsAre("b.yaml"));
  EXPECT_THAT(FormatRefused(shelf_.refused()), HasSubstr("b.yaml:3:"));
  EXPECT_FALSE(Look());

  Write("b.yaml", Rules("b", "two"));
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/one", "b/two"));
  EXPECT_THAT(RefusedFiles(), IsEmpty());
}

TEST_F(RuleShelfTest, AFileThatIsGoneTakesItsTeamsWithIt) {
  Write("a.yaml", Rules("a", "one"));
  Write("b.yaml", "no rules");
  Write("c.jsonl", Line("c", "one") + Line("d", "one"));
  Look();
  EXPECT_THAT(Ids(), ElementsAre("a/one", "c/one", "d/one"));
  Remove("b.yaml");
  Remove("c.jsonl");
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/one"));
  EXPECT_THAT(RefusedFiles(), IsEmpty());
}

TEST_F(RuleShelfTest, AnEmptiedOrLostDirectoryKeepsAllTeams) {
  Write("rules/a.yaml", Rules("a", "one"));
  RuleDirectory origin(Path("rules"), {});
  RuleShelf shelf({});
  LookAt(&origin, &shelf);
  EXPECT_EQ(origin.status().problem, "");
  std::filesystem::rename(Path("rules"), Path("away"));
  EXPECT_TRUE(LookAt(&origin, &shelf));
  EXPECT_THAT(shelf.teams(), SizeIs(1));
  EXPECT_THAT(FormatRefused(shelf.refused()), HasSubstr("cannot be opened"));
  EXPECT_THAT(origin.status().problem, HasSubstr("cannot be opened"));
  std::filesystem::create_directory(Path("rules"));
  EXPECT_TRUE(LookAt(&origin, &shelf));
  EXPECT_THAT(shelf.teams(), SizeIs(1));
  EXPECT_THAT(FormatRefused(shelf.refused()), HasSubstr("there is no rule file in it"));

  std::filesystem::remove(Path("rules"));
  std::filesystem::rename(Path("away"), Path("rules"));
  EXPECT_TRUE(LookAt(&origin, &shelf));
  EXPECT_THAT(shelf.teams(), SizeIs(1));
  EXPECT_THAT(shelf.refused(), IsEmpty());
}

TEST_F(RuleShelfTest, AFileThatCannotBeReadKeepsItsTeams) {
  Write("a.yaml", Rules("a", "one"));
  Write("b.yaml", Rules("b", "one"));
  Look();
  // Root may read whatever its permissions say: a link that leads nowhere is one for root, too.
  Remove("b.yaml");
  std::filesystem::create_symlink("nowhere", Path("b.yaml"));
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/one", "b/one"));
  EXPECT_THAT(RefusedFiles(), ElementsAre("b.yaml"));
  Write("nowhere", Rules("b", "two"));
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/one", "b/two"));
}

// As the kubelet does it: `..data` is replaced as a whole, and the files are links through it.
TEST_F(RuleShelfTest, AMountedConfigMapsSwapIsSeen) {
  Write("..1/a.yaml", Rules("a", "one"));
  Write("..2/a.yaml", Rules("a", "two"));
  std::filesystem::create_symlink("..1", Path("..data"));
  std::filesystem::create_symlink("..data/a.yaml", Path("a.yaml"));
  Look();
  EXPECT_THAT(Ids(), ElementsAre("a/one"));
  std::filesystem::create_symlink("..2", Path("..data_tmp"));
  std::filesystem::rename(Path("..data_tmp"), Path("..data"));
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/two"));
}

TEST_F(RuleShelfTest, AMountedConfigMapsSwapIsTakenWhole) {
  constexpr int kFiles = 40;
  const auto name = [](int file) { return absl::StrFormat("t%02d.yaml", file); };
  for (const char* version : {"one", "two"}) {
    for (int file = 0; file < kFiles; ++file) {
      Write(absl::StrFormat("..%s/%s", version, name(file)),
            Rules(absl::StrFormat("t%02d", file), version));
    }
  }
  std::filesystem::create_directory_symlink("..one", Path("..data"));
  for (int file = 0; file < kFiles; ++file) {
    std::filesystem::create_symlink("..data/" + name(file), Path(name(file)));
  }
  std::mt19937 chance(7);
  for (int swap = 1; swap <= 200; ++swap) {
    std::filesystem::create_directory_symlink(swap % 2 == 0 ? "..one" : "..two", Path("..next"));
    const absl::Duration wait = absl::Microseconds(std::uniform_int_distribution(0, 1500)(chance));
    std::thread kubelet([&] {
      absl::SleepFor(wait);
      std::filesystem::rename(Path("..next"), Path("..data"));
    });
    Look();
    kubelet.join();
    std::set<std::string> versions;
    for (const Team& team : shelf_.teams()) versions.insert(team->rules[0].name);
    EXPECT_THAT(versions, SizeIs(1)) << "at swap " << swap;
  }
}

TEST_F(RuleShelfTest, AFileOfManyTeamsIsAcceptedOrRefusedWhole) {
  Write("all.jsonl", Line("a", "one") + Line("b", "one"));
  Look();
  Write("all.jsonl", Line("a", "two") + Line("b", "one") + "{\"team\": \"c\"}\n");
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/one", "b/one"));
  EXPECT_THAT(RefusedFiles(), ElementsAre("all.jsonl"));
  Write("all.jsonl", Line("a", "two") + Line("c", "one"));
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/two", "c/one"));
}

TEST_F(RuleShelfTest, WhoHasATeamKeepsItAgainstASecondFile) {
  Write("b.yaml", Rules("x", "first"));
  Look();
  Write("a.yaml", Rules("x", "second"));
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("x/first"));
  EXPECT_THAT(RefusedFiles(), ElementsAre("a.yaml"));
  EXPECT_THAT(FormatRefused(shelf_.refused()), HasSubstr("in another file already"));
  // Also while it is bad.
  Write("b.yaml", "team: x\n");
  Look();
  EXPECT_THAT(Ids(), ElementsAre("x/first"));
  EXPECT_THAT(RefusedFiles(), ElementsAre("a.yaml", "b.yaml"));
  // Gone, it leaves the team to the other, which has not changed meanwhile.
  Remove("b.yaml");
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("x/second"));
  EXPECT_THAT(RefusedFiles(), IsEmpty());
}

TEST_F(RuleShelfTest, ATeamMayMoveFromOneFileToAnother) {
  Write("a.jsonl", Line("x", "one") + Line("y", "one"));
  Write("b.jsonl", Line("z", "one"));
  Look();
  Write("b.jsonl", Line("z", "one") + Line("x", "two"));  // written first
  Look();
  EXPECT_THAT(Ids(), ElementsAre("x/one", "y/one", "z/one"));
  Write("a.jsonl", Line("y", "one"));
  Look();
  EXPECT_THAT(Ids(), ElementsAre("x/two", "y/one", "z/one"));
  EXPECT_THAT(RefusedFiles(), IsEmpty());
}

TEST_F(RuleShelfTest, ARefusedFileHoldsNoTeamThatItNeverHad) {
  Write("a.yaml", Rules("x", "one"));
  Look();
  Write("b.jsonl", Line("w", "one") + Line("x", "two"));  // refused for x
  Write("c.yaml", Rules("w", "two"));
  Look();
  EXPECT_THAT(Ids(), ElementsAre("w/two", "x/one"));
  EXPECT_THAT(RefusedFiles(), ElementsAre("b.jsonl"));
}

// Teams as they were kept on disk, of this directory's files.
class HeldShelfTest : public RuleShelfTest {
 protected:
  std::vector<Team> Kept(const std::string& name, const std::string& text) const {
    std::vector<router::Problem> problems;
    return CompileRules(Path(name), text, {}, &problems);
  }
};

TEST_F(HeldShelfTest, WhatIsHeldStaysUntilThereIsAnotherVersion) {
  Write("a.yaml", Rules("a", "one"));
  Look();
  const std::string version = shelf_.version();
  Write("a.yaml", Rules("a", "bad-idea"));
  Look();
  EXPECT_NE(shelf_.version(), version);

  shelf_.Hold(Kept("a.yaml", Rules("a", "one")), shelf_.version());
  EXPECT_THAT(Ids(), ElementsAre("a/one"));
  Look();
  EXPECT_THAT(Ids(), ElementsAre("a/one"));
  std::filesystem::rename(Path("a.yaml"), Path("away"));  // a lost mount is no other version
  Look();
  EXPECT_THAT(Ids(), ElementsAre("a/one"));
  std::filesystem::rename(Path("away"), Path("a.yaml"));
  Look();
  EXPECT_TRUE(shelf_.is_held());
  EXPECT_THAT(Ids(), ElementsAre("a/one"));

  Write("a.yaml", Rules("a", "two"));
  EXPECT_TRUE(Look());
  EXPECT_FALSE(shelf_.is_held());
  EXPECT_THAT(Ids(), ElementsAre("a/two"));
}

TEST_F(HeldShelfTest, LetGoItIsWhatTheFilesHold) {
  Write("a.yaml", Rules("a", "bad-idea"));
  Write("b.yaml", Rules("b", "one"));
  Look();
  shelf_.Hold(Kept("a.yaml", Rules("a", "one")), shelf_.version());
  EXPECT_THAT(Ids(), ElementsAre("a/one"));
  shelf_.LetGo();
  EXPECT_THAT(Ids(), ElementsAre("a/bad-idea", "b/one"));
}

TEST_F(HeldShelfTest, AFileThatIsRefusedInTheNewVersionStandsForWhatWasHeld) {
  Write("a.yaml", Rules("a", "bad-idea"));
  Write("b.yaml", Rules("b", "one"));
  Look();
  shelf_.Hold(Kept("a.yaml", Rules("a", "one")), shelf_.version());
  Write("a.yaml", "team: a\nrules: 7\n");
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/one", "b/one"));
  EXPECT_THAT(RefusedFiles(), ElementsAre("a.yaml"));
}

TEST_F(HeldShelfTest, WhatWasKeptStandsForFilesThatAreBadAtTheStart) {
  std::vector<Team> kept = Kept("a.yaml", Rules("a", "one"));
  for (const Team& team : Kept("gone.yaml", Rules("g", "one"))) kept.push_back(team);
  shelf_.Hold(kept, "");
  Write("a.yaml", "no rules");
  Write("b.yaml", Rules("b", "one"));
  EXPECT_TRUE(Look());
  EXPECT_THAT(Ids(), ElementsAre("a/one", "b/one"));
}

TEST_F(HeldShelfTest, AnEmptyDirectoryAtTheStartKeepsWhatIsHeld) {
  shelf_.Hold(Kept("a.yaml", Rules("a", "one")), "");
  Look();
  EXPECT_THAT(Ids(), ElementsAre("a/one"));
  EXPECT_TRUE(shelf_.is_held());
  EXPECT_THAT(FormatRefused(shelf_.refused()), HasSubstr("there is no rule file in it"));
}

}  // namespace
}  // namespace turnout::runtime
