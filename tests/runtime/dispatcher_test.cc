#include "runtime/dispatcher.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/record_headers.h"
#include "tests/support/rules_of.h"

namespace turnout::runtime {
namespace {

using connectors::Header;
using connectors::TopicDescription;
using testing::HasSubstr;

constexpr char kRules[] = R"(
team: shop
owner: shop@example.com
destinations: [shop.*]
rules:
  - {name: all, match: {type: [order]}, to: shop.orders}
  - {name: big, match: {type: [order], amount: [{numeric: [">", 100]}]}, to: shop.orders}
  - {name: label, match: {type: [label]}, shape: {set: {l: "{n}"}}, to: shop.orders}
  - name: sampled
    match: {type: [label]}
    steps: [{sample: {key: n, percent: 0}}]
    to: shop.orders
  - {name: by-region, match: {type: [visit]}, to: "shop.{region}"}
)";

// As in the examples of W3C Trace Context, with the bytes that nobody should touch.
constexpr char kTraceParent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kTraceState[] = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE, ,";

// A record as it was produced, with bytes of its own.
struct Produced {
  std::string topic;
  std::optional<std::string> key;
  std::optional<std::string> value;
  int64_t timestamp_ms = 0;
  std::map<std::string, std::string> headers;
};

std::optional<std::string> Copy(std::string_view bytes) {
  return bytes.data() == nullptr ? std::nullopt : std::optional<std::string>(bytes);
}

class RecordingSink : public connectors::Sink {
 public:
  absl::Status Open() override { return absl::OkStatus(); }
  absl::Status Begin() override { return absl::OkStatus(); }
  absl::Status Produce(const connectors::OutputRecord& record) override {
    Produced& copy = records.emplace_back();
    copy = {.topic = std::string(record.topic),
            .key = Copy(record.key),
            .value = Copy(record.value),
            .timestamp_ms = record.timestamp_ms};
    for (const Header& header : record.headers) copy.headers.emplace(header.first, header.second);
    return absl::OkStatus();
  }
  absl::Status Commit(absl::Span<const connectors::SourceOffset>,
                      const connectors::GroupMetadata&) override {
    return absl::OkStatus();
  }
  absl::Status Abort() override { return absl::OkStatus(); }
  std::vector<connectors::DestinationFailure> FailuresOfTransaction() override { return {}; }
  void Close(absl::Duration) override {}

  std::vector<Produced> records;
};

class StillClock : public Clock {
 public:
  absl::Time Now() override { return absl::UnixEpoch(); }
  void Sleep(absl::Duration) override {}
};

// Every topic is ready unless it was given another limit, or none.
class FakeAdmin : public connectors::TopicAdmin {
 public:
  absl::StatusOr<std::vector<TopicDescription>> Describe(absl::Span<const std::string> topics, bool,
                                                         absl::Duration) override {
    std::vector<TopicDescription> answers;
    for (const std::string& topic : topics) {
      TopicDescription& answer = answers.emplace_back();
      answer = {.topic = topic, .state = TopicDescription::State::kReady};
      answer.compacted = topic == "shop.log";
      const auto limit = limits.find(topic);
      if (limit == limits.end()) continue;
      if (limit->second == 0) answer.state = TopicDescription::State::kMissing;
      answer.batch_bytes_max = limit->second;
    }
    return answers;
  }
  absl::StatusOr<std::vector<std::string>> List(absl::Duration) override {
    return std::vector<std::string>{"events.dead-letter", "events.parking", "shop.orders",
                                    "shop.north",         "shop.south",     "shop.log"};
  }
  absl::Status Create(absl::Span<const connectors::NewTopic>, absl::Duration) override {
    return absl::OkStatus();
  }

  std::map<std::string, int64_t> limits;  // 0: the topic is missing
};

class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest() : rules_(support::RuleSetOf({kRules})) {
    router_ = std::make_unique<router::Router>(rules_);
  }

