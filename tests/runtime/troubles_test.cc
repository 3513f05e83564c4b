#include "runtime/troubles.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace turnout::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A pipeline that is well: one worker, which reads `events`.
PipelineView Well() {
  PipelineView view;
  view.now = view.time_of_day = absl::FromUnixSeconds(1'700'000'000);
  view.ready.ok = true;
  view.brokers.ok = true;
  view.facts.dead_letter_topic = "events.dead-letter";
  WorkerView& worker = view.workers[0];
  worker.status = {.state = WorkerState::kRunning, .topic = "events"};
  worker.status.partitions = {{.partition = 3,
                               .next_offset = 7,
                               .end_offset = 7,
                               .last_event_time = view.now - absl::Hours(1)}};
  return view;
}

PartitionStatus& PartitionOf(PipelineView& view) { return view.workers[0].status.partitions[0]; }

Trouble OnlyTrouble(const PipelineView& view) {
  const std::vector<Trouble> troubles = FindTroubles(view);
  EXPECT_THAT(troubles, SizeIs(1));
  return troubles.empty() ? Trouble() : troubles[0];
}

TEST(TroublesTest, APipelineThatIsWellHasNone) { EXPECT_THAT(FindTroubles(Well()), IsEmpty()); }

TEST(TroublesTest, WhatKeepsAllEventsWaitingIsSaidWithItsCure) {
  PipelineView view = Well();
  view.waiting_for = {"source topic events does not exist"};
  const Trouble trouble = OnlyTrouble(view);
  EXPECT_EQ(trouble.gravity, Gravity::kStopped);
  EXPECT_EQ(trouble.what, "No event is routed yet: source topic events does not exist.");
  EXPECT_THAT(trouble.cure, HasSubstr("Create the topic"));
  EXPECT_EQ(trouble.metric, "turnout_ready");
}

TEST(TroublesTest, ALagThatWhatWaitsDoesNotExplainIsAClocks) {
  PipelineView view = Well();
  view.started = view.now - absl::Minutes(10);
  view.workers[0].events = 60'000;  // 100 a second
  PartitionOf(view).last_event_time = view.now - absl::Hours(1);
  PartitionOf(view).end_offset = PartitionOf(view).next_offset + 200;
  const Trouble trouble = OnlyTrouble(view);
  EXPECT_EQ(trouble.gravity, Gravity::kNotice);
  EXPECT_EQ(
      trouble.what,
      "Events of topic events are 60 min old when they are routed, though only 200 are waiting.");
  EXPECT_THAT(trouble.cure,
              HasSubstr("the clock of this machine, which shows 2023-11-14T22:13:20"));
  PartitionOf(view).end_offset += 100'000;
  EXPECT_THAT(OnlyTrouble(view).what, HasSubstr("is 60 min behind"));
}

TEST(TroublesTest, WhatABrokersConnectionsDiedOfIsTold) {
  PipelineView view = Well();
  view.failed_brokers["b-1:9092"] = {.what = "Disconnected", .at = view.now - absl::Seconds(3)};
  view.failed_brokers["b-2:9092"] = {.what = "refused", .at = view.now - absl::Minutes(2)};
  EXPECT_EQ(OnlyTrouble(view).what,
            "Broker b-1:9092 does not answer as it should: Disconnected, 3 s ago.");
  EXPECT_THAT(OnlyTrouble(view).cure, HasSubstr("others do its work meanwhile"));
  view.brokers = {.ok = false, .reasons = {"client c reaches no broker: transport failure"}};
  view.failed_brokers["b-1:9092"].what = "SSL handshake failed: certificate verify failed";
  const std::vector<Trouble> troubles = FindTroubles(view);
  ASSERT_THAT(troubles, SizeIs(2));
  EXPECT_THAT(troubles[0].what, HasSubstr("reaches no broker"));
  EXPECT_THAT(troubles[1].cure, HasSubstr("this machine's clock"));
}

TEST(TroublesTest, EventsOfATimeToComeAreAClocks) {
  PipelineView view = Well();
  PartitionOf(view).last_event_time = view.time_of_day + kLagTooLong;
  EXPECT_THAT(FindTroubles(view), IsEmpty());
  PartitionOf(view).last_event_time = view.time_of_day + absl::Hours(1);
  EXPECT_EQ(OnlyTrouble(view).what,
            "The latest events of topic events are of a time that is 60 min ahead.");
}

TEST(TroublesTest, WithoutBrokersWorkersThatWaitAreNoNews) {
  PipelineView view = Well();
  view.brokers = {.ok = false, .reasons = {"client c reaches no broker: refused"}};
  view.workers[0].status.state = WorkerState::kWaiting;
  view.workers[0].status.reason = "timed out";
  const Trouble trouble = OnlyTrouble(view);
  EXPECT_THAT(trouble.what, HasSubstr("reaches no broker"));
  EXPECT_THAT(trouble.cure, HasSubstr("goes on by itself"));
}

TEST(TroublesTest, AWorkerThatWaitsOrDoesNotTurnStopsItsEvents) {
  PipelineView view = Well();
  view.stuck = {"worker 1 has not turned for 61 seconds"};
  view.workers[0].status.state = WorkerState::kWaiting;
  view.workers[0].status.reason = "1 partitions wait for their committed offsets";
  const std::vector<Trouble> troubles = FindTroubles(view);
  ASSERT_THAT(troubles, SizeIs(2));
  EXPECT_THAT(troubles[0].cure, HasSubstr("Restart"));
  EXPECT_THAT(troubles[1].cure, HasSubstr("turnout txn abort"));
}

TEST(TroublesTest, APartitionThatStandsStillHarmsItsEvents) {
  PipelineView view = Well();
  PartitionOf(view).phase = TaskPhase::kRefused;
  PartitionOf(view).reason = "state gap: the source begins at 900";
  const Trouble trouble = OnlyTrouble(view);
  EXPECT_EQ(trouble.gravity, Gravity::kHarmed);
  EXPECT_EQ(trouble.what,
            "Partition 3 of events stands still: state gap: the source begins at 900.");
  EXPECT_THAT(trouble.cure, HasSubstr("state.on_gap: go_on"));
}

TEST(TroublesTest, ASchemaThatDoesNotComeHarmsThoseThatNeedIt) {
  PipelineView view = Well();
  view.schemas = {.is_used = true, .trouble = "schema 7 of http://r: it answers 503"};
  view.schemas.since = view.now - absl::Seconds(3);
  EXPECT_EQ(OnlyTrouble(view).gravity, Gravity::kNotice);

  PartitionOf(view).phase = TaskPhase::kWaiting;
  PartitionOf(view).reason = "schema 7 of http://r: it answers 503";
  const std::vector<Trouble> troubles = FindTroubles(view);
  ASSERT_THAT(troubles, SizeIs(2));
  EXPECT_EQ(troubles[0].gravity, Gravity::kHarmed);
  EXPECT_EQ(troubles[0].what, "Partition 3 of events waits: schema 7 of http://r: it answers 503.");
  EXPECT_THAT(troubles[0].cure, HasSubstr("schema_registry.wait_max"));

  PartitionOf(view).phase = TaskPhase::kLive;
  view.schemas.unanswered = 2;
  EXPECT_THAT(OnlyTrouble(view).what, HasSubstr("2 schemas without an answer of the registry"));
}

TEST(TroublesTest, ATransactionIsTroubleOnceItIsOpenForLong) {
  PipelineView view = Well();
  view.workers[0].open_since = view.now - kOpenTooLong;
  EXPECT_THAT(FindTroubles(view), IsEmpty());
  view.workers[0].open_since -= absl::Seconds(2);
  EXPECT_THAT(OnlyTrouble(view).what, HasSubstr("open for 12 s"));
}

TEST(TroublesTest, LagIsTroubleOnceEventsWaitForLong) {
  PipelineView view = Well();
  PartitionOf(view).end_offset = 1'207;
  PartitionOf(view).last_event_time = view.now - kLagTooLong;
  EXPECT_THAT(FindTroubles(view), IsEmpty());
  PartitionOf(view).last_event_time = view.now - absl::Minutes(4);
  view.workers[0].status.partitions.push_back(PartitionOf(view));
  view.workers[0].status.partitions[1].partition = 4;
  EXPECT_EQ(OnlyTrouble(view).what,
            "Topic events is 4 min behind: partition 3 the most, by 1200 records, 1 more less.");
}

TEST(TroublesTest, AFenceIsNewsForAMinute) {
  PipelineView view = Well();
  view.workers[0].last_outcome = {"fenced", "newer owner", view.now - absl::Seconds(5)};
  EXPECT_THAT(OnlyTrouble(view).cure, HasSubstr("`instance`"));
  view.workers[0].last_outcome.at -= kOutcomeIsNews;
  EXPECT_THAT(FindTroubles(view), IsEmpty());
  view.workers[0].last_outcome = {"aborted", "a broker moved", view.now};
  EXPECT_THAT(FindTroubles(view), IsEmpty()) << "it was redone";
}

TEST(TroublesTest, TeamsAndFilesThatAreUnwellAreNamed) {
  PipelineView view = Well();
  view.rules.aside = {{"ads", "ads.clicks", "does not exist", "create the topic"}};
  view.rules.refused = {{"x.yaml", {"x.yaml:1:2: bad"}}};
  const std::vector<Trouble> troubles = FindTroubles(view);
  ASSERT_THAT(troubles, SizeIs(2));
  EXPECT_EQ(troubles[0].what,
            "The rules of team ads stand aside: destination ads.clicks does not exist.");
  EXPECT_EQ(troubles[0].cure, "Create the topic.");
  EXPECT_EQ(troubles[1].what, "A rule file is refused: x.yaml:1:2: bad.");
}

TEST(TroublesTest, RulesThatCannotChangeAreTroubleThoughTheyAreInForce) {
  PipelineView view = Well();
  view.live_rules.origin = {.name = "https://rules.example.com/", .problem = "status 503"};
  view.live_rules.is_from_disk = true;
  EXPECT_EQ(OnlyTrouble(view).what,
            "Rules do not change: https://rules.example.com/ can't be asked: status 503; those in "
            "force are the ones kept on disk.");
  EXPECT_EQ(OnlyTrouble(view).gravity, Gravity::kHarmed);
  view.waiting_for = {"no rules yet from https://rules.example.com/: status 503"};
  EXPECT_THAT(OnlyTrouble(view).cure, HasSubstr("`rules_from`")) << "it is said once";
}

TEST(TroublesTest, ARollbackIsToldUntilItIsTakenBack) {
  PipelineView view = Well();
  view.live_rules.rollback = {.to = "abc", .at = view.now - absl::Minutes(10)};
  EXPECT_EQ(OnlyTrouble(view).what, "Rules were rolled back 10 min ago, to abc; changes wait.");
  EXPECT_THAT(OnlyTrouble(view).cure, HasSubstr("turnout rollback --resume"));
}

TEST(TroublesTest, WhatIsNotKeptOrNotReportedOfRulesIsANotice) {
  PipelineView view = Well();
  view.live_rules.disk_problem = "no space left";
  view.live_rules.reports = {.to = "topic:reports", .problem = "it may not be written"};
  const std::vector<Trouble> troubles = FindTroubles(view);
  ASSERT_THAT(troubles, SizeIs(2));
  EXPECT_THAT(troubles[0].what, HasSubstr("no space left"));
  EXPECT_THAT(troubles[1].what, HasSubstr("can't be told to topic:reports"));
  for (const Trouble& trouble : troubles) EXPECT_EQ(trouble.gravity, Gravity::kNotice);
}

TEST(TroublesTest, ATableIsTroubleWhileItIsNotThere) {
  PipelineView view = Well();
  view.tables = {{.name = "users", .loaded = true}};
  EXPECT_THAT(FindTroubles(view), IsEmpty());
  view.tables[0] = {.name = "users", .loaded = false, .lag = 12};
  EXPECT_EQ(OnlyTrouble(view).what, "The table users is being loaded: 12 records are left.");
  view.tables[0] = {.name = "users", .refused = true, .problem = "too large"};
  EXPECT_THAT(OnlyTrouble(view).cure, HasSubstr("limits.table_bytes_max"));
}

TEST(TroublesTest, OfDestinationsFoundUnavailableTheLatestFewAreNamedForMinutes) {
  PipelineView view = Well();
  view.unavailable = {{"old", "gone", view.now - absl::Hours(1)}};
  EXPECT_THAT(FindTroubles(view), IsEmpty());
  for (int i = 0; i < 20; ++i) {
    view.unavailable.push_back({absl::StrCat("d", i), "it may not be written", view.now});
  }
  const std::vector<Trouble> troubles = FindTroubles(view);
  ASSERT_THAT(troubles, SizeIs(5));
  EXPECT_THAT(troubles[0].what, HasSubstr("d19 takes no records"));
  EXPECT_THAT(troubles[0].what, HasSubstr("they go to the dead-letter topic"));
  EXPECT_THAT(troubles[0].cure, HasSubstr("Allow this principal"));
}

TEST(TroublesTest, AnEjectedDestinationIsToldOnceWithItsCureAndWhatWaitsForIt) {
  PipelineView view = Well();
  view.unavailable = {{"a", "the topic doesn't exist", view.now}};
  view.unwell.Add({{.destination = "a",
                    .state = "ejected",
                    .why = "missing",
                    .reason = "the topic doesn't exist",
                    .since = view.now - absl::Minutes(3),
                    .waiting = 12}});
  const Trouble trouble = OnlyTrouble(view);
  EXPECT_EQ(trouble.gravity, Gravity::kHarmed);
  EXPECT_EQ(
      trouble.what,
      "Destination a has been missing for 3 min: the topic doesn't exist; 12 outputs wait for "
      "it in the parking topic.");
  EXPECT_THAT(trouble.cure, HasSubstr("Create the topic"));
}

TEST(TroublesTest, OfManyEjectedDestinationsAFewAreNamed) {
  PipelineView view = Well();
  for (int i = 0; i < 20; ++i) {
    view.unwell.Add({{.destination = absl::StrCat("d", i),
                      .state = "probing",
                      .why = "forbidden",
                      .reason = "it may not be written",
                      .since = view.now}});
  }
  const std::vector<Trouble> troubles = FindTroubles(view);
  ASSERT_THAT(troubles, SizeIs(6));
  EXPECT_THAT(troubles[0].cure, HasSubstr("Allow this principal"));
  EXPECT_EQ(troubles[5].what, "15 destinations more take no records.");
}

TEST(TroublesTest, WhatIsDrainedIsANoticeAndWhatIsLostIsNot) {
  PipelineView view = Well();
  view.unwell.Add({{.destination = "a", .state = "draining", .waiting = 3},
                   {.destination = "b", .state = "draining", .why = "over_limit", .waiting = 9}});
  view.parked_lost = 4;
  const std::vector<Trouble> troubles = FindTroubles(view);
  ASSERT_THAT(troubles, SizeIs(3));
  EXPECT_THAT(troubles[0].what, HasSubstr("4 outputs were lost in the parking topic"));
  EXPECT_EQ(troubles[0].gravity, Gravity::kHarmed);
  EXPECT_EQ(troubles[1].what,
            "3 outputs that were parked for a are being sent, before what is new.");
  EXPECT_EQ(troubles[2].what, "9 outputs for b wait, since their team sends more than it may.");
  EXPECT_EQ(troubles[2].gravity, Gravity::kNotice);
}

TEST(TroublesTest, DeadLettersAndLateCheckpointsAreNotices) {
  PipelineView view = Well();
  view.recent.dead_letters = 12;
  view.dead_letter_error = "unroutable";
  view.states.overdue_tasks = 2;
  view.states.oldest_checkpoint = absl::Minutes(12);
  const std::vector<Trouble> troubles = FindTroubles(view);
  ASSERT_THAT(troubles, SizeIs(2));
  EXPECT_EQ(troubles[0].what, "12 dead letters in the last minutes, the latest `unroutable`.");
  EXPECT_THAT(troubles[0].cure, HasSubstr("events.dead-letter"));
  EXPECT_THAT(troubles[1].what, HasSubstr("12 min old"));
}

TEST(TroublesTest, TheGravestComesFirst) {
  PipelineView view = Well();
  view.recent.dead_letters = 1;
  view.rules.refused = {{"x.yaml", {}}};
  view.stuck = {"worker 0 has not turned for 99 seconds"};
  std::vector<std::string_view> gravities;
  for (const Trouble& trouble : FindTroubles(view)) {
    gravities.push_back(GravityName(trouble.gravity));
  }
  EXPECT_THAT(gravities, ElementsAre("stopped", "harmed", "notice"));
}

TEST(TroublesTest, TheReadmeExplainsEachReasonThatACureIsKnownFor) {
  std::ifstream file(TURNOUT_SOURCE_DIR "/runtime/README.md");
  const std::string readme{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const size_t begin = readme.find("## When it is not ready");
  ASSERT_NE(begin, std::string::npos);
  const std::string section = readme.substr(begin, readme.find("\n## ", begin + 1) - begin);
  for (const Cure& cure : Cures()) EXPECT_THAT(section, HasSubstr(std::string(cure.words)));
}

}  // namespace
}  // namespace turnout::runtime
