#include "deploy/manager/rule_rollouts.h"

#include <string>

#include "gtest/gtest.h"
#include "router/rule_file.h"

namespace turnout::manager {
namespace {

constexpr char kPublished[] = R"(team: fraud
destinations: [fraud.*]
# What the team wants.
rules:
  - name: cards   # the oldest
    match:
      type: [card]
    to: fraud.cards

  - name: refunds
    match: { type: [refund] }
    to: fraud.refunds
)";

const router::Rollout kShadow{.is_shadow = true};
const router::Rollout kTenth{.share = 1'000};
const router::Rollout kFull;

std::string Staged(std::string_view published, std::string_view sent,
                   const router::Rollout& rollout) {
  const auto staged = StageRules(published, sent, rollout, {});
  return staged.ok() ? *staged : "error: " + std::string(staged.status().message());
}

std::string RolledOut(std::string_view text, std::string_view rule,
                      const router::Rollout& rollout) {
  const auto changed = RollOutRule(text, rule, rollout);
  return changed.ok() ? *changed : "error: " + std::string(changed.status().message());
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

bool IsReadable(std::string_view text) {
  std::vector<router::Problem> problems;
  return router::ReadRuleFile("fraud.yaml", text, {}, &problems).has_value() && problems.empty();
}

TEST(RuleRolloutsTest, ANewRuleBeginsWithTheRolloutAndNothingElseIsTouched) {
  const std::string sent = std::string(kPublished) +
                           "  - name: wires\n"
                           "    match: { type: [wire] }\n"
                           "    to: fraud.wires\n";
  EXPECT_EQ(Staged(kPublished, sent, kShadow),
            sent.substr(0, sent.size() - 1) + "\n    rollout: { mode: shadow }\n");
  EXPECT_EQ(Staged(kPublished, sent, kTenth),
            sent.substr(0, sent.size() - 1) + "\n    rollout: { percent: 10 }\n");
  EXPECT_EQ(Staged(kPublished, sent, kFull), sent);
  EXPECT_EQ(Staged(kPublished, kPublished, kShadow), kPublished);
}

TEST(RuleRolloutsTest, OfAFileThatIsNewAllRulesAre) {
  const std::string staged = Staged("", kPublished, {.share = 250});
  EXPECT_TRUE(IsReadable(staged)) << staged;
  EXPECT_NE(staged.find("to: fraud.cards\n    rollout: { percent: 2.50 }\n\n  - name"),
            staged.npos)
      << staged;
  EXPECT_NE(staged.find("to: fraud.refunds\n    rollout: { percent: 2.50 }\n"), staged.npos)
      << staged;
}

TEST(RuleRolloutsTest, AChangedRuleGoesOnAsItWasWithWhatItBecomesBesideItInShadow) {
  const std::string sent = Replaced(kPublished, "[card]", "[card, debit]");
  const std::string staged = Staged(kPublished, sent, kShadow);
  EXPECT_EQ(staged, R"(team: fraud
destinations: [fraud.*]
# What the team wants.
rules:
  - name: cards   # the oldest
    match:
      type: [card]
    to: fraud.cards
  - name: cards-next   # the oldest
    match:
      type: [card, debit]
    to: fraud.cards
    rollout: { mode: shadow }

  - name: refunds
    match: { type: [refund] }
    to: fraud.refunds
)");
  EXPECT_TRUE(IsReadable(staged));
  // And in full, it is what was sent.
  EXPECT_EQ(RolledOut(staged, "cards-next", kFull), sent);
  // Once more, without having been rolled out.
  EXPECT_NE(Staged(staged, Replaced(staged, "[refund]", "[refund, back]"), kShadow)
                .find("- name: refunds-next"),
            std::string::npos);
  EXPECT_EQ(Staged(staged, Replaced(staged, "[card]", "[card, gift]"), kShadow),
            "error: `cards-next` is there already: roll it out in full, or take it away first");
}

TEST(RuleRolloutsTest, AChangedRuleIsNotSentToAShareOfKeysAndToNobodyElse) {
  const std::string sent = Replaced(kPublished, "[card]", "[card, debit]");
  EXPECT_EQ(Staged(kPublished, sent, kTenth),
            "error: rule `cards` is sent already, and would not be any more but to that share of "
            "keys: publish the change in shadow first, or in full");
  const std::string staged = Staged(kPublished, sent, kShadow);
  EXPECT_EQ(RolledOut(staged, "cards-next", kTenth),
            "error: `cards` goes on sending, so that a share of `cards-next` beside it would send "
            "twice: roll it out in full, which takes the place of `cards`");
}

TEST(RuleRolloutsTest, ARuleIsRolledOutStepByStep) {
  const std::string shadow = RolledOut(kPublished, "cards", kShadow);
  EXPECT_NE(shadow.find("to: fraud.cards\n    rollout: { mode: shadow }\n\n"), shadow.npos);
  const std::string tenth = RolledOut(shadow, "cards", kTenth);
  EXPECT_NE(tenth.find("to: fraud.cards\n    rollout: { percent: 10 }\n\n"), tenth.npos);
  EXPECT_EQ(RolledOut(tenth, "cards", kFull), kPublished);
  EXPECT_EQ(RolledOut(kPublished, "cards", kFull), kPublished);
  const std::string last = RolledOut(kPublished, "refunds", kShadow);
  EXPECT_EQ(RolledOut(last, "refunds", kFull), kPublished);
  EXPECT_EQ(RolledOut(kPublished, "none", kFull), "error: there is no rule `none` in the file");
}

TEST(RuleRolloutsTest, ARolloutOfSeveralLinesGoesAsAWhole) {
  const std::string long_one = Replaced(kPublished, "    to: fraud.cards\n",
                                        "    rollout:\n      # with care\n      percent: 5\n"
                                        "      mode: live\n    to: fraud.cards\n");
  EXPECT_EQ(RolledOut(long_one, "cards", kFull), kPublished);
  EXPECT_NE(RolledOut(long_one, "cards", kShadow)
                .find("    rollout: { mode: shadow }\n    to: fraud.cards\n"),
            std::string::npos);
}

TEST(RuleRolloutsTest, JsonAndBracketsAreRewrittenWhereThatIsCertainAndElseRefused) {
  const std::string json =
      R"({"team": "fraud", "destinations": ["fraud.*"], "rules": [
  {"name": "cards", "match": {"type": ["card"]}, "to": "fraud.cards"}]})";
  EXPECT_EQ(Staged("", json, kShadow),
            Replaced(json, R"({"name")", R"({"rollout": { "mode": "shadow" }, "name")"));
  const std::string refused = RolledOut(Staged("", json, kShadow), "cards", kFull);
  EXPECT_EQ(refused.find("error: rule `cards` stands within brackets"), 0u) << refused;
  const std::string changed = Staged(json, Replaced(json, "\"card\"", "\"debit\""), kShadow);
  EXPECT_EQ(changed.find("error: rule `cards` stands within brackets"), 0u) << changed;
}

TEST(RuleRolloutsTest, WhatCannotBeReadIsLeftToTheReport) {
  const std::string broken = Replaced(kPublished, "match:", "mach:");
  EXPECT_EQ(Staged(kPublished, broken, kShadow), broken);
}

TEST(RuleRolloutsTest, ALayoutThatWouldBeReadOtherwiseIsRefused) {
  // The last line of a block scalar looks like a remark: what is written before it is part of it.
  const std::string odd = R"(team: fraud
destinations: [fraud.*]
rules:
  - name: cards
    match: { type: [card] }
    to: fraud.cards
    description: |
      first
      # not a remark
)";
  ASSERT_TRUE(IsReadable(odd));
  const std::string refused = RolledOut(odd, "cards", kShadow);
  EXPECT_EQ(refused.find("error: the file's layout is none that is rewritten"), 0u) << refused;
}

}  // namespace
}  // namespace turnout::manager