  void Dispatch(std::string_view value, bool provenance = true) {
    Dispatcher dispatcher({.source_topic = source_topic_,
                           .dead_letter_topic = "events.dead-letter",
                           .rekey_topic = rekey_topic_,
                           .ingestion_topic = ingestion_topic_,
                           .parking_topic = "events.parking",
                           .replay_job = replay_job_,
                           .provenance_headers = provenance},
                          &sink_, &destinations_);
    dispatcher.UseRules(rules_);
    const Header headers[] = {
        {"trace", "abc"}, {"traceparent", kTraceParent}, {"tracestate", kTraceState}};
    const connectors::Event event{.partition = 3,
                                  .offset = 42,
                                  .timestamp_ms = 1,
                                  .key = "k",
                                  .value = value,
                                  .headers = headers};
    const absl::Status status = dispatcher.Dispatch(
        event, /*source=*/{},
        router_->Route({.value = value, .key = key_, .topic = "events", .partition = 3}));
    EXPECT_TRUE(status.ok()) << status;
    dispatcher.TakeCounts(&counts_);
    for (const DestinationCounts& counts : counts_.destinations) {
      counted_.push_back(absl::StrFormat("%s: %d sent, %d parked, %d dead-lettered", counts.topic,
                                         counts.sent, counts.parked, counts.dead_lettered));
    }
  }

  std::string HeaderOf(const Produced& record, std::string_view name) {
    const auto found = record.headers.find(std::string(name));
    return found == record.headers.end() ? "(none)" : found->second;
  }

  std::string source_topic_ = "events";
  std::string rekey_topic_;
  std::string ingestion_topic_;
  std::string replay_job_;
  std::string_view key_ = "k";
  StillClock clock_;
  FakeAdmin admin_;
  RecordingSink sink_;
  Destinations destinations_{{}, &admin_, &clock_};
  std::shared_ptr<const router::RuleSet> rules_;
  std::unique_ptr<router::Router> router_;
  BatchCounts counts_;
  std::vector<std::string> counted_;  // by destination
};

TEST_F(DispatcherTest, SendsOneRecordForAllRulesOfATeamAndNamesThem) {
  Dispatch(R"({"type": "order", "amount": 500})");
  ASSERT_EQ(sink_.records.size(), 1u);
  const Produced& record = sink_.records[0];
  EXPECT_EQ(record.topic, "shop.orders");
  EXPECT_EQ(record.key, "k");
  EXPECT_EQ(HeaderOf(record, "trace"), "abc");
  EXPECT_EQ(HeaderOf(record, kRulesHeader), "shop/all,shop/big");
  EXPECT_EQ(HeaderOf(record, kRuleSetHeader), rules_->hash());
  EXPECT_EQ(HeaderOf(record, kSourceHeader), "events/3/42");
  EXPECT_EQ(counts_.outputs, 1u);
  EXPECT_EQ(counts_.rule_counts.size(), 2u);
}

TEST_F(DispatcherTest, TraceContextPassesThroughUntouched) {
  for (const char* event : {R"({"type": "order", "amount": 1})", R"({"type": "label", "n": 5})",
                            R"({"type": "label", "m": 5})", R"({"type": )"}) {
    Dispatch(event);
  }
  ASSERT_EQ(sink_.records.size(), 4u) << "as it came, shaped, and two dead letters";
  for (const Produced& record : sink_.records) {
    EXPECT_EQ(HeaderOf(record, "traceparent"), kTraceParent) << record.topic;
    EXPECT_EQ(HeaderOf(record, "tracestate"), kTraceState) << record.topic;
  }
}

