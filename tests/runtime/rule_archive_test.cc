#include "runtime/rule_archive.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/rule_loader.h"
#include "state/sealed_text.h"
#include "state/sha256.h"
#include "tests/support/memory_checkpoint_store.h"

namespace turnout::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kPrefix[] = "group";
constexpr char kRules[] = R"(team: fraud
destinations: [fraud.*]
rules:
  - {name: first, match: {t: [o]}, steps: [{dedup: {key: user, for: 1h}}], to: fraud.a}
)";
const router::StateSettings kSettings = {.partitioned_by = "user",
                                         .time_field = "time",
                                         .lateness_ms = 10'000,
                                         .ahead_ms_max = 3'600'000,
                                         .rule_state_bytes_max = 1 << 30};

class RuleArchiveTest : public ::testing::Test {
 protected:
  static std::shared_ptr<const router::RuleSet> Rules(std::string_view text = kRules) {
    std::vector<router::Problem> problems;
    auto teams = CompileRules("rules/fraud.yaml", text, {}, &problems);
    EXPECT_TRUE(problems.empty());
    return router::RuleSet::Build(std::move(teams), kSettings, {0x0123456789abcdef});
  }
  absl::Status Keep(const router::RuleSet& rules) {
    return RuleArchive(&store_, kPrefix).Keep(rules);
  }
  absl::StatusOr<std::shared_ptr<const router::RuleSet>> Find(const std::string& hash) {
    return RuleArchive(&store_, kPrefix).Find(hash);
  }
  std::string Read(const std::string& name) { return store_.Read(name, 1 << 20).value_or(""); }
  void Replace(const std::string& name, std::string_view bytes) {
    ASSERT_TRUE(store_.Remove(name).ok());
    ASSERT_TRUE(store_.PutIfAbsent(name, bytes).value_or(false));
  }
  static std::string SetName(const router::RuleSet& rules) {
    return std::string(kPrefix) + "/rules/" + rules.hash();
  }
  static std::string TextName(std::string_view text) {
    return std::string(kPrefix) + "/rules/texts/" + state::Sha256(text);
  }
  // Every bit of `name` flipped, one at a time, is found to be damage by Find.
  void ExpectEachFlipIsFound(const std::string& name, const std::string& hash) {
    const std::string good = Read(name);
    ASSERT_FALSE(good.empty());
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
      Replace(name, bad);
      const absl::Status found = Find(hash).status();
      EXPECT_TRUE(absl::IsDataLoss(found)) << "bit " << bit << " of " << name << ": " << found;
    }
    Replace(name, good);
    EXPECT_TRUE(Find(hash).ok());
  }

  support::MemoryCheckpointStore store_;
};

TEST_F(RuleArchiveTest, WhatIsKeptIsFoundByItsHash) {
  const auto rules = Rules();
  ASSERT_TRUE(Keep(*rules).ok());
  const auto found = Find(rules->hash());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ((*found)->hash(), rules->hash());
  EXPECT_THAT((*found)->kept_steps(), ElementsAre(0x0123456789abcdef));
  const auto settings = RuleArchive(&store_, kPrefix).FindSettings(rules->hash());
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->partitioned_by, "user");
  EXPECT_EQ(settings->time_field, "time");
  EXPECT_EQ(settings->lateness_ms, 10'000);
  EXPECT_FALSE(settings->cloud_events);
}

TEST_F(RuleArchiveTest, WhetherCloudEventsAreReadIsKeptToo) {
  router::StateSettings settings = kSettings;
  settings.cloud_events = true;
  const auto rules = router::RuleSet::Build(Rules()->teams(), settings);
  ASSERT_TRUE(Keep(*rules).ok());
  const auto found = Find(rules->hash());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ((*found)->settings(), settings);
}

TEST_F(RuleArchiveTest, OneThatWasNeverKeptIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(Find("0123456789abcdef").status()));
  const auto rules = Rules();
  ASSERT_TRUE(Keep(*rules).ok());
  ASSERT_TRUE(store_.Remove(TextName(kRules)).ok());
  EXPECT_TRUE(absl::IsNotFound(Find(rules->hash()).status()));
}

TEST_F(RuleArchiveTest, AnyBitOfASetThatIsNotWhatItWasIsFound) {
  const auto rules = Rules();
  ASSERT_TRUE(Keep(*rules).ok());
  ExpectEachFlipIsFound(SetName(*rules), rules->hash());
}

TEST_F(RuleArchiveTest, AnyBitOfATextThatIsNotWhatItWasIsFound) {
  const auto rules = Rules();
  ASSERT_TRUE(Keep(*rules).ok());
  ExpectEachFlipIsFound(TextName(kRules), rules->hash());
}

TEST_F(RuleArchiveTest, ASetUnderAnotherOnesNameIsFound) {
  const auto rules = Rules();
  const auto others = Rules(std::string(kRules) +
                            "  - {name: second, match: {t: [p]}, steps: [{dedup: {key: user, for: "
                            "2h}}], to: fraud.b}\n");
  ASSERT_TRUE(Keep(*rules).ok());
  ASSERT_TRUE(Keep(*others).ok());
  Replace(SetName(*rules), Read(SetName(*others)));
  const absl::Status found = Find(rules->hash()).status();
  EXPECT_TRUE(absl::IsDataLoss(found)) << found;
  EXPECT_THAT(std::string(found.message()), HasSubstr("another one"));
}

TEST_F(RuleArchiveTest, ASetOfAVersionToComeIsNotGuessedAt) {
  const auto rules = Rules();
  ASSERT_TRUE(Keep(*rules).ok());
  Replace(SetName(*rules), state::SealText("{\"format\":3}\n"));
  const absl::Status found = Find(rules->hash()).status();
  EXPECT_TRUE(absl::IsDataLoss(found)) << found;
  EXPECT_THAT(std::string(found.message()), HasSubstr("another version's"));
}

// As the version before the seal wrote it.
TEST_F(RuleArchiveTest, ASetOfFormatOneIsReadStill) {
  const auto rules = Rules();
  ASSERT_TRUE(Keep(*rules).ok());
  Replace(SetName(*rules),
          R"({"format":1,"settings":{"partitioned_by":"user","time_field":"time",)"
          R"("lateness_ms":10000,"ahead_ms_max":3600000,"rule_state_bytes_max":1073741824},)"
          R"("kept_steps":["0123456789abcdef"],"files":[{"name":"fraud.yaml","sha256":")" +
              state::Sha256(kRules) + "\",\"teams\":[\"fraud\"]}]}\n");
  const auto found = Find(rules->hash());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ((*found)->hash(), rules->hash());
}

}  // namespace
}  // namespace turnout::runtime
