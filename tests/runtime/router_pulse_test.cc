#include "runtime/router_pulse.h"

#include <deque>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/event_sample.h"
#include "runtime/pulse_json.h"

namespace turnout::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr size_t kFails = 1'000'000;

// Takes pulses, and answers each as it was told to; then with 0.
class RouterPulseTest : public testing::Test {
 protected:
  RouterPulseParts Parts() {
    return {.pulse = [](std::string_view sample) { return absl::StrCat("p", std::string(sample)); },
            .send = [this](const std::string& pulse,
                           const std::atomic<bool>&) -> absl::StatusOr<size_t> {
              const absl::MutexLock lock(&mu_);
              sent_.push_back(pulse);
              if (answers_.empty()) return 0;
              const size_t answer = answers_.front();
              answers_.pop_front();
              if (answer == kFails) return absl::UnavailableError("it answers 500");
              return answer;
            },
            .sample = [this](size_t events) -> absl::StatusOr<std::string> {
              const absl::MutexLock lock(&mu_);
              asked_.push_back(events);
              return absl::StrCat("[", events, "]");
            }};
  }
  // Waits for so many.
  std::vector<std::string> Sent(size_t count) {
    const absl::MutexLock lock(&mu_);
    const auto are_there = [&] { return sent_.size() >= count; };
    EXPECT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&are_there), absl::Seconds(10)));
    return {sent_.begin(), sent_.begin() + static_cast<int64_t>(std::min(count, sent_.size()))};
  }

  absl::Mutex mu_;
  std::deque<size_t> answers_;
  std::vector<std::string> sent_;
  std::vector<size_t> asked_;
};

TEST_F(RouterPulseTest, TellsAgainAndAgain) {
  const RouterPulse pulse(Parts(), absl::Milliseconds(1));
  EXPECT_THAT(Sent(3), ElementsAre("p", "p", "p"));
  EXPECT_TRUE(asked_.empty());
}

TEST_F(RouterPulseTest, ShowsEventsWithTheNextOneAtOnceWhenTheyAreAskedFor) {
  answers_ = {7, 9'999};
  const RouterPulse pulse(Parts(), absl::Hours(1));  // no pause ends while this runs
  EXPECT_THAT(Sent(3), ElementsAre("p", "p[7]", "p[20]"));
}

TEST_F(RouterPulseTest, ShowsNoneWhereNoneMayBeSeen) {
  answers_ = {7};
  RouterPulseParts parts = Parts();
  parts.sample = nullptr;
  const RouterPulse pulse(std::move(parts), absl::Milliseconds(1));
  EXPECT_THAT(Sent(2), ElementsAre("p", "p"));
}

TEST_F(RouterPulseTest, GoesOnAfterAFailure) {
  answers_ = {kFails, kFails};
  const RouterPulse pulse(Parts(), absl::Milliseconds(1));
  EXPECT_EQ(Sent(4).size(), 4u);
}

TEST(EventsAskedFor, IsANumberOrNone) {
  EXPECT_EQ(EventsAskedFor(R"({"sample": 20})"), 20u);
  for (const char* const answer : {"", "{}", "[]", R"({"sample": -1})", R"({"sample": "x"})"}) {
    EXPECT_EQ(EventsAskedFor(answer), 0u) << answer;
  }
}

PipelineView View() {
  PipelineView view;
  view.facts.instance = "router-0";
  view.facts.source_topic = "events";
  view.started = absl::FromUnixMillis(1'000);
  view.now = absl::FromUnixMillis(6'000);
  view.ready.ok = view.brokers.ok = true;
  view.live_rules.origin.version = "\"v7\"";
  return view;
}

TEST(PulseJson, TellsHowTheRouterIsAndWhatItsRulesHaveDone) {
  PipelineView view = View();
  WorkerView& worker = view.workers[0];
  worker.status.topic = "events";
  worker.status.partitions = {{.partition = 0, .next_offset = 5, .end_offset = 12},
                              {.partition = 1, .next_offset = -1, .end_offset = 12}};
  TrafficTotals totals;
  totals.events = 9;
  RuleTraffic rule{.team = "fraud", .rule = "a"};
  rule.counts.matched = 5;
  rule.counts.routed = 4;
  rule.counts.dead_lettered = 1;
  rule.counts.state_full = 2;
  totals.rules = {rule, {.team = "fraud", .rule = "idle"}};
  const std::string json = PulseJson(view, totals, {.is_ready = true, .sample = "[1]"});
  EXPECT_THAT(json, HasSubstr(R"("uptime_ms":5000,"version":"\"v7\"","ready":true)"));
  EXPECT_THAT(json, HasSubstr(R"("lag":7,"events":9)"));
  EXPECT_THAT(json, HasSubstr(R"({"rule":"fraud/a","matched":5,"sent":4,"parked":0,)"
                              R"("dead_lettered":1,"errors":3})"));
  EXPECT_THAT(json, Not(HasSubstr("idle")));
  EXPECT_THAT(json, HasSubstr(R"(,"sample":[1]})"));
  EXPECT_THAT(PulseJson(View(), {}, {}), HasSubstr(R"("lag":-1)"));
}

TEST(PulseJson, NamesTheBusiestRulesAndSumsUpTheOthers) {
  TrafficTotals totals;
  for (size_t i = 0; i < kPulseRulesMax + 2; ++i) {
    RuleTraffic rule{.team = "t", .rule = absl::StrCat("r", i)};
    rule.counts.matched = 10 + i;
    totals.rules.push_back(rule);
  }
  const std::string json = PulseJson(View(), totals, {});
  EXPECT_THAT(json, HasSubstr(R"({"rule":"other/other","matched":21,)"));
  EXPECT_THAT(json, Not(HasSubstr(R"("t/r1")")));
  EXPECT_THAT(json, HasSubstr(R"("t/r2")"));
}

TEST(SampleJson, ShowsEventsAsTheMaskLetsThemBeSeen) {
  ExplainedEvent event = EventOfPayload(R"({"a":"secret","b":1})", "events");
  event.partition = 2;
  event.offset = 7;
  event.key = "k";
  event.headers = {{"h", "secret"}};
  ExplainedEvent text = EventOfPayload("secret, which nobody can mask", "events");
  ExplainedEvent large = EventOfPayload("\"" + std::string(kSampledBytesMax, 's') + "\"", "events");
  const std::string json = SampleJson({event, text, large}, EventMask({"a", "$kafka.headers.h"}));
  EXPECT_THAT(json, Not(HasSubstr("secret")));
  EXPECT_THAT(json, Not(HasSubstr("sss")));
  EXPECT_THAT(json, HasSubstr(R"("partition":2,"offset":7,"timestamp":-1,"key":"k",)"
                              R"("value":"{\"a\":\"***\",\"b\":1}")"));
  EXPECT_THAT(json, HasSubstr("too large"));
  const std::vector<ExplainedEvent> many(
      100, EventOfPayload("\"" + std::string(kSampledBytesMax - 10, 's') + "\"", "events"));
  EXPECT_LE(SampleJson(many, EventMask({})).size(), kSampledAllBytesMax + 2);
}

}  // namespace
}  // namespace turnout::runtime