// It is of many events, and of none in particular.
TEST_F(DispatcherTest, AWindowsRecordHasNoTraceContext) {
  const router::RuleIndex rule = 0;
  const router::Output window = {.destination = "shop.orders",
                                 .key = "k",
                                 .value = "{}",
                                 .window_end_ms = 60'000,
                                 .rules = absl::MakeConstSpan(&rule, 1),
                                 .rule_ids = "shop/all"};
  Dispatcher dispatcher({.source_topic = source_topic_, .dead_letter_topic = "events.dead-letter"},
                        &sink_, &destinations_);
  dispatcher.UseRules(rules_);
  const Header headers[] = {{"traceparent", kTraceParent}};
  ASSERT_TRUE(dispatcher
                  .Dispatch({.value = "{}", .headers = headers}, {},
                            {.outputs = absl::MakeConstSpan(&window, 1)})
                  .ok());
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(HeaderOf(sink_.records[0], "traceparent"), "(none)");
  EXPECT_EQ(HeaderOf(sink_.records[0], kSourceHeader), "events/0/0");
  ASSERT_EQ(dispatcher.counts().sent.size(), 1u);
  EXPECT_EQ(dispatcher.counts().sent[0].timestamp_ms, 60'000);
}

TEST_F(DispatcherTest, WhatWasMadeOfACloudEventHasNoHeaderThatSaysOtherwise) {
  const router::RuleIndex rule = 0;
  const router::Output outputs[] = {{.destination = "shop.orders",
                                     .key = "k",
                                     .value = "{}",
                                     .rules = absl::MakeConstSpan(&rule, 1),
                                     .rule_ids = "shop/all",
                                     .content_type = "application/json"},
                                    {.destination = "shop.orders",
                                     .key = "k",
                                     .value = "[]",
                                     .rules = absl::MakeConstSpan(&rule, 1),
                                     .rule_ids = "shop/all"}};
  Dispatcher dispatcher({.source_topic = source_topic_, .dead_letter_topic = "events.dead-letter"},
                        &sink_, &destinations_);
  dispatcher.UseRules(rules_);
  const Header headers[] = {{"ce_type", "a"},
                            {"traceparent", kTraceParent},
                            {"content-type", "application/xml"},
                            {"ce_specversion", "1.0"}};
  ASSERT_TRUE(
      dispatcher.Dispatch({.value = "{}", .headers = headers}, {}, {.outputs = outputs}).ok());
  ASSERT_EQ(sink_.records.size(), 2u);
  EXPECT_EQ(HeaderOf(sink_.records[0], "ce_type"), "(none)");
  EXPECT_EQ(HeaderOf(sink_.records[0], "ce_specversion"), "(none)");
  EXPECT_EQ(HeaderOf(sink_.records[0], "content-type"), "application/json");
  EXPECT_EQ(HeaderOf(sink_.records[0], "traceparent"), kTraceParent);
  EXPECT_EQ(sink_.records[0].headers.size(), 5u) << "with provenance";
  EXPECT_EQ(HeaderOf(sink_.records[1], "ce_type"), "a");
  EXPECT_EQ(HeaderOf(sink_.records[1], "content-type"), "application/xml");
}

TEST_F(DispatcherTest, EachDestinationIsCounted) {
  admin_.limits["shop.south"] = 0;
  for (const char* event :
       {R"({"type": "order", "amount": 500})", R"({"type": "visit", "region": "north"})",
        R"({"type": "visit", "region": "south"})"}) {
    Dispatch(event);
  }
  EXPECT_THAT(counted_, testing::ElementsAre("shop.orders: 1 sent, 0 parked, 0 dead-lettered",
                                             "shop.north: 1 sent, 0 parked, 0 dead-lettered",
                                             "shop.south: 0 sent, 0 parked, 1 dead-lettered"));
  ASSERT_EQ(counts_.dead_letters.size(), 1u);
  EXPECT_EQ(counts_.dead_letters[0].error, kErrorUnavailable);
  EXPECT_EQ(counts_.dead_letters[0].count, 1u);
}

TEST_F(DispatcherTest, CountsThatWereTakenBeginAnew) {
  Dispatcher dispatcher({.source_topic = source_topic_, .dead_letter_topic = "events.dead-letter"},
                        &sink_, &destinations_);
  dispatcher.UseRules(rules_);
  const std::string_view value = R"({"type": "order", "amount": 500})";
  BatchCounts counts;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(dispatcher
                    .Dispatch({.timestamp_ms = 7, .value = value}, {},
                              router_->Route({.value = value, .key = "k"}))
                    .ok());
    dispatcher.TakeCounts(&counts);
    EXPECT_EQ(counts.events, 1u);
    EXPECT_EQ(counts.rule_counts.size(), 2u);
    ASSERT_EQ(counts.destinations.size(), 1u);
    EXPECT_EQ(counts.destinations[0].topic, "shop.orders");
    EXPECT_EQ(counts.destinations[0].sent, 1u);
    ASSERT_EQ(counts.sent.size(), 1u);
    ASSERT_EQ(counts.teams.size(), 1u);
    EXPECT_EQ(counts.teams[counts.sent[0].team].team, "shop");
    EXPECT_EQ(dispatcher.counts().events, 0u);
  }
}

