#include "runtime/preflight.h"

#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rules_of.h"

namespace turnout::runtime {
namespace {

using connectors::NewTopic;
using connectors::TopicDescription;
using router::RuleFile;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using State = TopicDescription::State;

constexpr char kSource[] = "events";
constexpr char kDeadLetters[] = "events.dead-letter";

router::DestinationTemplate To(const std::string& text) {
  router::DestinationTemplate to;
  to.text = text;
  const size_t brace = text.find('{');
  to.literals = {text.substr(0, brace)};
  if (brace != std::string::npos) {
    to.fields = {text.substr(brace + 1, text.size() - brace - 2)};
    to.literals.push_back("");
  }
  return to;
}

router::Team Team(const std::string& name, const std::vector<std::string>& destinations) {
  RuleFile file;
  file.team = name;
  for (const std::string& destination : destinations) {
    router::Rule rule;
    rule.name = "to-" + destination;
    rule.to = {To(destination)};
    file.rules.push_back(rule);
  }
  return std::make_shared<const RuleFile>(std::move(file));
}

TopicDescription Topic(State state, const std::string& reason = "", int64_t batch_bytes_max = -1) {
  return {.state = state, .reason = reason, .partitions = 1, .batch_bytes_max = batch_bytes_max};
}

PreflightOptions Options(bool create) {
  PreflightOptions options;
  options.source_topic = kSource;
  options.dead_letter_topic = kDeadLetters;
  options.create = create;
  options.new_topic.partitions = 3;
  options.new_topic.retention_ms = 5000;
  return options;
}

std::vector<std::string> Names(const std::vector<NewTopic>& topics) {
  std::vector<std::string> names;
  for (const NewTopic& topic : topics) names.push_back(topic.topic);
  return names;
}

// One destination in one state: what becomes of its team.
struct Case {
  std::string name;
  std::string destination;
  TopicDescription topic;
  bool create;
  bool in_force;
  bool created;
  std::string reason;
  std::string cure;
};

class PreflightCase : public testing::TestWithParam<Case> {};

TEST_P(PreflightCase, DecidesForTheTeamAndLeavesTheOtherAlone) {
  const Case& c = GetParam();
  TopicDescriptions observed = {{kSource, Topic(State::kReady)},
                                {kDeadLetters, Topic(State::kReady)},
                                {"well", Topic(State::kReady)}};
  if (c.destination != kSource && c.destination != kDeadLetters) {
    observed[c.destination] = c.topic;
  }
  const std::vector<router::Team> teams = {Team("alpha", {"well", c.destination}),
                                           Team("beta", {"well"})};
  const PreflightDecision decision = DecidePreflight(Options(c.create), teams, observed);
  EXPECT_THAT(decision.waiting_for, IsEmpty());
  EXPECT_EQ(decision.in_force, c.in_force ? std::vector<size_t>({0, 1}) : std::vector<size_t>({1}));
  EXPECT_EQ(Names(decision.create),
            c.created ? std::vector<std::string>({c.destination}) : std::vector<std::string>());
  if (c.in_force) {
    EXPECT_THAT(decision.aside, IsEmpty());
    return;
  }
  ASSERT_EQ(decision.aside.size(), 1u);
  EXPECT_EQ(decision.aside[0].team, "alpha");
  EXPECT_EQ(decision.aside[0].topic, c.destination);
  EXPECT_THAT(decision.aside[0].reason, HasSubstr(c.reason));
  EXPECT_THAT(decision.aside[0].cure, HasSubstr(c.cure));
}

INSTANTIATE_TEST_SUITE_P(
    Table, PreflightCase,
    testing::Values(
        Case{"Ready", "d", Topic(State::kReady), false, true, false, "", ""},
        Case{"Missing", "d", Topic(State::kMissing, "unknown topic"), false, false, false,
             "does not exist: unknown topic", "create_topics.enabled"},
        Case{"MissingAndCreate", "d", Topic(State::kMissing), true, false, true, "does not exist",
             "let this principal create it"},
        Case{"Forbidden", "d", Topic(State::kForbidden, "not authorized"), false, false, false,
             "may not be written: not authorized", "allow this principal"},
        Case{"ForbiddenAndCreate", "d", Topic(State::kForbidden), true, false, false,
             "may not be written", "allow this principal"},
        Case{"Unwell", "d", Topic(State::kUnwell, "no leader"), false, true, false, "", ""},
        Case{"TheSource", kSource, {}, true, false, false, "is the source topic", "another topic"},
        Case{"TheDeadLetterTopic",
             kDeadLetters,
             {},
             true,
             false,
             false,
             "is the dead-letter topic",
             "another topic"}),
    [](const auto& tested) { return tested.param.name; });

TEST(PreflightTest, ATeamWithTwoBadDestinationsIsNamedWithBoth) {
  const TopicDescriptions observed = {{kSource, Topic(State::kReady)},
                                      {kDeadLetters, Topic(State::kReady)},
                                      {"b", Topic(State::kForbidden)}};
  const std::vector<router::Team> teams = {Team("alpha", {"b", "a"})};
  const PreflightDecision decision = DecidePreflight(Options(false), teams, observed);
  ASSERT_EQ(decision.aside.size(), 2u);
  EXPECT_EQ(decision.aside[0].topic, "a");
  EXPECT_EQ(decision.aside[1].topic, "b");
  EXPECT_THAT(decision.in_force, IsEmpty());
}

TEST(PreflightTest, WorkersWaitForTheSourceAndTheDeadLetterTopic) {
  struct Obstacle {
    TopicDescription source, dead_letters;
    std::vector<std::string> reasons;
  };
  const Obstacle table[] = {
      {Topic(State::kReady), Topic(State::kReady), {}},
      {Topic(State::kMissing), Topic(State::kReady), {"source topic events does not exist"}},
      {Topic(State::kForbidden, "denied"), Topic(State::kReady), {"may not be read: denied"}},
      {Topic(State::kReady), Topic(State::kMissing), {"dead-letter topic events.dead-letter does"}},
      {Topic(State::kReady), Topic(State::kForbidden), {"may not be written"}},
      {Topic(State::kUnwell, "timed out"),
       Topic(State::kUnwell),
       {"events is unwell: timed out (waiting for", "unwell (waiting for the brokers)"}}};
  for (const Obstacle& row : table) {
    const PreflightDecision decision = DecidePreflight(
        Options(false), {}, {{kSource, row.source}, {kDeadLetters, row.dead_letters}});
    ASSERT_EQ(decision.waiting_for.size(), row.reasons.size());
    for (size_t i = 0; i < row.reasons.size(); ++i) {
      EXPECT_THAT(decision.waiting_for[i], HasSubstr(row.reasons[i]));
    }
    EXPECT_THAT(decision.create, IsEmpty());
  }
}

TEST(PreflightTest, WhereEventsMayBeParkedTheParkingTopicIsNeededAndItsOwn) {
  PreflightOptions options = Options(false);
  options.parking_topic = "parking";
  TopicDescriptions observed = {{kSource, Topic(State::kReady)},
                                {kDeadLetters, Topic(State::kReady)},
                                {"well", Topic(State::kReady)}};
  const std::vector<router::Team> teams = {Team("alpha", {"well"}), Team("beta", {"parking"})};
  PreflightDecision decision = DecidePreflight(options, teams, observed);
  EXPECT_THAT(decision.waiting_for, ElementsAre(HasSubstr("parking topic parking does not exist")));
  EXPECT_THAT(decision.create, IsEmpty());
  ASSERT_EQ(decision.aside.size(), 1u);
  EXPECT_THAT(decision.aside[0].reason, HasSubstr("is the parking topic"));
  options.create = true;
  EXPECT_THAT(Names(DecidePreflight(options, teams, observed).create), ElementsAre("parking"));
  observed["parking"] = Topic(State::kReady);
  decision = DecidePreflight(options, teams, observed);
  EXPECT_THAT(decision.waiting_for, IsEmpty());
  EXPECT_EQ(decision.in_force, std::vector<size_t>({0}));
}

TEST(PreflightTest, TheDeadLetterTopicIsCreatedButTheSourceOnlyWhenToldSo) {
  PreflightOptions options = Options(true);
  EXPECT_THAT(Names(DecidePreflight(options, {}, {}).create), ElementsAre(kDeadLetters));
  options.create_source_partitions = 8;
  const PreflightDecision decision = DecidePreflight(options, {}, {});
  EXPECT_THAT(Names(decision.create), ElementsAre(kSource, kDeadLetters));
  EXPECT_EQ(decision.create[0].partitions, 8);
  EXPECT_EQ(decision.create[1].partitions, 3);
  EXPECT_EQ(decision.create[1].retention_ms, 5000);
}

TEST(PreflightTest, TheRekeyTopicIsMadeToKeepWhatIsOnItsWay) {
  PreflightOptions options = Options(true);
  options.rekey_topic = "rekey";
  const router::Team team = support::TeamOf(
      "{team: t, destinations: [d], rules: [{name: r, match: {x: [1]}, "
      "steps: [{dedup: {key: user, for: 1h}}], to: d}]}");
  const PreflightDecision decision =
      DecidePreflight(options, std::vector<router::Team>{team},
                      {{kSource, Topic(State::kReady)}, {kDeadLetters, Topic(State::kReady)}});
  ASSERT_THAT(Names(decision.create), ElementsAre("d", "rekey"));
  EXPECT_EQ(decision.create[0].retention_ms, 5000);
  EXPECT_FALSE(decision.create[0].goes_by_age_alone);
  EXPECT_EQ(decision.create[1].retention_ms, int64_t{7} * 24 * 3600 * 1000);
  EXPECT_TRUE(decision.create[1].goes_by_age_alone);
  EXPECT_EQ(decision.rekey_caution, "");
}

TEST(PreflightTest, ARekeyTopicThatMayLoseMatchesIsWarnedOf) {
  constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
  const auto caution = [](const TopicDescription& rekey) {
    PreflightOptions options = Options(false);
    options.rekey_topic = "rekey";
    return DecidePreflight(options, {}, {{"rekey", rekey}}).rekey_caution;
  };
  TopicDescription topic = Topic(State::kReady);
  EXPECT_EQ(caution(topic), "") << "nothing is known of it";
  topic.retention_ms = kDayMs;
  topic.retention_bytes = -1;
  EXPECT_EQ(caution(topic), "");
  topic.retention_ms = -1;
  EXPECT_EQ(caution(topic), "");
  topic.retention_ms = kDayMs - 1;
  EXPECT_THAT(caution(topic), HasSubstr("the re-key topic rekey keeps records for 86399999 ms"));
  topic.retention_ms = kDayMs;
  topic.retention_bytes = 1 << 20;
  EXPECT_THAT(caution(topic), HasSubstr("keeps 1048576 bytes a partition only"));
  topic.compacted = true;
  EXPECT_THAT(caution(topic), HasSubstr("compacts by key, keeps 1048576 bytes"));
}

TEST(PreflightTest, ADestinationOfTwoTeamsIsCreatedOnce) {
  const PreflightDecision decision =
      DecidePreflight(Options(true), std::vector<router::Team>{Team("a", {"d"}), Team("b", {"d"})},
                      {{kSource, Topic(State::kReady)}, {kDeadLetters, Topic(State::kReady)}});
  EXPECT_THAT(Names(decision.create), ElementsAre("d"));
}

TEST(PreflightTest, DestinationsNamedByAFieldAreNotJudgedBeforehand) {
  const std::vector<router::Team> teams = {Team("a", {"orders.{region}"})};
  EXPECT_THAT(TopicsOf({}, teams), IsEmpty());
  EXPECT_THAT(DecidePreflight(Options(false), teams, {}).in_force, ElementsAre(0u));
}

TEST(PreflightTest, DestinationsOfRulesInShadowNeedNotBeThere) {
  RuleFile team = *Team("a", {"there", "not-there"});
  team.rules[1].rollout.is_shadow = true;
  const std::vector<router::Team> teams = {std::make_shared<const RuleFile>(std::move(team))};
  EXPECT_THAT(TopicsOf({}, teams), ElementsAre("there"));
  const PreflightDecision decision = DecidePreflight(Options(true), teams,
                                                     {{kSource, Topic(State::kReady)},
                                                      {kDeadLetters, Topic(State::kReady)},
                                                      {"there", Topic(State::kReady)},
                                                      {"not-there", Topic(State::kMissing)}});
  EXPECT_THAT(decision.in_force, ElementsAre(0u));
  EXPECT_THAT(decision.create, IsEmpty());
}

TEST(PreflightTest, TheSmallestKnownBatchLimitIsFound) {
  TopicDescriptions observed = {{kSource, Topic(State::kReady, "", 10)},
                                {kDeadLetters, Topic(State::kReady, "", 900)},
                                {"a", Topic(State::kReady, "", 700)},
                                {"b", Topic(State::kReady, "", -1)},
                                {"c", Topic(State::kForbidden, "", 5)}};
  const std::vector<router::Team> teams = {Team("t", {"a", "b"}), Team("u", {"c"})};
  EXPECT_EQ(DecidePreflight(Options(false), teams, observed).batch_bytes_max, 700);
  observed["a"].batch_bytes_max = 1000;
  EXPECT_EQ(DecidePreflight(Options(false), teams, observed).batch_bytes_max, 900);
  EXPECT_EQ(DecidePreflight(Options(false), {}, {}).batch_bytes_max, 0);
}

class FakeClock : public Clock {
 public:
  absl::Time Now() override { return now; }
  void Sleep(absl::Duration duration) override {
    now += duration;
    ++sleeps;
  }
  absl::Time now = absl::UnixEpoch();
  int sleeps = 0;
};

// Topics that exist `looks_until_ready` looks after their creation.
class FakeAdmin : public connectors::TopicAdmin {
 public:
  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> names,
                                                         bool may_write, absl::Duration) override {
    if (!available) return absl::UnavailableError("no broker answered");
    std::vector<TopicDescription> answers;
    for (const std::string& name : names) {
      EXPECT_FALSE(may_write && name == kSource);
      TopicDescription answer;
      const auto known = topics.find(name);
      if (known != topics.end() && known->second-- <= 0) answer.state = State::kReady;
      answer.topic = name;
      answers.push_back(answer);
    }
    return answers;
  }

