#include "runtime/rule_history.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_directory.h"

namespace turnout::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Rules = std::shared_ptr<const router::RuleSet>;

// Of one team in a file of its own, with one rule.
Rules RulesOf(const std::string& rule) {
  std::vector<router::Problem> problems;
  auto teams = CompileRules("rules/a.yaml",
                            absl::StrFormat("team: a\ndestinations: [\"*\"]\nrules:\n"
                                            "  - {name: %s, match: {type: [x]}, to: out}\n",
                                            rule),
                            {}, &problems);
  EXPECT_TRUE(problems.empty());
  return router::RuleSet::Build(std::move(teams));
}

class RuleHistoryTest : public testing::Test {
 protected:
  RuleHistory Reopened() const { return RuleHistory(Path(), "directory rules"); }
  std::string Path() const { return directory_.path() + "/rules"; }

  static absl::Status Add(RuleHistory* history, const Rules& rules) {
    return history->Add(*rules, {.rule_set = rules->hash(),
                                 .files = "f-" + rules->hash(),
                                 .origin_version = "\"v\"",
                                 .published = absl::FromUnixMillis(1'700'000'000'123)});
  }
  static std::vector<std::string> Hashes(const RuleHistory& history) {
    std::vector<std::string> hashes;
    for (const KeptVersion& version : history.versions()) hashes.push_back(version.rule_set);
    return hashes;
  }
  static std::string Before(const RuleHistory& history, const std::string& rule_set) {
    const KeptVersion* const before = history.Before(rule_set);
    return before == nullptr ? "" : before->rule_set;
  }
  size_t Files() const {
    size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(Path())) {
      files += entry.is_regular_file();
    }
    return files;
  }

  const support::TempDirectory directory_;
  const Rules one_ = RulesOf("one");
  const Rules two_ = RulesOf("two");
  const Rules three_ = RulesOf("three");
};

TEST_F(RuleHistoryTest, KeepsWhatWasInForceOverARestart) {
  RuleHistory history = Reopened();
  EXPECT_TRUE(absl::IsNotFound(history.Open()));
  ASSERT_TRUE(Add(&history, one_).ok());
  ASSERT_TRUE(Add(&history, two_).ok());

  RuleHistory again = Reopened();
  ASSERT_TRUE(again.Open().ok());
  EXPECT_THAT(Hashes(again), ElementsAre(one_->hash(), two_->hash()));
  const KeptVersion& newest = again.versions().back();
  EXPECT_EQ(newest.files, "f-" + two_->hash());
  EXPECT_EQ(newest.origin_version, "\"v\"");
  EXPECT_EQ(newest.published, absl::FromUnixMillis(1'700'000'000'123));
  EXPECT_FALSE(again.rollback().has_value());

  std::vector<RefusedFile> refused;
  const auto teams = again.Teams(two_->hash(), {}, &refused);
  ASSERT_TRUE(teams.ok()) << teams.status();
  ASSERT_THAT(*teams, SizeIs(1));
  EXPECT_EQ((*teams)[0]->rules[0].name, "two");
  EXPECT_EQ((*teams)[0]->source->file_name, "rules/a.yaml") << "the name that its origin calls it";
  EXPECT_EQ(router::RuleSet::Build(*teams)->hash(), two_->hash());
  EXPECT_THAT(refused, IsEmpty());
}