TEST_F(DispatcherTest, LeavesProvenanceAwayWhereItIsOff) {
  Dispatch(R"({"type": "order", "amount": 1})", /*provenance=*/false);
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(sink_.records[0].headers.size(), 3u) << "the event's own";
}

TEST_F(DispatcherTest, DeadLettersAnUnreadableEventWithReasonAndPosition) {
  Dispatch("{\"type\": ", /*provenance=*/false);
  ASSERT_EQ(sink_.records.size(), 1u);
  const Produced& record = sink_.records[0];
  EXPECT_EQ(record.topic, "events.dead-letter");
  EXPECT_EQ(record.value, "{\"type\": ");
  EXPECT_EQ(HeaderOf(record, kErrorHeader), kErrorUnreadable);
  EXPECT_THAT(HeaderOf(record, kReasonHeader), HasSubstr("byte"));
  EXPECT_EQ(HeaderOf(record, kSourceHeader), "events/3/42");
  EXPECT_EQ(counts_.dead_lettered_events, 1u);
}

TEST_F(DispatcherTest, NamesTheJobInWhatAReplaySends) {
  replay_job_ = "week";
  Dispatch(R"({"type": "order", "amount": 1})");
  Dispatch(R"({"type": "visit"})");
  ASSERT_EQ(sink_.records.size(), 2u);
  EXPECT_EQ(sink_.records[1].topic, "events.dead-letter");
  for (const Produced& record : sink_.records) {
    EXPECT_EQ(HeaderOf(record, kReplayHeader), "week");
    EXPECT_EQ(HeaderOf(record, kSourceHeader), "events/3/42");
  }
}

TEST_F(DispatcherTest, CountsButDoesNotDeadLetterAgainWhatAReplayCannotRead) {
  replay_job_ = "week";
  Dispatch("{\"type\": ");
  EXPECT_TRUE(sink_.records.empty());
  EXPECT_EQ(counts_.dead_lettered_events, 1u);
}

TEST_F(DispatcherTest, DeadLettersAMatchThatLacksTheFieldItsDestinationNeeds) {
  Dispatch(R"({"type": "visit"})");
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(HeaderOf(sink_.records[0], kErrorHeader), kErrorUnroutable);
  EXPECT_THAT(HeaderOf(sink_.records[0], kReasonHeader), HasSubstr("region"));
  EXPECT_EQ(HeaderOf(sink_.records[0], kRulesHeader), "shop/by-region");
}

TEST_F(DispatcherTest, DeadLettersAMatchThatAStepHasNoRoomFor) {
  const router::Rejection full = {.rule = 1, .reason = "no room", .step = 0xabc, .is_full = true};
  Dispatcher dispatcher({.source_topic = source_topic_, .dead_letter_topic = "events.dead-letter"},
                        &sink_, &destinations_);
  dispatcher.UseRules(rules_);
  ASSERT_TRUE(dispatcher
                  .Dispatch({.partition = 3, .offset = 42, .value = "{}"}, {},
                            {.rejections = absl::MakeConstSpan(&full, 1)})
                  .ok());
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(HeaderOf(sink_.records[0], kErrorHeader), kErrorStateFull);
  EXPECT_EQ(HeaderOf(sink_.records[0], kReasonHeader), "no room");
  EXPECT_EQ(HeaderOf(sink_.records[0], kStepsHeader), "0000000000000abc");
  ASSERT_EQ(dispatcher.counts().rule_counts.size(), 1u);
  EXPECT_EQ(dispatcher.counts().rule_counts[0].state_full, 1u);
}

TEST_F(DispatcherTest, CountsNoDestinationByANameThatIsNoTopics) {
  const router::Rejection lacking[] = {{.reason = "no region", .destination = "shop.{region}"},
                                       {.reason = "no key", .destination = "shop.north"}};
  Dispatcher dispatcher({.source_topic = source_topic_, .dead_letter_topic = "events.dead-letter"},
                        &sink_, &destinations_);
  dispatcher.UseRules(rules_);
  ASSERT_TRUE(dispatcher.Dispatch({.value = "{}"}, {}, {.rejections = lacking}).ok());
  EXPECT_EQ(HeaderOf(sink_.records[0], kDestinationHeader), "shop.{region}");
  ASSERT_EQ(dispatcher.counts().destinations.size(), 1u);
  EXPECT_EQ(dispatcher.counts().destinations[0].topic, "shop.north");
}