  absl::StatusOr<std::vector<std::string>> List(absl::Duration) override {
    return absl::UnimplementedError("the pre-flight asks for topics by name");
  }

  absl::Status Create(absl::Span<const NewTopic> wanted, absl::Duration) override {
    ++creates;
    if (!available) return absl::UnavailableError("no broker answered");
    for (const NewTopic& topic : wanted) {
      if (topic.topic == forbidden) return absl::PermissionDeniedError("no CREATE on it");
    }
    for (const NewTopic& topic : wanted) topics[topic.topic] = looks_until_ready;
    return absl::OkStatus();
  }

  bool available = true;
  int looks_until_ready = 0;
  int creates = 0;
  std::string forbidden;
  std::map<std::string, int> topics;
};

class RunPreflightTest : public testing::Test {
 protected:
  RunPreflightTest() { admin.topics = {{kSource, 0}, {kDeadLetters, 0}}; }
  FakeClock clock;
  FakeAdmin admin;
};

TEST_F(RunPreflightTest, WithoutAnAnswerNothingIsDecided) {
  admin.available = false;
  EXPECT_EQ(RunPreflight(Options(true), {}, &admin, &clock).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(RunPreflightTest, NothingIsCreatedUnlessAsked) {
  const auto decision =
      RunPreflight(Options(false), std::vector<router::Team>{Team("a", {"d"})}, &admin, &clock);
  ASSERT_TRUE(decision.ok());
  EXPECT_EQ(admin.creates, 0);
  EXPECT_EQ(decision->aside.size(), 1u);
}

TEST_F(RunPreflightTest, AMissingDestinationIsCreatedAndItsTeamTakesEffect) {
  admin.looks_until_ready = 3;
  const auto decision =
      RunPreflight(Options(true), std::vector<router::Team>{Team("a", {"d"})}, &admin, &clock);
  ASSERT_TRUE(decision.ok());
  EXPECT_THAT(decision->in_force, ElementsAre(0u));
  EXPECT_THAT(decision->aside, IsEmpty());
  EXPECT_EQ(clock.sleeps, 3);
}

TEST_F(RunPreflightTest, ADestinationThatMayNotBeCreatedSetsAsideItsTeamAlone) {
  admin.forbidden = "d";
  const auto decision = RunPreflight(
      Options(true), std::vector<router::Team>{Team("a", {"d"}), Team("b", {"e"})}, &admin, &clock);
  ASSERT_TRUE(decision.ok());
  EXPECT_THAT(decision->in_force, ElementsAre(1u));
  ASSERT_EQ(decision->aside.size(), 1u);
  EXPECT_THAT(decision->aside[0].reason, HasSubstr("could not be created: no CREATE on it"));
}

TEST_F(RunPreflightTest, ATopicThatNeverAppearsIsNotWaitedForForever) {
  admin.looks_until_ready = 1'000'000;
  const auto decision =
      RunPreflight(Options(true), std::vector<router::Team>{Team("a", {"d"})}, &admin, &clock);
  ASSERT_TRUE(decision.ok());
  EXPECT_EQ(decision->aside.size(), 1u);
  EXPECT_LE(clock.now - absl::UnixEpoch(), absl::Seconds(4));
}

TEST_F(RunPreflightTest, TheSourceIsAskedForReadingOnly) {
  // FakeAdmin checks it, even where a team asks to write there.
  const auto decision =
      RunPreflight(Options(false), std::vector<router::Team>{Team("a", {kSource})}, &admin, &clock);
  ASSERT_TRUE(decision.ok());
  EXPECT_EQ(decision->aside.size(), 1u);
}

}  // namespace
}  // namespace turnout::runtime