TEST_F(RuleHistoryTest, KnowsWhatWasBeforeAlsoAfterGoingBack) {
  RuleHistory history = Reopened();
  for (const Rules& rules : {one_, two_}) ASSERT_TRUE(Add(&history, rules).ok());
  EXPECT_EQ(Before(history, two_->hash()), one_->hash());
  EXPECT_EQ(Before(history, one_->hash()), "");
  EXPECT_EQ(Before(history, "another"), two_->hash());

  const RuleRollback rollback = {
      .to = one_->hash(), .from = two_->hash(), .files = "f", .at = absl::FromUnixMillis(5)};
  ASSERT_TRUE(history.SetRollback(rollback).ok());
  RuleHistory again = Reopened();
  ASSERT_TRUE(again.Open().ok());
  ASSERT_TRUE(again.rollback().has_value());
  EXPECT_EQ(again.rollback()->to, one_->hash());
  EXPECT_EQ(again.rollback()->from, two_->hash());
  EXPECT_EQ(again.rollback()->files, "f");
  EXPECT_EQ(again.rollback()->at, absl::FromUnixMillis(5));
  // The first one was in force before the third, not the second.
  ASSERT_TRUE(again.SetRollback(std::nullopt).ok());
  ASSERT_TRUE(Add(&again, three_).ok());
  EXPECT_EQ(Before(again, three_->hash()), one_->hash());
  EXPECT_THAT(Hashes(again), ElementsAre(two_->hash(), one_->hash(), three_->hash()));
}

TEST_F(RuleHistoryTest, RemovesWhatItNoLongerNames) {
  RuleHistory history = Reopened();
  for (size_t i = 0; i < RuleHistory::kVersionsMax; ++i) {
    ASSERT_TRUE(Add(&history, RulesOf(absl::StrFormat("r%d", i))).ok());
  }
  const size_t files = Files();
  EXPECT_EQ(files, 2 * RuleHistory::kVersionsMax + 1);
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(Add(&history, RulesOf(absl::StrFormat("s%d", i))).ok());
  }
  EXPECT_EQ(Files(), files);
  EXPECT_THAT(history.versions(), SizeIs(RuleHistory::kVersionsMax));
  std::vector<RefusedFile> refused;
  EXPECT_TRUE(absl::IsNotFound(history.Teams(RulesOf("r0")->hash(), {}, &refused).status()));
  EXPECT_TRUE(history.Teams(RulesOf("r3")->hash(), {}, &refused).ok());
}

TEST_F(RuleHistoryTest, WhatIsDamagedIsNotUsed) {
  RuleHistory history = Reopened();
  ASSERT_TRUE(Add(&history, one_).ok());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(Path())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string good((std::istreambuf_iterator<char>(in)), {});
    std::string bad = good;
    bad[bad.size() / 2] ^= 1;
    std::ofstream(entry.path(), std::ios::binary) << bad;
    RuleHistory again = Reopened();
    absl::Status read = again.Open();
    std::vector<RefusedFile> refused;
    if (read.ok()) read = again.Teams(one_->hash(), {}, &refused).status();
    EXPECT_TRUE(absl::IsDataLoss(read)) << entry.path() << ": " << read;
    std::ofstream(entry.path(), std::ios::binary) << good;
  }
  ASSERT_TRUE(history.Clear().ok());
  EXPECT_THAT(history.versions(), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(Reopened().Open()));
}

TEST_F(RuleHistoryTest, RulesOfAnotherOriginAreNotTaken) {
  RuleHistory history = Reopened();
  ASSERT_TRUE(Add(&history, one_).ok());
  RuleHistory other(Path(), "http https://config.example.com/rules");
  const absl::Status opened = other.Open();
  EXPECT_TRUE(absl::IsNotFound(opened));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("directory rules"));
  EXPECT_THAT(other.versions(), IsEmpty());
}

TEST_F(RuleHistoryTest, WhatTheLimitsRefuseByNowIsLeftOut) {
  RuleHistory history = Reopened();
  ASSERT_TRUE(Add(&history, one_).ok());
  std::vector<RefusedFile> refused;
  const auto teams = history.Teams(one_->hash(), {.file_bytes_max = 10}, &refused);
  ASSERT_TRUE(teams.ok());
  EXPECT_THAT(*teams, IsEmpty());
  EXPECT_THAT(FormatRefused(refused), HasSubstr("rules/a.yaml"));
}

}  // namespace
}  // namespace turnout::runtime