// What a rule made of many events can't be made of this one again.
TEST_F(DispatcherTest, DeadLettersARecordThatARuleMadeAsItIs) {
  admin_.limits = {{"shop.north", 0}};
  const router::RuleIndex rule = 0;
  const router::Output made = {.destination = "shop.north",
                               .key = "of-the-record",
                               .value = R"({"n":3})",
                               .is_feature = true,
                               .rules = absl::MakeConstSpan(&rule, 1),
                               .rule_ids = "shop/all"};
  Dispatcher dispatcher({.source_topic = source_topic_, .dead_letter_topic = "events.dead-letter"},
                        &sink_, &destinations_);
  dispatcher.UseRules(rules_);
  ASSERT_TRUE(dispatcher
                  .Dispatch({.key = "k", .value = R"({"x": 1})"}, {},
                            {.outputs = absl::MakeConstSpan(&made, 1)})
                  .ok());
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(sink_.records[0].key, "of-the-record");
  EXPECT_EQ(sink_.records[0].value, R"({"n":3})");
  EXPECT_EQ(HeaderOf(sink_.records[0], kValueHeader), kValueIsRecord);
  EXPECT_EQ(HeaderOf(sink_.records[0], kDestinationHeader), "shop.north");
}

TEST_F(DispatcherTest, AnEventThatIsGivenUpHasTheTimeOfThatAndItsOwnInAHeader) {
  Dispatcher dispatcher({.source_topic = source_topic_, .dead_letter_topic = "events.dead-letter"},
                        &sink_, &destinations_);
  dispatcher.UseRules(rules_);
  const Header headers[] = {{"trace", "abc"}};
  const connectors::Event event = {.partition = 3,
                                   .offset = 42,
                                   .timestamp_ms = 9'999,
                                   .key = "k",
                                   .value = "v",
                                   .headers = headers};
  const absl::Time now = absl::FromUnixMillis(5);
  ASSERT_TRUE(dispatcher.GiveUp({&event, {}}, {.why = "tried", .now = now}).ok());
  ASSERT_TRUE(dispatcher.GiveUp({&event, {}}, {.why = "tried", .now = now, .bare = true}).ok());
  ASSERT_EQ(sink_.records.size(), 2u);
  for (const Produced& record : sink_.records) {
    EXPECT_EQ(record.topic, "events.dead-letter");
    EXPECT_EQ(record.timestamp_ms, 5);
    EXPECT_EQ(HeaderOf(record, kErrorHeader), kErrorPoison);
    EXPECT_EQ(HeaderOf(record, kReasonHeader), "tried");
    EXPECT_EQ(HeaderOf(record, kTimestampHeader), "9999");
    EXPECT_EQ(HeaderOf(record, kSourceHeader), "events/3/42");
  }
  EXPECT_EQ(sink_.records[0].key, "k");
  EXPECT_EQ(sink_.records[0].value, "v");
  EXPECT_EQ(HeaderOf(sink_.records[0], "trace"), "abc");
  EXPECT_EQ(sink_.records[1].key, std::nullopt);
  EXPECT_EQ(sink_.records[1].value, std::nullopt);
  EXPECT_EQ(HeaderOf(sink_.records[1], "trace"), "(none)");
  EXPECT_EQ(HeaderOf(sink_.records[1], kOmittedHeader), "1");
  EXPECT_EQ(dispatcher.counts().dead_lettered_events, 2u);
}

TEST_F(DispatcherTest, GivesUpWhatWasPutBackForWhereItWasToGoAndOfShadowNothing) {
  Dispatcher dispatcher({.source_topic = source_topic_, .dead_letter_topic = "events.dead-letter"},
                        &sink_, &destinations_);
  dispatcher.UseRules(rules_);
  const connectors::Event event = {.value = "v"};
  const router::Redriven from = {
      .rule_ids = "shop/all", .destination = "shop.north", .is_record = true};
  ASSERT_TRUE(dispatcher.GiveUp({.event = &event, .source = "e/0/1", .from = from}, {}).ok());
  ASSERT_TRUE(dispatcher.GiveUp({.event = &event, .source = "e/0/2", .is_shadow = true}, {}).ok());
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(HeaderOf(sink_.records[0], kSourceHeader), "e/0/1");
  EXPECT_EQ(HeaderOf(sink_.records[0], kRulesHeader), "shop/all");
  EXPECT_EQ(HeaderOf(sink_.records[0], kDestinationHeader), "shop.north");
  EXPECT_EQ(HeaderOf(sink_.records[0], kValueHeader), kValueIsRecord);
}

TEST_F(DispatcherTest, SendsWhatAShapeMadeAndDeadLettersTheEventAsItCame) {
  Dispatch(R"({"type": "label", "n": 5})");
  Dispatch(R"({"type": "label", "m": 5})");
  ASSERT_EQ(sink_.records.size(), 2u);
  EXPECT_EQ(sink_.records[0].topic, "shop.orders");
  EXPECT_EQ(sink_.records[0].value, R"({"type":"label","n":5,"l":"5"})");
  EXPECT_EQ(HeaderOf(sink_.records[0], kRulesHeader), "shop/label");
  EXPECT_EQ(sink_.records[1].topic, "events.dead-letter");
  EXPECT_EQ(sink_.records[1].value, R"({"type": "label", "m": 5})");
  EXPECT_EQ(HeaderOf(sink_.records[1], kErrorHeader), kErrorUnroutable);
  EXPECT_THAT(HeaderOf(sink_.records[1], kReasonHeader), HasSubstr("field `n`"));
}

TEST_F(DispatcherTest, CountsWhatAStepStoppedAsMatchedAndAsStopped) {
  Dispatch(R"({"type": "label", "n": 5})");
  ASSERT_EQ(counts_.rule_counts.size(), 2u);
  for (const RuleCounts& counts : counts_.rule_counts) {
    const bool sampled = rules_->rules()[counts.rule].id == "shop/sampled";
    EXPECT_EQ(counts.matched, 1u);
    EXPECT_EQ(counts.stopped[static_cast<size_t>(router::StepKind::kSample)], sampled ? 1u : 0u);
    EXPECT_EQ(counts.routed, sampled ? 0u : 1u);
  }
}

TEST_F(DispatcherTest, CountsWhatARolloutKeepsFromItsDestinationsAndSendsNothing) {
  rules_ = support::RuleSetOf({R"(
team: shop
destinations: [shop.*]
rules:
  - name: dark
    match: {type: [order]}
    to: [shop.orders, "shop.{region}"]
    rollout: {mode: shadow}
  - {name: none, match: {type: [order]}, to: shop.orders, rollout: {percent: 0}}
)"});
  router_ = std::make_unique<router::Router>(rules_);
  Dispatch(R"({"type": "order"})");
  EXPECT_TRUE(sink_.records.empty());
  ASSERT_EQ(counts_.rule_counts.size(), 2u);
  const RuleCounts& dark = counts_.rule_counts[0];
  EXPECT_EQ(dark.matched, 1u);
  EXPECT_EQ(dark.shadowed, 1u);
  EXPECT_EQ(dark.shadow_dead_lettered, 1u);  // no region
  EXPECT_EQ(dark.routed + dark.dead_lettered, 0u);
  EXPECT_EQ(counts_.rule_counts[1].held_back, 1u);
}

TEST_F(DispatcherTest, AReKeyedMatchInShadowThatIsTooLargeIsNoDeadLetter) {
  rekey_topic_ = "shop.north";
  admin_.limits[rekey_topic_] = 10;
  const router::RuleIndex rule = 1;
  const router::Rekeyed rekeyed = {.key = "7",
                                   .is_shadow = true,
                                   .rules = absl::MakeConstSpan(&rule, 1),
                                   .rule_ids = "shop/big"};
  Dispatcher dispatcher({.source_topic = source_topic_,
                         .dead_letter_topic = "events.dead-letter",
                         .rekey_topic = rekey_topic_},
                        &sink_, &destinations_);
  dispatcher.UseRules(rules_);
  ASSERT_TRUE(dispatcher
                  .Dispatch({.partition = 3, .offset = 42, .value = "{}"}, {},
                            {.rekeyed = absl::MakeConstSpan(&rekeyed, 1)})
                  .ok());
  EXPECT_TRUE(sink_.records.empty());
  ASSERT_EQ(dispatcher.counts().rule_counts.size(), 1u);
  EXPECT_EQ(dispatcher.counts().rule_counts[0].shadow_dead_lettered, 1u);
  EXPECT_EQ(dispatcher.counts().rule_counts[0].rekeyed, 0u);
}

TEST_F(DispatcherTest, ParksAnEventWhoseTableLacksItsKeyAsItCame) {
  rules_ = support::RuleSetOf({R"(
team: shop
destinations: [shop.*]
rules:
  - name: known
    match: {type: [order]}
    enrich: [{table: users, key: user, into: user, missing: park}]
    to: shop.orders
)"});
  router_ = std::make_unique<router::Router>(rules_);  // without any table to ask
  Dispatch(R"({"type": "order",  "n": 1})");
  ASSERT_EQ(sink_.records.size(), 1u);
  const Produced& record = sink_.records[0];
  EXPECT_EQ(record.topic, "events.parking");
  EXPECT_EQ(record.key, "k");
  EXPECT_EQ(record.value, R"({"type": "order",  "n": 1})");
  EXPECT_EQ(HeaderOf(record, "trace"), "abc");
  EXPECT_EQ(HeaderOf(record, kErrorHeader), kErrorMissingKey);
  EXPECT_THAT(HeaderOf(record, kReasonHeader), HasSubstr("`user`"));
  EXPECT_EQ(HeaderOf(record, kRulesHeader), "shop/known");
  EXPECT_EQ(HeaderOf(record, kSourceHeader), "events/3/42");
  EXPECT_EQ(counts_.outputs, 0u);
  ASSERT_EQ(counts_.rule_counts.size(), 1u);
  EXPECT_EQ(counts_.rule_counts[0].parked, 1u);
  EXPECT_EQ(counts_.rule_counts[0].dead_lettered, 0u);
  EXPECT_TRUE(counts_.dead_letters.empty());
}

TEST_F(DispatcherTest, NeverSendsAnEventBackToItsSource) {
  source_topic_ = "shop.north";
  Dispatch(R"({"type": "visit", "region": "north"})");
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(sink_.records[0].topic, "events.dead-letter");
  EXPECT_EQ(HeaderOf(sink_.records[0], kErrorHeader), kErrorUnroutable);
}

// A field's name could send it round for ever.
TEST_F(DispatcherTest, NeverSendsAnEventWhereTheOtherHopReadsIt) {
  rekey_topic_ = "shop.north";
  Dispatch(R"({"type": "visit", "region": "north"})");
  source_topic_ = rekey_topic_ = "turnout.rekey";
  ingestion_topic_ = "shop.south";
  Dispatch(R"({"type": "visit", "region": "south"})");
  ASSERT_EQ(sink_.records.size(), 2u);
  for (const Produced& record : sink_.records) {
    EXPECT_EQ(record.topic, "events.dead-letter");
    EXPECT_EQ(HeaderOf(record, kErrorHeader), kErrorUnroutable);
    EXPECT_THAT(HeaderOf(record, kReasonHeader), HasSubstr("the pipeline's own topics"));
  }
}

TEST_F(DispatcherTest, DeadLettersWhatItsDestinationCannotTakeAndNamesIt) {
  admin_.limits = {{"shop.orders", 150}, {"shop.south", 0}};
  Dispatch(R"({"type": "order", "amount": 1, "note": "longer than the topic allows"})");
  Dispatch(R"({"type": "visit", "region": "south"})");
  ASSERT_EQ(sink_.records.size(), 2u);
  EXPECT_EQ(HeaderOf(sink_.records[0], kErrorHeader), kErrorTooLarge);
  EXPECT_EQ(HeaderOf(sink_.records[0], kDestinationHeader), "shop.orders");
  EXPECT_THAT(HeaderOf(sink_.records[0], kReasonHeader), HasSubstr("max.message.bytes"));
  EXPECT_EQ(HeaderOf(sink_.records[1], kErrorHeader), kErrorUnavailable);
  EXPECT_EQ(HeaderOf(sink_.records[1], kDestinationHeader), "shop.south");
  ASSERT_EQ(counts_.rule_counts.size(), 1u);
  EXPECT_EQ(counts_.rule_counts[0].dead_lettered, 1u);
  EXPECT_EQ(counts_.rule_counts[0].routed, 0u);
}

TEST_F(DispatcherTest, BlamesTheRecordAndNotACompactedTopicForAMissingKey) {
  key_ = std::string_view();
  Dispatch(R"({"type": "visit", "region": "log"})");
  key_ = "k";
  Dispatch(R"({"type": "visit", "region": "log"})");
  ASSERT_EQ(sink_.records.size(), 2u);
  EXPECT_EQ(sink_.records[0].topic, "events.dead-letter");
  EXPECT_EQ(HeaderOf(sink_.records[0], kErrorHeader), kErrorUnroutable);
  EXPECT_EQ(sink_.records[1].topic, "shop.log");
}

TEST_F(DispatcherTest, LeavesOutAValueThatTheDeadLetterTopicCannotHold) {
  admin_.limits = {{"events.dead-letter", 500}};
  Dispatch("[" + std::string(1000, 'x'));
  ASSERT_EQ(sink_.records.size(), 1u);
  EXPECT_EQ(sink_.records[0].value, std::nullopt);
  EXPECT_EQ(HeaderOf(sink_.records[0], kOmittedHeader), "1001");
  EXPECT_EQ(HeaderOf(sink_.records[0], kSourceHeader), "events/3/42");
}

TEST_F(DispatcherTest, WaitsWhereTheDeadLetterTopicIsMissing) {
  admin_.limits = {{"events.dead-letter", 0}};
  Dispatcher dispatcher({.source_topic = "events", .dead_letter_topic = "events.dead-letter"},
                        &sink_, &destinations_);
  dispatcher.UseRules(rules_);
  const absl::Status status =
      dispatcher.Dispatch({.value = "{"}, {}, router_->Route({.value = "{", .topic = "events"}));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST_F(DispatcherTest, AWindowHasItsOwnTimeAndNothingOfTheEventButThePosition) {
  Dispatcher dispatcher({.source_topic = source_topic_, .dead_letter_topic = "events.dead-letter"},
                        &sink_, &destinations_);
  dispatcher.UseRules(rules_);
  const Header headers[] = {{"trace", "abc"}};
  const connectors::Event event{.partition = 3,
                                .offset = 42,
                                .timestamp_ms = 1,
                                .key = "k",
                                .value = "{}",
                                .headers = headers};
  const router::RuleIndex rule = 0;
  router::Output window{.destination = "shop.orders",
                        .key = "user",
                        .value = R"({"n":1})",
                        .window_end_ms = 60'000,
                        .rules = absl::MakeConstSpan(&rule, 1),
                        .rule_ids = "shop/all"};
  router::Routes routes;
  routes.outputs = absl::MakeConstSpan(&window, 1);
  ASSERT_TRUE(dispatcher.Dispatch(event, {}, routes).ok());
  ASSERT_EQ(sink_.records.size(), 1U);
  EXPECT_EQ(sink_.records[0].key, "user");
  EXPECT_EQ(sink_.records[0].value, R"({"n":1})");
  EXPECT_EQ(sink_.records[0].timestamp_ms, 60'000);
  EXPECT_EQ(sink_.records[0].headers.size(), 3U);
  EXPECT_EQ(HeaderOf(sink_.records[0], kRulesHeader), "shop/all");
  EXPECT_EQ(HeaderOf(sink_.records[0], kSourceHeader), "events/3/42");

  // What can't be delivered is the window, so that is what the dead-letter topic keeps.
  window.destination = "shop.gone";
  admin_.limits["shop.gone"] = 0;
  ASSERT_TRUE(dispatcher.Dispatch(event, {}, routes).ok());
  ASSERT_EQ(sink_.records.size(), 2U);
  EXPECT_EQ(sink_.records[1].topic, "events.dead-letter");
  EXPECT_EQ(sink_.records[1].key, "user");
  EXPECT_EQ(sink_.records[1].value, R"({"n":1})");
  EXPECT_EQ(HeaderOf(sink_.records[1], "trace"), "(none)");
  EXPECT_EQ(HeaderOf(sink_.records[1], kSourceHeader), "events/3/42");
}

}  // namespace
}  // namespace turnout::runtime
